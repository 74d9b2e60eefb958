// @ts-check
import { definePlugin, familyOf, text } from 'mptcpd/plugin';

/** A subflow from every address of this host; those over metered interfaces are used only when no other is left. */
export default definePlugin({
  name: 'metered',
  api: 1,
  drives: 'userspace',
  options: { interfaces: text({ default: 'wwan', help: 'how the names of metered interfaces begin' }) },
  plan({ connection, addresses, interfaces, remotes, options }) {
    // The client makes the subflows: it may be behind a translator that lets nobody in.
    if (connection.serverSide) return { announce: addresses.map(({ ip }) => ({ ip })) };
    const metered = interfaces.filter(({ name }) => name.startsWith(options.interfaces)).map(({ index }) => index);
    const subflows = addresses.map(({ ip, ifIndex }) => ({
      local: { ip },
      // One of these is enough: when the first fails, the next is tried.
      remote: remotes.filter((remote) => familyOf(remote.ip) === familyOf(ip)),
      backup: metered.includes(ifIndex),
    }));
    return { subflows: subflows.filter(({ remote }) => remote.length > 0) };
  },
});
