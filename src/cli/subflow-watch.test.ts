import { describe, expect, test } from 'vitest';
import type { PmEvent, SubflowEvent } from '../core/model/events.ts';
import { asAddrId, asToken } from '../core/model/ids.ts';
import type { Connection, Subflow } from '../netlink/diag.ts';
import { SubflowWatch, type Wanted } from './subflow-watch.ts';

const token = asToken(7);
const wanted: Wanted = { token, local: { ip: '10.0.2.1' }, remote: { ip: '10.0.2.2', port: 8000 } };
const subflow = (localPort: number, state: string, localIp = '10.0.2.1'): Subflow =>
  ({
    ...{ local: { ip: localIp, port: localPort }, remote: { ip: '10.0.2.2', port: 8000 } },
    ...{
      state,
      fullyEstablished: false,
      locId: asAddrId(5),
      remId: asAddrId(1),
      backupRemote: false,
      ifIndex: undefined,
    },
  }) as unknown as Subflow;
const connection = (...subflows: Subflow[]): Connection => ({ subflows }) as unknown as Connection;

const event = (type: SubflowEvent['type'], more: Partial<SubflowEvent> = {}): SubflowEvent => ({
  ...{ type, token, locId: asAddrId(5), remId: asAddrId(1), backup: false, ifIndex: undefined },
  ...{ localIp: '10.0.2.1', localPort: 1001, remoteIp: '10.0.2.2', remotePort: 8000 },
  ...{ error: undefined, resetReason: undefined, resetTransient: false },
  ...more,
});

describe('the outcome from events', () => {
  const others = [subflow(1000, 'established')];
  test.each<[string, PmEvent, string | undefined]>([
    ['established', event('subflowEstablished'), 'established'],
    ['refused', event('subflowClosed', { error: 'ECONNREFUSED', remId: asAddrId(0) }), 'closed'],
    ['failed before the peer was known', event('subflowClosed', { remotePort: 0 }), 'closed'],
    ['on an AF_INET6 socket', event('subflowEstablished', { localIp: '::ffff:10.0.2.1' }), 'established'],
    ['one between the same addresses', event('subflowClosed', { localPort: 1000 }), undefined],
    ['from another address', event('subflowClosed', { localIp: '10.0.1.1' }), undefined],
    ['to another port', event('subflowEstablished', { remotePort: 8001 }), undefined],
    ['of another connection', event('subflowEstablished', { token: asToken(8) }), undefined],
    ['another event', event('subflowPriority'), undefined],
    ['the connection closed', { type: 'connectionClosed', token }, 'connectionClosed'],
    ['another connection closed', { type: 'connectionClosed', token: asToken(8) }, undefined],
  ])('%s', (_, told, expected) => expect(new SubflowWatch(wanted, others).hear(told)?.type).toBe(expected));

  test('with a port of its own, only that counts', () => {
    const watch = new SubflowWatch({ ...wanted, local: { ip: '10.0.2.1', port: 1000 } }, []);
    expect(watch.hear(event('subflowEstablished'))).toBeUndefined();
    expect(watch.hear(event('subflowEstablished', { localPort: 1000 }))?.type).toBe('established');
  });

  test.each(['0.0.0.0', '::'])('from %s, which leaves the address to the kernel', (ip) => {
    const watch = new SubflowWatch({ ...wanted, local: { ip } }, others);
    expect(watch.hear(event('subflowClosed', { localPort: 1000 }))).toBeUndefined();
    expect(watch.hear(event('subflowEstablished', { localIp: '10.0.1.1' }))?.type).toBe('established');
  });
});

describe('the outcome from sock_diag, where events were lost', () => {
  const watch = new SubflowWatch(wanted, [subflow(1000, 'established')]);
  test.each([
    ['established', connection(subflow(1000, 'established'), subflow(1001, 'established')), 'established'],
    ['still tried', connection(subflow(1001, 'syn-sent')), undefined],
    ['gone', connection(subflow(1000, 'established')), 'closed'],
    ['about to be gone', connection(subflow(1001, 'closed')), 'closed'],
    ['the connection gone', undefined, 'connectionClosed'],
  ])('%s', (_, found, expected) => expect(watch.read(found)?.type).toBe(expected));

  test('it is sure once the peer has confirmed it', () => {
    const flow = subflow(1001, 'established');
    expect(watch.read(connection(flow))).toMatchObject({ sure: false });
    expect(watch.read(connection({ ...flow, fullyEstablished: true }))).toMatchObject({ sure: true });
    expect(watch.hear(event('subflowEstablished'))).toMatchObject({ sure: false });
  });
});
