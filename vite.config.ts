// The page: src/web becomes dist/web, files that the daemon serves as they are. Nothing inline (the daemon's content policy
// forbids it), nothing from elsewhere, and addresses relative, so that it also works behind a proxy's prefix.

import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  root: at('src/web'),
  base: './',
  publicDir: false,
  logLevel: 'warn',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: at('dist/web'),
    emptyOutDir: true,
    target: 'es2023',
    assetsInlineLimit: 0,
    modulePreload: false,
    // The notice of what is bundled (preact, MIT) goes where the bundle goes.
    license: { fileName: 'licenses.md' },
  },
});
