// Server-sent events out of text that arrives in any pieces: the part of the WHATWG algorithm that a server of ours uses. Unlike
// the browser's EventSource it also tells of comments, by which the page knows that a silent daemon is alive.
//
// Bounded: an event larger than MAX_EVENT_CHARS is a broken server, and ends the connection.

/** 10,000 streams that change at once are about 10 MB of views. */
export const MAX_EVENT_CHARS = 64 * 2 ** 20;

export interface ServerEvent {
  readonly name: string;
  readonly data: string;
}

export class EventParser {
  #rest = '';
  #name = '';
  #data: string[] = [];
  #chars = 0;

  /** The events that are complete by now, in order. */
  take(text: string): readonly ServerEvent[] {
    const events: ServerEvent[] = [];
    const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line !== '') {
        this.#field(line);
        continue;
      }
      if (this.#data.length > 0) events.push({ name: this.#name || 'message', data: this.#data.join('\n') });
      this.#name = '';
      this.#data = [];
      this.#chars = 0;
    }
    if (this.#rest.length + this.#chars > MAX_EVENT_CHARS) throw new Error('The daemon sent an event without end.');
    return events;
  }

  #field(line: string): void {
    const colon = line.indexOf(':');
    if (colon === 0) return;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'event') this.#name = value;
    if (field !== 'data') return;
    this.#data.push(value);
    this.#chars += value.length;
  }
}
