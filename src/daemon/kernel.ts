import { joinNetwork, readNetwork } from '../monitor/monitor.ts';
import { Client } from '../netlink/client.ts';
import * as pm from '../netlink/families/mptcp-pm.ts';
import * as nlctrl from '../netlink/families/nlctrl.ts';
import * as route from '../netlink/families/route.ts';
import { Family } from '../netlink/family.ts';
import { commandAt, GENL_HEADER } from '../netlink/generic.ts';
import type { Socket } from '../netlink/socket.ts';
import { subscribe } from '../netlink/subscription.ts';
import { SystemError } from '../os/index.ts';
import type { Environment } from './environment.ts';
import type { Host } from './host.ts';
import { orAborted } from './or-aborted.ts';
import { StartError } from './start-error.ts';
import { Throttle } from './throttle.ts';

/** Room for 100,000 events: a burst of connections while the daemon is held up. The kernel doubles it. */
const RECEIVE_BUFFER = 32 * 1024 * 1024;
const FAMILY_POLL_MS = 1000;
/** Between two lines about messages that cannot be read. */
const COMPLAINT_INTERVAL = 60_000;

/** The kernel's side of the daemon: sockets, and what they are for. */
export interface Kernel {
  readonly family: Family;
  readonly network: Client;
  /** Subscribed to the path manager's events … */
  readonly events: Socket;
  /** … and to changes of interfaces and addresses. */
  readonly changes: Socket;
  readonly sockets: Socket[];
}

/**
 * Opens all sockets and subscribes: from now on what happens queues. Where that fails, nothing stays open.
 * @param routes follow routes too
 * @param alone nobody else has marked the namespace
 * @throws StartError
 */
export async function openKernel(
  environment: Environment,
  routes: boolean,
  alone: boolean,
  signal?: AbortSignal,
): Promise<Kernel> {
  const sockets: Socket[] = [];
  const open = (protocol: number): Socket => {
    const socket = environment.openSocket(protocol);
    sockets.push(socket);
    return socket;
  };
  try {
    const family = await findFamily(new Client(open(nlctrl.PROTOCOL)), environment, signal);
    if (!alone) checkAlone(family, environment);
    const events = open(nlctrl.PROTOCOL);
    joinEvents(events, family, environment);
    const changes = open(route.PROTOCOL);
    joinNetwork(changes, routes);
    changes.receiveBuffer(RECEIVE_BUFFER);
    return { family, network: new Client(open(route.PROTOCOL)), events, changes, sockets };
  } catch (error) {
    for (const socket of sockets) socket.close();
    throw error;
  }
}

/** Whether Multipath TCP is there at all. @throws StartError */
export function checkKernel({ sysctl }: Environment): void {
  const enabled = sysctl('enabled');
  if (enabled === undefined) {
    throw new StartError('NO_MPTCP', 'this kernel has no Multipath TCP; it takes Linux 5.6 or later with CONFIG_MPTCP');
  }
  if (enabled === '0') {
    throw new StartError('MPTCP_DISABLED', 'Multipath TCP is switched off; run sysctl -w net.mptcp.enabled=1');
  }
}

/** Somebody has marked the namespace: another mptcpd, which is subscribed to the events, or one who plays it. */
function checkAlone(family: Family, { subscribed, log }: Environment): void {
  if (subscribed(family.groups.get(pm.EVENT_GROUP) ?? 0)) {
    const cure = 'stop it first (systemctl stop mptcpd), or give this one a namespace of its own (netns)';
    throw new StartError('ALREADY_RUNNING', `another mptcpd manages this network namespace; ${cure}`);
  }
  log.warn('somebody holds the unix socket @mptcpd, but nobody is subscribed to the events: going on without it');
}

/** The kernel may register the family later than this daemon starts: it is waited for. */
async function findFamily(client: Client, { clock, log }: Environment, signal?: AbortSignal): Promise<Family> {
  for (let said = false; ; said = true) {
    const family = Family.find(client, pm.FAMILY);
    if (family.ok) return family.value;
    if (family.error.errno !== 'ENOENT') throw family.error;
    if (!said) log.warn(`the kernel's path manager interface (${pm.FAMILY}) is not there yet: waiting for it`);
    await orAborted(new Promise<void>((resolve) => void clock.after(FAMILY_POLL_MS, resolve)), signal);
  }
}

