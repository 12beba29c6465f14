/** A policy as `GET /collections` shows it: by the names that the file has, in values that a program reads. */
import type { Policy } from '../model.js';
import { members } from './collections.js';

/** Numbers are bytes and seconds, which the file takes too; null is its `none`. */
export function policyInForce(policy: Policy): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.values(members).map(({ key, of, kind }) => [key, valueInForce(policy[of], kind)]),
  );
}

function valueInForce(value: Policy[keyof Policy], kind: { readonly placeholder: string }): unknown {
  if (typeof value !== 'number') return value;
  if (value === Number.POSITIVE_INFINITY) return 'all';
  return kind.placeholder === '<duration>' ? value / 1000 : value;
}
