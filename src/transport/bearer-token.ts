/**
 * A bearer token that travels beside a request: it shows nothing when it is logged, inspected or made to JSON, and only
 * undiciAdapter asks it for its header.
 */
export class BearerToken {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** Whether a header can hold it; undici rejects control characters with an error of its own. */
  get isSendable(): boolean {
    return /^[\x21-\x7e]+$/.test(this.#value);
  }

  /** The value of the `authorization` header. */
  authorization(): string {
    return `Bearer ${this.#value}`;
  }
}
