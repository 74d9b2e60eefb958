import type { EndpointsPlan, Plan } from '../model/plan.ts';

/** What is wrong with a plan, at its first mistake; undefined where nothing is. Plugins need not be typed. */
export function faultOf(plan: unknown): string | undefined {
  if (typeof plan !== 'object' || plan === null) return 'it must be an object with subflows and announce';
  const { subflows = [], announce = [] } = plan as Plan;
  if (!Array.isArray(subflows)) return 'subflows must be an array';
  if (!Array.isArray(announce)) return 'announce must be an array';
  for (const [i, wanted] of subflows.entries()) {
    const { local, remote } = (wanted ?? {}) as { local?: unknown; remote?: unknown };
    if (!hasIp(local)) return `subflows[${i}].local.ip must be an IP address in text`;
    const remotes: readonly unknown[] = Array.isArray(remote) ? remote : [remote];
    if (remotes.length === 0) return `subflows[${i}].remote must name one address at least`;
    for (const each of remotes) {
      if (!hasIp(each)) return `subflows[${i}].remote.ip must be an IP address in text`;
      if (!isPort(each.port)) return `subflows[${i}].remote.port must be a port, 1 … 65535`;
    }
    const { ifIndex } = local as { ifIndex?: unknown };
    if (ifIndex !== undefined && !Number.isInteger(ifIndex)) return `subflows[${i}].local.ifIndex must be a number`;
  }
  for (const [i, wanted] of announce.entries()) {
    if (!hasIp(wanted)) return `announce[${i}].ip must be an IP address in text`;
    if (wanted.port !== undefined && wanted.port !== 0 && !isPort(wanted.port)) {
      return `announce[${i}].port must be a port, 0 … 65535`;
    }
  }
  return undefined;
}

/** What is wrong with a plan for the kernel's path manager, at its first mistake. */
export function faultOfEndpoints(plan: unknown): string | undefined {
  const { endpoints, limits = {} } = (plan ?? {}) as Partial<EndpointsPlan>;
  if (!Array.isArray(endpoints)) return 'it must be an object with endpoints, an array';
  for (const [i, wanted] of endpoints.entries()) {
    if (!hasIp(wanted)) return `endpoints[${i}].ip must be an IP address in text`;
    if (!Array.isArray((wanted as { flags?: unknown }).flags)) return `endpoints[${i}].flags must be an array of words`;
    if (wanted.port !== undefined && !isPort(wanted.port)) return `endpoints[${i}].port must be a port, 1 … 65535`;
  }
  for (const name of ['subflows', 'addAddrAccepted'] as const) {
    const value: unknown = limits[name];
    if (value !== undefined && !(Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 8)) {
      return `limits.${name} must be a whole number from 0 to 8`;
    }
  }
  return undefined;
}

const hasIp = (place: unknown): place is { ip: string; port?: unknown } =>
  typeof (place as { ip?: unknown } | null | undefined)?.ip === 'string';

const isPort = (port: unknown): boolean => Number.isInteger(port) && (port as number) > 0 && (port as number) <= 0xffff;
