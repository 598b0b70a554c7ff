// STANDBY with real processes, a real Redis and dev-s3: whoever was stopped past its lease and goes on does no harm.

import { describe, expect, test } from 'vitest';
import { content } from '../../fixtures/writers/content.ts';
import { Recording } from '../../fixtures/writers/recording.ts';
import { createRandom } from '../../simulation/random.ts';
import { expectDelivered } from '../harness/proof.ts';
import { CHUNK_BYTES, MIB } from '../harness/scene.ts';
import { until } from '../harness/waiting.ts';
import { openTwoHosts, playRound, readinessOf, untilCarrying, untilStandingBy } from './two-hosts.ts';

const ROUNDS = 2;

describe.concurrent('STANDBY', { timeout: 240_000 }, () => {
  test.for([1, 2, 3, 4])(
    'F11 F57 the carrier is stopped past its lease at a random moment and goes on: nothing is doubled or wrong (seed %i)',
    async (seed, context) => {
      const hosts = await openTwoHosts(context);
      const random = createRandom(seed);
      for (let round = 1; round <= ROUNDS; round += 1) await playRound(context, hosts, random, round);
    },
  );

  test('F10 a daemon that ends gives its folder over at once, and what it carried goes on where it was', async (context) => {
    const { scene, carrier, standby } = await openTwoHosts(context);
    expect(await readinessOf(standby)).toMatchObject({
      ready: false,
      reasons: [expect.stringMatching(/^standby: host-one .* carries /)],
    });
    const recording = await Recording.start(context, scene.path('take.mkv'));
    await recording.append(2 * CHUNK_BYTES + MIB);
    await carrier.waitForState('take.mkv', ({ partsHeld }) => partsHeld === 2);
    expect((await readinessOf(standby)).reasons, 'some seconds later').toHaveLength(1);
    const endedAtMs = Date.now();
    expect(await carrier.drain()).toBe(0);
    await untilCarrying(standby);
    expect(Date.now() - endedAtMs).toBeLessThan(10_000);
    await standby.waitForState('take.mkv', ({ partsHeld }) => partsHeld === 2);
    await carrier.start({ until: 'listening' });
    await untilStandingBy(carrier, 'two');
    await recording.append(CHUNK_BYTES);
    await recording.close();
    const { stream } = await expectDelivered({ ...scene, daemon: standby }, 'take.mkv');
    expect(stream.generation).toBe(1);
    expect(await carrier.drain(), 'a standby that is told to end').toBe(0);
  });

  test('F47 with STANDBY and Redis away parts go up, and nothing is completed until it is back', async (context) => {
    const { scene, carrier, standby } = await openTwoHosts(context);
    await standby.drain();
    await scene.redis?.kill();
    const recording = await Recording.start(context, scene.path('take.mkv'));
    await recording.append(2 * CHUNK_BYTES + MIB);
    await carrier.waitForState('take.mkv', ({ partsHeld }) => partsHeld === 2);
    await recording.close();
    await carrier.waitForState(
      'take.mkv',
      ({ state, failure }) => state === 'finalizing.completing' && failure?.code === 'lease_unconfirmed',
    );
    expect(await scene.s3.objectOf('take.mkv')).toBeNull();
    await scene.redis?.start();
    await expectDelivered({ ...scene, daemon: carrier }, 'take.mkv');
  });

  test('F46 a standby that starts without Redis waits for it, and says so', async (context) => {
    const { scene, carrier, standby } = await openTwoHosts(context);
    await carrier.kill();
    await standby.kill();
    await scene.redis?.kill();
    await standby.start({ until: 'listening' });
    await until('it says what it waits for', async () =>
      (await readinessOf(standby)).reasons.join().includes('Redis does not answer') ? true : null,
    );
    await scene.redis?.start();
    await untilCarrying(standby);
    await Recording.start(context, scene.path('late.bin')).then(async (recording) => {
      await recording.overwrite(0, content(1000));
      await recording.close();
    });
    await expectDelivered({ ...scene, daemon: standby }, 'late.bin');
  });
});
