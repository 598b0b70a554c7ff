// The page as a person meets it: the built daemon, dev-s3, real files, a real Chromium.

import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { builtProgram } from '../system/harness/built-program.ts';
import { CHUNK_BYTES, openScene, type Scene } from '../system/harness/scene.ts';
import { pause, until } from '../system/harness/waiting.ts';
import { launchBrowser, openPage, PATIENT, PHONE } from './browser.ts';
import { litStates, watchLitStates } from './lit-states.ts';

let browser: Browser;
beforeAll(async () => {
  await builtProgram();
  browser = await launchBrowser();
}, PATIENT.timeout);
afterAll(() => browser.close());

const tokenOf = (scene: Scene): string => readFileSync(join(scene.daemon.stateDir, 'token'), 'utf8').trim();
const rowOf = (page: Page, name: string) => page.locator('tr.row', { hasText: name });
const shows = (page: Page, words: string) => page.getByText(words).first().waitFor();

describe('somebody who opens the page', PATIENT, () => {
  test('is told what to do, and then sees a file grow and pass through its states to done', async (context) => {
    const scene = await openScene(context);
    await scene.s3.addFaults({ operation: 'UploadPart', fault: 'slow', delayMs: 150 });
    const page = await openPage(context, browser, scene.daemon.address);
    await shows(page, 'No streams yet');
    await shows(page, `cp some-large-file.mp4 ${scene.recordings}/`);

    writeFileSync(scene.path('take.mp4'), Buffer.alloc(1_000, 1));
    await rowOf(page, 'take.mp4').getByRole('link').click();
    await page.locator('.chart [data-state="active"].is-active').waitFor();
    await watchLitStates(page);
    for (let part = 0; part < 3; part += 1) {
      appendFileSync(scene.path('take.mp4'), Buffer.alloc(CHUNK_BYTES, part + 2));
      await pause(500);
    }
    await page.locator('.pill', { hasText: 'done' }).waitFor();
    await page.locator('.chart [data-state="s3_completed.done"].is-active').waitFor();

    const seen = await litStates(page);
    const life = ['active.uploading', 'pending_completion', 'finalizing', 'finalizing.completing', 's3_completed.done'];
    expect(seen).toEqual(expect.arrayContaining(life));
    expect(life.map((state) => seen.indexOf(state))).toEqual(
      life.map((s) => seen.indexOf(s)).toSorted((a, b) => a - b),
    );
    await shows(page, 'Every byte is proven to be in the object');
    await shows(page, 'upload.completed');
    const { completion } = (await scene.daemon.stream('take.mp4')) ?? {};
    await shows(page, completion?.etag ?? 'no etag');

    await page.keyboard.press('Escape');
    await rowOf(page, 'take.mp4').getByText('done').waitFor();
    await page.locator('.lately li', { hasText: 'done' }).first().waitFor();
  });

  test('is told the cure when the bucket is missing, and sees it go on by itself once it is there', async (context) => {
    const scene = await openScene(context, { startDaemon: false });
    await scene.s3.deleteBucket();
    await scene.daemon.start({ until: 'listening' });
    writeFileSync(scene.path('take.mp4'), Buffer.alloc(CHUNK_BYTES + 1, 1));
    const page = await openPage(context, browser, scene.daemon.address);
    const row = rowOf(page, 'take.mp4');
    await row.getByText('The bucket does not exist. Create it, or set S3_BUCKET_NAME.').waitFor();
    await row.getByRole('link').click();
    await shows(page, 'Whoever runs this daemon can cure it.');
    await page.locator('.chart [data-state="failed.parked"].is-active').waitFor();
    await scene.s3.createBucket();
    await page.locator('.pill', { hasText: 'done' }).waitFor();
    expect(await page.getByText('The bucket does not exist').count()).toBe(0);
  });

  test('is told when the daemon is gone and when it was heard last, and sees it come back by itself', async (context) => {
    const scene = await openScene(context);
    writeFileSync(scene.path('take.mp4'), Buffer.alloc(1_000, 1));
    const page = await openPage(context, browser, scene.daemon.address);
    await rowOf(page, 'take.mp4').waitFor();
    await scene.daemon.kill();
    await page
      .getByRole('alert')
      .getByText(/was last heard \d+ s ago/)
      .waitFor();
    await scene.daemon.start({ settings: { PROM_PORT: new URL(page.url()).port } });
    await page.getByRole('alert').waitFor({ state: 'detached' });
    await rowOf(page, 'take.mp4').getByText('done').waitFor();
  });
});