function joinEvents(socket: Socket, family: Family, environment: Environment): void {
  const group = family.groups.get(pm.EVENT_GROUP);
  if (group === undefined) {
    throw new StartError('NO_EVENTS', 'this kernel sends no path manager events; it takes Linux 5.12 or later');
  }
  try {
    socket.join(group);
    socket.join(nlctrl.NOTIFY_GROUP);
  } catch (error) {
    if (!(error instanceof SystemError) || error.code !== 'EPERM') throw error;
    const cure = 'run it as root, or give it AmbientCapabilities=CAP_NET_ADMIN in its unit';
    throw new StartError('NO_CAPABILITY', `mptcpd needs the capability CAP_NET_ADMIN; ${cure}`);
  }
  if (!socket.receiveBuffer(RECEIVE_BUFFER)) {
    const cure = 'raise net.core.rmem_max, or run with CAP_NET_ADMIN of the initial user namespace';
    environment.log.warn({ cure }, 'the receive buffer is smaller than wished: a large burst of events may be lost');
  }
}

/** How many events of the path manager were heard, and how many the kernel dropped. */
export interface Heard {
  events: number;
  lost: number;
}

/**
 * Hands on every event of the path manager, and counts them.
 * @param behind some were lost, and many wait to be read
 */
export function followEvents(
  { events: socket, family }: Pick<Kernel, 'events' | 'family'>,
  host: Host,
  environment: Environment,
  heard: Heard,
  behind: () => void,
): void {
  const seen = new Set<string>();
  const newer = (what: string, id: number): void => {
    if (seen.has(`${what} ${id}`)) return;
    seen.add(`${what} ${id}`);
    environment.log.debug({ [what]: id }, 'the kernel sends something that this version does not know');
  };
  let joined = family.groups.get(pm.EVENT_GROUP);
  /** Its number and its group may be others now. */
  const rejoin = (): void => {
    family.renew();
    const group = family.groups.get(pm.EVENT_GROUP);
    if (group === undefined || group === joined) return;
    socket.join(group);
    joined = group;
    environment.log.warn(`the kernel's path manager interface (${pm.FAMILY}) is there anew`);
    // Connections may have come and gone meanwhile.
    behind();
  };
  const familyChanged = (b: Buffer, body: number, end: number): void => {
    if (nlctrl.ctrl.decode(b, body + GENL_HEADER, end).familyName !== pm.FAMILY) return;
    const command = commandAt(b, body, end);
    if (command === nlctrl.commands.newFamily) rejoin();
    else if (command === nlctrl.commands.delFamily) {
      environment.log.warn(
        `the kernel's path manager interface (${pm.FAMILY}) is gone: nothing is heard until it is back`,
      );
    }
  };
  subscribe(
    socket,
    {
      message(b, body, end, type) {
        if (type === nlctrl.FAMILY_ID) familyChanged(b, body, end);
        if (type !== family.id) return;
        heard.events++;
        const event = pm.pmEvents.decode(b, body, end);
        if (event.type === 'unknown') {
          newer('event', event.command);
          return;
        }
        if (event.unknown) for (const { id } of event.unknown) newer('attribute', id);
        host.feed(event);
      },
      lost(count) {
        heard.lost += count;
        rejoin();
        host.feed({ type: 'lost', source: 'connections', count });
      },
      behind,
      malformed: complaint(environment, 'unreadable path manager event'),
    },
    0,
  );
}

/** Reads interfaces and addresses. @throws NetlinkError */
export function readAll(host: Host, client: Client): void {
  const network = readNetwork(client);
  if (!network.ok) throw network.error;
  host.feed(network.value);
}

/** Says that something cannot be read, once in a while: what comes of it is counted as lost. */
export function complaint(
  { log, clock }: Pick<Environment, 'log' | 'clock'>,
  message: string,
): (error: unknown) => void {
  const throttle = new Throttle(COMPLAINT_INTERVAL);
  return (error) => {
    const before = throttle.pass(message, clock.now());
    if (before === undefined) return;
    log.error({ error: String(error), ...(before > 0 ? { 'times before': before } : {}) }, message);
  };
}
