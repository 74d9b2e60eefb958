import type { AttrSet, Definitions, Nest, ValueOf, Values } from './attr-set.ts';
import { CodecError } from './errors.ts';
import type { Writer } from './writer.ts';

/** One kind of request: how it is written, how an answer is read, and what the kernel's complaint points at. */
export interface Operation<Request, Answer> {
  /** What errors call it. */
  readonly name: string;
  /** Whether answers to it come before the ACK. */
  readonly answers: boolean;
  /** Writes what follows the message header. */
  write(w: Writer, request: Request): void;
  /** Reads one message of the answer. */
  read(b: Buffer, body: number, end: number): Answer;
  /** The attribute at an offset that is counted from the start of the body, outermost name first. */
  locate(b: Buffer, body: number, end: number, target: number): readonly string[];
  /** The name of attribute number `id` in the nest at offset `nest`, or at the top. */
  nameOf(b: Buffer, body: number, end: number, id: number, nest?: number): readonly string[];
}

/** A key of a table, or a key of a nest in it: `token`, `addr.id`. */
export type Need<D extends Definitions> =
  | (keyof D & string)
  | {
      [K in keyof D & string]: D[K] extends readonly [number, Nest<infer I>] ? `${K}.${keyof I & string}` : never;
    }[keyof D & string];

type Top<N extends string> = N extends `${infer K}.${string}` ? K : N;
type Inner<N extends string, K extends string> = N extends `${K}.${infer S}` ? S : never;
type Flat<T> = { readonly [K in keyof T]: T[K] };

type Needed<E, Keys extends string> = E extends readonly [number, Nest<infer I>]
  ? Flat<Values<I> & { readonly [K in Keys & keyof I]-?: ValueOf<I[K]> }>
  : ValueOf<E>;

/** The values of a table, those that are needed no longer optional. */
export type With<D extends Definitions, N extends string> = Flat<
  Omit<Values<D>, Top<N>> & { readonly [K in Top<N> & keyof D & string]: Needed<D[K], Inner<N, K>> }
>;

/** Throws NL_MISSING_ATTR with its path where one of the needed values is not there. */
export function requireAll(values: Readonly<Record<string, unknown>>, needs: readonly string[], of: string): void {
  for (const need of needs) {
    const path = need.split('.');
    let value: unknown = values;
    for (const key of path) value = (value as Readonly<Record<string, unknown>> | undefined)?.[key];
    if (value === undefined) throw new CodecError('NL_MISSING_ATTR', `missing in ${of}`, path);
  }
}

/** The path of a nest at an offset, with the name of an attribute that it lacks. */
export function missingName<D extends Definitions>(
  set: AttrSet<D>,
  b: Buffer,
  at: number,
  end: number,
  id: number,
  nest?: number,
): readonly string[] {
  if (nest === undefined) return [set.keyOf(id) ?? `attribute ${id}`];
  const path = set.locate(b, at, end, nest);
  let inner: AttrSet<Definitions> | undefined = set as unknown as AttrSet<Definitions>;
  for (const key of path) {
    const definition: unknown = inner?.definitions[key];
    inner = Array.isArray(definition) ? (definition[1] as Nest<Definitions>).set : undefined;
  }
  return [...path, inner?.keyOf(id) ?? `attribute ${id}`];
}
