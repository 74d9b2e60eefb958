import type { ConnectionRecord, SubflowRecord } from '../connection-table.ts';
import { samePlace } from '../ip.ts';
import type { End, Subflow } from '../model/connection.ts';
import type { Interface, LocalAddress } from '../model/network.ts';
import type { PlannedConnection, PlanView } from '../model/plan.ts';
import type { Network } from '../network.ts';
import { Reads } from './planned.ts';
import { troubleAt } from './trouble.ts';

/** What one question for a plan is answered from; it notes what the plan reads. */
export class View implements PlanView {
  readonly connection: PlannedConnection;
  readonly usableFor: PlanView['usableFor'];
  readonly inTrouble: PlanView['inTrouble'];
  /** The plugin's options: the daemon knows them. */
  options: unknown;
  /** A sum of {@link Reads}. */
  reads = 0;
  /** When an answer that depends on the time changes. */
  askAt = Number.POSITIVE_INFINITY;
  /** The shortest time without progress that was called trouble. */
  troubleAfter: number | undefined;
  readonly #record: ConnectionRecord;
  readonly #network: Network;

  constructor(record: ConnectionRecord, network: Network, now: number) {
    const { token, serverSide, denyJoinId0, local, remote } = record;
    this.connection = { token, serverSide, denyJoinId0, local, remote };
    this.#record = record;
    this.#network = network;
    // Members of the object, so that a plan may take the view apart.
    this.usableFor = (address, ms) => {
      this.reads |= Reads.addresses;
      const since = network.usableSince(address);
      if (since === undefined) return false;
      if (now - since >= ms) return true;
      this.#askAgain(since + ms);
      return false;
    };
    this.inTrouble = (subflow, after, hold) => {
      this.reads |= Reads.subflows;
      this.troubleAfter = Math.min(this.troubleAfter ?? Number.POSITIVE_INFINITY, after);
      const { troubled, until } = troubleAt(subflow as SubflowRecord, after, hold, now);
      this.#askAgain(until);
      return troubled;
    };
  }

  get interfaces(): readonly Interface[] {
    this.reads |= Reads.interfaces;
    return this.#network.interfaces;
  }

  get addresses(): readonly LocalAddress[] {
    this.reads |= Reads.addresses;
    return this.#network.addresses;
  }

  get remotes(): readonly End[] {
    this.reads |= Reads.remotes;
    return remotesOf(this.#record);
  }

  get subflows(): readonly Subflow[] {
    this.reads |= Reads.subflows;
    return this.#record.subflows;
  }

  #askAgain(at: number): void {
    this.askAt = Math.min(this.askAt, at);
  }
}

/** Where a peer takes subflows. */
export function remotesOf({ remote, remoteAddresses, denyJoinId0, remoteGone }: ConnectionRecord): readonly End[] {
  if (denyJoinId0 || remoteGone) return remoteAddresses;
  return [remote, ...remoteAddresses.filter((each) => !samePlace(each, remote))];
}
