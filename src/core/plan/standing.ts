import type { ConnectionRecord, SubflowRecord } from '../connection-table.ts';
import type { IfIndex } from '../model/ids.ts';
import type { Network } from '../network.ts';
import { whyNever } from './choices.ts';
import { endsOf, type Pair, type Planned } from './planned.ts';
import type { Rests } from './rests.ts';
import { type PlanSettings, SLOW_TRY } from './settings.ts';

/** Where a wanted subflow stands. Times are those of the core's clock. */
export type Standing =
  | { readonly state: 'established' | 'trying'; readonly since: number }
  /** Nothing speaks against trying it now. */
  | { readonly state: 'due' }
  /** It is tried again at that time, or earlier if what hinders it is seen to go; Infinity: only then. */
  | { readonly state: 'waiting'; readonly until: number; readonly because: string }
  | { readonly state: 'impossible'; readonly because: string };

/** What a look at one connection is about. */
export interface Surroundings {
  readonly settings: PlanSettings;
  readonly network: Network;
  readonly rests: Rests;
  /** When routes changed last. */
  readonly routesAt: number;
  readonly now: number;
}

/** Says of each pair in turn where it stands, counting against the limits those that stand before it. */
export class Judge {
  readonly #connection: ConnectionRecord;
  readonly #planned: Planned;
  readonly #around: Surroundings;
  #taken = 0;
  readonly #byInterface = new Map<IfIndex, number>();
  #tries: number;

  constructor(connection: ConnectionRecord, planned: Planned, around: Surroundings) {
    this.#connection = connection;
    this.#planned = planned;
    this.#around = around;
    // What no pair has, and what is never ended for another, has its place already.
    const had = new Set<SubflowRecord | undefined>(planned.pairs.map(({ subflow }) => subflow));
    for (const each of connection.subflows) {
      const abandoned = each.own && each.state === 'trying';
      if ((!had.has(each) && !each.leaving && !abandoned) || stays(each)) this.#takeFor(each);
    }
    this.#tries = around.now - planned.triesFrom < 1000 ? planned.tries : 0;
  }

  /** The next pair in the order of the plan. */
  judge(pair: Pair): Standing {
    const { now } = this.#around;
    const { subflow } = pair;
    if (subflow) {
      const trying = subflow.state === 'trying';
      if (!stays(subflow) && (!trying || now - pair.since < SLOW_TRY)) this.#takeFor(subflow);
      return { state: trying ? 'trying' : 'established', since: pair.since };
    }
    const standing = this.#withoutSubflow(pair);
    if (standing.state !== 'due' && standing.state !== 'trying') return standing;
    this.#take(this.#interface(pair));
    if (standing.state === 'due') this.#tries++;
    return standing;
  }

  #withoutSubflow(pair: Pair): Standing {
    const { network, settings, now } = this.#around;
    if (pair.asked) return { state: 'trying', since: now };
    const never = whyNever(this.#connection, pair);
    if (never !== undefined) return { state: 'impossible', because: never };
    const until = this.#restsUntil(pair);
    if (until > now) return { state: 'waiting', until, because: pair.failure?.words ?? 'the peer kept closing it' };
    if (network.usableSince(pair.local) === undefined) {
      return { state: 'waiting', until: Number.POSITIVE_INFINITY, because: `${pair.local.ip} cannot be used now` };
    }
    if (this.#taken >= settings.maxSubflows) {
      return { state: 'impossible', because: `${settings.maxSubflows} subflows are there (max-subflows)` };
    }
    const ifIndex = this.#interface(pair);
    if (ifIndex !== undefined && (this.#byInterface.get(ifIndex) ?? 0) >= settings.maxSubflowsPerInterface) {
      const most = settings.maxSubflowsPerInterface;
      return { state: 'impossible', because: `its interface has ${most} (max-per-interface)` };
    }
    if (this.#tries >= settings.triesPerSecond) {
      const because = `${settings.triesPerSecond} were tried in this second (tries-per-second)`;
      return { state: 'waiting', until: this.#planned.triesFrom + 1000, because };
    }
    return { state: 'due' };
  }

  /** What hindered it may be gone: the address is there again, or routes have changed. */
  #restsUntil(pair: Pair): number {
    const { until, failure, local } = pair;
    const { rests, network, routesAt, now } = this.#around;
    const rest = rests.until(endsOf(pair), now);
    if (rest > now || !failure) return Math.max(rest, until);
    const returned = network.usableSince(local) ?? 0;
    if (returned > failure.at) return 0;
    const byRoutes = failure.kind === 'no way' || failure.kind === 'timed out';
    return byRoutes && routesAt > failure.at ? 0 : until;
  }

  #interface({ local }: Pair): IfIndex | undefined {
    return local.ifIndex ?? this.#around.network.interfaceOf(local.ip);
  }

  /** One whose address is gone stays only until there is another: it keeps none from being made. */
  #takeFor({ local, ifIndex }: SubflowRecord): void {
    const { network } = this.#around;
    if (!network.isGone(local.ip, ifIndex)) this.#take(ifIndex ?? network.interfaceOf(local.ip));
  }

  #take(ifIndex: IfIndex | undefined): void {
    this.#taken++;
    if (ifIndex !== undefined) this.#byInterface.set(ifIndex, (this.#byInterface.get(ifIndex) ?? 0) + 1);
  }
}

/** The initial subflow, and what the peer made. */
const stays = ({ initial, own, leaving }: SubflowRecord): boolean => (initial || !own) && !leaving;
