/** How eagerly the core makes what plans want. Times are milliseconds. */
export interface PlanSettings {
  /** The pause after a failure; doubled with each further one in a row. */
  readonly retryAfter: number;
  /** The longest such pause. */
  readonly retryMost: number;
  /** How long a pair rests that the peer keeps closing or forbids; doubled each time, up to {@link LONGEST_REST}. */
  readonly rest: number;
  /** Tries of one connection in a second, the successful ones included. */
  readonly triesPerSecond: number;
  /** Subflows of one connection, the initial one included. */
  readonly maxSubflows: number;
  /** The same from one interface. */
  readonly maxSubflowsPerInterface: number;
  /** Addresses announced on one connection. */
  readonly maxAnnounced: number;
  /** Between two address signals (ADD_ADDR, RM_ADDR) of one connection: the kernel holds one at a time. */
  readonly announceGap: number;
}

export const planDefaults: PlanSettings = {
  retryAfter: 1000,
  retryMost: 60_000,
  rest: 300_000,
  triesPerSecond: 10,
  maxSubflows: 8,
  maxSubflowsPerInterface: 8,
  maxAnnounced: 8,
  announceGap: 200,
};

/** The longest time that a pair rests, and after which it is forgotten that it ever had to. */
export const LONGEST_REST = 3_600_000;
/** A subflow that the peer closes sooner than this has not been accepted, whatever the handshake said. */
export const QUICK_CLOSE = 10_000;
/** A try that has not ended after this was ended without anybody being told: the kernel gives up sooner. */
export const LONGEST_TRY = 600_000;
/** A try that takes longer than this no longer keeps others from being tried in its place. */
export const SLOW_TRY = 3000;
/** A peer that joins elsewhere has so long to join at an announced address, too, before it is told of it once more. */
export const REMIND_AFTER = 2000;
/** … and so long from the last time that it was told. */
export const LEAST_BETWEEN_REMINDERS = 5000;
