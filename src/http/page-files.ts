// The page: the files that its build left in a folder, served as they are.
//
// P1. Only what a look into the folder found at start is served, by the names that were found: no request names a path on the
//     disk, so that none can lead out of the folder. Links are not followed, unknown kinds of files left out.
// P2. The page may load from here alone, and run no script that stands in it: a hostile file name shown on it stays a name.

import { readdir, readFile, stat } from 'node:fs/promises';
import { extname, join, relative, sep } from 'node:path';
import { MAX_PAGE_FILES } from './http-limits.ts';
import type { Reply } from './reply.ts';

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.json': 'application/json; charset=utf-8',
  '.webmanifest': 'application/manifest+json; charset=utf-8',
};

const PAGE_POLICY = [
  "default-src 'none'",
  ...["script-src 'self'", "style-src 'self'", "img-src 'self'", "font-src 'self'", "connect-src 'self'"],
  ...["base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"],
].join('; ');

export interface PageFiles {
  has(path: string): boolean;
  /** null: nothing of the page is at this path. */
  at(path: string, ifNoneMatch: string | undefined): Promise<Reply | null>;
}

/** No page: nothing is built. */
export const NO_PAGE: PageFiles = { has: () => false, at: async () => null };

/** `folder` holds `index.html` and what it needs. */
export async function pageFilesIn(folder: string): Promise<PageFiles> {
  const files = await filesIn(folder);
  if (!files.has('/index.html')) return NO_PAGE;
  const nameOf = (path: string): string => (path === '/' ? '/index.html' : path);
  return {
    has: (path) => files.has(nameOf(path)),
    async at(path, ifNoneMatch) {
      const name = nameOf(path);
      const file = files.get(name);
      return file === undefined ? null : await replyOf(name, file, ifNoneMatch);
    },
  };
}

/** P1. By the path under which each is asked for. */
async function filesIn(folder: string): Promise<ReadonlyMap<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const served = entries.filter((entry) => entry.isFile() && CONTENT_TYPES[extname(entry.name)] !== undefined);
  const paths = served.slice(0, MAX_PAGE_FILES).map((entry) => join(entry.parentPath, entry.name));
  return new Map(paths.map((path) => [`/${relative(folder, path).split(sep).join('/')}`, path]));
}

async function replyOf(name: string, file: string, ifNoneMatch: string | undefined): Promise<Reply | null> {
  const contentType = CONTENT_TYPES[extname(name)] ?? 'application/octet-stream';
  try {
    const { size, mtimeMs } = await stat(file);
    const etag = `"${size.toString(16)}-${Math.round(mtimeMs).toString(16)}"`;
    const headers = {
      // Kept, and asked for whether it is still the same: on this machine that costs nothing, and an update is seen at once.
      'Cache-Control': 'no-cache',
      'Content-Security-Policy': PAGE_POLICY,
      ETag: etag,
    };
    if (ifNoneMatch === etag) return { status: 304, contentType, body: '', headers };
    return { status: 200, contentType, body: await readFile(file), headers };
  } catch {
    // Built anew while we run: the next start finds what is there then.
    return null;
  }
}
