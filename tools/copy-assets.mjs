// Part of the build: copies what the compiler leaves behind (Lua scripts) from src to dist, under the same path, and removes from
// dist what an older build left there: what is packed is what the sources are.
import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
/** The page has a build of its own. */
const NOT_OURS = /^web\//;

for (const path of readdirSync(join(root, 'src'), { recursive: true })) {
  if (!path.endsWith('.lua')) continue;
  const copy = join(root, 'dist', path);
  mkdirSync(dirname(copy), { recursive: true });
  copyFileSync(join(root, 'src', path), copy);
}

for (const path of readdirSync(join(root, 'dist'), { recursive: true })) {
  const [, name, ending] = /^(.*)(\.js|\.js\.map|\.lua)$/.exec(path) ?? [];
  if (name === undefined || NOT_OURS.test(path)) continue;
  const source = join(root, 'src', name + (ending === '.lua' ? '.lua' : '.ts'));
  if (!existsSync(source)) rmSync(join(root, 'dist', path), { force: true });
}
