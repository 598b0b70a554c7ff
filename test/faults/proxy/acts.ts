// What each fault of the plan does to a call.

import { edited, errorBody, HTML_PAGE, wrongBody } from './bodies.ts';
import { ClientGone, type Exchange } from './exchange.ts';
import type { Fault } from './plan.ts';
import type { Somebody } from './somebody.ts';

/** As AWS sends blanks, but more often. */
const BLANK_EVERY_MS = 100;

/** What a fault may use besides the call. */
export interface Surroundings {
  readonly somebody: Somebody;
  readonly held: (() => Promise<unknown>)[];
  /** The server has executed the call. */
  readonly executed: () => void;
}

type FaultOf<Kind extends Fault['kind']> = Extract<Fault, { readonly kind: Kind }>;
type Act<Kind extends Fault['kind']> = (
  exchange: Exchange,
  fault: FaultOf<Kind>,
  around: Surroundings,
) => Promise<void> | void;

const ACTS: { readonly [Kind in Fault['kind']]: Act<Kind> } = {
  'drop reply': async (exchange, _, { executed }) => {
    await exchange.passWhole();
    executed();
    exchange.reset();
  },
  'drop request': async (exchange, { afterShare = 0 }) => {
    const cut = async () => {
      exchange.reset();
      throw new ClientGone();
    };
    await exchange.pass({ at: { share: afterShare, act: cut } });
  },
  'cut reply': async (exchange, { afterShare }, { executed }) => {
    const reply = await exchange.pass();
    executed();
    const act = async () => {
      exchange.reset();
      throw new ClientGone();
    };
    await exchange.reply(reply, { share: afterShare, act });
  },
  stall: async (exchange, { at, forMs = null }, { executed }) => {
    const act = () => exchange.wait(forMs);
    if (at === 'start') await act();
    const reply = await exchange.pass(at === 'request body' ? { at: { share: 0.5, act } } : {});
    executed();
    if (at === 'reply') await act();
    const share = at === 'reply headers' ? 0 : 0.5;
    await exchange.reply(reply, at.startsWith('reply ') ? { share, act } : undefined);
  },
  answer: async (exchange, fault, { executed }) => {
    if (fault.executed) {
      await exchange.passWhole();
      executed();
    }
    const { status, code, html, retryAfterSeconds } = fault;
    const later = retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) };
    if (html) exchange.answer(status, HTML_PAGE, { 'content-type': 'text/html', ...later });
    else if (code === undefined) exchange.answer(status, '', later);
    else exchange.answer(status, errorBody(code), { 'content-type': 'application/xml', ...later });
  },
  'wrong body': async (exchange, { body, executed: isExecuted }, { executed }) => {
    if (isExecuted) {
      await exchange.passWhole();
      executed();
    }
    exchange.answer(200, wrongBody(body, exchange.call), { 'content-type': 'application/xml' });
  },
  edit: async (exchange, { edit }, { executed }) => {
    const reply = await exchange.passWhole();
    executed();
    exchange.replyWhole(edited(reply, edit));
  },
  meanwhile: async (exchange, { deed }, { somebody, executed }) => {
    await somebody.does(deed, exchange.call);
    const reply = await exchange.pass();
    executed();
    await exchange.reply(reply);
  },
  hold: async (exchange, _, { held }) => {
    held.push(await exchange.take());
    exchange.reset();
  },
  release: async (exchange, { when }, { held, executed }) => {
    const release = async () => {
      for (const pass of held.splice(0)) await pass();
    };
    if (when === 'before') await release();
    const reply = await exchange.passWhole();
    executed();
    if (when === 'after') await release();
    exchange.replyWhole(reply);
  },
  slow: async (exchange, { delayMs, keepsAlive }, { executed }) => {
    if (!keepsAlive) {
      await exchange.wait(delayMs);
      const reply = await exchange.pass();
      executed();
      await exchange.reply(reply);
      return;
    }
    exchange.begin();
    for (let waitedMs = 0; waitedMs < delayMs; waitedMs += BLANK_EVERY_MS) {
      exchange.blank();
      await exchange.wait(BLANK_EVERY_MS);
    }
    const { body } = await exchange.passWhole();
    executed();
    exchange.finish(body);
  },
  bandwidth: async (exchange, { bytesPerSecond }, { executed }) => {
    const reply = await exchange.pass({ bytesPerSecond });
    executed();
    await exchange.reply(reply);
  },
};

export async function act(exchange: Exchange, fault: Fault, around: Surroundings): Promise<void> {
  // The table's row is of the fault's own kind; TypeScript cannot follow that.
  await (ACTS[fault.kind] as Act<Fault['kind']>)(exchange, fault as never, around);
}
