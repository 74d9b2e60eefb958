import type { AttrSet, Definitions } from './attr-set.ts';
import { CodecError } from './errors.ts';
import { missingName, type Need, type Operation, requireAll, type With } from './operation.ts';
import type { Writer } from './writer.ts';

/** struct genlmsghdr: command, version, two reserved bytes. */
export const GENL_HEADER = 4;

export function writeGenlHeader(w: Writer, command: number, version: number): void {
  w.u8(command);
  w.u8(version);
  w.u16(0);
}

/** The command of the generic netlink message whose body starts at `body`. */
export function commandAt(b: Buffer, body: number, end: number): number {
  if (end - body < GENL_HEADER) throw new CodecError('NL_TRUNCATED', 'no room for the generic netlink header');
  return b[body] ?? 0;
}

interface OpSpec<D extends Definitions, R extends Definitions, N extends string, A extends string> {
  readonly command: number;
  readonly version?: number;
  /** What a request must have. */
  readonly needs?: readonly (N & Need<D>)[];
  /** What an answer looks like; absent where the answer is an ACK alone. */
  readonly answer?: { readonly set: AttrSet<R>; readonly needs: readonly (A & Need<R>)[] };
}

/** Declares an operation of a generic netlink family. */
export function genlOp<
  D extends Definitions,
  R extends Definitions = Record<never, never>,
  const N extends string = never,
  const A extends string = never,
>(name: string, set: AttrSet<D>, spec: OpSpec<D, R, N, A>): GenlOperation<With<D, N>, With<R, A>> {
  return {
    name,
    command: spec.command,
    answers: spec.answer !== undefined,
    write(w, request) {
      requireAll(request as Readonly<Record<string, unknown>>, spec.needs ?? [], name);
      writeGenlHeader(w, spec.command, spec.version ?? 1);
      set.encode(w, request as Readonly<Record<string, unknown>>);
    },
    read(b, body, end) {
      if (!spec.answer) throw new CodecError('NL_OUT_OF_RANGE', `${name} is answered by an ACK alone`);
      commandAt(b, body, end);
      const answer = spec.answer.set.decode(b, body + GENL_HEADER, end) as Readonly<Record<string, unknown>>;
      requireAll(answer, spec.answer.needs, `the answer to ${name}`);
      return answer as With<R, A>;
    },
    locate: (b, body, end, target) => set.locate(b, body + GENL_HEADER, end, target),
    nameOf: (b, body, end, id, nest) => missingName(set, b, body + GENL_HEADER, end, id, nest),
  };
}

export interface GenlOperation<Request, Answer> extends Operation<Request, Answer> {
  readonly command: number;
}
