/**
 * JSON Patch (RFC 6902) over a text: all operations or none, since the text is only replaced by what comes out of all
 * of them. What no operation touches stays byte for byte what it was.
 *
 * Work is bounded: by the operations, by the bytes that they read and move, by the members and elements that they take
 * apart, and by the depth to which they reach.
 */
import { CairnError } from '../errors.js';
import { PATCH_OPERATIONS_MAX, VALUE_DEPTH_MAX } from '../limits.js';
import type { JsonText } from '../model.js';
import { PatchBudget } from './budget.js';
import { isEqual } from './equal.js';
import { ARRAY_INDEX, escapeToken, parsePointer } from './pointer.js';
import { decodeLiteral } from './string.js';
import {
  type JsonArray,
  type JsonObject,
  type JsonTree,
  openAll,
  openArray,
  openObject,
  writeTree,
} from './tree.js';
import { refuseUnsafeName, refuseUnsafeNames } from './unsafe.js';

type Pointer = readonly string[];

export interface PatchOperation {
  readonly op: 'add' | 'remove' | 'replace' | 'move' | 'copy' | 'test';
  readonly path: Pointer;
  readonly from: Pointer;
  readonly value: JsonText;
}

/**
 * The text is known to be right.
 * @throws CairnError
 * `patch_failed`: an operation does not fit the document; `patch_test_failed`; both with `op`, the index of the
 * operation. `patch_too_large`.
 */
export function applyPatch(target: JsonText, operations: readonly PatchOperation[]): JsonText {
  const patching = new Patching(target);
  for (const [op, operation] of operations.entries()) patching.apply(operation, op);
  return patching.result();
}

const NEEDS: Readonly<Record<PatchOperation['op'], readonly ('from' | 'value')[]>> = {
  add: ['value'],
  remove: [],
  replace: ['value'],
  move: ['from'],
  copy: ['from'],
  test: ['value'],
};

/**
 * The operations of a text that is known to be right JSON.
 * @throws CairnError `invalid_patch`, `invalid_parameter` for a path, `unsafe_member`, `patch_too_large`
 */
export function parsePatch(patch: JsonText): readonly PatchOperation[] {
  refuseUnsafeNames(patch);
  const { spendPart } = new PatchBudget();
  const list = openArray(patch, spendPart);
  if (list === undefined) throw invalid('The patch is no array of operations.');
  if (list.length > PATCH_OPERATIONS_MAX)
    throw invalid(`The patch has ${list.length} operations; at most ${PATCH_OPERATIONS_MAX} are taken.`);
  return list.map((tree, op) => parseOperation(tree, op, spendPart));
}

function parseOperation(tree: JsonTree, op: number, spendPart: () => void): PatchOperation {
  const members = openObject(tree, spendPart);
  if (members === undefined) throw invalid('An operation is no object.', op);
  const name = stringOf(members.get('op'));
  if (!isOperationName(name)) throw invalid('"op" is none of add, remove, replace, move, copy and test.', op);
  for (const needed of NEEDS[name])
    if (!members.has(needed)) throw invalid(`The operation has no "${needed}".`, op);
  const value = members.get('value');
  return {
    op: name,
    path: pointerOf(members, 'path', op),
    from: NEEDS[name].includes('from') ? pointerOf(members, 'from', op) : [],
    value: value === undefined ? ('null' as JsonText) : writeTree(value),
  };
}

function isOperationName(name: string | undefined): name is PatchOperation['op'] {
  return name !== undefined && Object.hasOwn(NEEDS, name);
}

function stringOf(tree: JsonTree | undefined): string | undefined {
  return typeof tree === 'string' && tree.startsWith('"') ? decodeLiteral(tree) : undefined;
}

function pointerOf(members: JsonObject, member: 'path' | 'from', op: number): Pointer {
  const text = stringOf(members.get(member));
  if (text === undefined) throw invalid(`The operation has no string "${member}".`, op);
  const tokens = parsePointer(text);
  if (tokens.length > VALUE_DEPTH_MAX)
    throw invalid(`"${member}" reaches more than ${VALUE_DEPTH_MAX} deep.`, op);
  for (const token of tokens) refuseUnsafeName(token);
  return tokens;
}

/** The document on its way. */
class Patching {
  readonly #budget = new PatchBudget();
  #root: JsonTree;
  /** Of the operation that is applied. */
  #op = 0;

  constructor(target: JsonText) {
    this.#root = target;
  }

