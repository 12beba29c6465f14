/**
 * What is counted of requests: by the pattern of the route, the method and the status, never by anything that a caller
 * may choose. It stands in the way of every request, so it is plain numbers: no object and no text is made for one.
 * Words are made of it when somebody asks (metrics-table.ts).
 */
import type { CairnError, ErrorCode } from '../errors.js';
import { type Distribution, Histogram } from '../histogram.js';
import { REQUEST_SECONDS, STATUSES_MAX } from '../limits.js';

/** All others are one. */
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;
const OTHER = 'other';
/** In the place of a route: no route has the path, or it was no request at all. */
export const UNKNOWN = 'unknown';
const MALFORMED = 'malformed';
/** In the place of a status: the caller went away before the answer. */
const ABORTED = 'aborted';
/** Where they are counted; then come the statuses in the order in which they were first answered. */
const PLACE_OF_ABORTED = 0;
const PLACE_OF_OTHERS = 1;

/** Requests on one route by one method. */
interface Cell {
  readonly counts: Float64Array;
  readonly durations: Histogram;
}

export interface RequestCount {
  readonly route: string;
  readonly method: string;
  readonly code: string;
  readonly count: number;
}

export interface RequestDurations {
  readonly route: string;
  readonly method: string;
  readonly durations: Distribution;
}

export class RequestCounts {
  /** By route; in it by the place of the method. */
  readonly #cells = new Map<string, (Cell | null)[]>();
  /** By status: where it is counted in every cell; 0: it has no place yet. */
  readonly #places = new Uint8Array(600);
  readonly #statuses: string[] = [ABORTED, OTHER];
  readonly #errors = new Map<ErrorCode, number>();
  #begun = 0;
  #ended = 0;

  get inFlight(): number {
    return this.#begun - this.#ended;
  }

  begin(): void {
    this.#begun += 1;
  }

  /**
   * `route`: its pattern, null where no route has the path. `status`: null where the caller went away before. What it
   * took: null where that tells nothing.
   */
  end(route: string | null, method: string, status: number | null, milliseconds: number | null): void {
    this.#ended += 1;
    const cell = this.#cellOf(route ?? UNKNOWN, method);
    cell.counts[status === null ? PLACE_OF_ABORTED : this.#placeOf(status)]! += 1;
    if (milliseconds !== null) cell.durations.observe(milliseconds / 1000);
  }

  /** One that was answered already, by `malformed`. */
  dismiss(): void {
    this.#ended += 1;
  }

  /** Bytes that never became a whole request, and were answered all the same. */
  malformed(status: number): void {
    this.#cellOf(MALFORMED, OTHER).counts[this.#placeOf(status)]! += 1;
  }

  failed({ code }: CairnError): void {
    this.#errors.set(code, (this.#errors.get(code) ?? 0) + 1);
  }

  errors(code: ErrorCode): number {
    return this.#errors.get(code) ?? 0;
  }

  /** Of the errors that there were. */
  codes(): readonly ErrorCode[] {
    return [...this.#errors.keys()];
  }

  counts(): readonly RequestCount[] {
    const counts: RequestCount[] = [];
    for (const { route, method, cell } of this.#all()) {
      for (const [place, code] of this.#statuses.entries()) {
        const count = cell.counts[place] ?? 0;
        if (count > 0) counts.push({ route, method, code, count });
      }
    }
    return counts;
  }

  /** What was no request took no time that could be told. */
  durations(): readonly RequestDurations[] {
    return this.#all()
      .filter(({ route }) => route !== MALFORMED)
      .map(({ route, method, cell }) => ({ route, method, durations: cell.durations }));
  }

  #all(): { readonly route: string; readonly method: string; readonly cell: Cell }[] {
    return [...this.#cells].flatMap(([route, cells]) =>
      cells.flatMap((cell, place) =>
        cell === null ? [] : [{ route, method: METHODS[place] ?? OTHER, cell }],
      ),
    );
  }

  #cellOf(route: string, method: string): Cell {
    let cells = this.#cells.get(route);
    if (cells === undefined) {
      cells = new Array<Cell | null>(METHODS.length + 1).fill(null);
      this.#cells.set(route, cells);
    }
    const place = placeOfMethod(method);
    let cell = cells[place];
    if (cell === null || cell === undefined) {
      cell = { counts: new Float64Array(STATUSES_MAX), durations: new Histogram(REQUEST_SECONDS) };
      cells[place] = cell;
    }
    return cell;
  }

  #placeOf(status: number): number {
    const place = this.#places[status];
    if (place !== undefined && place > 0) return place;
    if (place === undefined || this.#statuses.length === STATUSES_MAX) return PLACE_OF_OTHERS;
    this.#places[status] = this.#statuses.length;
    return this.#statuses.push(String(status)) - 1;
  }
}

function placeOfMethod(method: string): number {
  for (let place = 0; place < METHODS.length; place++) if (METHODS[place] === method) return place;
  return METHODS.length;
}
