/** What must compile and what must not: checked by tsc, never run. */
import { expectTypeOf } from 'vitest';
import {
  type AddrId,
  asAddrId,
  asToken,
  bool,
  type Connection,
  type Context,
  choice,
  definePlugin,
  type HeldAddress,
  type Interface,
  int,
  type Limits,
  type LocalAddress,
  type Option,
  type Outcome,
  type Pm,
  type RemoteAddress,
  type Subflow,
  type Token,
  text,
} from './index.ts';

declare const pm: Pm;
declare const token: Token;
declare const id: AddrId;
declare const own: Option<ReadonlySet<string>>;

// The options of a plugin reach its setup with their types.
definePlugin({
  name: 'typed',
  api: 1,
  options: {
    'max-subflows': int({ default: 2, help: '' }),
    eager: bool({ default: false, help: '' }),
    name: text({ default: '', help: '' }),
    colour: choice({ of: ['red', 'blue'], default: 'red', help: '' }),
    own,
  },
  setup({ options }) {
    expectTypeOf(options).toEqualTypeOf<{
      readonly 'max-subflows': number;
      readonly eager: boolean;
      readonly name: string;
      readonly colour: 'red' | 'blue';
      readonly own: ReadonlySet<string>;
    }>();
    // @ts-expect-error: no such option
    options.maxSubflows;
    // @ts-expect-error: options are read only
    options.eager = true;
    return {};
  },
});

// A plugin without options has none.
definePlugin({
  name: 'bare',
  api: 1,
  setup({ options }) {
    // @ts-expect-error: no such option
    options.any;
    return {};
  },
});

// @ts-expect-error: the default is one of the words
choice({ of: ['red', 'blue'], default: 'green', help: '' });

// Hooks know what they are given.
definePlugin({
  name: 'hooks',
  api: 1,
  setup: () => ({
    connectionEstablished: (connection) => void expectTypeOf(connection).toEqualTypeOf<Connection>(),
    addressAnnounced: (remote) => void expectTypeOf(remote).toEqualTypeOf<RemoteAddress>(),
    subflowClosed: (subflow) => void expectTypeOf(subflow).toEqualTypeOf<Subflow>(),
    interfaceAdded: (each) => void expectTypeOf(each).toEqualTypeOf<Interface>(),
    async localAddressAdded(address) {
      expectTypeOf(address).toEqualTypeOf<LocalAddress>();
    },
    close: () => undefined,
  }),
});
definePlugin({
  name: 'wrong',
  api: 1,
  // @ts-expect-error: this hook is given a connection
  setup: () => ({ connectionEstablished: (_: Subflow) => undefined }),
});
definePlugin({
  name: 'wrong',
  api: 1,
  // @ts-expect-error: a subflow has no such property
  setup: () => ({ subflowClosed: ({ reason }) => void reason }),
});
definePlugin({
  name: 'wrong',
  api: 1,
  // @ts-expect-error: no hook of this plugin has a name that there is
  setup: () => ({ connectionEstablishd: () => undefined }),
});
// @ts-expect-error: setup returns hooks
definePlugin({ name: 'wrong', api: 1, setup: () => undefined });
// @ts-expect-error: a plugin names the interface that it was written for
definePlugin({ name: 'wrong', setup: () => ({}) });

// What plugins are shown they do not change.
declare const connection: Connection;
// @ts-expect-error: read only
connection.state = 'closed';
// @ts-expect-error: read only
connection.subflows.pop();

// Commands: what they take and what they answer.
expectTypeOf(pm.getLimits).parameters.toEqualTypeOf<[]>();
expectTypeOf(pm.listEndpoints).parameters.toEqualTypeOf<[]>();
expectTypeOf(pm.flushEndpoints).parameters.toEqualTypeOf<[]>();
expectTypeOf(pm.getLimits()).toEqualTypeOf<Promise<Outcome<Limits>>>();
expectTypeOf(pm.listAddresses({ token })).toEqualTypeOf<Promise<Outcome<readonly HeldAddress[]>>>();
expectTypeOf(pm.remove({ token, id })).toEqualTypeOf<Promise<Outcome<undefined>>>();
void pm.announce({ token, address: { ip: '10.0.0.1' } }).then((outcome) => {
  // @ts-expect-error: there is a value only where it is done
  outcome.value;
  if (outcome.ok) expectTypeOf(outcome.value).toEqualTypeOf<{ readonly id: AddrId; readonly port: number }>();
  else expectTypeOf(outcome.error.code).toExtend<string>();
});
// @ts-expect-error: it takes none
void pm.getLimits({});
// @ts-expect-error: it takes some
void pm.remove();
// @ts-expect-error: a token is not an address id
void pm.remove({ token, id: token });
// @ts-expect-error: a plain number is no token
void pm.remove({ token: 5, id });
void pm.remove({ token: asToken(5), id: asAddrId(1) });
// @ts-expect-error: the other end's port is needed
void pm.createSubflow({ token, local: { ip: '10.0.0.1' }, remote: { ip: '10.0.0.2' } });
// @ts-expect-error: these flags are fixed once the endpoint is there
void pm.setEndpointFlags({ id, flags: ['signal'] });

// A timer's answer calls it off.
declare const context: Context<Record<never, never>>;
expectTypeOf(context.after(5, async () => undefined)).toEqualTypeOf<() => void>();
