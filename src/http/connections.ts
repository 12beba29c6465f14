/** The connections that are open, how many there may be, and what is on its way on all of them together. */

import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { CairnError } from '../errors.js';
import { BODY_SMALL_BYTES } from '../limits.js';
import type { Clock } from '../platform/clock.js';
import { Answers } from './answers.js';
import { ByteBudget } from './budget.js';
import { Connection } from './connection.js';

export interface ConnectionsOptions {
  readonly clock: Clock;
  readonly connectionsMax: number;
  readonly lingerMs: number;
  readonly unansweredMax: number;
  /** Bytes of bodies, and of long answers, that may be on their way at the same time. */
  readonly bodyBytesMax: number;
  readonly answerBytesMax: number;
}

export class Connections {
  readonly #options: ConnectionsOptions;
  readonly #open = new Map<Duplex, Connection>();
  readonly #bodies: ByteBudget;
  readonly #answers: Answers;

  constructor(options: ConnectionsOptions) {
    this.#options = options;
    this.#bodies = new ByteBudget(options.bodyBytesMax, BODY_SMALL_BYTES);
    this.#answers = new Answers({ clock: options.clock, bytesMax: options.answerBytesMax });
  }

  get size(): number {
    return this.#open.size;
  }

  /** More than there may be: those that came last serve probes only (`Connection.surplus`). */
  get isCrowded(): boolean {
    return this.#open.size > this.#options.connectionsMax;
  }

  add(socket: Socket): void {
    const surplus = this.#open.size >= this.#options.connectionsMax;
    const [bodies, answers] = [this.#bodies, this.#answers];
    const connection = new Connection({ ...this.#options, socket, surplus, bodies, answers });
    this.#open.set(socket, connection);
    // Node takes its own listener from a socket that it gives up, as for CONNECT, and an error without one ends the process.
    socket.on('error', () => {});
    socket.once('close', () => {
      this.#open.delete(socket);
      connection.close();
    });
  }

  of(socket: Duplex): Connection {
    const connection = this.#open.get(socket);
    if (connection === undefined) throw new Error('a connection is not known');
    return connection;
  }

  /** Those on which nothing was ever sent: Node counts them among the busy ones. */
  closeUnused(): void {
    for (const socket of this.#open.keys()) {
      if ('bytesRead' in socket && socket.bytesRead === 0) socket.destroy();
    }
  }

  /** Ends the bodies that are read as they come. */
  interrupt(reason: CairnError): void {
    for (const connection of this.#open.values()) connection.interrupt(reason);
  }

  cut(): void {
    for (const socket of this.#open.keys()) socket.destroy();
  }
}
