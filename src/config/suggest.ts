/** "Did you mean …?": the known name that a mistyped one was most likely meant to be. */

/** The nearest of `names`, or undefined where none is near enough to be more help than noise. */
export function nearest(word: string, names: readonly string[]): string | undefined {
  const lower = word.toLowerCase();
  const begun = names.filter(name => lower !== '' && name.toLowerCase().startsWith(lower));
  if (begun.length === 1) return begun[0];
  const ranked = names
    .map(name => ({ name, distance: editDistance(lower, name.toLowerCase()) }))
    .sort((one, other) => one.distance - other.distance);
  const best = ranked[0];
  return best !== undefined && best.distance <= Math.max(1, Math.floor(best.name.length / 3))
    ? best.name
    : undefined;
}

/** A hint that begins with the suggestion, where there is one. */
export function suggestion(
  word: string,
  names: readonly string[],
  rest: string,
  write = (name: string) => name,
): string {
  const name = nearest(word, names);
  return name === undefined ? rest : `Did you mean ${write(name)}? ${rest}`;
}

/**
 * Insertions, deletions, substitutions and swaps of neighbours, each 1: the "optimal string alignment" distance. A
 * swap counts once, since `prot` for `port` is the commonest slip of all.
 */
export function editDistance(from: string, to: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1];
      let cost = Math.min(
        at(last, column) + 1,
        at(current, column - 1) + 1,
        at(last, column - 1) + (same ? 0 : 1),
      );
      const swapped =
        row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      if (swapped) cost = Math.min(cost, at(beforeLast, column - 2) + 1);
      current.push(cost);
    }
    beforeLast = last;
    last = current;
  }
  return at(last, to.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Number.POSITIVE_INFINITY;
}
