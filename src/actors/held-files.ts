// The files that lost their last name while their streams live: their bytes are there only as long as we hold them open, and take
// room that nobody sees in any folder.
//
// H1. Beyond the limit the one that was held the longest is let go, until the rest is within it: told as an error, and its stream ends
//     as `failed_source`, its upload kept. A disk that runs full would stop every recording instead.
// H2. Nothing is let go whose file has a name, and nothing when the limit cannot be known.

import type { FileStat } from '../machines/file-identity.ts';
import type { StreamId } from '../machines/ids.ts';
import { fileOf } from '../machines/stream.context.ts';
import type { LiveStream } from './live-streams.ts';
import type { World } from './world.ts';

/** Of the smallest file system that is watched, where no limit is given. */
const DEFAULT_SHARE = 0.1;

export class HeldFiles {
  readonly #world: World;
  /** In the order in which they lost their names. */
  readonly #sizeBytes = new Map<StreamId, number>();

  constructor(world: World) {
    this.#world = world;
  }

  note(id: StreamId, { linkCount, sizeBytes }: FileStat): void {
    if (linkCount === 0) this.#sizeBytes.set(id, sizeBytes);
    else this.#sizeBytes.delete(id);
  }

  bytes(): number {
    let bytes = 0;
    for (const sizeBytes of this.#sizeBytes.values()) bytes += sizeBytes;
    return bytes;
  }

  /** Once in each pass of the scan. */
  async keepWithinLimit(): Promise<void> {
    const { streams } = this.#world;
    for (const id of this.#sizeBytes.keys()) if (!streams.get(id)) this.#sizeBytes.delete(id);
    if (this.#sizeBytes.size === 0) return;
    const limitBytes = await this.#limitBytes();
    for (const id of this.#sizeBytes.keys()) {
      if (this.bytes() <= limitBytes) return;
      const stream = streams.get(id);
      if (stream) await this.#letGo(stream, limitBytes);
      this.#sizeBytes.delete(id);
    }
  }

  async #letGo(stream: LiveStream, limitBytes: number): Promise<void> {
    const { clock, files, telemetry } = this.#world;
    const file = fileOf(stream.context);
    telemetry.error('a deleted file is let go, and with it what was not uploaded: more is held than MAX_HELD_BYTES', {
      ...{ streamId: stream.id, path: file.path, limitBytes },
      ...{ heldBytes: this.bytes(), sizeBytes: this.#sizeBytes.get(stream.id) ?? 0 },
    });
    await files.release(stream.id);
    stream.tell({ type: 'file.let_go', atMs: clock.nowMs() });
  }

  async #limitBytes(): Promise<number> {
    const { files, options } = this.#world;
    if (options.maxHeldBytes !== null) return options.maxHeldBytes;
    const capacities = await Promise.all(options.folders.map(({ path }) => files.capacityBytes(path)));
    const known = capacities.flatMap((capacity) => (capacity.ok ? [capacity.value] : []));
    return Math.min(...known) * DEFAULT_SHARE;
  }
}
