import type { Difference } from './differences.ts';

/** Flags, limits, and endpoints of others. */
export const endpointDifferences: readonly Difference[] = [
  {
    list: 'addr-flags=signal,fullmesh',
    see: 'section 2.1',
    why: 'the kernel refuses such endpoints: better said at the start than with every address',
    at: {
      'start $LOADED $NOTIFY --addr-flags=signal,fullmesh': {
        c: 'running | add_addr_accepted 0 subflows 2',
        ours: 'exit 64 | add_addr_accepted 0 subflows 2',
      },
      'ip addr add 10.0.1.1/24 dev v1': {
        c: 'running | add_addr_accepted 0 subflows 3',
        ours: 'exit 64 | add_addr_accepted 0 subflows 2',
      },
    },
  },
  {
    list: 'addr-flags=laminar',
    see: 'section 5.9',
    why: 'the C program does not know the flag',
    at: {
      'ip addr add 10.0.1.1/24 dev v1': {
        c: 'running | 10.0.1.1 id 1 dev v1 | add_addr_accepted 0 subflows 3',
        ours: 'running | 10.0.1.1 id 1 laminar dev v1 | add_addr_accepted 0 subflows 3',
      },
    },
  },
  {
    list: 'no flags at all',
    see: 'defect 5',
    why: 'its defaults have an effect',
    at: {
      'start $LOADED': {
        c: 'running | add_addr_accepted 0 subflows 2',
        ours: 'running | 10.0.1.1 id 1 subflow dev v1 | add_addr_accepted 3 subflows 3',
      },
      'ip addr add 10.0.2.1/24 dev v2': {
        c: 'running | 10.0.2.1 id 1 dev v2 | add_addr_accepted 0 subflows 3',
        ours: 'running | 10.0.1.1 id 1 subflow dev v1 | 10.0.2.1 id 2 subflow dev v2 | add_addr_accepted 4 subflows 4',
      },
    },
  },
  {
    list: 'check_route and a default route',
    see: 'defect 4',
    why: 'the endpoint goes with the route',
    at: {
      'ip route del default': {
        c: 'running | 10.0.1.1 id 1 subflow dev v1 | add_addr_accepted 3 subflows 3',
        ours: 'running | add_addr_accepted 2 subflows 2',
      },
    },
  },
  {
    list: 'check_route without a default route',
    see: 'defect 4',
    why: 'the route may come late',
    at: {
      'ip route add default via 10.0.1.9 dev v1': {
        c: 'running | add_addr_accepted 2 subflows 2',
        ours: 'running | 10.0.1.1 id 1 subflow dev v1 | add_addr_accepted 3 subflows 3',
      },
    },
  },
  {
    list: 'limits that the administrator set before',
    see: 'defect 6',
    why: 'limits of others are not lowered',
    at: {
      'start $USUAL': {
        c: 'running | add_addr_accepted 2 subflows 2',
        ours: 'running | add_addr_accepted 5 subflows 7',
      },
      '10.0.1.1 to 10.0.2.1 on v1': {
        c: 'running | 10.0.1.1 id 1 subflow dev v1 | 10.0.2.1 id 2 subflow dev v1 | add_addr_accepted 4 subflows 4',
        ours: 'running | 10.0.1.1 id 1 subflow dev v1 | 10.0.2.1 id 2 subflow dev v1 | add_addr_accepted 5 subflows 7',
      },
      'signal TERM': {
        c: 'exit 0 | 10.0.1.1 id 1 subflow dev v1 | 10.0.2.1 id 2 subflow dev v1 | add_addr_accepted 4 subflows 4',
        ours: 'exit 0 | add_addr_accepted 5 subflows 7',
      },
    },
  },
  {
    list: 'limits that the administrator sets meanwhile',
    see: 'defect 6',
    why: 'limits of others are not lowered',
    at: {
      'ip addr add 10.0.1.1/24 dev v1': {
        c: 'running | 10.0.1.1 id 1 subflow dev v1 | add_addr_accepted 3 subflows 3',
        ours: 'running | 10.0.1.1 id 1 subflow dev v1 | add_addr_accepted 3 subflows 8',
      },
      'ip addr del 10.0.1.1/24 dev v1': {
        c: 'running | add_addr_accepted 2 subflows 2',
        ours: 'running | add_addr_accepted 2 subflows 8',
      },
      'signal TERM': { c: 'exit 0 | add_addr_accepted 2 subflows 2', ours: 'exit 0 | add_addr_accepted 0 subflows 8' },
    },
  },
  {
    list: 'a ninth address',
    see: 'defect 14',
    why: 'it waits for a free place and gets it',
    at: {
      'ip addr del 10.0.3.1/24 dev v1': {
        c: 'running | 10.0.1.1 id 1 subflow dev v1 | 10.0.2.1 id 2 subflow dev v1 | 10.0.4.1 id 4 subflow dev v1 | 10.0.5.1 id 5 subflow dev v1 | 10.0.6.1 id 6 subflow dev v1 | 10.0.7.1 id 7 subflow dev v1 | 10.0.8.1 id 8 subflow dev v1 | add_addr_accepted 8 subflows 8',
        ours: 'running | 10.0.1.1 id 1 subflow dev v1 | 10.0.2.1 id 2 subflow dev v1 | 10.0.9.1 id 3 subflow dev v1 | 10.0.4.1 id 4 subflow dev v1 | 10.0.5.1 id 5 subflow dev v1 | 10.0.6.1 id 6 subflow dev v1 | 10.0.7.1 id 7 subflow dev v1 | 10.0.8.1 id 8 subflow dev v1 | add_addr_accepted 8 subflows 8',
      },
      'ip addr add 10.0.3.1/24 dev v1': {
        c: 'running | 10.0.1.1 id 1 subflow dev v1 | 10.0.2.1 id 2 subflow dev v1 | 10.0.3.1 id 3 subflow dev v1 | 10.0.4.1 id 4 subflow dev v1 | 10.0.5.1 id 5 subflow dev v1 | 10.0.6.1 id 6 subflow dev v1 | 10.0.7.1 id 7 subflow dev v1 | 10.0.8.1 id 8 subflow dev v1 | add_addr_accepted 8 subflows 8',
        ours: 'running | 10.0.1.1 id 1 subflow dev v1 | 10.0.2.1 id 2 subflow dev v1 | 10.0.9.1 id 3 subflow dev v1 | 10.0.4.1 id 4 subflow dev v1 | 10.0.5.1 id 5 subflow dev v1 | 10.0.6.1 id 6 subflow dev v1 | 10.0.7.1 id 7 subflow dev v1 | 10.0.8.1 id 8 subflow dev v1 | add_addr_accepted 8 subflows 8',
      },
    },
  },
  {
    list: 'twelve addresses at the start',
    see: 'defect 14',
    why: 'those that wait get the free places, the earliest first',
    at: {
      'ip addr del 10.0.1.1/24 dev v1; ip addr del 10.0.2.1/24 dev v1': {
        c: 'running | 10.0.3.1 id 3 subflow dev v1 | 10.0.4.1 id 4 subflow dev v1 | 10.0.5.1 id 5 subflow dev v1 | 10.0.6.1 id 6 subflow dev v1 | 10.0.7.1 id 7 subflow dev v1 | 10.0.8.1 id 8 subflow dev v1 | add_addr_accepted 8 subflows 8',
        ours: 'running | 10.0.9.1 id 1 subflow dev v1 | 10.0.10.1 id 2 subflow dev v1 | 10.0.3.1 id 3 subflow dev v1 | 10.0.4.1 id 4 subflow dev v1 | 10.0.5.1 id 5 subflow dev v1 | 10.0.6.1 id 6 subflow dev v1 | 10.0.7.1 id 7 subflow dev v1 | 10.0.8.1 id 8 subflow dev v1 | add_addr_accepted 8 subflows 8',
      },
    },
  },
  {
    list: 'a foreign endpoint without device has the address',
    see: 'defect 6',
    why: 'it is not removed: somebody else made it',
    at: {
      'ip addr del 10.0.1.1/24 dev v1': {
        c: 'running | add_addr_accepted 2 subflows 2',
        ours: 'running | 10.0.1.1 id 1 signal | add_addr_accepted 2 subflows 2',
      },
    },
  },
  {
    list: 'a foreign endpoint with other flags has the address',
    see: 'defect 6',
    why: 'it is not removed: somebody else made it',
    at: {
      'ip addr del 10.0.1.1/24 dev v1': {
        c: 'running | add_addr_accepted 2 subflows 2',
        ours: 'running | 10.0.1.1 id 1 signal dev v1 | add_addr_accepted 2 subflows 2',
      },
    },
  },
  {
    list: 'a foreign endpoint with a port has the address',
    see: 'defect 6',
    why: 'it announces a port and makes no subflow, so the address needs its own; and it is not removed: somebody else made it',
    at: {
      'start $USUAL': {
        c: 'running | 10.0.1.1 port 5001 id 1 signal dev v1 | add_addr_accepted 3 subflows 3',
        ours: 'running | 10.0.1.1 port 5001 id 1 signal dev v1 | 10.0.1.1 id 2 subflow dev v1 | add_addr_accepted 3 subflows 3',
      },
      'ip addr del 10.0.1.1/24 dev v1': {
        c: 'running | add_addr_accepted 2 subflows 2',
        ours: 'running | 10.0.1.1 port 5001 id 1 signal dev v1 | add_addr_accepted 2 subflows 2',
      },
    },
  },
  {
    list: 'a foreign endpoint takes the id of a flushed one',
    see: 'defect 6',
    why: 'it is not removed: somebody else made it',
    at: {
      'ip addr del 10.0.1.1/24 dev v1': {
        c: 'running | add_addr_accepted 2 subflows 2',
        ours: 'running | 192.0.2.1 id 1 signal | add_addr_accepted 2 subflows 2',
      },
    },
  },
  {
    list: 'the next id is taken by a foreign endpoint meanwhile',
    see: 'defect 6',
    why: 'ids that others took meanwhile are seen',
    at: {
      'ip addr add 10.0.2.1/24 dev v2': {
        c: 'running | 10.0.1.1 id 1 subflow dev v1 | 192.0.2.1 id 2 signal | add_addr_accepted 4 subflows 4',
        ours: 'running | 10.0.1.1 id 1 subflow dev v1 | 192.0.2.1 id 2 signal | 10.0.2.1 id 3 subflow dev v2 | add_addr_accepted 4 subflows 4',
      },
    },
  },
  {
    list: 'endpoints are flushed',
    see: 'defect 6',
    why: 'with the next change every address has its endpoint again',
    at: {
      'ip addr add 10.0.2.1/24 dev v2': {
        c: 'running | 10.0.2.1 id 2 subflow dev v2 | add_addr_accepted 4 subflows 4',
        ours: 'running | 10.0.1.1 id 1 subflow dev v1 | 10.0.2.1 id 2 subflow dev v2 | add_addr_accepted 4 subflows 4',
      },
    },
  },
  {
    list: 'a restart',
    see: 'defect 6',
    why: 'at its end all is as it found it',
    at: {
      'signal TERM': {
        c: 'exit 0 | 10.0.1.1 id 1 subflow dev v1 | add_addr_accepted 3 subflows 3',
        ours: 'exit 0 | add_addr_accepted 0 subflows 2',
      },
    },
  },
  {
    list: 'an address goes between stop and start',
    see: 'defect 6',
    why: 'at its end all is as it found it, so nothing is left of the address',
    at: {
      'signal INT': {
        c: 'exit 0 | 10.0.1.1 id 1 subflow dev v1 | add_addr_accepted 3 subflows 3',
        ours: 'exit 0 | add_addr_accepted 0 subflows 2',
      },
      'ip addr del 10.0.1.1/24 dev v1': {
        c: 'exit 0 | 10.0.1.1 id 1 subflow dev v1 | add_addr_accepted 3 subflows 3',
        ours: 'exit 0 | add_addr_accepted 0 subflows 2',
      },
      again: {
        c: 'running | 10.0.1.1 id 1 subflow dev v1 | add_addr_accepted 2 subflows 2',
        ours: 'running | add_addr_accepted 2 subflows 2',
      },
    },
  },
  {
    list: 'a restart with other flags',
    see: 'defect 6',
    why: 'at its end all is as it found it, so the new flags count',
    at: {
      'signal TERM': {
        c: 'exit 0 | 10.0.1.1 id 1 subflow dev v1 | add_addr_accepted 3 subflows 3',
        ours: 'exit 0 | add_addr_accepted 0 subflows 2',
      },
      'start $SIGNAL': {
        c: 'running | 10.0.1.1 id 1 subflow dev v1 | add_addr_accepted 0 subflows 3',
        ours: 'running | 10.0.1.1 id 1 signal dev v1 | add_addr_accepted 0 subflows 3',
      },
    },
  },
  {
    list: 'a restart after a crash',
    see: 'defect 6',
    why: 'limits that the crashed run left look like those of others, and are not lowered; endpoints are taken up again',
    at: {
      'ip addr del 10.0.1.1/24 dev v1': {
        c: 'running | fd00::1 id 2 subflow dev v2 | add_addr_accepted 3 subflows 3',
        ours: 'running | fd00::1 id 2 subflow dev v2 | add_addr_accepted 4 subflows 4',
      },
      'signal TERM': {
        c: 'exit 0 | 10.0.3.1 id 1 subflow dev v1 | fd00::1 id 2 subflow dev v2 | add_addr_accepted 4 subflows 4',
        ours: 'exit 0 | add_addr_accepted 4 subflows 4',
      },
    },
  },
  {
    list: 'a restart after a crash, with other flags',
    see: 'defect 6',
    why: 'limits that the crashed run left look like those of others, and are not lowered',
    at: {
      'start $SIGNAL': {
        c: 'running | 10.0.1.1 id 1 subflow dev v1 | add_addr_accepted 0 subflows 3',
        ours: 'running | 10.0.1.1 id 1 subflow dev v1 | add_addr_accepted 3 subflows 3',
      },
    },
  },
];
