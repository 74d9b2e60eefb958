/** What can be wrong with bytes, or with values that should become bytes. */
export type CodecErrorCode =
  /** The bytes end before the value does. */
  | 'NL_TRUNCATED'
  /** An attribute has a length that its type cannot have. */
  | 'NL_BAD_LENGTH'
  /** An attribute that a request needs, or that an event always has, is missing. */
  | 'NL_MISSING_ATTR'
  /** A value does not fit its type: a number out of range, text that is no address, a wrong JavaScript type. */
  | 'NL_OUT_OF_RANGE';

/** Bytes that are not what the table says, or a value that cannot be written as it says. */
export class CodecError extends Error {
  override readonly name = 'CodecError';
  readonly code: CodecErrorCode;
  /** The names that lead to the place, outermost first: `['addr', 'port']`. */
  readonly path: readonly string[];
  readonly #detail: string;

  constructor(code: CodecErrorCode, detail: string, path: readonly string[] = []) {
    super(path.length > 0 ? `${path.join('.')}: ${detail}` : detail);
    this.code = code;
    this.path = path;
    this.#detail = detail;
  }

  /** The same error, seen from one level further out. */
  within(name: string): CodecError {
    return new CodecError(this.code, this.#detail, [name, ...this.path]);
  }
}

/** A request that the kernel refused. */
export class NetlinkError extends Error {
  override readonly name = 'NetlinkError';
  /** The operation, such as `announce`. */
  readonly op: string;
  /** The errno's name, such as `EINVAL`. */
  readonly errno: string;
  /** The kernel's own words (extended ACK), where it gave some. Their text differs between kernels. */
  readonly extack: string | undefined;
  /** The attribute that the kernel complained of, outermost name first. */
  readonly path: readonly string[] | undefined;

  private constructor(op: string, errno: string, extack?: string, path?: readonly string[]) {
    super([op, path?.join('.'), extack ? `${extack} (${errno})` : errno].filter(Boolean).join(': '));
    this.op = op;
    this.errno = errno;
    this.extack = extack;
    this.path = path;
  }

  /** A refusal is an answer, and there may be thousands: to note where in the program it came would cost most of its time. */
  static of(op: string, errno: string, extack?: string, path?: readonly string[]): NetlinkError {
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    try {
      return new NetlinkError(op, errno, extack, path);
    } finally {
      Error.stackTraceLimit = stackTraceLimit;
    }
  }
}

/** No answer to a request, or none that can be waited for: what became of it nobody knows. */
export class NoAnswerError extends Error {
  override readonly name = 'NoAnswerError';
  /** The operation, such as `announce`. */
  readonly op: string;

  constructor(op: string, words = 'the kernel did not answer') {
    super(`${op}: ${words}`);
    this.op = op;
  }
}

/** The outcome of a request: an answer, or a refusal, which is an answer too. Faults are thrown. */
export type Result<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: NetlinkError };
