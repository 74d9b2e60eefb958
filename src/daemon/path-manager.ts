import type { Command, HeldAddress, Outcome } from '../core/model/commands.ts';
import type { AddrId, Ip } from '../core/model/ids.ts';
import { CodecError, type NetlinkError, type Result } from '../netlink/errors.ts';
import * as pm from '../netlink/families/mptcp-pm.ts';
import type { Family } from '../netlink/family.ts';
import { writtenFamily } from '../netlink/types.ts';

/** Performs a command: the kernel's path managers do, and a list does in tests of plugins. */
export type Perform = (command: Command) => Outcome<unknown>;

/** Carries commands out through the family `mptcp_pm`. */
export function kernelPathManager(family: Family): Perform {
  return (command) => {
    try {
      const result = ask(family, command);
      return result.ok ? result : { ok: false, error: refusal(result.error) };
    } catch (error) {
      if (error instanceof CodecError) {
        return { ok: false, error: { code: 'BAD_ARGUMENT', message: `${command.name}: ${error.message}` } };
      }
      return { ok: false, error: { code: 'FAILED', message: `${command.name}: ${(error as Error).message}` } };
    }
  };
}

const refusal = (error: NetlinkError) => ({ code: 'REFUSED', message: error.message, errno: error.errno }) as const;

function ask(family: Family, command: Command): Result<unknown> {
  const { ops } = pm;
  switch (command.name) {
    case 'announce': {
      const { token, address, ifIndex, backup } = command.args;
      const flags = backup ? (['signal', 'backup'] as const) : (['signal'] as const);
      return family.request(ops.announce, {
        token,
        addr: { ...held(address, ifIndex), id: address.id as AddrId, flags },
      });
    }
    case 'remove':
      return family.request(ops.remove, { token: command.args.token, locId: command.args.id });
    case 'createSubflow': {
      const { token, local, remote, ifIndex, backup } = command.args;
      const addr = { ...held(local, ifIndex), flags: backup ? (['backup'] as const) : [] };
      return family.request(ops.createSubflow, { token, addr, addrRemote: { ...held(remote), port: remote.port } });
    }
    case 'destroySubflow': {
      const { token, local, remote } = command.args;
      const addr = { ...held(local), port: local.port };
      return family.request(ops.destroySubflow, { token, addr, addrRemote: { ...held(remote), port: remote.port } });
    }
    case 'setBackup': {
      const { token, local, remote, backup } = command.args;
      const addr = { ...held(local), flags: backup ? (['backup'] as const) : [] };
      return family.request(ops.setFlags, { token, addr, addrRemote: held(remote) });
    }
    case 'listAddresses':
      return list(family, { token: command.args.token });
    case 'addEndpoint': {
      const { args } = command;
      return family.request(ops.addAddr, { addr: { ...held(args, args.ifIndex), flags: args.flags ?? [] } });
    }
    case 'removeEndpoint': {
      const { id, ip } = command.args;
      return family.request(ops.delAddr, {
        addr: { ...(ip === undefined ? {} : { family: writtenFamily(ip), ip }), id },
      });
    }
    case 'getEndpoint': {
      const got = family.request(ops.getAddr, { addr: { id: command.args.id } });
      return got.ok ? { ok: true, value: got.value && toHeld(got.value.addr) } : got;
    }
    case 'listEndpoints':
      return list(family, {});
    case 'flushEndpoints':
      return family.request(ops.flushAddrs, {});
    case 'setEndpointFlags':
      return family.request(ops.setFlags, { addr: { id: command.args.id, flags: command.args.flags } });
    case 'getLimits': {
      const got = family.request(ops.getLimits, {});
      if (!got.ok || !got.value) return got;
      return { ok: true, value: { subflows: got.value.subflows, addAddrAccepted: got.value.rcvAddAddrs } };
    }
    case 'setLimits': {
      const { subflows, addAddrAccepted } = command.args;
      return family.request(ops.setLimits, {
        ...(subflows === undefined ? {} : { subflows }),
        ...(addAddrAccepted === undefined ? {} : { rcvAddAddrs: addAddrAccepted }),
      });
    }
    default:
      command satisfies never;
      throw new TypeError(`no command ${(command as Command).name}`);
  }
}

function list(family: Family, request: Parameters<typeof pm.ops.listAddrs.write>[1]): Result<HeldAddress[]> {
  const all = family.dump(pm.ops.listAddrs, request);
  return all.ok ? { ok: true, value: all.value.map(({ addr }) => toHeld(addr)) } : all;
}

interface Place {
  readonly ip: Ip;
  readonly port?: number;
  readonly id?: HeldAddress['id'];
}

/** The attributes of an address; those that are not there are not sent. */
function held({ ip, port, id }: Place, ifIndex?: HeldAddress['ifIndex']) {
  return {
    family: writtenFamily(ip),
    ip,
    ...(id === undefined ? {} : { id }),
    ...(port === undefined || port === 0 ? {} : { port }),
    ...(ifIndex === undefined ? {} : { ifIndex }),
  };
}

type WireAddress = NonNullable<ReturnType<typeof pm.ops.getAddr.read>>['addr'];

function toHeld({ ip, id, port = 0, flags = [], ifIndex }: WireAddress): HeldAddress {
  return { ip, id, port, flags, ifIndex };
}
