export { errnoMessage, errnoName, errnoNumber } from './errno.ts';
export { canonicalIp, ipv4At, ipv6At, parseIpv4, parseIpv6 } from './ip.ts';
export { MptcpListener, MptcpStream } from './mptcp-socket.ts';
export { NetlinkSocket, NOTHING } from './netlink-socket.ts';
export { inNetworkNamespace, namespacePath } from './netns.ts';
export type { Endpoint } from './sockaddr.ts';
export { SystemError } from './system-error.ts';
export { UnixDatagram } from './unix-datagram.ts';
