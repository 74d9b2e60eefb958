import { CodecError } from './errors.ts';
import { u16At } from './host-order.ts';
import type { Type } from './types.ts';
import { align4, type Writer } from './writer.ts';

/** Above an attribute's number stand NLA_F_NESTED and NLA_F_NET_BYTEORDER (include/uapi/linux/netlink.h). */
const NLA_F_NESTED = 0x8000;
const NUMBER_MASK = 0x3fff;
const HEADER = 4;

// biome-ignore lint/suspicious/noExplicitAny: the table's machinery speaks of values of every type
type AnyType = Type<any>;

/** One way in which a value can stand on the wire: as a whole attribute, or as one bit of it. */
interface Slot {
  readonly id: number;
  readonly type: AnyType;
  /** 0: the whole attribute. Otherwise the value is whether this bit is set. */
  readonly mask: number;
}

/** An entry of a table with more than one slot, or with a bit. */
export interface Entry<T> {
  readonly slots: readonly Slot[];
  /** What the value is where no attribute carries it: false for bits. */
  readonly absent: T extends boolean ? T | undefined : undefined;
  readonly value?: T;
}

/** What a table says of one value: `[number, type]`, or {@link bit} or {@link either}. */
export type Definition = readonly [id: number, type: AnyType] | Entry<unknown>;
export type Definitions = Readonly<Record<string, Definition>>;

export type ValueOf<E> = E extends readonly [number, Type<infer T>] ? T : E extends Entry<infer T> ? T : never;

/** What a table decodes to: every value may be absent. */
export type Values<D extends Definitions> = { readonly [K in keyof D]?: ValueOf<D[K]> };

/** A boolean that is one bit of a number. */
export function bit(id: number, type: Type<number>, mask: number): Entry<boolean> {
  return { slots: [{ id, type, mask }], absent: false };
}

/** A value that stands in one attribute or in another; written into the first that takes it. */
export function either<T>(...ways: readonly (readonly [number, Type<T>] | Entry<T>)[]): Entry<T> {
  const entries = ways.map(toEntry);
  return {
    slots: entries.flatMap((e) => e.slots),
    absent: entries.find((e) => e.absent !== undefined)?.absent,
  } as Entry<T>;
}

function toEntry<T>(definition: readonly [number, Type<T>] | Entry<T>): Entry<T> {
  if ('slots' in definition) return definition;
  return { slots: [{ id: definition[0], type: definition[1], mask: 0 }], absent: undefined } as unknown as Entry<T>;
}

interface NamedSlot extends Slot {
  readonly key: string;
  readonly exactSize: number;
}

/** An attribute that the table does not know: newer kernels send more. */
export interface Unknown {
  readonly id: number;
  readonly bytes: Uint8Array;
}

/** One set of attributes: the only place that knows their numbers and types. */
export class AttrSet<D extends Definitions> {
  readonly name: string;
  readonly definitions: D;
  readonly #slots: (readonly NamedSlot[] | undefined)[] = [];
  readonly #entries = new Map<string, Entry<unknown>>();
  readonly #sparse: boolean;

  /** @param sparse the table is a choice: what it lacks is passed over unseen */
  constructor(name: string, definitions: D, sparse = false) {
    this.name = name;
    this.definitions = definitions;
    this.#sparse = sparse;
    for (const [key, definition] of Object.entries(definitions)) {
      const entry = toEntry(definition as Entry<unknown>);
      this.#entries.set(key, entry);
      for (const slot of entry.slots) this.#add({ ...slot, key, exactSize: slot.type.size ?? -1 });
    }
  }

