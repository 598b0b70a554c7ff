// A notifier that does with each attempt what the test says, and remembers what it was told.

import type { Delivery, Notice, Notifier } from '../../src/ports/notifier.ts';

export interface ScriptedNotifier extends Notifier {
  /** One entry per attempt. */
  readonly told: Notice[];
  /** Of every attempt from now on. */
  answer: (notice: Notice) => Delivery | Promise<Delivery>;
}

export const DELIVERED: Delivery = { delivered: true };
export const REFUSED: Delivery = { delivered: false, detail: 'it answered 503' };

export function scriptedNotifier(answer: ScriptedNotifier['answer'] = () => DELIVERED): ScriptedNotifier {
  const notifier: ScriptedNotifier = {
    ...{ name: 'webhook', cure: 'look at the receiver', told: [], answer },
    notify: async (notice) => {
      notifier.told.push(notice);
      return await notifier.answer(notice);
    },
  };
  return notifier;
}
