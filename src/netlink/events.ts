import type { AttrSet, Definitions, Unknown, ValueOf } from './attr-set.ts';
import { CodecError } from './errors.ts';
import { GENL_HEADER, writeGenlHeader } from './generic.ts';
import type { Writer } from './writer.ts';

export interface EventSpec<N extends string, M extends string> {
  readonly command: number;
  readonly needs: readonly N[];
  readonly may: readonly M[];
}

/** Declares an event: its command, the attributes that it always has, and those that it may have. */
export function event<const N extends string, const M extends string>(
  command: number,
  needs: readonly N[],
  may: readonly M[],
): EventSpec<N, M>;
// Not a default for M: inside a table, TypeScript would take `string` from the table's own type instead.
export function event<const N extends string>(command: number, needs: readonly N[]): EventSpec<N, never>;
export function event(command: number, needs: readonly string[], may: readonly string[] = []) {
  return { command, needs, may };
}

type Specs = Readonly<Record<string, EventSpec<string, string>>>;

/** A value that need not be there: false where it is a bit, undefined otherwise. */
type Optional<T> = T extends boolean ? T : T | undefined;

type EventOf<D extends Definitions, K, S> =
  S extends EventSpec<infer N, infer M>
    ? { readonly type: K } & { readonly [A in N & keyof D]: ValueOf<D[A]> } & {
        readonly [A in M & keyof D]: Optional<ValueOf<D[A]>>;
      } & { readonly unknown?: readonly Unknown[] }
    : never;

/** An event that the table does not know. */
export interface UnknownEvent {
  readonly type: 'unknown';
  readonly command: number;
}

type Decoded<D extends Definitions, S extends Specs> = { [K in keyof S]: EventOf<D, K, S[K]> }[keyof S];
type Encodable<D extends Definitions> = { readonly [K in keyof D]?: ValueOf<D[K]> };

/** The events of a family. */
export class Events<D extends Definitions, S extends Specs> {
  readonly #set: AttrSet<D>;
  readonly #specs: S;
  /** By command: an event with nothing in it yet, and what it must have. */
  readonly #known: ({ blank: Readonly<Record<string, unknown>>; needs: readonly string[] } | undefined)[] = [];

  constructor(set: AttrSet<D>, specs: S) {
    this.#set = set;
    this.#specs = specs;
    for (const [type, { command, needs, may }] of Object.entries(specs)) {
      const blank: Record<string, unknown> = { type };
      for (const key of [...needs, ...may]) {
        if (!set.has(key)) throw new Error(`${type}: ${set.name} has no ${key}`);
        blank[key] = set.absent(key);
      }
      this.#known[command] = { blank, needs };
    }
  }

  /**
   * Reads the event in a message body. It makes one object, whose keys are all there from the start.
   * @throws CodecError where an attribute that the event always has is missing or malformed
   */
  decode(b: Buffer, body: number, end: number): Decoded<D, S> | UnknownEvent {
    if (end - body < GENL_HEADER) throw new CodecError('NL_TRUNCATED', 'no room for the generic netlink header');
    const command = b[body] ?? 0;
    const known = this.#known[command];
    if (known === undefined) return { type: 'unknown', command };
    const decoded = { ...known.blank };
    this.#set.fill(decoded, b, body + GENL_HEADER, end);
    const { needs } = known;
    for (let i = 0; i < needs.length; i++) {
      const key = needs[i] as string;
      if (decoded[key] === undefined)
        throw new CodecError('NL_MISSING_ATTR', `missing in ${known.blank['type']}`, [key]);
    }
    return decoded as unknown as Decoded<D, S>;
  }

  /** Writes an event's body, as the kernel would. */
  encode<K extends keyof S & string>(w: Writer, type: K, values: Encodable<D>): void {
    const spec = this.#specs[type];
    if (!spec) throw new Error(`no event ${type}`);
    writeGenlHeader(w, spec.command, 1);
    this.#set.encode(w, values);
  }
}

export function events<D extends Definitions, const S extends Specs>(set: AttrSet<D>, specs: S): Events<D, S> {
  return new Events(set, specs);
}
