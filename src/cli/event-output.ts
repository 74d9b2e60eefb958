import type { IfIndex } from '../core/model/ids.ts';
import { type Told, toLine, toValue } from './event-format.ts';
import { type Json, toJson } from './json.ts';
import type { Options } from './options.ts';
import { type Time, timeMember, timePrefix } from './timestamp.ts';

/** The output: lines of text, one JSON array, or with -j -o one JSON object a line. */
export class EventOutput {
  readonly #options: Options;
  readonly #out: (text: string) => void;
  #empty = true;

  constructor(options: Options, out: (text: string) => void) {
    this.#options = options;
    this.#out = out;
  }

  open(): void {
    if (this.#isArray) this.#out(this.#options.pretty ? '[ ' : '[');
  }

  add(told: Told, linkName: (index: IfIndex) => string, time: Time): void {
    const { json, pretty, timestamp } = this.#options;
    if (!json) {
      this.#out(`${timePrefix(timestamp, time)}${toLine(told, linkName)}\n`);
      return;
    }
    const value: Json = { ...timeMember(timestamp, time), ...toValue(told, linkName) };
    if (!this.#isArray) this.#out(`${toJson(value, false)}\n`);
    else this.#out(`${this.#empty ? '' : ','}${toJson(value, pretty, 1)}`);
    this.#empty = false;
  }

  close(): void {
    if (this.#isArray) this.#out(this.#options.pretty && !this.#empty ? ' ]\n' : ']\n');
  }

  get #isArray(): boolean {
    return this.#options.json && !this.#options.oneLine;
  }
}
