import { expect, test } from 'vitest';
import { faultOf } from './check.ts';

const remote = { ip: '10.0.9.9', port: 443 };
const local = { ip: '10.0.1.1' };

test.each([
  {},
  { subflows: undefined, announce: undefined },
  { subflows: [], announce: [] },
  { subflows: [{ local, remote }] },
  {
    subflows: [
      { local: { ...local, ifIndex: 3 }, remote: [remote, { ip: '2001:db8::1', port: 65_535 }], backup: true },
    ],
  },
  { announce: [{ ip: '10.0.1.1' }, { ip: '2001:db8::1', port: 0 }, { ip: '10.0.1.1', port: 1, listen: true }] },
  { more: 'than is known' },
])('%j is a plan', (plan) => expect(faultOf(plan)).toBeUndefined());

test.each([
  [null, 'it must be an object with subflows and announce'],
  [undefined, 'it must be an object with subflows and announce'],
  ['no', 'it must be an object with subflows and announce'],
  [{ subflows: {} }, 'subflows must be an array'],
  [{ announce: 'all' }, 'announce must be an array'],
  [{ subflows: [null] }, 'subflows[0].local.ip must be an IP address in text'],
  [{ subflows: [{ local, remote }, { remote }] }, 'subflows[1].local.ip must be an IP address in text'],
  [{ subflows: [{ local: { ip: 7 }, remote }] }, 'subflows[0].local.ip must be an IP address in text'],
  [{ subflows: [{ local }] }, 'subflows[0].remote.ip must be an IP address in text'],
  [{ subflows: [{ local, remote: [] }] }, 'subflows[0].remote must name one address at least'],
  [{ subflows: [{ local, remote: [remote, null] }] }, 'subflows[0].remote.ip must be an IP address in text'],
  [{ subflows: [{ local, remote: { ip: '10.0.9.9' } }] }, 'subflows[0].remote.port must be a port, 1 … 65535'],
  [{ subflows: [{ local, remote: { ...remote, port: 0 } }] }, 'subflows[0].remote.port must be a port, 1 … 65535'],
  [{ subflows: [{ local, remote: { ...remote, port: '443' } }] }, 'subflows[0].remote.port must be a port, 1 … 65535'],
  [{ subflows: [{ local: { ...local, ifIndex: 'eth0' }, remote }] }, 'subflows[0].local.ifIndex must be a number'],
  [{ announce: [{ ip: '10.0.1.1' }, '10.0.1.2'] }, 'announce[1].ip must be an IP address in text'],
  [{ announce: [{ ip: '10.0.1.1', port: 65_536 }] }, 'announce[0].port must be a port, 0 … 65535'],
])('%j is none', (plan, fault) => expect(faultOf(plan)).toBe(fault));
