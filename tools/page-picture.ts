// Takes docs/page.png and docs/page-stream.png, the pictures of the page in the docs: a real daemon on dev-s3 carries a few files in different states, and
// a real Chromium looks at it. Run by `npm run picture`; more pictures for the eye with `npm run picture -- FOLDER`.

import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import { launchBrowser, newPage, PHONE } from '../test/page/browser.ts';
import type { OwnerTest } from '../test/system/harness/owned-processes.ts';
import { MIB, openScene, type Scene } from '../test/system/harness/scene.ts';
import { pause } from '../test/system/harness/waiting.ts';

const PICTURE = fileURLToPath(new URL('../docs/page.png', import.meta.url));
const STREAM_PICTURE = fileURLToPath(new URL('../docs/page-stream.png', import.meta.url));
const WIDE = { width: 1240, height: 850 };
/** Enough of a trace to look at. */
const RECORDED_MS = 75_000;
const WRITE_EVERY_MS = 200;

/** Bytes per second, and when it begins and ends, in ms. */
interface Recorder {
  readonly name: string;
  readonly bytesPerSecond: number;
  readonly fromMs: number;
  readonly untilMs: number;
}

const FOR_EVER = Number.POSITIVE_INFINITY;
const RECORDERS: readonly Recorder[] = [
  { name: 'lecture-hall-2/2026-11-22_1400.mkv', bytesPerSecond: 2.6 * MIB, fromMs: 0, untilMs: FOR_EVER },
  { name: 'cam-entrance/18-00.mp4', bytesPerSecond: 0.6 * MIB, fromMs: 0, untilMs: 18_000 },
  { name: 'cam-entrance/18-15.mp4', bytesPerSecond: 0.7 * MIB, fromMs: 16_000, untilMs: FOR_EVER },
  { name: 'cam-yard/18-00.mp4', bytesPerSecond: 1.1 * MIB, fromMs: 0, untilMs: 30_000 },
  { name: 'cam-yard/18-15.mp4', bytesPerSecond: 1.2 * MIB, fromMs: 29_000, untilMs: FOR_EVER },
  { name: 'robot-7/run-0416.mcap', bytesPerSecond: 6 * MIB, fromMs: 8_000, untilMs: 20_000 },
  { name: 'robot-7/run-0417.mcap', bytesPerSecond: 5 * MIB, fromMs: 44_000, untilMs: 66_000 },
  { name: 'microscope/stack_0093.tif', bytesPerSecond: 9 * MIB, fromMs: 24_000, untilMs: 30_000 },
  { name: 'podcast/episode-112.wav', bytesPerSecond: 1.5 * MIB, fromMs: 58_000, untilMs: FOR_EVER },
  { name: 'court-room-4/hearing.mp4', bytesPerSecond: 1.3 * MIB, fromMs: 0, untilMs: 26_000 },
];

async function take(folder: string | null): Promise<void> {
  const ends: (() => unknown)[] = [];
  const owner = {
    onTestFinished: (end: () => unknown) => ends.push(end),
    onTestFailed: () => {},
  } as unknown as OwnerTest;
  const browser = await launchBrowser();
  try {
    const scene = await openScene(owner, {
      redis: true,
      settings: { S3_ON_EXISTING: 'fail', INSTANCE_NAME: 'studio', STREAM_TIMEOUT_UNKNOWN_SECONDS: '3' },
    });
    await scene.s3.putObject('court-room-4/hearing.mp4', Buffer.from('somebody else'));
    writeFileSync(scene.path('notes-without-a-word.txt'), '');
    // The large one is seen while S3 puts it together.
    await scene.s3.addFaults(
      { operation: 'CompleteMultipartUpload', key: 'robot-7/run-0417.mcap', fault: 'slow', delayMs: 12_000 },
      { operation: 'UploadPart', fault: 'slow', delayMs: 400 },
    );
    await lookAt(scene, browser, folder);
  } finally {
    await browser.close();
    for (const end of ends.reverse()) await end();
  }
}

async function lookAt(scene: Scene, browser: Browser, folder: string | null): Promise<void> {
  const { page, complaints } = await newPage(browser, { viewport: WIDE, deviceScaleFactor: 1, colorScheme: 'light' });
  await page.goto(scene.daemon.address);
  await record(scene, RECORDED_MS);
  await page.screenshot({ path: PICTURE });
  await page.getByRole('link', { name: 'run-0417.mcap' }).first().click();
  await pause(2_500);
  await page.screenshot({ path: STREAM_PICTURE });
  await page.keyboard.press('Escape');
  process.stderr.write(complaints.map((each) => `The page complains: ${each}\n`).join(''));
  if (folder === null) return;
  mkdirSync(folder, { recursive: true });
  const recording = record(scene, 30_000, RECORDED_MS);
  const at = (name: string): string => join(folder, `${name}.png`);
  const growing = page.getByRole('link', { name: '2026-11-22_1400.mkv' }).first();
  await page.emulateMedia({ colorScheme: 'dark' });
  await pause(500);
  await page.screenshot({ path: at('overview-dark') });
  await growing.click();
  await pause(2_500);
  await page.screenshot({ path: at('stream-dark'), fullPage: true });
  await page.emulateMedia({ colorScheme: 'light' });
  await pause(500);
  await page.screenshot({ path: at('stream-light'), fullPage: true });
  await page.getByRole('button', { name: 'follow' }).click();
  await page.getByRole('button', { name: 'Abort upload' }).click();
  await pause(800);
  await page.screenshot({ path: at('dialog') });
  const phone = await newPage(browser, { viewport: PHONE, deviceScaleFactor: 2, colorScheme: 'dark' });
  await phone.page.goto(scene.daemon.address);
  await pause(1_500);
  await phone.page.screenshot({ path: at('phone-overview') });
  await phone.page.getByRole('link', { name: 'hearing.mp4' }).first().click();
  await pause(1_500);
  await phone.page.screenshot({ path: at('phone-stream'), fullPage: true });
  await recording;
}

async function record(scene: Scene, forMs: number, sinceMs = 0): Promise<void> {
  const beganAtMs = Date.now() - sinceMs;
  const endMs = Date.now() + forMs;
  let lastMs = sinceMs;
  while (Date.now() < endMs) {
    const nowMs = Date.now() - beganAtMs;
    for (const { name, bytesPerSecond, fromMs, untilMs } of RECORDERS) {
      if (nowMs < fromMs || nowMs > untilMs) continue;
      mkdirSync(dirname(scene.path(name)), { recursive: true });
      // Recorders do not write like clocks.
      const share = 0.6 + 0.8 * Math.abs(Math.sin(nowMs / 2_300 + name.length));
      appendFileSync(
        scene.path(name),
        Buffer.alloc(Math.round(((bytesPerSecond * (nowMs - lastMs)) / 1_000) * share), name),
      );
    }
    lastMs = nowMs;
    await pause(WRITE_EVERY_MS);
  }
}

await take(process.argv[2] ?? null);
