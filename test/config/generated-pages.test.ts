import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { PAGES } from '../../tools/generate-config-docs.ts';

test.each(Object.keys(PAGES))('docs/%s says what the code says', (name) => {
  expect(readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8')).toBe(PAGES[name]?.());
});