  result(): JsonText {
    return writeTree(this.#root);
  }

  apply({ op, path, from, value }: PatchOperation, index: number): void {
    this.#op = index;
    if (op === 'test') this.#test(path, value);
    else if (op === 'remove') this.#remove(path);
    else if (op === 'add') this.#add(path, this.#weighed(value));
    else if (op === 'replace') this.#replace(path, this.#weighed(value));
    else if (op === 'copy') this.#add(path, this.#weighed(writeTree(this.#get(from))));
    else this.#move(from, path);
  }

  #test(path: Pointer, value: JsonText): void {
    const text = this.#weighed(writeTree(this.#get(path)));
    if (text === value || isEqual(this.#takenApart(text), this.#takenApart(value))) return;
    throw new CairnError('patch_test_failed', `The value at ${show(path)} is another.`, { op: this.#op });
  }

  #move(from: Pointer, path: Pointer): void {
    const isChild = path.length > from.length && from.every((token, i) => token === path[i]);
    if (isChild) throw this.#failed(`${show(from)} cannot move into itself`);
    const value = this.#get(from);
    this.#remove(from);
    this.#add(path, this.#weighed(writeTree(value)));
  }

  #get(path: Pointer): JsonTree {
    const token = path.at(-1);
    return token === undefined ? this.#root : this.#child(this.#openParent(path), token, path);
  }

  #add(path: Pointer, value: JsonTree): void {
    const token = path.at(-1);
    if (token === undefined) {
      this.#root = value;
      return;
    }
    const parent = this.#openParent(path);
    if (parent instanceof Map) parent.set(token, value);
    else parent.splice(token === '-' ? parent.length : this.#index(token, parent.length, path), 0, value);
  }

  #replace(path: Pointer, value: JsonTree): void {
    const token = path.at(-1);
    if (token === undefined) {
      this.#root = value;
      return;
    }
    const parent = this.#openParent(path);
    this.#child(parent, token, path);
    if (parent instanceof Map) parent.set(token, value);
    else parent[Number(token)] = value;
  }

  #remove(path: Pointer): void {
    const token = path.at(-1);
    if (token === undefined) throw this.#failed('the whole document cannot be removed');
    const parent = this.#openParent(path);
    this.#child(parent, token, path);
    if (parent instanceof Map) parent.delete(token);
    else parent.splice(Number(token), 1);
  }

  /** The container that holds what the path names, taken apart on the way to it. */
  #openParent(path: Pointer): JsonObject | JsonArray {
    let container = this.#open(this.#root, path.slice(0, 0));
    this.#root = container;
    for (const [depth, token] of path.slice(0, -1).entries()) {
      const way = path.slice(0, depth + 1);
      const child = this.#open(this.#child(container, token, way), way);
      if (container instanceof Map) container.set(token, child);
      else container[Number(token)] = child;
      container = child;
    }
    return container;
  }

  #open(tree: JsonTree, path: Pointer): JsonObject | JsonArray {
    if (typeof tree === 'string') this.#budget.spend(tree.length);
    const { spendPart } = this.#budget;
    const container = openObject(tree, spendPart) ?? openArray(tree, spendPart);
    if (container === undefined) throw this.#failed(`the value at ${show(path)} has no members`);
    return container;
  }

  #child(container: JsonObject | JsonArray, token: string, path: Pointer): JsonTree {
    const child =
      container instanceof Map
        ? container.get(token)
        : container[this.#index(token, container.length - 1, path)];
    if (child === undefined) throw this.#failed(`there is nothing at ${show(path)}`);
    return child;
  }

  #index(token: string, max: number, path: Pointer): number {
    const index = ARRAY_INDEX.test(token) ? Number(token) : Number.NaN;
    if (index <= max) return index;
    throw this.#failed(`there is nothing at ${show(path)}`);
  }

  #weighed(value: JsonText): JsonText {
    this.#budget.spend(value.length);
    return value;
  }

  #takenApart(value: JsonText): JsonTree {
    return openAll(value, this.#budget.spendPart);
  }

  #failed(reason: string): CairnError {
    return new CairnError('patch_failed', `Operation ${this.#op} of the patch does not fit: ${reason}.`, {
      op: this.#op,
    });
  }
}

function show(path: Pointer): string {
  if (path.length === 0) return 'the root';
  return path.map(token => `/${escapeToken(token)}`).join('');
}

function invalid(message: string, op?: number): CairnError {
  return new CairnError('invalid_patch', message, op === undefined ? {} : { op });
}
