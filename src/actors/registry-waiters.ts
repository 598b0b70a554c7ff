// Who waits until the registry has all of a stream. Each is answered once.

import type { StreamId } from '../machines/ids.ts';
import type { Outcome } from '../ports/outcome.ts';

type Answer = (outcome: Outcome<null>) => void;

export class RegistryWaiters {
  readonly #waiting = new Map<StreamId, Answer[]>();

  add(id: StreamId): Promise<Outcome<null>> {
    return new Promise((resolve) => this.#waiting.set(id, [...(this.#waiting.get(id) ?? []), resolve]));
  }

  tell(id: StreamId, outcome: Outcome<null>): void {
    const waiting = this.#waiting.get(id) ?? [];
    this.#waiting.delete(id);
    for (const answer of waiting) answer(outcome);
  }

  tellAll(outcome: Outcome<null>): void {
    for (const id of [...this.#waiting.keys()]) this.tell(id, outcome);
  }
}
