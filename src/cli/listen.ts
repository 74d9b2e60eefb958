import type { Ip } from '../core/model/ids.ts';
import { MptcpListener, SystemError } from '../os/index.ts';
import { CliError, missingArgument, status, wrongArgument } from './cli-error.ts';
import type { Context } from './context.ts';
import { link } from './endpoint.ts';
import { describeErrno } from './errno-words.ts';
import { toJson } from './json.ts';
import { stopSignal } from './stop-signal.ts';
import { usageText } from './usage.ts';
import { address, isLinkLocal, matches, showIp, unsigned, Words } from './words.ts';

/** Connections taken in one turn of the event loop; what is left comes in the next. */
const BUDGET = 64;
/** For how long nobody is taken after the kernel had no room for one more, in milliseconds. */
const PAUSE = 1000;
/** Refusals to take a connection that go on for as long as the process or the machine is short of something. */
const shortages = ['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM'];

/** Listens for joins to an address until a signal ends it. */
export async function run(words: readonly string[], context: Context): Promise<number> {
  const at = parse(words, context);
  const stopped = stopSignal();
  const listener = open(at, context);
  // The kernel may have chosen the port; the scope of a link-local address stands in `dev`.
  const { port } = listener.local;
  const value = { address: showIp(at.ip), port, ...(at.dev === undefined ? {} : { dev: at.dev }) };
  if (context.options.json) context.out(`${toJson(value, context.options.pretty)}\n`);
  else context.out(`listening on ${value.address} port ${port}${at.dev === undefined ? '' : ` dev ${at.dev}`}\n`);
  await Promise.race([stopped, context.flushed()]);
  const done = turnAway(listener, context);
  await stopped;
  done();
  listener.close();
  return status.done;
}

/**
 * The kernel hands joins to their connections without a word to the listener. Who comes with a connection of its own is
 * reset at once, so that it does not take the silence here for a server.
 * @returns what ends it
 */
function turnAway(listener: MptcpListener, context: Context): () => void {
  let told = false;
  let pause: NodeJS.Timeout | undefined;
  const ready = (): void => {
    for (let i = 0; i < BUDGET; i++) {
      try {
        const stream = listener.accept();
        if (!stream) return;
        stream.abort();
      } catch (error) {
        if (!(error instanceof SystemError)) throw error;
        // Any other error is that of the one connection (accept(2)).
        if (!shortages.includes(error.code)) continue;
        // The connection stays in the queue and would call again at once.
        listener.unwatch();
        pause = setTimeout(() => listener.watch(ready), PAUSE);
        if (!told) context.err(`mptcpctl: connections wait to be turned away: ${error.message}\n`);
        told = true;
        return;
      }
    }
  };
  listener.watch(ready);
  return () => clearTimeout(pause);
}

interface Place {
  readonly ip: Ip;
  readonly port: number;
  readonly dev: string | undefined;
  /** The address with its scope, as socket addresses have it. */
  readonly scoped: Ip;
}

/** Reads `ADDRESS [ port NR ] [ dev NAME ]`, in any order. @throws CliError */
export function parse(given: readonly string[], links: Pick<Context, 'linkIndex'>): Place {
  const words = new Words(given);
  let ip: Ip | undefined;
  let port = 0;
  let dev: string | undefined;
  for (let word = words.next(); word !== undefined; word = words.next()) {
    if (matches(word, 'help')) throw new CliError(status.usage, usageText);
    if (matches(word, 'port')) {
      const value = words.value();
      const number = unsigned(value, 0xffff);
      if (number === undefined) throw wrongArgument('expected port', value);
      port = number;
    } else if (matches(word, 'dev')) {
      dev = words.value();
    } else {
      ip = address(word);
    }
  }
  if (ip === undefined) throw missingArgument('ADDRESS');
  if (isLinkLocal(ip) && dev === undefined) throw missingArgument('dev');
  if (!isLinkLocal(ip) && dev !== undefined)
    throw wrongArgument('only a link-local address needs its interface', 'dev');
  return { ip, port, dev, scoped: dev === undefined ? ip : `${ip}%${link(dev, links)}` };
}

function open({ ip, port, dev, scoped }: Place, context: Context): MptcpListener {
  try {
    return context.inside(() => new MptcpListener({ ip: scoped, port }));
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    const hint = hints(ip)[error.code];
    const place = `${showIp(ip)}${port === 0 ? '' : ` port ${port}`}${dev === undefined ? '' : ` dev ${dev}`}`;
    const text = `cannot listen on ${place}: ${describeErrno(error.errno)}`;
    throw new CliError(status.refused, `Error: ${text}${hint === undefined ? '' : `; ${hint}`}.\n`);
  }
}

/** What would be right, by errno. */
const hints = (ip: Ip): Readonly<Record<string, string>> => ({
  EADDRINUSE: ['0.0.0.0', '::'].includes(ip)
    ? 'a socket has the port on some address: give one address, or another port'
    : 'another socket has this address or all addresses with the port: end it, or give another port',
  EADDRNOTAVAIL: 'no interface here has this address: give one that "ip address" shows',
  EACCES: 'ports below net.ipv4.ip_unprivileged_port_start need CAP_NET_BIND_SERVICE',
  ENOPROTOOPT: 'Multipath TCP is switched off here: net.mptcp.enabled is 0',
  EPROTONOSUPPORT: 'the kernel has no Multipath TCP',
});
