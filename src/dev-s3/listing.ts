// One page of a listing of keys: sorted by their UTF-8 bytes, below a prefix, grouped at a delimiter, after a place.
//
// Pure. A place is where a former page ended: a key, or a group (common prefix), all of whose keys are then passed over.
// A page and the page after its place never overlap and never skip anything that was there all the time.

export type ListingPlace = { readonly after: string; readonly isGroup: boolean };
export type ListingQuery = {
  readonly prefix: string;
  readonly delimiter: string;
  readonly place: ListingPlace | null;
  readonly maxEntries: number;
};
export type ListingPage = {
  readonly keys: readonly string[];
  readonly groups: readonly string[];
  /** Where the next page begins, if there is one. */
  readonly next: ListingPlace | null;
};

export function listKeys(sortedKeys: readonly string[], query: ListingQuery): ListingPage {
  const { prefix, place, maxEntries } = query;
  const keys: string[] = [];
  const groups: string[] = [];
  let last = place;
  let index = lowerBound(sortedKeys, startOf(prefix, place));
  for (; index < sortedKeys.length; index += 1) {
    const key = sortedKeys[index] ?? '';
    if (!key.startsWith(prefix)) break;
    if (isPassed(key, last)) continue;
    if (keys.length + groups.length >= maxEntries) break;
    const group = groupOf(key, query);
    if (group === null) keys.push(key);
    else groups.push(group);
    last = { after: group ?? key, isGroup: group !== null };
  }
  const isTruncated = maxEntries > 0 && index < sortedKeys.length && (sortedKeys[index] ?? '').startsWith(prefix);
  return { keys, groups, next: isTruncated ? last : null };
}

function startOf(prefix: string, place: ListingPlace | null): string {
  return place !== null && compareUtf8(place.after, prefix) > 0 ? place.after : prefix;
}

function isPassed(key: string, place: ListingPlace | null): boolean {
  if (place === null) return false;
  return place.isGroup ? key.startsWith(place.after) : compareUtf8(key, place.after) <= 0;
}

function groupOf(key: string, { prefix, delimiter }: ListingQuery): string | null {
  if (delimiter === '') return null;
  const at = key.indexOf(delimiter, prefix.length);
  return at < 0 ? null : key.slice(0, at + delimiter.length);
}

function lowerBound(sortedKeys: readonly string[], key: string): number {
  let low = 0;
  let high = sortedKeys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareUtf8(sortedKeys[middle] ?? '', key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * The order of S3: by UTF-8 bytes. That of JavaScript's strings differs in one thing: surrogates (characters beyond the
 * basic plane) sort below U+E000 to U+FFFF there.
 */
export function compareUtf8(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index += 1) {
    const unitOfA = a.charCodeAt(index);
    const unitOfB = b.charCodeAt(index);
    if (unitOfA !== unitOfB) return byteRank(unitOfA) - byteRank(unitOfB);
  }
  return a.length - b.length;
}

function byteRank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}