describe('a hostile file name', PATIENT, () => {
  test('does nothing: no markup, no script, no text that runs backwards', async (context) => {
    const scene = await openScene(context);
    const names = [
      '<img src=x onerror="window.hit=1">.mp4',
      'a\u202egpj.exe',
      "'};window.hit=1;\n.mp4",
      '&lt;b&gt;.mp4',
    ];
    for (const name of names) writeFileSync(scene.path(name), Buffer.alloc(1_000, 1));
    mkdirSync(scene.path('<script>window.hit=1<'), { recursive: true });
    writeFileSync(scene.path('<script>window.hit=1</script>'), Buffer.alloc(1_000, 1));
    const page = await openPage(context, browser, scene.daemon.address);
    await until('all are shown', async () =>
      (await page.locator('tr.row').count()) === names.length + 1 ? true : null,
    );
    await shows(page, '<img src=x onerror="window.hit=1">.mp4');
    await shows(page, 'a\\u202egpj.exe');
    await shows(page, '&lt;b&gt;.mp4');
    expect(await page.locator('bdi', { hasText: '\u202e' }).count()).toBe(0);
    await rowOf(page, '<img src=x').getByRole('link').click();
    await page.locator('.chart svg').waitFor();
    await page
      .getByRole('button', { name: 'Forget' })
      .or(page.getByRole('button', { name: 'Abort upload' }))
      .click();
    await page.getByRole('dialog').getByText('<img src=x').first().waitFor();
    expect(await page.evaluate('[window.hit, document.querySelectorAll("#page img, #page script").length]')).toEqual([
      undefined,
      0,
    ]);
  });
});

describe('an action', PATIENT, () => {
  test('asks first, needs the token, says what the daemon answers, and is done', async (context) => {
    const scene = await openScene(context, {
      settings: { STREAM_TIMEOUT_UNKNOWN_SECONDS: '600', STREAM_TIMEOUT_SECONDS: '600' },
    });
    writeFileSync(scene.path('take.mp4'), Buffer.alloc(CHUNK_BYTES + 1, 1));
    const page = await openPage(context, browser, scene.daemon.address);
    await rowOf(page, 'take.mp4').getByRole('link').click();
    const dialog = page.getByRole('dialog');
    await page.getByRole('button', { name: 'Finalize now' }).click();
    await dialog.getByText('Finalize this stream now?').waitFor();
    await dialog.getByLabel('Token').fill('a wrong one');
    await dialog.getByRole('button', { name: 'Finalize now' }).click();
    await dialog.getByRole('alert').getByText('The token is another one').waitFor();
    expect((await scene.daemon.stream('take.mp4'))?.status).toBe('active');
    await dialog.getByLabel('Token').fill(tokenOf(scene));
    await dialog.getByRole('button', { name: 'Finalize now' }).click();
    await dialog.waitFor({ state: 'detached' });
    await page.locator('.pill', { hasText: 'done' }).waitFor();
    await page.getByRole('button', { name: 'Forget' }).click();
    await dialog.getByRole('button', { name: 'Forget' }).click();
    await shows(page, 'No such stream');
  });

  test('asks for the token before it shows anything, where the daemon listens beyond this machine', async (context) => {
    const scene = await openScene(context, { startDaemon: false });
    await scene.daemon.start({ settings: { HTTP_ADDRESS: '0.0.0.0' }, until: 'listening' });
    writeFileSync(scene.path('take.mp4'), Buffer.alloc(1_000, 1));
    const { port } = new URL(scene.daemon.address);
    const page = await openPage(context, browser, `http://127.0.0.1:${port}`);
    await shows(page, 'The daemon tells nothing without its token.');
    const give = async (token: string) => {
      await page.getByLabel('Token').fill(token);
      await page.getByRole('button', { name: 'Show the streams' }).click();
    };
    await give('another one');
    await shows(page, 'The daemon tells nothing without its token.');
    expect(await rowOf(page, 'take.mp4').count()).toBe(0);
    await give(tokenOf(scene));
    await rowOf(page, 'take.mp4').waitFor();
    expect(await page.getByLabel('Token').count()).toBe(0);
  });

  test('takes the token from the address, where it does not stay', async (context) => {
    const scene = await openScene(context);
    const page = await openPage(context, browser, `${scene.daemon.address}/#token=${tokenOf(scene)}`);
    await shows(page, 'No streams yet');
    expect(page.url()).toBe(`${scene.daemon.address}/#/`);
    expect(await page.evaluate('sessionStorage.getItem("tailrace-token")')).toBe(tokenOf(scene));
    expect(await page.content()).not.toContain(tokenOf(scene));
  });
});

describe('on a phone', PATIENT, () => {
  test('nothing scrolls sideways, whatever the names', async (context) => {
    const scene = await openScene(context);
    const long = `${'a-very-long-name-without-a-space-'.repeat(6)}.mp4`;
    mkdirSync(scene.path('a folder'));
    writeFileSync(scene.path(`a folder/${long}`), Buffer.alloc(1_000, 1));
    for (const width of [PHONE.width, 320]) {
      const page = await openPage(context, browser, scene.daemon.address, { viewport: { ...PHONE, width } });
      await page.locator('tr.row').first().waitFor();
      const sideways = () => page.evaluate('document.scrollingElement.scrollWidth - innerWidth');
      expect(await sideways()).toBe(0);
      await page.locator('tr.row a').first().click();
      await page.locator('.chart svg').waitFor();
      expect(await sideways()).toBe(0);
    }
  });
});
