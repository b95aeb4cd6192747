/** Counts what clients hold open, so many at a time each. */
export class OpenCount {
  readonly #open = new Map<string, number>();

  constructor(private readonly most: number) {}

  /** Counts one more of a client, and gives what ends it, to be called once. Undefined where it has as many as it may. */
  enter(client: string): (() => void) | undefined {
    const others = this.#open.get(client) ?? 0;
    if (others >= this.most) return undefined;
    this.#open.set(client, others + 1);
    return () => {
      const left = (this.#open.get(client) ?? 1) - 1;
      if (left === 0) this.#open.delete(client);
      else this.#open.set(client, left);
    };
  }
}
