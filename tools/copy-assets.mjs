// Part of the build: copies what the compiler leaves behind (Lua scripts) from src to dist, under the same path.
import { copyFileSync, mkdirSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
for (const path of readdirSync(join(root, 'src'), { recursive: true })) {
  if (!path.endsWith('.lua')) continue;
  const copy = join(root, 'dist', path);
  mkdirSync(dirname(copy), { recursive: true });
  copyFileSync(join(root, 'src', path), copy);
}
