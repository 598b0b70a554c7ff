// How many files this process may open, and how many of those the file source may keep open.

import { readFileSync } from 'node:fs';

/** When the limit cannot be read (no /proc): below half of the smallest default in use, 256 on macOS. */
const UNKNOWN_LIMIT_HELD = 100;
/** More streams than this seldom grow at once, and each open file costs kernel memory. */
const MAX_HELD = 8_192;

/** Half of the soft limit: the other half is for sockets, the journal, libraries and reads on the way. */
export function defaultHeldDescriptors(limitsPath = '/proc/self/limits'): number {
  let text: string;
  try {
    text = readFileSync(limitsPath, 'utf8');
  } catch {
    return UNKNOWN_LIMIT_HELD;
  }
  const soft = /^Max open files\s+(\d+|unlimited)/m.exec(text)?.[1];
  if (soft === undefined) return UNKNOWN_LIMIT_HELD;
  return soft === 'unlimited' ? MAX_HELD : Math.max(1, Math.min(MAX_HELD, Math.floor(Number(soft) / 2)));
}
