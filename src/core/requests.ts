import { readArguments } from './arguments.ts';
import { complete, prepare, undo, withHeldId } from './commands.ts';
import type { ConnectionTable } from './connection-table.ts';
import type { Effect } from './core-types.ts';
import type { Command, HeldAddress, Outcome } from './model/commands.ts';
import type { Token } from './model/ids.ts';

const NOTHING: readonly Effect[] = [];

type Answered = (outcome: Outcome<unknown>, now: number) => void;

/** A command that the kernel has not answered yet. */
interface Sent {
  readonly command: Command;
  /** Its address id was chosen here. */
  readonly chosen: boolean;
  /** The core itself asks: who is told of the answer. Otherwise a plugin does. */
  readonly answered: Answered | undefined;
  /** It asks under which id the kernel knows an address, for a command that was refused. */
  readonly onBehalf?: { readonly id: number; readonly sent: Sent; readonly refusal: Outcome<unknown> };
}

/** The commands under way, those of plugins and those of plans: completed before they go, noted when they are answered. */
export class Requests {
  readonly #connections: ConnectionTable;
  readonly #sent = new Map<number, Sent>();
  /** Ids of the core's own requests count down; those of plugins' commands count up. */
  #own = 0;

  constructor(connections: ConnectionTable) {
    this.#connections = connections;
  }

  /** A plugin's command. */
  command(id: number, command: Command): readonly Effect[] {
    const read = readArguments(command);
    if (typeof read === 'string') {
      const error = { code: 'BAD_ARGUMENT', message: `${command.name}: ${read}` } as const;
      return [{ type: 'settle', id, outcome: { ok: false, error } }];
    }
    const prepared = prepare(this.#connections, read);
    if (!prepared.ok) return [{ type: 'settle', id, outcome: prepared }];
    const chosen = prepared.chosen === true;
    return [this.#send(id, { command: prepared.command, chosen, answered: undefined })];
  }

  /** A command of the core's own; nothing is to be sent where it is refused here and now. */
  order(command: Command, answered: Answered, now: number): Effect | undefined {
    const prepared = prepare(this.#connections, command);
    if (prepared.ok) {
      return this.#send(--this.#own, { command: prepared.command, chosen: prepared.chosen === true, answered });
    }
    answered(prepared, now);
    return undefined;
  }

  /** Whether a command is still to be sent, or waits for its answer. */
  awaits(id: number): boolean {
    return this.#sent.has(id);
  }

  /** The kernel has answered. */
  reply(id: number, outcome: Outcome<unknown>, now: number): readonly Effect[] {
    const sent = this.#sent.get(id);
    if (!sent) return NOTHING;
    this.#sent.delete(id);
    const { command } = sent;
    // It has no such connection, or drives it itself: none of what plans want of it now is worth another request.
    if (command.name === 'listAddresses' && isInvalid(outcome)) this.#abandon(command.args.token, outcome, now);
    if (sent.onBehalf) return this.#tryHeldId(sent.onBehalf, outcome, now);
    if (outcome.ok || !sent.chosen || outcome.error.errno !== 'EINVAL') return this.#settle(id, sent, outcome, now);
    // The kernel may have given the address an id of its own, for a join that failed or before mptcpd was there
    // (net/mptcp/pm_userspace.c): it refuses any other. Ask it, and try once more.
    const { token } = command.args as { token: Token };
    const list: Command = { name: 'listAddresses', args: { token } };
    const onBehalf = { id, sent, refusal: outcome };
    return [this.#send(--this.#own, { command: list, chosen: false, answered: undefined, onBehalf })];
  }

  /** Answers what plans want of a connection and what is not performed yet. */
  #abandon(token: Token, { error }: Outcome<unknown> & { ok: false }, now: number): void {
    const { message } = error;
    for (const [id, { command, answered }] of this.#sent) {
      if (!answered || (command.args as { token?: Token } | undefined)?.token !== token) continue;
      this.#sent.delete(id);
      undo(this.#connections, command);
      answered({ ok: false, error: { code: 'UNKNOWN_TOKEN', message } }, now);
    }
  }

  #tryHeldId({ id, sent, refusal }: NonNullable<Sent['onBehalf']>, listed: Outcome<unknown>, now: number) {
    const held = listed.ok ? (listed.value as readonly HeldAddress[]) : [];
    const again = withHeldId(this.#connections, sent.command, held);
    if (!again) return this.#settle(id, sent, refusal, now);
    return [this.#send(id, { command: again, chosen: false, answered: sent.answered })];
  }

  #settle(id: number, { command, answered }: Sent, outcome: Outcome<unknown>, now: number): readonly Effect[] {
    if (!outcome.ok) undo(this.#connections, command);
    const completed = complete(this.#connections, command, outcome);
    if (!answered) return [{ type: 'settle', id, outcome: completed }];
    answered(completed, now);
    return NOTHING;
  }

  #send(id: number, sent: Sent): Effect {
    this.#sent.set(id, sent);
    return { type: 'send', id, command: sent.command };
  }
}

const isInvalid = (outcome: Outcome<unknown>): outcome is Outcome<unknown> & { ok: false } =>
  !outcome.ok && outcome.error.errno === 'EINVAL';
