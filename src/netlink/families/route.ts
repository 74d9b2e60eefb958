/** rtnetlink: interfaces, addresses, routes (include/uapi/linux/rtnetlink.h, if_link.h, if_addr.h). */
import { nest, sparseAttrSet } from '../attr-set.ts';
import { rtMessage } from '../rtnetlink.ts';
import { pad, struct } from '../struct.ts';
import * as t from '../types.ts';

/** NETLINK_ROUTE */
export const PROTOCOL = 0;

/** RTNLGRP_* */
export const groups = {
  link: 1,
  ipv4Address: 5,
  ipv4Route: 7,
  ipv4Rule: 8,
  ipv6Address: 9,
  ipv6Route: 11,
  ipv6Rule: 19,
} as const;

/** The address family of a request or a route; 0 asks for both. */
const family = t.names(t.u8, { 0: 'any', 2: 'ipv4', 10: 'ipv6' });

const ifinfomsg = struct('ifinfomsg', 16, {
  family: t.u8,
  reserved: pad(1),
  type: t.u16,
  index: t.ifIndex,
  /** IFF_* */
  flags: t.flagList(t.u32, {
    up: 0x1,
    loopback: 0x8,
    pointToPoint: 0x10,
    running: 0x40,
    noArp: 0x80,
    multicast: 0x1000,
    lowerUp: 0x10000,
    dormant: 0x20000,
  }),
  change: t.u32,
});

/** IFLA_* */
const linkAttr = sparseAttrSet('link', {
  name: [3, t.text],
  mtu: [4, t.u32],
  link: [5, t.ifIndex],
  master: [10, t.u32],
  operState: [16, t.u8],
  info: [18, nest(sparseAttrSet('linkInfo', { kind: [1, t.text] }))],
  carrier: [33, t.bool],
});

const ifaddrmsg = struct('ifaddrmsg', 8, {
  family,
  prefixLength: t.u8,
  shortFlags: t.u8,
  /** rtm_scope */
  scope: t.names(t.u8, { 0: 'global', 200: 'site', 253: 'link', 254: 'host', 255: 'nowhere' }),
  ifIndex: t.ifIndex,
});

/** IFA_* */
const addressAttr = sparseAttrSet('address', {
  /** The address, or the peer's on a point-to-point link. */
  address: [1, t.ip],
  /** The address of this end; IPv4 always has it, IPv6 on point-to-point links only. */
  local: [2, t.ip],
  label: [3, t.text],
  /** IFA_F_*. The first bit means secondary for IPv4 and temporary (RFC 8981) for IPv6. */
  flags: [
    8,
    t.flagList(t.u32, {
      secondary: 0x1,
      noDad: 0x2,
      optimistic: 0x4,
      dadFailed: 0x8,
      deprecated: 0x20,
      tentative: 0x40,
      permanent: 0x80,
    }),
  ],
});

const rtmsg = struct('rtmsg', 12, {
  family,
  dstLength: t.u8,
  srcLength: t.u8,
  tos: t.u8,
  shortTable: t.u8,
  protocol: t.u8,
  scope: t.u8,
  /** RTN_* */
  type: t.names(t.u8, {
    1: 'unicast',
    2: 'local',
    3: 'broadcast',
    5: 'multicast',
    6: 'blackhole',
    7: 'unreachable',
    8: 'prohibit',
  }),
  /** RTM_F_* */
  flags: t.flagList(t.u32, { lookupTable: 0x1000, fibMatch: 0x2000 }),
});

/** RTA_* */
const routeAttr = sparseAttrSet('route', {
  dst: [1, t.ip],
  src: [2, t.ip],
  outIndex: [4, t.ifIndex],
  gateway: [5, t.ip],
  priority: [6, t.u32],
  prefSrc: [7, t.ip],
  table: [15, t.u32],
  mark: [16, t.u32],
  uid: [25, t.u32],
});

export const link = rtMessage('link', { added: 16, removed: 17, get: 18 }, ifinfomsg, linkAttr);
export const address = rtMessage('address', { added: 20, removed: 21, get: 22 }, ifaddrmsg, addressAttr);
export const route = rtMessage('route', { added: 24, removed: 25, get: 26 }, rtmsg, routeAttr);
/** A rule of policy routing is of interest only for having changed. */
export const rule = { added: 32, removed: 33 } as const;
