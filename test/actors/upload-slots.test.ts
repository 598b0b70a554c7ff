// Upload slots: memory and places for parts in flight.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type UploadSlot, UploadSlots } from '../../src/actors/upload-slots.ts';
import { settle } from './stage.ts';

const never = new AbortController().signal;
const MIB = 1024 * 1024;

async function take(slots: UploadSlots, bytes: number): Promise<UploadSlot> {
  const slot = await slots.take(bytes, never);
  if (!slot) throw new Error('no slot');
  return slot;
}

describe('a slot', () => {
  it('has a buffer of exactly the part', async () => {
    const slots = new UploadSlots({ concurrency: 2, bufferBytes: 64 * MIB });
    const slot = await take(slots, 3 * MIB + 17);
    expect(slot.buffer?.byteLength).toBe(3 * MIB + 17);
    slot.release(true);
    expect((await take(slots, 2 * MIB)).buffer?.byteLength).toBe(2 * MIB);
  });

  it('U1: a buffer is used again when its attempt got an answer', async () => {
    const slots = new UploadSlots({ concurrency: 2, bufferBytes: 64 * MIB });
    const first = await take(slots, 8 * MIB);
    first.release(true);
    expect((await take(slots, 8 * MIB)).buffer?.buffer).toBe(first.buffer?.buffer);
  });

  it('U1: a buffer without an answer is never used again: its socket may still read from it', async () => {
    const slots = new UploadSlots({ concurrency: 2, bufferBytes: 64 * MIB });
    const first = await take(slots, 8 * MIB);
    first.release(false);
    expect((await take(slots, 8 * MIB)).buffer?.buffer).not.toBe(first.buffer?.buffer);
  });

  it('U4: parts that grow with their file leave no more buffers behind than parts can be in flight', async () => {
    const slots = new UploadSlots({ concurrency: 4, bufferBytes: 1024 * MIB });
    for (let sizeMib = 8; sizeMib < 40; sizeMib += 1) {
      const taken = await Promise.all([1, 2, 3, 4].map(() => take(slots, sizeMib * MIB)));
      for (const slot of taken) slot.release(true);
    }
    expect(slots.idleBytes).toBe(4 * 39 * MIB);
  });

  it('U4: the buffers of a size in use are not the ones that go', async () => {
    const slots = new UploadSlots({ concurrency: 2, bufferBytes: 1024 * MIB });
    for (const slot of [await take(slots, 8 * MIB), await take(slots, 8 * MIB)]) slot.release(true);
    const first = await take(slots, 9 * MIB);
    first.release(true);
    const again = await take(slots, 9 * MIB);
    expect(again.buffer?.buffer).toBe(first.buffer?.buffer);
    again.release(true);
    const other = await take(slots, 10 * MIB);
    other.release(true);
    expect((await take(slots, 9 * MIB)).buffer?.buffer).toBe(first.buffer?.buffer);
  });

  it('U5: a tail is lent what a whole part has left, and the next whole part gets it back', async () => {
    const slots = new UploadSlots({ concurrency: 2, bufferBytes: 64 * MIB });
    const whole = await take(slots, 8 * MIB);
    whole.release(true);
    const tail = await slots.take(17, never, 8 * MIB);
    expect(tail?.buffer?.byteLength).toBe(17);
    expect(tail?.buffer?.buffer).toBe(whole.buffer?.buffer);
    tail?.release(true);
    expect(slots.idleBytes).toBe(8 * MIB);
    expect((await take(slots, 8 * MIB)).buffer?.byteLength).toBe(8 * MIB);
  });

  it('U5: a small tail of parts too large for a buffer has one of its own', async () => {
    const slots = new UploadSlots({ concurrency: 4, bufferBytes: 16 * MIB });
    expect((await slots.take(17, never, 9 * MIB))?.buffer?.byteLength).toBe(17);
    expect((await slots.take(8 * MIB + 1, never, 9 * MIB))?.buffer).toBeNull();
  });

  it('two parts in flight never share bytes', async () => {
    const slots = new UploadSlots({ concurrency: 8, bufferBytes: 64 * MIB });
    const first = await take(slots, 8 * MIB);
    first.release(true);
    first.release(true);
    const [second, third] = [await take(slots, 8 * MIB), await take(slots, 8 * MIB)];
    expect(second.buffer?.buffer).not.toBe(third.buffer?.buffer);
  });

  it('U2: waits its turn when all places are taken, and counts what is in flight', async () => {
    const slots = new UploadSlots({ concurrency: 2, bufferBytes: 64 * MIB });
    const [one] = [await take(slots, MIB), await take(slots, MIB)];
    let third: UploadSlot | null = null;
    void take(slots, MIB).then((slot) => {
      third = slot;
    });
    await settle();
    expect(third).toBeNull();
    expect(slots.inFlight).toBe(2);
    one.release(true);
    await settle();
    expect(third).not.toBeNull();
    expect(slots.inFlight).toBe(2);
  });

  it('gives its place back when it stops waiting for memory', async () => {
    const slots = new UploadSlots({ concurrency: 3, bufferBytes: 16 * MIB });
    const held = [await take(slots, 8 * MIB), await take(slots, 8 * MIB)];
    const stop = new AbortController();
    const waiting = slots.take(8 * MIB, stop.signal);
    await settle();
    stop.abort();
    expect(await waiting).toBeNull();
    for (const slot of held) slot.release(true);
    for (let n = 1; n <= 3; n += 1) await take(slots, 5 * MIB);
  });

  it('U3: a part too large for a buffer gets a slot without one, however much memory is taken', async () => {
    const slots = new UploadSlots({ concurrency: 4, bufferBytes: 16 * MIB });
    await take(slots, 8 * MIB);
    await take(slots, 8 * MIB);
    expect((await take(slots, 9 * MIB)).buffer).toBeNull();
  });
});

