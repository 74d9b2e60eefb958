// @ts-check
import { definePlugin, familyOf, int } from 'mptcpd/plugin';

/** Each connection that this host makes gets a subflow from its other addresses to the same place. */
export default definePlugin({
  name: 'mirror',
  api: 1,
  drives: 'userspace',
  options: { subflows: int({ default: 2, min: 1, max: 8, help: 'subflows added to a connection' }) },
  setup: ({ pm, state, log, options }) => ({
    async connectionEstablished({ token, serverSide, local, remote }) {
      if (serverSide) return;
      const others = state.addresses.filter(({ ip }) => ip !== local.ip && familyOf(ip) === familyOf(remote.ip));
      for (const { ip } of others.slice(0, options.subflows)) {
        const made = await pm.createSubflow({ token, local: { ip }, remote });
        if (!made.ok) log.info({ ip, reason: made.error.message }, 'no subflow from this address');
      }
    },
  }),
});
