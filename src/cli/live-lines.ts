// A few lines at the bottom of a terminal that renew themselves, below a log that goes on above them. Everything for that terminal
// goes through here: whatever is written beside it would be overwritten, or stay between the lines.

import { Writable } from 'node:stream';

/** Up over the lines that were drawn, and all from there on away. */
const away = (lines: number): string => (lines === 0 ? '' : `\u001b[${lines}A\u001b[J`);

export class LiveLines {
  readonly #write: (text: string) => void;
  readonly #columns: () => number;
  #lines: readonly string[] = [];
  #drawn = 0;

  constructor(write: (text: string) => void, columns: () => number) {
    this.#write = write;
    this.#columns = columns;
  }

  /** Whole lines of text, above. */
  log(text: string): void {
    this.#write(`${away(this.#drawn)}${text}${this.#text()}`);
    this.#drawn = this.#lines.length;
  }

  /** Instead of the lines before. */
  show(lines: readonly string[]): void {
    if (lines.join('\n') === this.#lines.join('\n')) return;
    this.#lines = lines;
    this.log('');
  }

  /** The same as a stream, for a logger. */
  asStream(): Writable {
    return new Writable({
      decodeStrings: false,
      write: (chunk: string | Buffer, _encoding, done) => {
        this.log(String(chunk));
        done();
      },
    });
  }

  /** A line that the terminal would break is two to go up over. */
  #text(): string {
    const most = Math.max(1, this.#columns() - 1);
    return this.#lines.map((line) => `${line.slice(0, most)}\n`).join('');
  }
}
