// Every link of the docs leads to a file that is there, and to a heading that is there.

import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const PAGES = globSync(['*.md', 'docs/**/*.md', 'deploy/**/*.md'], { cwd: ROOT });

/** As code hosts make it: lower case, words joined by dashes, without punctuation. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{M} _-]/gu, '')
    .replaceAll(' ', '-');

const anchorsIn = (path: string): ReadonlySet<string> =>
  new Set(
    [...readFileSync(path, 'utf8').matchAll(/^#{1,6} (.+)$/gm)].map(([, text = '']) =>
      anchorOf(text.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')),
    ),
  );

function brokenIn(page: string): readonly string[] {
  const path = join(ROOT, page);
  const links = [...readFileSync(path, 'utf8').matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
  return links.filter((link) => {
    if (/^(https?|mailto):/.test(link)) return false;
    const [file = '', anchor] = link.split('#');
    const target = file === '' ? path : join(dirname(path), file);
    if (relative(ROOT, target).startsWith('..') || !existsSync(target)) return true;
    return anchor !== undefined && target.endsWith('.md') && !anchorsIn(target).has(anchor);
  });
}

describe('the docs', () => {
  test.each(PAGES)('%s has no broken link', (page) => {
    expect(brokenIn(page)).toEqual([]);
  });

  test('has every page in its index', () => {
    const index = readFileSync(join(ROOT, 'docs/README.md'), 'utf8');
    const pages = PAGES.filter((page) => /^docs\/[^/]+\.md$/.test(page) && page !== 'docs/README.md');
    expect(pages.filter((page) => !index.includes(`(${page.slice('docs/'.length)})`))).toEqual([]);
  });
});
