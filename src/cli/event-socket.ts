import { EVENT_GROUP } from '../netlink/families/mptcp-pm.ts';
import * as nlctrl from '../netlink/families/nlctrl.ts';
import type { Socket } from '../netlink/socket.ts';
import { errnoNumber, SystemError } from '../os/index.ts';
import { CliError } from './cli-error.ts';
import type { Context } from './context.ts';
import { describeErrno } from './errno-words.ts';

/** Room for some ten thousand events that come while they are not read. */
const RECEIVE_BUFFER = 8 << 20;

/**
 * A socket that gets the path manager's events from now on.
 * @param status the exit status where it may not
 * @throws CliError
 */
export function openEvents(context: Pick<Context, 'pm' | 'openSocket'>, status: number): Socket {
  const group = context.pm.groups.get(EVENT_GROUP);
  const socket = context.openSocket(nlctrl.PROTOCOL);
  socket.receiveBuffer(RECEIVE_BUFFER);
  try {
    if (group === undefined) throw new SystemError('join', errnoNumber('ENOENT') ?? 0);
    socket.join(group);
    return socket;
  } catch (error) {
    socket.close();
    if (!(error instanceof SystemError)) throw error;
    throw new CliError(status, `can't subscribe to mptcp events: ${describeErrno(error.errno)}\n`);
  }
}
