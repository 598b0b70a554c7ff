// The page with much to show, by keyboard alone, and in both schemes: the daemon's own listener and read model, fed by the test.

import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type HttpListener, startHttp } from '../../src/http/listener.ts';
import { pageFilesIn } from '../../src/http/page-files.ts';
import type { StreamId } from '../../src/machines/ids.ts';
import type { PartView, StreamView } from '../../src/ports/stream-view.ts';
import { createReadModel, type ReadModel } from '../../src/read-model/read-model.ts';
import { scriptedOperator } from '../fixtures/scripted-operator.ts';
import { completedView, failedView, idOf, viewOf } from '../fixtures/stream-views.ts';
import { builtProgram, ROOT } from '../system/harness/built-program.ts';
import type { OwnerTest } from '../system/harness/owned-processes.ts';
import { until } from '../system/harness/waiting.ts';
import { launchBrowser, openPage, PATIENT } from './browser.ts';

const MANY = 2_000;
const MANY_PARTS = 10_000;
/** A frame that takes longer is felt. Generous: other tests share the machine. */
const LONGEST_FRAME_MS = 400;

let browser: Browser;
beforeAll(async () => {
  await builtProgram();
  browser = await launchBrowser();
}, PATIENT.timeout);
afterAll(() => browser.close());

interface Served {
  readonly listener: HttpListener;
  readonly readModel: ReadModel;
}

async function serve(owner: OwnerTest, port = 0): Promise<Served> {
  const readModel = createReadModel();
  readModel.daemonChanged({
    phase: 'running',
    instance: 'studio',
    objectStoreReachable: true,
    lastStaleScanAtMs: Date.now(),
  });
  const parts = (streamId: StreamId) =>
    Promise.resolve({ ok: true as const, value: { streamId, generation: 1, parts: manyParts() } });
  const started = await startHttp({
    ...{ address: '127.0.0.1', port, readModel, version: '0.0.0', metricsText: async () => '' },
    operator: { ...scriptedOperator(), parts },
    page: await pageFilesIn(join(ROOT, 'dist', 'web')),
    door: { loopback: true, token: 'token' },
  });
  if (!started.ok) throw new Error(started.detail);
  owner.onTestFinished(() => started.listener.close());
  return { listener: started.listener, readModel };
}

const manyParts = (): readonly PartView[] =>
  Array.from({ length: MANY_PARTS }, (_, n) => ({
    ...{ partNumber: n + 1, offset: n * 100, sizeBytes: 100, etag: '"etag"', crc32: '00000000', uploadedAt: null },
    state: n === 5_000 ? ('dirty' as const) : ('sent' as const),
  }));

const living = (n: number, change: Partial<StreamView> = {}): StreamView =>
  viewOf(n, { sizeBytes: 1_000_000, lastActivityMs: Date.now(), startedAtMs: MANY - n, ...change });

const drawnRows = (page: Page): Promise<number> => page.locator('tr.row').count();
const linkOf = (page: Page, name: string) => page.locator('tr.row').getByRole('link', { name, exact: true });
const nameAt = (page: Page, row: number): Promise<string> => page.locator('tr.row a').nth(row).innerText();
const focused = (page: Page): Promise<string> => page.evaluate('document.activeElement.innerText');

describe('two thousand streams that all change', PATIENT, () => {
  test('are some fifty rows, move without a long frame, and are filtered and scrolled at once', async (context) => {
    const { listener, readModel } = await serve(context);
    for (let n = 0; n < MANY; n += 1) readModel.streamChanged(living(n));
    const page = await openPage(context, browser, listener.address);
    await linkOf(page, 'take-0.mp4').waitFor();
    expect(await drawnRows(page)).toBeLessThanOrEqual(100);

    await page.evaluate(`(() => {
      window.longestFrameMs = 0;
      let before = performance.now();
      const frame = (now) => {
        window.longestFrameMs = Math.max(window.longestFrameMs, now - before);
        before = now;
        requestAnimationFrame(frame);
      };
      requestAnimationFrame((now) => { before = now; frame(now); });
    })()`);
    const feeding = setInterval(() => {
      for (let n = 0; n < MANY; n += 1)
        readModel.streamChanged(living(n, { sizeBytes: 1_000_000 + (Date.now() % 100_000) }));
    }, 250);
    context.onTestFinished(() => clearInterval(feeding));
    await page.evaluate('scrollTo(0, document.body.scrollHeight)');
    await linkOf(page, `take-${MANY - 1}.mp4`).waitFor();
    expect(await drawnRows(page)).toBeLessThanOrEqual(100);
    await page.keyboard.press('/');
    await page.keyboard.type('take-1234');
    await until('one row is left', async () => ((await drawnRows(page)) === 1 ? true : null));
    await page.keyboard.press('Escape');
    await until('all are there again', async () => ((await drawnRows(page)) > 10 ? true : null));
    clearInterval(feeding);
    expect(await page.evaluate('window.longestFrameMs')).toBeLessThan(LONGEST_FRAME_MS);
  });

  test('come anew after a break: what went meanwhile is gone, what came is there', async (context) => {
    const first = await serve(context);
    first.readModel.streamChanged(living(1));
    const page = await openPage(context, browser, first.listener.address);
    await linkOf(page, 'take-1.mp4').waitFor();
    await first.listener.close();
    await page.getByRole('alert').waitFor();
    const second = await serve(context, first.listener.port);
    second.readModel.streamChanged(living(2));
    await linkOf(page, 'take-2.mp4').waitFor();
    expect(await linkOf(page, 'take-1.mp4').count()).toBe(0);
    expect(await page.getByRole('alert').count()).toBe(0);
  });
});

