// A real Chromium for the tests of the page, one per test file, with a page per test. What a page complains about (a script that
// throws, a resource that the content policy forbids) fails its test.

import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { expect } from 'vitest';
import { type OwnerTest, pathOfProgram } from '../system/harness/owned-processes.ts';

/** Chromium refuses root's sandbox; a folder of shared memory is small in containers. */
const ARGS = ['--disable-dev-shm-usage', ...(process.geteuid?.() === 0 ? ['--no-sandbox'] : [])];
/** What is waited for comes in milliseconds on a quiet machine; this one may be building and testing other things. */
const TIMEOUT_MS = 40_000;
/** For tests that wait for several such things, and for the hook that may have to build the program. */
export const PATIENT = { timeout: 120_000 };

export async function launchBrowser(): Promise<Browser> {
  return await chromium.launch({ executablePath: pathOfProgram('chromium', ['chromium']), args: ARGS });
}

export const DESKTOP = { width: 1200, height: 800 };
export const PHONE = { width: 390, height: 844 };

export interface OpenedPage {
  readonly page: Page;
  /** Complaints so far. */
  readonly complaints: readonly string[];
}

export async function openPage(
  test: OwnerTest,
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<Page> {
  const { page, complaints } = await newPage(browser, options);
  test.onTestFinished(async () => {
    await page.context().close();
    expect(complaints).toEqual([]);
  });
  await page.goto(url);
  return page;
}

export async function newPage(browser: Browser, options: BrowserContextOptions = {}): Promise<OpenedPage> {
  const context = await browser.newContext({ viewport: DESKTOP, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(TIMEOUT_MS);
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(`${error.name}: ${error.message}`));
  page.on('console', (message) => {
    // A daemon that is gone, or that refuses, is part of some tests; the browser says so each time.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
      complaints.push(message.text());
  });
  return { page, complaints };
}
