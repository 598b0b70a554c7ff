// Chance that can be repeated: everything a run draws follows from its seed. `fork` gives an independent source by name, so that
// what one part of the world draws does not shift what another one does.

export interface Random {
  /** In [0, 1). */
  next(): number;
  /** Whole, from `low` to `high`, both included. */
  between(low: number, high: number): number;
  chance(probability: number): boolean;
  pick<T>(from: readonly T[]): T;
  /** By weights; a weight of 0 is never picked. */
  weighted<T>(from: readonly (readonly [number, T])[]): T;
  bytes(count: number): Uint8Array;
  fork(name: string): Random;
}

/** Mulberry32: 32 bits of state are plenty for runs of some thousand draws. */
export function createRandom(seed: number): Random {
  let state = scrambled(seed);
  const next32 = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  const random: Random = {
    next: () => next32() / 2 ** 32,
    between: (low, high) => low + Math.floor(random.next() * (high - low + 1)),
    chance: (probability) => random.next() < probability,
    pick: (from) => from[random.between(0, from.length - 1)] as (typeof from)[number],
    weighted(from) {
      let left = random.next() * from.reduce((sum, [weight]) => sum + weight, 0);
      for (const [weight, value] of from) {
        left -= weight;
        if (left < 0) return value;
      }
      return (from[from.length - 1] as (typeof from)[number])[1];
    },
    bytes(count) {
      const made = new Uint8Array(count);
      for (let at = 0; at < count; at += 1) made[at] = next32() & 0xff;
      return made;
    },
    fork: (name) =>
      createRandom([...name].reduce((hash, char) => Math.imul(hash ^ char.charCodeAt(0), 0x01000193), seed)),
  };
  return random;
}

/** Neighbouring seeds must not give similar runs. */
function scrambled(seed: number): number {
  let hash = (seed ^ 0x9e3779b9) | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
