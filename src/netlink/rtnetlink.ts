import type { AttrSet, Definitions, Values } from './attr-set.ts';
import { missingName, type Operation } from './operation.ts';
import type { Fields, Struct, StructOf } from './struct.ts';
import { align4, type Writer } from './writer.ts';

/** A message of rtnetlink: a struct, then attributes, read into one object. An attribute hides a field of its name. */
export interface RtMessage<V> {
  /** The message types: something is there or has changed, something is gone, somebody asks. */
  readonly types: { readonly added: number; readonly removed: number; readonly get: number };
  /** Asks for one, or with a dump for all. */
  readonly get: Operation<Partial<V>, V>;
  decode(b: Buffer, body: number, end: number): V;
  encode(w: Writer, values: Partial<V>): void;
}

export function rtMessage<F extends Fields, D extends Definitions>(
  name: string,
  types: RtMessage<unknown>['types'],
  header: Struct<F>,
  set: AttrSet<D>,
): RtMessage<StructOf<F> & Values<D>> {
  type V = StructOf<F> & Values<D>;
  const headerSize = align4(header.size);

  const decode = (b: Buffer, body: number, end: number): V => {
    const values = header.read(b, body, end) as Record<string, unknown>;
    set.fill(values, b, Math.min(body + headerSize, end), end);
    return values as V;
  };
  const encode = (w: Writer, values: Partial<V>): void => {
    const attributes: Record<string, unknown> = {};
    for (const [key, value] of Object.entries(values)) if (set.has(key)) attributes[key] = value;
    const fields = Object.entries(values).filter(([key]) => !set.has(key));
    header.write(w, Object.fromEntries(fields) as Partial<StructOf<F>>);
    w.zeros(headerSize - header.size);
    set.encode(w, attributes);
  };
  return {
    types,
    decode,
    encode,
    get: {
      name: `read ${name}`,
      answers: true,
      write: encode,
      read: decode,
      locate: (b, body, end, target) => set.locate(b, body + headerSize, end, target),
      nameOf: (b, body, end, id, nest) => missingName(set, b, body + headerSize, end, id, nest),
    },
  };
}
