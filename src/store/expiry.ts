/**
 * One ordered expiry for the keys of all collections: a binary heap by deadline in which every node knows its
 * position, so that a node is taken out without a search (Knuth, TAOCP 3, §5.2.3; "indexed" as in Sedgewick,
 * Algorithms, §2.4). One timer at `next` serves any number of keys.
 *
 * The deadline of a node never changes: a moved deadline is a new node in the place of the old one. So an entry
 * that points to its node has the deadline it was made with, also in a frozen view and after the node is gone.
 */
import type { Key, Milliseconds } from '../model.js';

const GONE = -1;

export class ExpiryNode {
  readonly deadline: Milliseconds;
  readonly collection: string;
  readonly key: Key;
  /** Where it stands in the heap: only `Expiry` reads and writes it. */
  position = GONE;

  constructor(deadline: Milliseconds, collection: string, key: Key) {
    this.deadline = deadline;
    this.collection = collection;
    this.key = key;
  }
}

export class Expiry {
  /** No node is due before its parent, which stands at `(position - 1) / 2`. */
  readonly #heap: ExpiryNode[] = [];

  get size(): number {
    return this.#heap.length;
  }

  /** The next deadline there is. */
  next(): Milliseconds | null {
    return this.#heap[0]?.deadline ?? null;
  }

  /** The node that is due first, if it is due; it stays until it is removed. */
  due(now: Milliseconds): ExpiryNode | null {
    const first = this.#heap[0];
    return first !== undefined && first.deadline <= now ? first : null;
  }

  add(deadline: Milliseconds, collection: string, key: Key): ExpiryNode {
    const node = new ExpiryNode(deadline, collection, key);
    this.#rise(node, this.#heap.length);
    return node;
  }

  remove(node: ExpiryNode): void {
    const position = this.#positionOf(node);
    node.position = GONE;
    const last = this.#heap.pop();
    if (last === undefined || last === node) return;
    this.#settle(last, position);
  }

  /** Gives the new node; the old one is gone. */
  move(node: ExpiryNode, deadline: Milliseconds): ExpiryNode {
    const position = this.#positionOf(node);
    node.position = GONE;
    const moved = new ExpiryNode(deadline, node.collection, node.key);
    this.#settle(moved, position);
    return moved;
  }

  #positionOf(node: ExpiryNode): number {
    if (this.#heap[node.position] !== node) throw new Error('The node is not in this expiry.');
    return node.position;
  }

  /** Puts a node at a free position, or where the order wants it from there. */
  #settle(node: ExpiryNode, position: number): void {
    const parent = this.#heap[(position - 1) >> 1];
    if (position > 0 && parent !== undefined && node.deadline < parent.deadline) this.#rise(node, position);
    else this.#sink(node, position);
  }

  #rise(node: ExpiryNode, from: number): void {
    let position = from;
    while (position > 0) {
      const above = (position - 1) >> 1;
      const parent = this.#heap[above]!;
      if (parent.deadline <= node.deadline) break;
      this.#place(parent, position);
      position = above;
    }
    this.#place(node, position);
  }

  #sink(node: ExpiryNode, from: number): void {
    let position = from;
    for (
      let child = this.#earlierChild(position);
      child !== undefined;
      child = this.#earlierChild(position)
    ) {
      if (node.deadline <= child.deadline) break;
      const below = child.position;
      this.#place(child, position);
      position = below;
    }
    this.#place(node, position);
  }

  #earlierChild(position: number): ExpiryNode | undefined {
    const left = this.#heap[2 * position + 1];
    const right = this.#heap[2 * position + 2];
    if (left === undefined || right === undefined) return left;
    return right.deadline < left.deadline ? right : left;
  }

  #place(node: ExpiryNode, position: number): void {
    this.#heap[position] = node;
    node.position = position;
  }
}
