import { addMany, type StepList } from './step.ts';

/** What endpoints are for. */
export const flagLists: readonly StepList[] = [
  ...[
    'subflow',
    'signal',
    'signal,backup',
    'subflow,backup',
    'subflow,fullmesh',
    'signal,subflow',
    'fullmesh',
    'backup',
  ].map(
    (flags): StepList => ({
      name: `addr-flags=${flags}`,
      steps: [
        `start $LOADED $NOTIFY --addr-flags=${flags}`,
        'ip addr add 10.0.1.1/24 dev v1; ip addr add fd00::1/64 dev v2',
        'ip addr del 10.0.1.1/24 dev v1',
      ],
    }),
  ),
  {
    name: 'addr-flags=signal,fullmesh',
    steps: ['start $LOADED $NOTIFY --addr-flags=signal,fullmesh', 'ip addr add 10.0.1.1/24 dev v1'],
  },
  {
    name: 'addr-flags=laminar',
    steps: ['start $LOADED $NOTIFY --addr-flags=laminar', 'ip addr add 10.0.1.1/24 dev v1'],
  },
  {
    name: 'no flags at all',
    steps: ['ip addr add 10.0.1.1/24 dev v1', 'start $LOADED', 'ip addr add 10.0.2.1/24 dev v2'],
  },
  {
    name: 'check_route and a default route',
    steps: [
      'ip addr add 10.0.1.1/24 dev v1; ip route add default via 10.0.1.9 dev v1',
      'start $LOADED --addr-flags=subflow $NOTIFY,check_route',
      'ip route del default',
    ],
  },
  {
    name: 'check_route without a default route',
    steps: [
      'ip addr add 10.0.1.1/24 dev v1',
      'start $LOADED --addr-flags=subflow $NOTIFY,check_route',
      'ip route add default via 10.0.1.9 dev v1',
    ],
  },
];

/** Limits, and more addresses than the kernel takes. */
export const limitLists: readonly StepList[] = [
  {
    name: 'limits grow with the addresses up to 8, and shrink',
    steps: [
      'start $USUAL',
      addMany(1, 5),
      'ip addr add 10.0.6.1/24 dev v1',
      'ip addr add 10.0.7.1/24 dev v1',
      'ip addr del 10.0.7.1/24 dev v1',
      'ip addr del 10.0.6.1/24 dev v1',
      'ip addr del 10.0.5.1/24 dev v1',
    ],
  },
  { name: 'limits for announced addresses alone', steps: ['start $SIGNAL', addMany(1, 3), 'ip addr flush dev v1'] },
  {
    name: 'limits that the administrator set before',
    steps: ['ip mptcp limits set subflows 7 add_addr_accepted 5', 'start $USUAL', addMany(1, 2), 'signal TERM'],
  },
  {
    name: 'limits that the administrator sets meanwhile',
    steps: [
      'start $USUAL',
      'ip mptcp limits set subflows 8',
      'ip addr add 10.0.1.1/24 dev v1',
      'ip addr del 10.0.1.1/24 dev v1',
      'signal TERM',
    ],
  },
  {
    name: 'a ninth address',
    steps: [
      'start $USUAL',
      addMany(1, 8),
      'ip addr add 10.0.9.1/24 dev v1',
      'ip addr del 10.0.3.1/24 dev v1',
      'ip addr add 10.0.3.1/24 dev v1',
      'ip addr del 10.0.9.1/24 dev v1',
    ],
  },
  {
    name: 'twelve addresses at the start',
    steps: [addMany(1, 12), 'start $USUAL', 'ip addr del 10.0.1.1/24 dev v1; ip addr del 10.0.2.1/24 dev v1'],
  },
];

