/** The connections that are open, and how many there may be. */

import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from '../platform/clock.js';
import { Connection } from './connection.js';

export interface ConnectionsOptions {
  readonly clock: Clock;
  readonly connectionsMax: number;
  readonly lingerMs: number;
  readonly unansweredMax: number;
}

export class Connections {
  readonly #options: ConnectionsOptions;
  readonly #open = new Map<Duplex, Connection>();

  constructor(options: ConnectionsOptions) {
    this.#options = options;
  }

  /** More than there may be: those that came last serve probes only (`Connection.surplus`). */
  get isCrowded(): boolean {
    return this.#open.size > this.#options.connectionsMax;
  }

  add(socket: Socket): void {
    const surplus = this.#open.size >= this.#options.connectionsMax;
    const connection = new Connection({ ...this.#options, socket, surplus });
    this.#open.set(socket, connection);
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

  cut(): void {
    for (const socket of this.#open.keys()) socket.destroy();
  }
}
