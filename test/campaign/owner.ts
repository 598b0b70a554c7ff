// What a test's context is for a test, for a program: things are ended with it, the newest first.

import type { OwnerTest } from '../system/harness/owned-processes.ts';

export class Owner {
  readonly #endings: (() => unknown)[] = [];
  readonly test: OwnerTest;

  constructor() {
    const onTestFinished = (end: () => unknown) => void this.#endings.push(end);
    this.test = { onTestFinished, onTestFailed: () => {} } as unknown as OwnerTest;
  }

  async end(): Promise<void> {
    for (const end of this.#endings.splice(0).reverse()) await end();
  }
}
