import type { Difference } from './differences.ts';

/** Addresses and links. */
export const addressDifferences: readonly Difference[] = [
  {
    list: 'no address',
    see: 'defect 6',
    why: 'at its end the limits are as it found them',
    at: {
      'signal TERM': { c: 'exit 0 | add_addr_accepted 2 subflows 2', ours: 'exit 0 | add_addr_accepted 0 subflows 2' },
    },
  },
  {
    list: 'an address on two interfaces goes from the first',
    see: 'defect 15',
    why: 'the other interface still has the address, so the endpoint moves there',
    at: {
      'ip addr del 10.0.1.1/24 dev v1': {
        c: 'running | add_addr_accepted 3 subflows 3',
        ours: 'running | 10.0.1.1 id 1 subflow dev v2 | add_addr_accepted 3 subflows 3',
      },
      'ip addr del 10.0.1.1/24 dev v2': {
        c: 'running | add_addr_accepted 3 subflows 3',
        ours: 'running | add_addr_accepted 2 subflows 2',
      },
    },
  },
  {
    list: 'an address on two interfaces goes from the second',
    see: 'defect 15',
    why: 'the first interface still has the address that the endpoint is for',
    at: {
      'ip addr del 10.0.1.1/24 dev v2': {
        c: 'running | add_addr_accepted 3 subflows 3',
        ours: 'running | 10.0.1.1 id 1 subflow dev v1 | add_addr_accepted 3 subflows 3',
      },
    },
  },
  {
    list: 'one address with two lengths of its prefix',
    see: 'defect 15',
    why: 'the interface still has the address',
    at: {
      'ip addr del 10.0.1.1/24 dev v1': {
        c: 'running | add_addr_accepted 2 subflows 2',
        ours: 'running | 10.0.1.1 id 1 subflow dev v1 | add_addr_accepted 3 subflows 3',
      },
    },
  },
  {
    list: 'a point-to-point address',
    see: 'defect 7',
    why: "the address of this host is an endpoint, not the peer's",
    at: {
      'ip addr add 10.8.0.1 peer 10.8.0.2 dev v1': {
        c: 'running | 10.8.0.2 id 1 subflow dev v1 | add_addr_accepted 3 subflows 3',
        ours: 'running | 10.8.0.1 id 1 subflow dev v1 | add_addr_accepted 3 subflows 3',
      },
    },
  },
  {
    list: 'an address of global scope on the loopback',
    see: 'section 2.1',
    why: 'it can be reached from outside, as on a router or a host of anycast addresses; the C program never looks at lo',
    at: {
      'ip addr add 10.5.5.5/32 dev lo': {
        c: 'running | add_addr_accepted 2 subflows 2',
        ours: 'running | 10.5.5.5 id 1 subflow dev lo | add_addr_accepted 3 subflows 3',
      },
    },
  },
  {
    list: 'an IPv6 address whose check for duplicates runs',
    see: 'defect 8',
    why: 'nothing can be sent from it yet, or ever if it is a duplicate',
    at: {
      'ip addr add fd00::1/64 dev v1': {
        c: 'running | fd00::1 id 1 subflow dev v1 | add_addr_accepted 3 subflows 3',
        ours: 'running | add_addr_accepted 2 subflows 2',
      },
      'ip addr add fd00::2/64 dev v2': {
        c: 'running | fd00::1 id 1 subflow dev v1 | fd00::2 id 2 subflow dev v2 | add_addr_accepted 4 subflows 4',
        ours: 'running | fd00::2 id 1 subflow dev v2 | add_addr_accepted 3 subflows 3',
      },
    },
  },
  {
    list: 'a carrier goes and comes back',
    see: 'defect 3',
    why: 'without a carrier its addresses lead nowhere',
    at: {
      'ip link set far1 down': {
        c: 'running | 10.0.1.1 id 1 subflow dev v1 | add_addr_accepted 3 subflows 3',
        ours: 'running | add_addr_accepted 2 subflows 2',
      },
    },
  },
  {
    list: 'an interface is switched off and on',
    see: 'defect 3',
    why: 'without the interface its addresses lead nowhere; and the address is not forgotten, so its endpoint goes with it',
    at: {
      'ip link set v1 down': {
        c: 'running | 10.0.1.1 id 1 subflow dev v1 | add_addr_accepted 3 subflows 3',
        ours: 'running | add_addr_accepted 2 subflows 2',
      },
      'ip addr del 10.0.1.1/24 dev v1': {
        c: 'running | 10.0.1.1 id 1 subflow dev v1 | add_addr_accepted 3 subflows 3',
        ours: 'running | add_addr_accepted 2 subflows 2',
      },
    },
  },
  {
    list: 'a link flaps while its addresses change',
    see: 'defect 3',
    why: 'the addresses are not forgotten, and the limits do not drift',
    at: {
      'ip addr del 10.0.1.1/24 dev v1': {
        c: 'running | 10.0.1.1 id 1 subflow dev v1 | 10.0.2.1 id 2 subflow dev v1 | add_addr_accepted 4 subflows 4',
        ours: 'running | 10.0.2.1 id 2 subflow dev v1 | add_addr_accepted 3 subflows 3',
      },
      'ip addr add 10.0.1.1/24 dev v1': {
        c: 'running | 10.0.1.1 id 1 subflow dev v1 | 10.0.2.1 id 2 subflow dev v1 | add_addr_accepted 5 subflows 5',
        ours: 'running | 10.0.1.1 id 1 subflow dev v1 | 10.0.2.1 id 2 subflow dev v1 | add_addr_accepted 4 subflows 4',
      },
    },
  },
  {
    list: 'an address goes while its interface is off',
    see: 'defect 3',
    why: 'no endpoint is left of an address that is gone',
    at: {
      'ip link set v1 down': {
        c: 'running | 10.0.1.1 id 1 subflow dev v1 | add_addr_accepted 3 subflows 3',
        ours: 'running | add_addr_accepted 2 subflows 2',
      },
      'ip addr del 10.0.1.1/24 dev v1': {
        c: 'running | 10.0.1.1 id 1 subflow dev v1 | add_addr_accepted 3 subflows 3',
        ours: 'running | add_addr_accepted 2 subflows 2',
      },
      'ip link set v1 up': {
        c: 'running | 10.0.1.1 id 1 subflow dev v1 | add_addr_accepted 3 subflows 3',
        ours: 'running | add_addr_accepted 2 subflows 2',
      },
    },
  },
  {
    list: 'an interface is off at the start and switched on later',
    see: 'defect 3',
    why: 'its address is found',
    at: {
      'ip link set v1 up': {
        c: 'running | add_addr_accepted 2 subflows 2',
        ours: 'running | 10.0.1.1 id 1 subflow dev v1 | add_addr_accepted 3 subflows 3',
      },
    },
  },
  {
    list: 'an address is set before its interface is switched on',
    see: 'defect 3',
    why: 'its address is found',
    at: {
      'ip link set v1 up': {
        c: 'running | add_addr_accepted 2 subflows 2',
        ours: 'running | 10.0.1.1 id 1 subflow dev v1 | add_addr_accepted 3 subflows 3',
      },
    },
  },
  {
    list: 'an interface loses its IPv6 addresses when it is switched off',
    see: 'defect 8',
    why: 'no endpoint is left of an address that is gone',
    at: {
      'ip link set v1 down': {
        c: 'running | fd00::1 id 1 subflow dev v1 | add_addr_accepted 3 subflows 3',
        ours: 'running | add_addr_accepted 2 subflows 2',
      },
      'ip link set v1 up': {
        c: 'running | fd00::1 id 1 subflow dev v1 | add_addr_accepted 3 subflows 3',
        ours: 'running | add_addr_accepted 2 subflows 2',
      },
    },
  },
  {
    list: 'a link is deleted',
    see: 'defect 3',
    why: 'no endpoint is left of an address that is gone',
    at: {
      'ip link del v1': {
        c: 'running | 10.0.1.1 id 1 subflow dev if3 | 10.0.2.1 id 2 subflow dev v2 | add_addr_accepted 4 subflows 4',
        ours: 'running | 10.0.2.1 id 2 subflow dev v2 | add_addr_accepted 3 subflows 3',
      },
    },
  },
];
