/**
 * One thing to do to both programs:
 * - `start ARGUMENTS`: starts the program, or starts it anew; ARGUMENTS are words of the shell
 * - `unprivileged ARGUMENTS`: the same without CAP_NET_ADMIN
 * - `signal NAME`
 * - `config TEXT`: writes /etc/mptcpd/mptcpd.conf
 * - anything else is a script for the shell of their namespace.
 *
 * What stands behind `# ` at its end is its name.
 */
export type Step = string;

export interface StepList {
  readonly name: string;
  readonly steps: readonly Step[];
  /** Addresses stay tentative: do not wait for the end of that. */
  readonly tentative?: boolean;
}

export const nameOf = (step: Step): string => / # (.*)$/.exec(step)?.[1] ?? step;

/** Adds 10.0.FROM.1 to 10.0.TO.1 to v1. */
export const addMany = (from: number, to: number): string => {
  const ips = Array.from({ length: to - from + 1 }, (_, i) => `10.0.${from + i}.1`);
  return `${ips.map((ip) => `ip addr add ${ip}/24 dev v1`).join('; ')} # 10.0.${from}.1 to 10.0.${to}.1 on v1`;
};
