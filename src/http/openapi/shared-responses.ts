/** Most operations fail in the same ways: an answer that several of them have stands in the document once. */
import type { oas31 } from 'zod-openapi';

export class SharedResponses {
  readonly #names = new Map<string, string>();
  readonly #counts = new Map<string, number>();
  readonly components: Record<string, oas31.ResponseObject> = {};

  /** The same answers, those of errors by their names. */
  of(responses: Readonly<Record<string, oas31.ResponseObject>>): oas31.ResponsesObject {
    const entries = Object.entries(responses).map(([status, response]) =>
      /^[23]/.test(status) || hasExamples(response)
        ? [status, response]
        : [status, this.#named(status, response)],
    );
    return Object.fromEntries(entries);
  }

  #named(status: string, response: oas31.ResponseObject): oas31.ReferenceObject {
    const text = JSON.stringify(response);
    const name = this.#names.get(text) ?? this.#add(status, text, response);
    return { $ref: `#/components/responses/${name}` };
  }

  #add(status: string, text: string, response: oas31.ResponseObject): string {
    const count = (this.#counts.get(status) ?? 0) + 1;
    const name = `error-${status}-${count}`;
    this.#counts.set(status, count);
    this.#names.set(text, name);
    this.components[name] = response;
    return name;
  }
}

function hasExamples({ content = {} }: oas31.ResponseObject): boolean {
  return Object.values(content).some(({ examples }) => examples !== undefined);
}