describe('ten thousand parts', PATIENT, () => {
  test('are one canvas, on which the dirty one is seen', async (context) => {
    const { listener, readModel } = await serve(context);
    readModel.streamChanged(living(1, { sizeBytes: MANY_PARTS * 100 }));
    const page = await openPage(context, browser, `${listener.address}/#/streams/${idOf(1)}`);
    await page.getByText('10 000 parts').waitFor();
    expect(await page.evaluate('document.querySelectorAll("*").length')).toBeLessThan(2_500);
    const reds = await page.evaluate(`(() => {
      const canvas = document.querySelector('.strip canvas');
      const { data } = canvas.getContext('2d').getImageData(0, 5, canvas.width, 1);
      let reds = 0;
      for (let at = 0; at < data.length; at += 4) if (data[at] > 150 && data[at + 1] < 130) reds += 1;
      return reds;
    })()`);
    expect(reds).toBe(1);
  });
});

describe('by keyboard alone', PATIENT, () => {
  test('rows are walked, opened and left, and the way back leads to the same row', async (context) => {
    const { listener, readModel } = await serve(context);
    for (let n = 0; n < 300; n += 1) readModel.streamChanged(living(n));
    const page = await openPage(context, browser, listener.address);
    await page.locator('tr.row').first().waitFor();
    for (const key of ['j', 'j', 'ArrowDown', 'k']) await page.keyboard.press(key);
    expect(await focused(page)).toBe(await nameAt(page, 1));
    await page.keyboard.press('End');
    await until('the last row has the focus', async () => ((await focused(page)) === 'take-299.mp4' ? true : null));
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'take-299.mp4' }).waitFor();
    await page.keyboard.press('Escape');
    await until('the same row has the focus', async () => ((await focused(page)) === 'take-299.mp4' ? true : null));
    await page.keyboard.press('Home');
    await until('the first row has the focus', async () => ((await focused(page)) === 'take-0.mp4' ? true : null));
    const outline = 'getComputedStyle(document.activeElement, "::after").outlineStyle';
    expect(await page.evaluate(outline)).toBe('solid');
  });

  test('a dialog is reached, read and left without doing anything', async (context) => {
    const { listener, readModel } = await serve(context);
    readModel.streamChanged(failedView(1));
    const page = await openPage(context, browser, `${listener.address}/#/streams/${idOf(1)}`);
    await page.getByRole('button', { name: 'Retry' }).waitFor();
    for (let press = 0; press < 10 && (await focused(page)) !== 'Retry'; press += 1) await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').getByText('Try again now?').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect(page.url()).toContain(idOf(1));
  });
});

describe('light and dark', PATIENT, () => {
  test('are both there, and text can be read in both', async (context) => {
    const { listener, readModel } = await serve(context);
    for (const view of [living(1), completedView(2), failedView(3)]) readModel.streamChanged(view);
    const page = await openPage(context, browser, listener.address);
    await page.locator('tr.row').first().waitFor();
    const papers: string[] = [];
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      papers.push(await page.evaluate('getComputedStyle(document.documentElement).backgroundColor'));
      const colours: Record<string, string> = await page.evaluate(`(() => {
        const style = getComputedStyle(document.documentElement);
        const names = ['paper', 'panel', 'ink', 'soft', 'flow', 'wait', 'work', 'good', 'bad', 'look', 'none'];
        return Object.fromEntries(names.map((name) => [name, style.getPropertyValue('--' + name).trim()]));
      })()`);
      const { paper = '', panel = '', ...texts } = colours;
      for (const [name, text] of Object.entries(texts)) {
        for (const ground of [paper, panel])
          expect(contrast(text, ground), `${name} in ${colorScheme}`).toBeGreaterThanOrEqual(4.5);
      }
    }
    expect(papers[0]).not.toBe(papers[1]);
  });
});

/** WCAG 2.2: relative luminance. */
function contrast(a: string, b: string): number {
  const [high = 0, low = 0] = [luminance(a), luminance(b)].toSorted((x, y) => y - x);
  return (high + 0.05) / (low + 0.05);
}

function luminance(colour: string): number {
  const hex = colour.length === 4 ? colour.replace(/[^#]/g, '$&$&') : colour;
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const share = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
