// What one client of the inspector is told: the actors that live when it attaches, then what happens to them, in the messages
// of @statelyai/inspect.
//
// F1. Bounded: at most MAX_ACTORS at a time and MESSAGES_PER_SECOND; who was passed over is told of once more, with its newest
//     state, as soon as there is room. Messages are made in turns of their own, so that no burst blocks the event loop.
// F2. What happens each second whatever happens (ticks, passes of the scan) is left out: nothing else could be seen for it.

import { createInspector } from '@statelyai/inspect';

type Inspector = ReturnType<typeof createInspector>;
export type InspectionEvent = Parameters<NonNullable<Inspector['inspect']['next']>>[0];
type ActorEvent = Extract<InspectionEvent, { type: '@xstate.actor' }>;
type SnapshotEvent = Extract<InspectionEvent, { type: '@xstate.snapshot' }>;

/** What is used of an actor; XState's own are wider. */
export interface InspectedActor {
  readonly id: string;
  readonly sessionId: string;
  readonly _parent?: InspectedActor | undefined;
  getSnapshot(): { readonly status: string; readonly children?: Readonly<Record<string, InspectedActor | undefined>> };
}

export interface Inspectable {
  readonly root: InspectedActor;
  observe(observer: (event: InspectionEvent) => void): { unsubscribe(): void };
  /** Told of only once they have children: groups that are mostly empty. */
  isQuiet(actorId: string): boolean;
  /** Never told of: actors of every second. */
  isHidden(actorId: string): boolean;
  /** Events of every second. */
  isHeartbeat(eventType: string): boolean;
}

/** More than anybody can look at; a definition is some 20 KB. */
const MAX_ACTORS = 300;
/** A message costs 0.1 ms: a twentieth of a core. */
const MESSAGES_PER_SECOND = 500;

export class InspectorFeed {
  readonly #system: Inspectable;
  readonly #inspector: Inspector;
  readonly #subscription: { unsubscribe(): void };
  /** By session id: told of, and alive. */
  readonly #shown = new Set<string>();
  /** Those whose newest state was not told: F1. */
  readonly #behind = new Map<string, InspectedActor>();
  #second = 0;
  #sentInSecond = 0;
  #ended = false;

  constructor(system: Inspectable, write: (line: string) => void) {
    this.#system = system;
    this.#inspector = createInspector({
      send: (message) => {
        if (this.#ended) return;
        const line = lineOf(message);
        if (line !== null) write(line);
      },
    });
    this.#showTree(system.root);
    this.#subscription = system.observe((event) => this.#hear(event));
  }

  end(): void {
    this.#ended = true;
    this.#subscription.unsubscribe();
  }

  #showTree(actor: InspectedActor): void {
    const { children = {} } = actor.getSnapshot();
    if (!this.#system.isQuiet(actor.id)) this.#show(actor);
    for (const child of Object.values(children)) if (child) this.#showTree(child);
  }

  /** With those above it. */
  #show(actor: InspectedActor): void {
    const { _parent: parent, id, sessionId } = actor;
    if (this.#shown.has(sessionId) || this.#shown.size >= MAX_ACTORS || this.#system.isHidden(id)) return;
    if (parent) {
      this.#show(parent);
      if (!this.#shown.has(parent.sessionId)) return;
    }
    this.#shown.add(sessionId);
    this.#tell({
      type: '@xstate.actor',
      actorRef: actor,
      rootId: this.#system.root.sessionId,
    } as unknown as ActorEvent);
  }

  #hear(event: InspectionEvent): void {
    const actor = event.actorRef as unknown as InspectedActor;
    if (event.type === '@xstate.actor') {
      if (!this.#system.isQuiet(actor.id)) this.#show(actor);
      return;
    }
    if (event.type !== '@xstate.event' && event.type !== '@xstate.snapshot') return;
    const isOver = event.type === '@xstate.snapshot' && event.snapshot.status !== 'active';
    if (!this.#shown.has(actor.sessionId)) return;
    if (isOver) this.#shown.delete(actor.sessionId);
    if (this.#system.isHeartbeat(event.event.type)) this.#catchUp();
    else if (this.#hasRoom()) {
      this.#behind.delete(actor.sessionId);
      this.#tell(event);
    } else if (event.type === '@xstate.snapshot') this.#behind.set(actor.sessionId, actor);
  }

  /** With each heartbeat. */
  #catchUp(): void {
    for (const [sessionId, actorRef] of this.#behind) {
      if (!this.#hasRoom()) return;
      this.#behind.delete(sessionId);
      this.#tell({
        type: '@xstate.snapshot',
        actorRef,
        snapshot: actorRef.getSnapshot(),
        event: { type: 'inspector.caught_up' },
        rootId: this.#system.root.sessionId,
      } as unknown as SnapshotEvent);
    }
  }

  #hasRoom(): boolean {
    const second = Math.floor(performance.now() / 1_000);
    if (second !== this.#second) [this.#second, this.#sentInSecond] = [second, 0];
    return this.#sentInSecond < MESSAGES_PER_SECOND;
  }

  #tell(event: InspectionEvent): void {
    this.#sentInSecond += 1;
    this.#inspector.inspect.next?.(event);
  }
}

/** null: what cannot be written as JSON is not worth a broken daemon. */
function lineOf(message: unknown): string | null {
  try {
    return JSON.stringify(message, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
  } catch {
    return null;
  }
}
