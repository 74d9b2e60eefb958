import { CodecError } from './errors.ts';
import type { Type } from './types.ts';
import type { Writer } from './writer.ts';

/** Bytes between two fields. */
export interface Padding {
  readonly padding: number;
}
export const pad = (bytes: number): Padding => ({ padding: bytes });

// biome-ignore lint/suspicious/noExplicitAny: the table's machinery speaks of values of every type
type Field = Type<any> | Padding;
export type Fields = Readonly<Record<string, Field>>;

export type StructOf<F extends Fields> = {
  readonly [K in keyof F as F[K] extends Padding ? never : K]: F[K] extends Type<infer T> ? T : never;
};

/** A C struct with fields of fixed size, in the order of the table. */
export class Struct<F extends Fields> {
  readonly name: string;
  readonly size: number;
  readonly #fields: readonly (readonly [key: string, type: Type<unknown>, offset: number])[];

  /** @param size what sizeof says; a table that adds up to something else is refused */
  constructor(name: string, size: number, fields: F) {
    this.name = name;
    this.size = size;
    const placed: [string, Type<unknown>, number][] = [];
    let offset = 0;
    for (const [key, field] of Object.entries(fields)) {
      if ('padding' in field) {
        offset += field.padding;
      } else {
        if (field.size === undefined) throw new Error(`${name}.${key}: ${field.kind} has no fixed size`);
        placed.push([key, field, offset]);
        offset += field.size;
      }
    }
    if (offset !== size) throw new Error(`struct ${name} is ${size} bytes in C and ${offset} in the table`);
    this.#fields = placed;
  }

  read(b: Buffer, at: number, end: number): StructOf<F> {
    if (end - at < this.size) {
      throw new CodecError('NL_TRUNCATED', `${end - at} bytes where the struct has ${this.size}`, [this.name]);
    }
    return this.readWhole(b, at, end) as unknown as StructOf<F>;
  }

  /** Reads the fields that stand wholly before `end`: a struct that grows from kernel to kernel may be shorter. */
  readWhole(b: Buffer, at: number, end: number): Partial<StructOf<F>> {
    const values: Record<string, unknown> = {};
    for (const [key, type, offset] of this.#fields) {
      const size = type.size ?? 0;
      if (at + offset + size > end) break;
      values[key] = type.read(b, at + offset, size);
    }
    return values as Partial<StructOf<F>>;
  }

  /** Writes the struct; fields that are not given are 0. */
  write(w: Writer, values: Partial<StructOf<F>>): void {
    for (const key of Object.keys(values)) {
      if (!this.#fields.some(([field]) => field === key)) {
        throw new CodecError('NL_OUT_OF_RANGE', 'no field of the struct', [this.name, key]);
      }
    }
    const start = w.length;
    for (const [key, type, offset] of this.#fields) {
      const value = (values as Readonly<Record<string, unknown>>)[key];
      if (value === undefined) continue;
      w.zeros(start + offset - w.length);
      this.#field(w, key, type, value);
    }
    w.zeros(start + this.size - w.length);
  }

  #field(w: Writer, key: string, type: Type<unknown>, value: unknown): void {
    try {
      type.write(w, value);
    } catch (error) {
      throw error instanceof CodecError ? error.within(key).within(this.name) : error;
    }
  }
}

export function struct<const F extends Fields>(name: string, size: number, fields: F): Struct<F> {
  return new Struct(name, size, fields);
}

/**
 * An attribute that holds a struct which grows from kernel to kernel: an older kernel's lacks the last fields, a newer
 * one's goes on after them. Written whole, fields that are not given 0.
 */
export function growing<F extends Fields>(table: Struct<F>): Type<Partial<StructOf<F>>> {
  return {
    kind: 'struct',
    read: (b, at, length) => table.readWhole(b, at, at + length),
    write: (w, value: unknown) => {
      if (typeof value !== 'object' || value === null) throw new CodecError('NL_OUT_OF_RANGE', `no ${table.name}`);
      table.write(w, value as Partial<StructOf<F>>);
    },
  };
}