  #add(slot: NamedSlot): void {
    const there = this.#slots[slot.id] ?? [];
    if (there.some((s) => s.mask === 0 || slot.mask === 0)) {
      throw new Error(`${this.name}: attribute ${slot.id} is both ${there[0]?.key} and ${slot.key}`);
    }
    this.#slots[slot.id] = [...there, slot];
  }

  /** Whether a key is one of the table's. */
  has(key: string): boolean {
    return this.#entries.has(key);
  }

  /** The value of a key that no attribute carried. */
  absent(key: string): unknown {
    return this.#entries.get(key)?.absent;
  }

  /** The first key of an attribute's number, or undefined. */
  keyOf(id: number): string | undefined {
    return this.#slots[id & NUMBER_MASK]?.[0]?.key;
  }

  /** Every attribute of the table: its number, key and type. */
  *attributes(): Generator<{ id: number; key: string; type: AnyType }> {
    for (const [id, slots] of this.#slots.entries()) {
      for (const { key, type } of slots ?? []) yield { id, key, type };
    }
  }

  decode(b: Buffer, at: number, end: number): Values<D> {
    const values: Record<string, unknown> = {};
    this.fill(values, b, at, end);
    return values as Values<D>;
  }

  /**
   * Reads the attributes between two offsets into an object, under their keys; a repeated one's last value counts.
   * Unknown ones are collected under `unknown`, an array that exists only if there are some.
   */
  fill(into: Record<string, unknown>, b: Buffer, at: number, end: number): void {
    let key = '';
    try {
      let offset = at;
      while (offset + HEADER <= end) {
        const length = u16At(b, offset);
        const id = u16At(b, offset + 2) & NUMBER_MASK;
        if (length < HEADER || offset + length > end) {
          key = this.keyOf(id) ?? `attribute ${id}`;
          throw new CodecError('NL_TRUNCATED', `${length} bytes do not fit the ${end - offset} that are left`);
        }
        const slots = this.#slots[id];
        if (slots === undefined) {
          if (!this.#sparse) noteUnknown(into, id, b, offset + HEADER, offset + length);
        } else {
          for (let i = 0; i < slots.length; i++) {
            const slot = slots[i] as NamedSlot;
            key = slot.key;
            const size = length - HEADER;
            if (slot.exactSize >= 0 && size !== slot.exactSize) {
              throw new CodecError('NL_BAD_LENGTH', `${size} bytes where ${slot.type.kind} has ${slot.exactSize}`);
            }
            const value = slot.type.read(b, offset + HEADER, size);
            if (slot.mask === 0) into[key] = value;
            else if ((value & slot.mask) !== 0) into[key] = true;
          }
        }
        offset += align4(length);
      }
      if (offset < end) {
        key = '';
        throw new CodecError('NL_TRUNCATED', `${end - offset} stray bytes after the last attribute`);
      }
    } catch (error) {
      throw error instanceof CodecError && key ? error.within(key) : error;
    }
  }

  /** Writes every value that is there, in the table's order. Keys that the table lacks are refused. */
  encode(w: Writer, values: Readonly<Record<string, unknown>>): void {
    for (const key of Object.keys(values)) {
      if (!this.#entries.has(key)) throw new CodecError('NL_OUT_OF_RANGE', `no attribute of ${this.name}`, [key]);
    }
    const bits = new Map<number, number>();
    for (const [key, { slots }] of this.#entries) {
      const value = values[key];
      if (value === undefined) continue;
      const slot = slots.find((s) => s.type.accepts?.(value) ?? true) ?? slots[0];
      if (!slot) continue;
      if (slot.mask === 0) {
        this.#write(w, slot, key, value);
      } else {
        if (typeof value !== 'boolean') throw new CodecError('NL_OUT_OF_RANGE', 'is true or false', [key]);
        bits.set(slot.id, (bits.get(slot.id) ?? 0) | (value ? slot.mask : 0));
      }
    }
    for (const [id, sum] of bits) {
      const slot = this.#slots[id]?.[0];
      if (slot && sum !== 0) this.#write(w, slot, slot.key, sum);
    }
  }

  #write(w: Writer, slot: Slot, key: string, value: unknown): void {
    const at = w.open(slot.type.kind === 'nested' ? slot.id | NLA_F_NESTED : slot.id);
    try {
      slot.type.write(w, value);
      w.close(at);
    } catch (error) {
      throw error instanceof CodecError ? error.within(key) : error;
    }
  }

  /** The keys that lead to the attribute at offset `target` of a message: what an extended ACK points at. */
  locate(b: Buffer, at: number, end: number, target: number): readonly string[] {
    for (let offset = at; offset + HEADER <= end; ) {
      const length = u16At(b, offset);
      if (length < HEADER) return [];
      if (target >= offset && target < offset + length) {
        const slot = this.#slots[u16At(b, offset + 2) & NUMBER_MASK]?.[0];
        if (!slot) return [];
        const inner = isNest(slot.type) ? slot.type.set.locate(b, offset + HEADER, offset + length, target) : [];
        return [slot.key, ...inner];
      }
      offset += align4(length);
    }
    return [];
  }
}

function noteUnknown(into: Record<string, unknown>, id: number, b: Buffer, at: number, end: number): void {
  into['unknown'] ??= [];
  (into['unknown'] as Unknown[]).push({ id, bytes: Uint8Array.prototype.slice.call(b, at, end) });
}

/** Declares a set of attributes. */
export function attrSet<const D extends Definitions>(name: string, definitions: D): AttrSet<D> {
  return new AttrSet(name, definitions);
}

/** Declares the part of a large set that is of use; the rest is passed over. */
export function sparseAttrSet<const D extends Definitions>(name: string, definitions: D): AttrSet<D> {
  return new AttrSet(name, definitions, true);
}

/** An attribute that holds a set of attributes. */
export interface Nest<D extends Definitions> extends Type<Values<D>> {
  readonly set: AttrSet<D>;
}

export function nest<D extends Definitions>(set: AttrSet<D>): Nest<D> {
  return {
    kind: 'nested',
    set,
    read: (b, at, length) => set.decode(b, at, at + length),
    write: (w, value: unknown) => {
      if (typeof value !== 'object' || value === null) throw new CodecError('NL_OUT_OF_RANGE', `no ${set.name}`);
      set.encode(w, value as Readonly<Record<string, unknown>>);
    },
  };
}

const isNest = (type: AnyType): type is Nest<Definitions> => 'set' in type;

/** An attribute that holds numbered attributes of one type, as the lists of generic netlink's controller do. */
export function indexed<T>(element: Type<T>): Type<ReadonlyMap<number, T>> {
  return {
    kind: 'nested',
    read: (b, at, length) => {
      const values = new Map<number, T>();
      const end = at + length;
      for (let offset = at; offset + HEADER <= end; ) {
        const size = u16At(b, offset);
        if (size < HEADER || offset + size > end) throw new CodecError('NL_TRUNCATED', 'a list element is cut short');
        const index = u16At(b, offset + 2) & NUMBER_MASK;
        if (element.size !== undefined && element.size !== size - HEADER) {
          throw new CodecError('NL_BAD_LENGTH', `${size - HEADER} bytes where ${element.kind} has ${element.size}`);
        }
        values.set(index, element.read(b, offset + HEADER, size - HEADER));
        offset += align4(size);
      }
      return values;
    },
    write: (w, values) => {
      if (!(values instanceof Map)) throw new CodecError('NL_OUT_OF_RANGE', 'no map of numbered values');
      for (const [index, value] of values) {
        const at = w.open(index);
        element.write(w, value);
        w.close(at);
      }
    },
  };
}
