import { connect } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type Actor, assign, createActor, createMachine } from 'xstate';
import { type StatelyInspector, startStatelyInspector } from '../../src/adapters/stately-inspector.ts';
import type { Inspectable } from '../../src/adapters/stately-inspector-feed.ts';

const counter = createMachine({
  id: 'counter',
  context: { count: 0 },
  on: { more: { actions: assign({ count: ({ context }) => context.count + 1 }) }, tick: {} },
});

interface Scene {
  readonly actor: Actor<typeof counter>;
  readonly inspector: StatelyInspector;
  /** How many observe the actor system now. */
  observers(): number;
}

async function openScene(): Promise<Scene> {
  const actor = createActor(counter).start();
  let observers = 0;
  const system: Inspectable = {
    root: actor as unknown as Inspectable['root'],
    observe(observer) {
      const { unsubscribe } = actor.system.inspect(observer);
      observers += 1;
      return {
        unsubscribe() {
          observers -= 1;
          unsubscribe();
        },
      };
    },
    isQuiet: () => false,
    isHidden: () => false,
    isHeartbeat: (type) => type === 'tick',
  };
  const inspector = await startStatelyInspector(system);
  onTestFinished(async () => {
    await inspector.close();
    actor.stop();
  });
  return { actor, inspector, observers: () => observers };
}

interface Message {
  readonly type: string;
  readonly event?: { readonly type: string };
  readonly snapshot?: { readonly context?: { readonly count: number } };
}

async function attached({ inspector }: Scene) {
  const socket = new WebSocket(inspector.address.replace('http:', 'ws:'));
  const messages: Message[] = [];
  socket.onmessage = ({ data }) => messages.push(JSON.parse(String(data)));
  await until(() => messages.length > 0);
  return { socket, messages };
}

async function until(isSo: () => boolean): Promise<void> {
  const endMs = Date.now() + 10_000;
  while (!isSo()) {
    if (Date.now() > endMs) throw new Error('not in time');
    await new Promise((done) => setTimeout(done, 10));
  }
}

describe('the inspector', () => {
  test('observes the actor system only while somebody is attached', async () => {
    const scene = await openScene();
    expect(scene.observers()).toBe(0);
    const { socket } = await attached(scene);
    expect(scene.observers()).toBe(1);
    socket.close();
    await until(() => scene.observers() === 0);
  });

  test('a burst is cut at some hundred messages in a second, and the newest state is told as soon as there is room', async () => {
    const scene = await openScene();
    const { messages } = await attached(scene);
    const BURST = 20_000;
    for (let n = 0; n < BURST; n += 1) scene.actor.send({ type: 'more' });
    const newest = () => Math.max(...messages.map(({ snapshot }) => snapshot?.context?.count ?? 0));
    await until(() => {
      scene.actor.send({ type: 'tick' });
      return newest() === BURST;
    });
    expect(messages.length).toBeLessThan(1_500);
    expect(messages.some(({ event }) => event?.type === 'tick')).toBe(false);
  });

  test('one who does not read is cut off, and costs no memory', async () => {
    const scene = await openScene();
    const { port } = new URL(scene.inspector.address);
    const deaf = connect(Number(port), '127.0.0.1');
    onTestFinished(() => {
      deaf.destroy();
    });
    deaf.on('error', () => {});
    deaf.write(`GET /events HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
    await until(() => scene.observers() === 1);
    deaf.pause();
    const text = 'x'.repeat(100_000);
    await until(() => {
      for (let n = 0; n < 20; n += 1) scene.actor.send({ type: 'more', text });
      return scene.observers() === 0;
    });
  });

  test('a fifth client is turned away', async () => {
    const scene = await openScene();
    for (let n = 0; n < 4; n += 1) await attached(scene);
    expect((await fetch(new URL('events', scene.inspector.address))).status).toBe(503);
    expect(scene.observers()).toBe(4);
  });
});
