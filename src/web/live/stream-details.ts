// What only one stream's view needs: its parts and its history, asked for when the stream changed, and not more often than a
// person can read or the size of the answer allows.

import { useEffect, useRef, useState } from 'preact/hooks';
import type { HistoryEntry, PartView } from '../../ports/stream-view.ts';
import type { ShownStream } from '../../read-model/read-model.ts';
import { getHistory, getParts, type Reply } from './api.ts';

const EVERY_MS = 500;
/** An answer with many parts is megabytes. */
const MANY_PARTS = 1_000;
const EVERY_WITH_MANY_MS = 3_000;
/** Parts in flight come and go without a change of the stream's view. */
const WHILE_UPLOADING_MS = 1_000;

export interface Details {
  /** null: not known yet. */
  readonly parts: readonly PartView[] | null;
  readonly history: readonly HistoryEntry[] | null;
  /** Why they are not known, as a sentence. */
  readonly problem: string | null;
}

const NOTHING: Details = { parts: null, history: null, problem: null };

/** Asks one time after the other, however often it is told that something changed. */
class Asking {
  readonly #id: string;
  readonly #onDetails: (change: (before: Details) => Details) => void;
  readonly #ending = new AbortController();
  #isStale = false;
  #isRunning = false;

  constructor(id: string, onDetails: (change: (before: Details) => Details) => void) {
    this.#id = id;
    this.#onDetails = onDetails;
  }

  end(): void {
    this.#ending.abort();
  }

  async somethingChanged(): Promise<void> {
    this.#isStale = true;
    if (this.#isRunning) return;
    this.#isRunning = true;
    const { signal } = this.#ending;
    while (this.#isStale && !signal.aborted) {
      this.#isStale = false;
      const [parts, history] = await Promise.all([getParts(this.#id, signal), getHistory(this.#id, signal)]);
      if (signal.aborted) return;
      this.#onDetails((before) => merged(before, parts, history));
      const isMuch = parts.ok && parts.value.parts.length > MANY_PARTS;
      await new Promise((resolve) => setTimeout(resolve, isMuch ? EVERY_WITH_MANY_MS : EVERY_MS));
    }
    this.#isRunning = false;
  }
}

/** `view` is another object whenever the stream has changed. */
export function useDetails(view: ShownStream | null): Details {
  const [details, setDetails] = useState<Details>(NOTHING);
  const asking = useRef<Asking | null>(null);
  const id = view?.id ?? null;
  const isMoving = view !== null && (view.state === 'active.uploading' || view.state.startsWith('finalizing.'));
  useEffect(() => {
    if (id === null) return;
    const mine = new Asking(id, setDetails);
    asking.current = mine;
    return () => mine.end();
  }, [id]);
  useEffect(() => {
    void asking.current?.somethingChanged();
  }, [view]);
  useEffect(() => {
    if (!isMoving) return;
    const timer = setInterval(() => void asking.current?.somethingChanged(), WHILE_UPLOADING_MS);
    return () => clearInterval(timer);
  }, [isMoving]);
  return details;
}

function merged(
  before: Details,
  parts: Reply<{ readonly parts: readonly PartView[] }>,
  history: Reply<{ readonly entries: readonly HistoryEntry[] }>,
): Details {
  const failed = [parts, history].find((reply) => !reply.ok);
  return {
    parts: parts.ok ? parts.value.parts : before.parts,
    history: history.ok ? history.value.entries : before.history,
    problem: failed && !failed.ok ? failed.message : null,
  };
}