/** Endpoints of others, and those of an earlier run. */
export const foreignLists: readonly StepList[] = [
  {
    name: 'a foreign endpoint of another address',
    steps: [
      'ip mptcp endpoint add 192.0.2.1 signal',
      'start $USUAL',
      'ip addr add 10.0.1.1/24 dev v1',
      'ip addr del 10.0.1.1/24 dev v1',
    ],
  },
  {
    name: 'a foreign endpoint without device has the address',
    steps: [
      'ip mptcp endpoint add 10.0.1.1 signal',
      'start $USUAL',
      'ip addr add 10.0.1.1/24 dev v1',
      'ip addr del 10.0.1.1/24 dev v1',
    ],
  },
  {
    name: 'a foreign endpoint with other flags has the address',
    steps: [
      'ip addr add 10.0.1.1/24 dev v1; ip mptcp endpoint add 10.0.1.1 dev v1 signal',
      'start $USUAL',
      'ip addr del 10.0.1.1/24 dev v1',
    ],
  },
  {
    name: 'a foreign endpoint with a port has the address',
    steps: [
      'ip addr add 10.0.1.1/24 dev v1; ip mptcp endpoint add 10.0.1.1 dev v1 signal port 5001',
      'start $USUAL',
      'ip addr del 10.0.1.1/24 dev v1',
    ],
  },
  {
    name: 'an endpoint as the program would make it is there already',
    steps: [
      'ip addr add 10.0.1.1/24 dev v1; ip mptcp endpoint add 10.0.1.1 dev v1 subflow',
      'start $USUAL',
      'ip addr del 10.0.1.1/24 dev v1',
    ],
  },
  {
    name: 'a foreign endpoint takes the id of a flushed one',
    steps: [
      'start $USUAL',
      'ip addr add 10.0.1.1/24 dev v1',
      'ip mptcp endpoint flush; ip mptcp endpoint add 192.0.2.1 id 1 signal',
      'ip addr del 10.0.1.1/24 dev v1',
    ],
  },
  {
    name: 'endpoints are flushed',
    steps: [
      'start $USUAL',
      'ip addr add 10.0.1.1/24 dev v1',
      'ip mptcp endpoint flush',
      'ip addr add 10.0.2.1/24 dev v2',
      'ip addr del 10.0.1.1/24 dev v1',
    ],
  },
  {
    name: 'the next id is taken by a foreign endpoint meanwhile',
    steps: [
      'start $USUAL',
      'ip addr add 10.0.1.1/24 dev v1',
      'ip mptcp endpoint add 192.0.2.1 id 2 signal',
      'ip addr add 10.0.2.1/24 dev v2',
    ],
  },
  {
    name: 'the administrator changes the flags of an endpoint',
    steps: [
      'start $USUAL',
      'ip addr add 10.0.1.1/24 dev v1',
      'ip mptcp endpoint change id 1 backup',
      'ip addr add 10.0.2.1/24 dev v2',
      'ip addr del 10.0.1.1/24 dev v1',
    ],
  },
  {
    name: 'a restart',
    steps: [
      'ip addr add 10.0.1.1/24 dev v1',
      'start $USUAL',
      'signal TERM',
      'start $USUAL # again',
      'ip addr del 10.0.1.1/24 dev v1',
    ],
  },
  {
    name: 'an address goes between stop and start',
    steps: [
      'ip addr add 10.0.1.1/24 dev v1',
      'start $USUAL',
      'signal INT',
      'ip addr del 10.0.1.1/24 dev v1',
      'start $USUAL # again',
    ],
  },
  {
    name: 'a restart with other flags',
    steps: ['ip addr add 10.0.1.1/24 dev v1', 'start $USUAL', 'signal TERM', 'start $SIGNAL'],
  },
  {
    name: 'a restart after a crash',
    steps: [
      'ip addr add 10.0.1.1/24 dev v1; ip addr add fd00::1/64 dev v2',
      'start $USUAL',
      'signal KILL',
      'start $USUAL # again',
      'ip addr del 10.0.1.1/24 dev v1',
      'ip addr add 10.0.3.1/24 dev v1',
      'signal TERM',
    ],
  },
  {
    name: 'a restart after a crash, with other flags',
    steps: ['ip addr add 10.0.1.1/24 dev v1', 'start $USUAL', 'signal KILL', 'start $SIGNAL'],
  },
  {
    name: 'connections are under the userspace path manager',
    steps: ['sysctl -qw net.mptcp.pm_type=1', 'start $USUAL', 'ip addr add 10.0.1.1/24 dev v1'],
  },
];
