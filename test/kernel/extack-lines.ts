/** How a text of the kernel is provoked: lines for mptcpctl, with `$names` of what the test has made ready. */
export interface Provoked {
  /** As the kernel says it (net/mptcp/pm_netlink.c, pm_kernel.c, pm_userspace.c, lib/nlattr.c). */
  readonly text: string;
  /** The last one is refused; those before make it so. */
  readonly lines: readonly string[];
}

const one = (text: string, ...lines: string[]): Provoked => ({ text, lines });

/** The texts that a user of mptcpctl can meet. Each leaves the connections as they were. */
export const provoked: readonly Provoked[] = [
  // Endpoints and limits
  one('flags must have signal and not subflow when using port', 'endpoint add 10.0.1.1 signal subflow port 7001'),
  one("can't create IMPLICIT endpoint", 'endpoint add 10.0.1.1 implicit'),
  one('create listen socket error: -98', 'endpoint add 10.0.1.1 signal port 7000'),
  one('create listen socket error: -98', 'endpoint add fd00:1::1 signal port 7000'),
  one('create listen socket error: -99', 'endpoint add 192.0.2.1 signal port 7001'),
  one('create listen socket error: -99', 'endpoint add fd00:99::1 signal port 7001'),
  one('too many addresses or duplicate one: -17', 'endpoint add 10.0.1.1 id 1', 'endpoint add 10.0.1.1'),
  one('too many addresses or duplicate one: -17', 'endpoint add fd00:1::1 id 2', 'endpoint add fd00:1::1 id 9'),
  one('too many addresses or duplicate one: -16', 'endpoint add 10.0.1.3 id 1'),
  one(
    'too many addresses or duplicate one: -34',
    ...[3, 4, 5, 6, 7, 8, 9].map((n) => `endpoint add 10.0.1.${n}${n % 2 ? ' signal' : ''}`),
  ),
  one('address not found', 'endpoint delete id 77'),
  one('address not found', 'endpoint show id 77'),
  one('address not found', 'endpoint show 10.0.1.1'),
  one('address not found', 'endpoint change id 77 backup'),
  one('address not found', 'endpoint change 192.0.2.1 backup'),
  one('address not found', 'endpoint change fd00:99::1 nobackup'),
  one('missing address ID', 'endpoint change backup'),
  one('invalid addr flags', 'endpoint change 10.0.1.3 fullmesh'),
  one('limit greater than maximum (8)', 'limits set subflows 9'),
  one('limit greater than maximum (8)', 'limits set add_addr_accepted 4294967295 subflows 1'),
  one('binary attribute size out of range', 'endpoint add any'),

  // Tokens. The list is a dump: its refusal comes in NLMSG_DONE.
  ...[
    'address $t',
    'announce $t 10.0.2.1 id 9',
    'remove $t id 9',
    'subflow create $t local 10.0.2.1 remote 10.0.2.2 port 8000',
    'subflow destroy $t local 10.0.2.1 port 1 remote 10.0.2.2 port 8000',
    'subflow change $t local 10.0.2.1 remote 10.0.2.2 backup',
  ].flatMap((line) => [
    one('invalid token', line.replace('$t', '0xdeadbeef')),
    one('userspace PM not selected', line.replace('$t', '$kernel')),
  ]),

  // Announcements
  one('invalid addr id', 'announce $token 10.0.2.1 id 0'),
  one('did not match address and id', 'announce $token 10.0.2.1 id 20', 'announce $token 10.0.2.1 id 21'),
  one('did not match address and id', 'announce $token 10.0.1.1 id 20'),
  one('did not match address and id', 'announce $six fd00:2::1 id 20', 'announce $six fd00:1::1 id 20'),
  one('address with id 99 not found', 'remove $token id 99'),
  one('address with id 21 not found', 'remove $six id 21'),

  // Subflows
  one('did not match address and id', 'subflow create $token local 10.0.2.1 id 22 remote 10.0.2.2 port 8000'),
  one('families mismatch', 'subflow create $token local fd00:2::1 id 23 remote fd00:2::2 port 8000'),
  one('families mismatch', 'subflow create $token local 10.0.2.1 id 20 remote fd00:2::2 port 8000'),
  one('connect error: -107', 'subflow create $fresh local 10.0.2.1 id 24 remote 10.0.2.2 port 8000'),
  one('connect error: -99', 'subflow create $token local 192.0.2.1 id 25 remote 10.0.2.2 port 8000'),
  one('connect error: -99', 'subflow create $six local fd00:99::1 id 25 remote fd00:2::2 port 8000'),
  one('connect error: -98', 'subflow create $token local 10.0.1.1 id 26 port 7000 remote 10.0.2.2 port 8000'),
  one('connect error: -101', 'subflow create $token local 10.0.1.1 id 26 remote 198.51.100.1 port 8000'),
  one('connect error: -101', 'subflow create $six local fd00:1::1 id 26 remote 2001:db8::1 port 8000'),
  one('connect error: -113', 'subflow create $token local 10.0.1.1 id 26 remote 203.0.113.1 port 8000'),
  one('connect error: -22', 'subflow create $token local 127.0.0.1 id 27 remote 10.0.2.2 port 8000'),
  one('connect error: -22', 'subflow create $six local fd00:1::1 id 27 remote fe80::1 port 8000'),
  one('address families do not match', 'subflow destroy $token local 10.0.2.1 port 1 remote fd00:2::2 port 8000'),
  one('missing local port', 'subflow destroy $token local 10.0.2.1 port 0 remote 10.0.2.2 port 8000'),
  one('missing remote port', 'subflow destroy $token local 10.0.2.1 port 1 remote 10.0.2.2 port 0'),
  one('subflow not found', 'subflow destroy $token local 10.0.2.1 port 1 remote 10.0.2.2 port 8000'),
  one('subflow not found', 'subflow destroy $six local fd00:2::1 port 1 remote fd00:2::2 port 8000'),
  one('subflow not found', 'subflow change $token local 10.0.2.1 remote 10.0.2.2 backup'),
  one('subflow not found', 'subflow change $six local fd00:1::1 port 9 remote fd00:1::2 nobackup'),
];

/** The texts that nothing here provokes, and why. */
export const unprovoked: Readonly<Record<string, string>> = {
  "can't allocate addr": 'the kernel must be out of memory',
  'not enough space in Netlink message': 'the kernel must be out of memory: its answer has room for one address',
  'too many addresses or duplicate one: -22': 'all of 255 ids must be in use, and there can be 8 endpoints',
  'invalid remote address family': '“missing family” is said first',
};
