/** Plugins that fail in every way, as files of a plugin directory. */
const NETWORK = ['interfaceAdded', 'interfaceUpdated', 'interfaceRemoved', 'localAddressAdded', 'localAddressRemoved'];
const CONNECTION = ['connectionCreated', 'connectionEstablished', 'connectionClosed', 'subflowEstablished'];

const hooks = (names: readonly string[], body: string): string =>
  names.map((name) => `${name}(event) { ${body} }`).join(',\n    ');

const plugin = (name: string, names: readonly string[], body: string): string => `
let n = 0;
let blocked = Date.now();
const block = () => {
  if (Date.now() - blocked < 5000) return;
  const end = Date.now() + 200;
  while (Date.now() < end);
  blocked = Date.now();
};
export default {
  name: '${name}', api: 1, priority: 19,
  setup: ({ pm }) => ({
    ${hooks(names, body)}
  }),
};
`;

export const PLUGINS: Readonly<Record<string, string>> = {
  thrower: plugin('thrower', NETWORK, `if (n++ % 10 === 0) throw new Error('on purpose');`),
  blocker: plugin('blocker', NETWORK, 'block();'),
  hanger: plugin('hanger', NETWORK, 'if (n++ === 100) return new Promise(() => undefined);'),
  /** All of it at once, for each connection. */
  nuisance: plugin(
    'nuisance',
    CONNECTION,
    `n++;
      block();
      if (n % 1000 === 0) return new Promise(() => undefined);
      if (n % 500 === 1) throw new Error('on purpose');
      if (n % 500 === 2) return Promise.reject(new Error('on purpose'));
      if (n % 50 === 3 && event.token) void pm.announce({ token: event.token, address: { ip: '10.0.2.2' } });`,
  ),
};
