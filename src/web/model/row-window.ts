// Which rows of a long list are drawn: those in sight and a few around them. Rows have one height, so that this is arithmetic.

/** Rows beyond each edge: keys and a quick wheel meet drawn rows. */
const MARGIN_ROWS = 8;
/** Whatever the height of the screen says. */
export const MAX_DRAWN_ROWS = 100;

export interface RowWindow {
  readonly first: number;
  /** Exclusive. */
  readonly end: number;
}

/** `aboveTop`: pixels of the list that are scrolled out above; negative: it begins further down. */
export function rowWindow(rows: number, rowPx: number, aboveTop: number, viewPx: number): RowWindow {
  const first = clamp(Math.floor(aboveTop / rowPx) - MARGIN_ROWS, 0, rows);
  const end = clamp(Math.ceil((aboveTop + viewPx) / rowPx) + MARGIN_ROWS, first, rows);
  return { first, end: Math.min(end, first + MAX_DRAWN_ROWS) };
}

const clamp = (value: number, least: number, most: number): number => Math.min(Math.max(value, least), most);
