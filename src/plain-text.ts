// Text from outside (paths, keys, messages of servers) made safe to show: a hostile file name must not forge a log line, speak
// to a terminal or turn the text around. What is escaped stays recognizable.

/** A path has at most 4,096 bytes, a stack a few thousand characters. */
const MAX_TEXT_CHARS = 4_096;

const SPEAKS = /[\p{Cc}\p{Cs}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** Control, line-separating and direction characters, and bytes that are no UTF-8 (U+DC80 to U+DCFF), become visible escapes. */
export function plainText(text: string, mostChars = MAX_TEXT_CHARS): string {
  const safe = text.replace(SPEAKS, escapeOf);
  return safe.length > mostChars ? `${safe.slice(0, mostChars - 1)}…` : safe;
}

/** A line of JSON that can be looked at on a terminal: the same characters as JSON's own escapes, so that nothing of it is lost. */
export const jsonLine = (value: unknown): string => `${JSON.stringify(value).replace(SPEAKS, jsonEscapeOf)}\n`;

const jsonEscapeOf = (char: string): string => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;

function escapeOf(char: string): string {
  const code = char.charCodeAt(0);
  if (code >= 0xdc80 && code <= 0xdcff) return `\\x${(code - 0xdc00).toString(16)}`;
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16)}`;
}
