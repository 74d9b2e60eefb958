/**
 * What can be said to mptcpctl. The help, the manual page and the completions of shells are held to it by
 * test/mptcpctl-words.test.ts, and it to what the program reads.
 */

/** What a word stands for that is no keyword: the shells complete it where they can find out. */
export type Kind =
  | 'address'
  /** An address of this host. */
  | 'own'
  /** The address of an endpoint. */
  | 'place'
  | 'id'
  /** The id of an endpoint. */
  | 'endpoint'
  | 'number'
  | 'device'
  | 'token'
  | 'event'
  | 'shell'
  | 'netns'
  | 'file';

/** One command. */
export interface Form {
  /** What stands first, in this order, without a keyword. */
  readonly takes?: readonly Kind[];
  /** Keywords and what follows each. */
  readonly values?: Readonly<Record<string, Kind>>;
  /** Keywords that stand alone. */
  readonly flags?: readonly string[];
}

const filter: Form = { values: { token: 'token', local: 'own', remote: 'address', port: 'number' } };
const end = { id: 'id', port: 'number', dev: 'device' } as const;
const ends = { local: 'own', remote: 'address' } as const;

const endpointFlags = ['signal', 'subflow', 'fullmesh', 'laminar', 'backup'];

/** Objects and their commands; `''` is what may follow the object without a command. */
export const grammar: Readonly<Record<string, Readonly<Record<string, Form>>>> = {
  endpoint: {
    add: {
      takes: ['own'],
      values: { dev: 'device', id: 'id', port: 'number' },
      flags: endpointFlags,
    },
    change: {
      takes: ['place'],
      values: { id: 'endpoint', port: 'number' },
      flags: ['backup', 'nobackup', 'fullmesh', 'nofullmesh'],
    },
    delete: { takes: ['place'], values: { id: 'endpoint' } },
    show: { values: { id: 'endpoint' } },
    flush: {},
  },
  limits: { set: { values: { subflows: 'number', add_addr_accepted: 'number' } }, show: {} },
  monitor: { '': { values: { token: 'token', event: 'event' } } },
  connections: { show: filter, '': filter },
  subflow: {
    create: { takes: ['token'], values: { ...ends, ...end }, flags: ['backup', '--wait'] },
    destroy: { takes: ['token'], values: { ...ends, port: 'number' } },
    change: { takes: ['token'], values: { ...ends, port: 'number' }, flags: ['backup', 'nobackup'] },
  },
  subflows: { show: filter, '': filter },
  announce: { '': { takes: ['token', 'own'], values: end, flags: endpointFlags } },
  address: { show: { takes: ['token'], values: { id: 'id' } }, '': { takes: ['token'], values: { id: 'id' } } },
  remove: { '': { takes: ['token'], values: { id: 'id' } } },
  listen: { '': { takes: ['own'], values: { port: 'number', dev: 'device' } } },
  completion: { '': { takes: ['shell'] } },
};

/** The options before the object, and what follows each. Those of `ip` that change nothing here are not among them. */
export const switches: Readonly<Record<string, Kind | undefined>> = {
  json: undefined,
  pretty: undefined,
  oneline: undefined,
  timestamp: undefined,
  tshort: undefined,
  color: undefined,
  netns: 'netns',
  batch: 'file',
  force: undefined,
  Version: undefined,
  help: undefined,
};

export const shells = ['bash', 'zsh'] as const;
