import { definePlugin, type Option, OptionError, type WantedAnnouncement } from '../plugin-api/index.ts';
import { familiesOption, locals, suits } from './paths.ts';
import { isIp, type Place, parsePlace } from './places.ts';

const OWN = 'own';
const YES = 'yes';
const NO = 'no';

/** What to announce: the word for the own addresses, or those that are named. */
const announceOption: Option<typeof OWN | readonly Place[]> = {
  kind: 'list',
  default: OWN,
  help: 'own: the addresses of this host; or addresses between commas, with a port or without: 198.51.100.7:8443, [2001:db8::1]:443',
  parse(text) {
    if (text === OWN) return OWN;
    const places = text.split(',').map((word) => parsePlace(word.trim()));
    // To the peer an address has one id, and an id one port.
    const twice = places.find(({ ip }, i) => places.findIndex((other) => other.ip === ip) < i);
    if (twice) throw new OptionError(`takes each address once, not ${twice.ip} twice`);
    return places;
  },
};

/** Whether and where mptcpd listens for what it announces. */
const listenOption: Option<string> = {
  kind: 'listen',
  default: NO,
  help: 'yes: mptcpd listens at the announced address; an address: it listens there instead; no: somebody else does',
  parse(text) {
    if (text === YES || text === NO || isIp(text)) return text;
    throw new OptionError(`takes yes, no or an IP address, not "${text}"`);
  },
};

/**
 * The userspace path manager's server: it announces addresses, its own or, behind a translator (NAT), those by which the
 * world knows it, and leaves subflows to the clients. On the client side it does nothing.
 */
export default definePlugin({
  name: 'signal',
  api: 1,
  drives: 'userspace',
  priority: 10,
  description: 'a server announces addresses, also such as lead to it through NAT (userspace path manager)',
  options: { announce: announceOption, listen: listenOption, families: familiesOption },
  plan({ connection, addresses, options: { announce, listen: where, families } }) {
    if (!connection.serverSide) return {};
    const listen = where === YES ? true : where === NO ? false : where;
    if (announce === OWN) {
      return {
        announce: locals(addresses, connection, families).map(({ ip }): WantedAnnouncement => ({ ip, listen })),
      };
    }
    const fit = announce.filter(({ ip }) => suits(ip, connection, families));
    return { announce: fit.map((place): WantedAnnouncement => ({ ...place, listen })) };
  },
});
