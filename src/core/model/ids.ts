/** A number that is not to be taken for another kind of number. The mark exists for the compiler only. */
type Branded<T, Name extends string> = T & { readonly __brand: Name };

/** The local token of a connection (RFC 8684 section 3.2): what the kernel calls it by. 32 bits, host byte order. */
export type Token = Branded<number, 'Token'>;

/** An address id (RFC 8684 section 3.4.1): 0 is the address of the initial subflow, 1 … 255 are given out. */
export type AddrId = Branded<number, 'AddrId'>;

/** The index of a network interface, above 0. */
export type IfIndex = Branded<number, 'IfIndex'>;

/**
 * An IP address in canonical text form (RFC 5952), as the kernel reported it: an IPv4 peer of an AF_INET6 socket is
 * `::ffff:192.0.2.1`, and commands about it must say the same.
 */
export type Ip = string;

/** Brands a number as a token. */
export const asToken = (value: number): Token => value as Token;
/** Brands a number as an address id. */
export const asAddrId = (value: number): AddrId => value as AddrId;
/** Brands a number as an interface index. */
export const asIfIndex = (value: number): IfIndex => value as IfIndex;

/** A token as people see it: `0x1e7fcfbf`. */
export const formatToken = (token: Token): string => `0x${token.toString(16).padStart(8, '0')}`;
