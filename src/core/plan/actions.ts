import type { Command, Outcome } from '../model/commands.ts';
import type { Token } from '../model/ids.ts';
import type { Planned } from './planned.ts';

/** How those act who hold a connection against its plan. */
export interface Actions {
  /** Asks the kernel; `answered` is told how that ended, and when. */
  send(command: Command, answered: (outcome: Outcome<unknown>, now: number) => void): void;
  /** Has a connection looked at again at that time at the latest. */
  again(token: Token, at: number): void;
  /** The kernel said EINVAL: finds out whether that is because it manages the paths of the connection itself. */
  checkForeign(planned: Planned): void;
  /** Has the kernel's count of dropped announcements read. */
  readDrops(): void;
  /** Notes what is done and why, where somebody reads that. */
  trail(message: string, fields: Readonly<Record<string, unknown>>): void;
}