it('the memory of all buffers, lent and kept for later, stays within UPLOAD_BUFFER_BYTES for any mixture of parts', async () => {
  const TOTAL = 64 * MIB;
  const step = fc.oneof(
    fc.record({ kind: fc.constant('take' as const), bytes: fc.integer({ min: 1, max: 32 * MIB }) }),
    fc.record({ kind: fc.constant('release' as const), at: fc.nat(30), reusable: fc.boolean() }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const slots = new UploadSlots({ concurrency: 64, bufferBytes: TOTAL });
      const held: UploadSlot[] = [];
      for (const each of steps) {
        if (each.kind === 'take')
          void slots.take(each.bytes, never).then((slot) => {
            if (slot) held.push(slot);
          });
        else held.splice(each.at % Math.max(held.length, 1), 1)[0]?.release(each.reusable);
        await settle();
        const lent = held.reduce((sum, { buffer }) => sum + (buffer?.buffer.byteLength ?? 0), 0);
        expect(lent + slots.idleBytes).toBeLessThanOrEqual(TOTAL);
      }
    }),
    { numRuns: 60, seed: 20_261_122 },
  );
});

it('buffers of large parts lent to smaller ones count with all their bytes', async () => {
  const TOTAL = 128 * MIB;
  const slots = new UploadSlots({ concurrency: 64, bufferBytes: TOTAL });
  const large = await Promise.all(Array.from({ length: 8 }, () => take(slots, 15 * MIB)));
  for (const slot of large) slot.release(true);
  const small: UploadSlot[] = [];
  for (let n = 0; n < 16; n += 1)
    void slots.take(8 * MIB, never).then((slot) => {
      if (slot) small.push(slot);
    });
  await settle();
  expect(small.length).toBeGreaterThan(0);
  const lent = small.reduce((sum, { buffer }) => sum + (buffer?.buffer.byteLength ?? 0), 0);
  expect(lent + slots.idleBytes).toBeLessThanOrEqual(TOTAL);
});
