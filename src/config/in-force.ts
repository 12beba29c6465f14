/** A policy as `GET /collections` shows it: by the names that the file has, in values that a program reads. */
import type { Policy } from '../model.js';
import { members } from './collections.js';

/** The file takes it back: numbers are bytes and seconds there too, words are its own, and null alone is its `none`. */
export function policyInForce(policy: Policy): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.values(members).map(({ key, of, kind }) => [key, valueInForce(policy[of], kind)]),
  );
}

function valueInForce(value: Policy[keyof Policy], kind: { readonly placeholder: string }): unknown {
  if (typeof value !== 'number') return value;
  // Of versions alone there may be none, or as many as there are.
  if (value === 0) return 'off';
  if (value === Number.POSITIVE_INFINITY) return 'all';
  return kind.placeholder === '<duration>' ? value / 1000 : value;
}
