/**
 * The arithmetic of the benches. One slow round must not move a figure, so a figure is a median; and a machine
 * whose clock drifts spoils a quotient of two medians, so a ratio is the median of the ratios within each round.
 */

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** @throws RangeError where there are no values. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = Float64Array.from(values).sort();
  return { median: medianOf(sorted), min: sorted[0]!, max: sorted.at(-1)! };
}

function medianOf(sorted: Float64Array): number {
  if (sorted.length === 0) throw new RangeError('No values, no median.');
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The smallest value that at least `share` (0 to 1) of all do not exceed (nearest rank). */
export function percentileOf(values: Float64Array, share: number): number {
  if (values.length === 0) throw new RangeError('No values, no percentile.');
  const sorted = values.slice().sort();
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;
}

/**
 * Each value by that of the other in the same round; null where either is not known.
 *
 * @throws RangeError where the two did not run the same rounds.
 */
export function ratiosByRound(
  values: readonly (number | null)[],
  base: readonly (number | null)[],
): (number | null)[] {
  if (values.length !== base.length) throw new RangeError('The two did not run the same rounds.');
  return values.map((value, round) => {
    const other = base[round] ?? null;
    return value === null || other === null ? null : value / other;
  });
}
