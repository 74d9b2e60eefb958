import type { ChurnOptions } from './churn.ts';

/** What the lab says to an agent, and what it answers: one JSON object a line. */
interface Place {
  readonly ip: string;
  readonly port: number;
}

export type Request =
  /** What comes there is read, and with `hangUp` closed when the other end does; such connections have no number. */
  | { readonly op: 'listen'; readonly at: Place; readonly hangUp?: boolean }
  /** Closes all listeners. */
  | { readonly op: 'unlisten' }
  | { readonly op: 'connect'; readonly to: Place; readonly from?: Place }
  /** Without a number of bytes: for as long as the connection lives. */
  | { readonly op: 'send'; readonly connection: number; readonly bytes?: number }
  | { readonly op: 'stop'; readonly connection: number }
  | { readonly op: 'counts'; readonly connection: number }
  /** Small messages, the next one so many milliseconds after the answer to the one before. */
  | { readonly op: 'talk'; readonly connection: number; readonly every: number }
  /** Whatever comes is sent back. */
  | { readonly op: 'echo'; readonly connection: number }
  /** The longest time in milliseconds in which nothing came, since this was asked last. */
  | { readonly op: 'gap'; readonly connection: number }
  /** How many connections there have been, made or accepted: they are numbered from 0. */
  | { readonly op: 'accepted' }
  | { readonly op: 'close'; readonly connection: number }
  /** Resets it (MP_FASTCLOSE). */
  | { readonly op: 'abort'; readonly connection: number }
  | { readonly op: 'traffic' }
  | { readonly op: 'events' }
  /** Short connections, many at once: answered as soon as they begin. */
  | ({ readonly op: 'churn' } & ChurnOptions)
  | { readonly op: 'stopChurn' }
  | { readonly op: 'churned' }
  /** Counts the events of the path manager from now on; `counted` tells. */
  | { readonly op: 'countEvents' }
  | { readonly op: 'counted' };

export type Answer =
  | { readonly ready: number }
  | { readonly id: number; readonly value?: unknown; readonly error?: string }
  | { readonly event: object; readonly at: number }
  | { readonly lost: number };
