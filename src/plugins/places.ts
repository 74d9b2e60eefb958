import { OptionError } from '../plugin-api/index.ts';

/** An address, and a port if one is named. */
export interface Place {
  readonly ip: string;
  readonly port?: number;
}

/** Reads `198.51.100.7`, `198.51.100.7:8443`, `2001:db8::1` or `[2001:db8::1]:443`. @throws OptionError */
export function parsePlace(text: string): Place {
  const [, bracketed, plain, port] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d+))?$/.exec(text) ?? [undefined, undefined, text];
  const ip = bracketed ?? plain ?? '';
  const number = port === undefined ? undefined : Number(port);
  const right = isIp(ip) && (bracketed === undefined || ip.includes(':'));
  if (!right || (number !== undefined && (number < 1 || number > 65_535))) {
    throw new OptionError(`takes addresses such as 198.51.100.7:8443 or [2001:db8::1]:443, not "${text}"`);
  }
  const lower = ip.toLowerCase();
  return number === undefined ? { ip: lower } : { ip: lower, port: number };
}

/** Whether a text is an IP address. */
export function isIp(text: string): boolean {
  if (!text.includes(':')) return isIpv4(text);
  const halves = text.split('::');
  if (halves.length > 2) return false;
  const groups = halves.flatMap((half) => (half === '' ? [] : half.split(':')));
  return (
    groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group)) &&
    (halves.length === 2 ? groups.length < 8 : groups.length === 8)
  );
}

const isIpv4 = (text: string): boolean =>
  /^\d{1,3}(\.\d{1,3}){3}$/.test(text) && text.split('.').every((part) => Number(part) <= 255);
