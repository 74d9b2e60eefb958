/**
 * Numbers of libc and of the kernel's socket interface, as Linux has them on x86, Arm, RISC-V and POWER
 * (include/uapi/asm-generic/socket.h, include/linux/socket.h, include/uapi/linux/netlink.h).
 */

export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;
export const AF_NETLINK = 16;

export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
export const SOCK_NONBLOCK = 0o4000;
export const SOCK_CLOEXEC = 0o2000000;

/** RFC 8684's protocol number in socket(2); it never appears in an IP header. */
export const IPPROTO_MPTCP = 262;

export const SOL_SOCKET = 1;
export const SO_REUSEADDR = 2;
export const SO_TYPE = 3;
export const SO_ERROR = 4;
export const SO_RCVBUF = 8;
export const SO_LINGER = 13;
export const SO_RCVBUFFORCE = 33;
export const SO_MEMINFO = 55;
/** Index of the drop counter in SO_MEMINFO's array of u32 (include/uapi/linux/sock_diag.h). */
export const SK_MEMINFO_DROPS = 8;
export const SK_MEMINFO_VARS = 9;

export const SOL_NETLINK = 270;
export const NETLINK_ADD_MEMBERSHIP = 1;
export const NETLINK_NO_ENOBUFS = 5;
export const NETLINK_CAP_ACK = 10;
export const NETLINK_EXT_ACK = 11;
export const NETLINK_GET_STRICT_CHK = 12;

export const IPPROTO_IPV6 = 41;
export const IPV6_V6ONLY = 26;

export const MSG_TRUNC = 0x20;
export const MSG_DONTWAIT = 0x40;
export const MSG_NOSIGNAL = 0x4000;

export const CLONE_NEWNET = 0x40000000;

export const EINTR = 4;
export const EAGAIN = 11;
export const EINPROGRESS = 115;
