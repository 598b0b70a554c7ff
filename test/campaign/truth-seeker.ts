// No false `s3_completed`: whatever the journal or the API calls completed has an object, and its bytes are those that the file had at the
// freeze, by the diary of its writer.

import type { Completion, StreamRecord } from '../../src/machines/stream-record.ts';
import type { SeenObject } from './bucket-sight.ts';
import { recordsIn } from './journal-sight.ts';
import type { Lane } from './lane.ts';

interface Claim {
  readonly who: string;
  readonly streamId: string;
  readonly path: string;
  readonly completion: Completion;
}

/** A freeze that no version fits yet may be of a moment that its writer is just noting. */
const LOOKS_BEFORE_VERDICT = 3;

export class TruthSeeker {
  readonly #lane: Lane;
  readonly #judged = new Set<string>();
  readonly #doubts = new Map<string, number>();
  claims = 0;

  constructor(lane: Lane) {
    this.#lane = lane;
  }

  /** While no daemon runs. */
  async compare(): Promise<void> {
    for (const record of recordsIn(this.#lane.victim.stateDir)) {
      const claim = claimOf(record);
      if (claim) await this.judge(claim);
    }
  }

  async judge(claim: Claim): Promise<void> {
    const { completion } = claim;
    const name = `${claim.streamId} ${completion.generation} ${completion.freeze.ctimeNs} ${completion.etag}`;
    if (this.#judged.has(name)) return;
    const versions = this.#lane.diary.at(completion.freeze);
    const doubts = this.#doubts.get(name) ?? 0;
    if (versions.length === 0 && doubts < LOOKS_BEFORE_VERDICT) {
      this.#doubts.set(name, doubts + 1);
      return;
    }
    this.#judged.add(name);
    this.claims += 1;
    const object = await this.#lane.bucket.object(completion.target.key);
    const lie = this.#lieIn(claim, versions, object);
    if (lie) this.#lane.blame(`${claim.who} generation ${completion.generation}: ${lie}`);
  }

  #lieIn(
    { completion, streamId }: Claim,
    versions: ReturnType<Lane['diary']['at']>,
    object: SeenObject | null,
  ): string | null {
    const { key } = completion.target;
    if (versions.length === 0)
      return `completed for a freeze that the file never had: ${JSON.stringify(completion.freeze)}`;
    if (!object) return `completed, but there is no object ${key}`;
    if (versions.some(({ sha256 }) => sha256 === object.sha256)) return null;
    // A further generation may be at S3 already, with its daemon killed before it wrote that down.
    const { 'tailrace-stream': stream, 'tailrace-generation': generation } = object.metadata;
    const isFurther = stream === streamId && Number(generation) > completion.generation;
    if (isFurther && this.#lane.diary.wasEver(object.sha256)) return null;
    return `completed, but the object ${key} (${object.sizeBytes} bytes, generation ${generation}) is not the file at the freeze (${completion.sizeBytes} bytes)`;
  }
}

function claimOf({ streamId, state, memory }: StreamRecord): Claim | null {
  const { completion, path } = memory;
  if (!completion || !state.startsWith('s3_completed.')) return null;
  return { who: `${path} (${state})`, streamId, path, completion };
}
