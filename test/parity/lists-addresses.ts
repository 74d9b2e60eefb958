import { addMany, type StepList } from './step.ts';

/** Addresses that come and go, and what the kernel's path manager is told of them. */
export const addressLists: readonly StepList[] = [
  { name: 'no address', steps: ['start $USUAL', 'signal TERM'] },
  {
    name: 'addresses that are there at the start',
    steps: ['ip addr add 10.0.1.1/24 dev v1; ip addr add fd00::1/64 dev v2', 'start $USUAL'],
  },
  {
    name: 'an address comes, goes and comes again',
    steps: [
      'start $USUAL',
      'ip addr add 10.0.1.1/24 dev v1',
      'ip addr del 10.0.1.1/24 dev v1',
      'ip addr add 10.0.1.1/24 dev v1 # it comes again',
    ],
  },
  {
    name: 'an IPv6 address comes, goes and comes again',
    steps: [
      'start $USUAL',
      'ip addr add fd00::1/64 dev v1',
      'ip addr del fd00::1/64 dev v1',
      'ip addr add fd00::1/64 dev v1 # it comes again',
    ],
  },
  {
    name: 'the lowest free id is given',
    steps: [
      'start $USUAL',
      addMany(1, 3),
      'ip addr del 10.0.2.1/24 dev v1',
      'ip addr add 10.0.7.1/24 dev v1',
      'ip addr del 10.0.1.1/24 dev v1',
      'ip addr add fd00::1/64 dev v2',
    ],
  },
  {
    name: 'an address moves to another interface',
    steps: [
      'start $USUAL',
      'ip addr add 10.0.1.1/24 dev v1',
      'ip addr del 10.0.1.1/24 dev v1; ip addr add 10.0.1.1/24 dev v2',
    ],
  },
  {
    name: 'an address on two interfaces goes from the first',
    steps: [
      'start $USUAL',
      'ip addr add 10.0.1.1/24 dev v1',
      'ip addr add 10.0.1.1/24 dev v2',
      'ip addr del 10.0.1.1/24 dev v1',
      'ip addr del 10.0.1.1/24 dev v2',
    ],
  },
  {
    name: 'an address on two interfaces goes from the second',
    steps: [
      'start $USUAL',
      'ip addr add 10.0.1.1/24 dev v1; ip addr add 10.0.1.1/24 dev v2',
      'ip addr del 10.0.1.1/24 dev v2',
    ],
  },
  {
    name: 'one address with two lengths of its prefix',
    steps: [
      'start $USUAL',
      'ip addr add 10.0.1.1/24 dev v1',
      'ip addr add 10.0.1.1/32 dev v1',
      'ip addr del 10.0.1.1/24 dev v1',
    ],
  },
  {
    name: 'a secondary address goes with its primary one',
    steps: [
      'start $USUAL',
      'ip addr add 10.0.1.1/24 dev v1; ip addr add 10.0.1.2/24 dev v1',
      'ip addr del 10.0.1.1/24 dev v1',
    ],
  },
  {
    name: 'all addresses are flushed',
    steps: ['start $USUAL', addMany(1, 4), 'ip addr flush dev v1'],
  },
  { name: 'a point-to-point address', steps: ['start $USUAL', 'ip addr add 10.8.0.1 peer 10.8.0.2 dev v1'] },
  {
    name: 'link-local addresses are passed over',
    steps: [
      'start $USUAL',
      'ip addr add 169.254.1.1/16 scope link dev v1; ip addr add fe80::1/64 dev v1',
      'ip addr add 10.0.1.1/24 dev v1',
    ],
  },
  {
    name: 'link-local addresses are asked for',
    steps: [
      'start $LOADED --addr-flags=subflow --notify-flags=existing',
      'ip addr add 169.254.1.1/16 scope link dev v1',
      'ip addr add fe80::1/64 dev v1',
      'ip addr add fe80::1/64 dev v2',
    ],
  },
  {
    name: 'loopback addresses are not passed over',
    steps: ['start $LOADED --addr-flags=subflow --notify-flags=existing', 'ip addr add 127.0.0.9/8 dev lo scope host'],
  },
  { name: 'an address of global scope on the loopback', steps: ['start $USUAL', 'ip addr add 10.5.5.5/32 dev lo'] },
  {
    name: 'an IPv6 address whose check for duplicates runs',
    tentative: true,
    steps: [
      'sysctl -qw net.ipv6.conf.v1.accept_dad=1 net.ipv6.neigh.v1.retrans_time_ms=600000',
      'start $USUAL',
      'ip addr add fd00::1/64 dev v1',
      'ip addr add fd00::2/64 dev v2',
    ],
  },
  {
    name: 'a deprecated IPv6 address',
    steps: [
      'start $USUAL',
      'ip addr add fd00::1/64 dev v1',
      'ip addr change fd00::1/64 dev v1 preferred_lft 0',
      'ip addr del fd00::1/64 dev v1',
    ],
  },
  {
    name: 'without existing the addresses of the start do not count',
    steps: [
      'ip addr add 10.0.1.1/24 dev v1',
      'start $LOADED --addr-flags=subflow --notify-flags=skip_link_local,skip_loopback',
      'ip addr add 10.0.2.1/24 dev v2',
      'ip addr del 10.0.1.1/24 dev v1',
      'ip addr add 10.0.1.1/24 dev v1 # it comes again',
    ],
  },
];

