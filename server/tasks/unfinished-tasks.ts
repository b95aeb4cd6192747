/** Whose tasks have not ended, in memory: what is let in is decided on it, without a query and without a gap. */
export class UnfinishedTasks {
  readonly #owners = new Map<string, string>();

  add(id: string, owner: string): void {
    this.#owners.set(id, owner);
  }

  delete(id: string): void {
    this.#owners.delete(id);
  }

  get count(): number {
    return this.#owners.size;
  }

  countOf(owner: string): number {
    let n = 0;
    for (const one of this.#owners.values()) if (one === owner) n++;
    return n;
  }
}
