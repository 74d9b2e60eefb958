/** One option of a plugin: how its text in mptcpd.conf becomes a value. */
export interface Option<T> {
  readonly kind: string;
  readonly default: T;
  /** One line for people. */
  readonly help: string;
  /** @throws OptionError that says what would be right */
  parse(text: string): T;
}

// biome-ignore lint/suspicious/noExplicitAny: a plugin's options are of every type
export type Options = Readonly<Record<string, Option<any>>>;
export type OptionValues<O extends Options> = { readonly [K in keyof O]: O[K] extends Option<infer T> ? T : never };

/** A value that an option does not take. The message ends the sentence that begins with the option's name. */
export class OptionError extends Error {
  override readonly name = 'OptionError';
}

/** A whole number. */
export function int(spec: { default: number; min?: number; max?: number; help: string }): Option<number> {
  const { min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER } = spec;
  const range =
    spec.min !== undefined && spec.max !== undefined
      ? ` from ${min} to ${max}`
      : spec.min !== undefined
        ? ` of ${min} or more`
        : spec.max !== undefined
          ? ` of ${max} or less`
          : '';
  return {
    kind: 'int',
    default: spec.default,
    help: spec.help,
    parse(text) {
      const value = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN;
      if (!(value >= min && value <= max)) throw new OptionError(`takes a whole number${range}, not "${text}"`);
      return value;
    },
  };
}

/** yes or no, and their usual synonyms. */
export function bool(spec: { default: boolean; help: string }): Option<boolean> {
  return {
    kind: 'bool',
    ...spec,
    parse(text) {
      if (/^(yes|true|on|1)$/i.test(text)) return true;
      if (/^(no|false|off|0)$/i.test(text)) return false;
      throw new OptionError(`takes yes or no, not "${text}"`);
    },
  };
}

/** Any text. */
export function text(spec: { default: string; help: string }): Option<string> {
  return { kind: 'text', ...spec, parse: (value) => value };
}

/** One of some words. */
export function choice<const W extends string>(spec: {
  of: readonly W[];
  default: NoInfer<W>;
  help: string;
}): Option<W> {
  return {
    kind: 'choice',
    default: spec.default,
    help: spec.help,
    parse(value) {
      const found = spec.of.find((word) => word === value);
      if (found === undefined) throw new OptionError(`takes ${spec.of.join(', ')}, not "${value}"`);
      return found;
    },
  };
}