/** Links that go and come back. */
export const linkLists: readonly StepList[] = [
  {
    name: 'an interface is switched off and on',
    steps: [
      'start $USUAL',
      'ip addr add 10.0.1.1/24 dev v1',
      'ip link set v1 down',
      'ip link set v1 up',
      'ip addr del 10.0.1.1/24 dev v1',
    ],
  },
  {
    name: 'a carrier goes and comes back',
    steps: [
      'start $USUAL',
      'ip addr add 10.0.1.1/24 dev v1',
      'ip link set far1 down',
      'ip link set far1 up',
      'ip addr add 10.0.2.1/24 dev v2',
    ],
  },
  {
    name: 'a link flaps while its addresses change',
    steps: [
      'start $USUAL',
      addMany(1, 2),
      'ip link set v1 down; ip link set v1 up; ip link set v1 down; ip link set v1 up',
      'ip addr del 10.0.1.1/24 dev v1',
      'ip addr add 10.0.1.1/24 dev v1',
    ],
  },
  {
    name: 'an address goes while its interface is off',
    steps: [
      'start $USUAL',
      'ip addr add 10.0.1.1/24 dev v1',
      'ip link set v1 down',
      'ip addr del 10.0.1.1/24 dev v1',
      'ip link set v1 up',
    ],
  },
  {
    name: 'an interface loses its IPv6 addresses when it is switched off',
    steps: ['start $USUAL', 'ip addr add fd00::1/64 dev v1', 'ip link set v1 down', 'ip link set v1 up'],
  },
  {
    name: 'an interface is off at the start and switched on later',
    steps: ['ip link set v1 down; ip addr add 10.0.1.1/24 dev v1', 'start $USUAL', 'ip link set v1 up'],
  },
  {
    name: 'an address is set before its interface is switched on',
    steps: ['ip link set v1 down', 'start $USUAL', 'ip addr add 10.0.1.1/24 dev v1', 'ip link set v1 up'],
  },
  {
    name: 'a link is deleted',
    steps: ['start $USUAL', 'ip addr add 10.0.1.1/24 dev v1; ip addr add 10.0.2.1/24 dev v2', 'ip link del v1'],
  },
  {
    name: 'a link is added',
    steps: [
      'start $USUAL',
      'ip link add v3 type veth peer name far3; ip link set v3 up; ip link set far3 up',
      'ip addr add 10.0.3.1/24 dev v3',
    ],
  },
  {
    name: 'an interface is renamed',
    steps: [
      'start $USUAL',
      'ip addr add 10.0.1.1/24 dev v1',
      'ip link set v1 name wan0',
      'ip addr del 10.0.1.1/24 dev wan0',
    ],
  },
  {
    name: 'an address on a bridge',
    steps: [
      'start $USUAL',
      'ip link add b0 type bridge; ip link set far1 master b0; ip link set b0 up',
      'ip addr add 10.0.4.1/24 dev b0',
    ],
  },
];
