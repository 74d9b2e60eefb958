import type { Client } from './client.ts';
import type { Result } from './errors.ts';
import * as nlctrl from './families/nlctrl.ts';
import type { GenlOperation } from './generic.ts';

interface Numbers {
  readonly id: number;
  readonly groups: ReadonlyMap<string, number>;
}

/**
 * A generic netlink family as the running kernel has it: its numbers differ from boot to boot, and change when its module
 * is taken out and put in again.
 */
export class Family {
  readonly name: string;
  readonly #client: Client;
  #numbers: Numbers;

  private constructor(client: Client, name: string, numbers: Numbers) {
    this.#client = client;
    this.name = name;
    this.#numbers = numbers;
  }

  /** Looks a family up; ENOENT where the kernel has none of that name. */
  static find(client: Client, name: string): Result<Family> {
    const found = lookUp(client, name);
    return found.ok ? { ok: true, value: new Family(client, name, found.value) } : found;
  }

  get id(): number {
    return this.#numbers.id;
  }

  /** Its multicast groups by name. */
  get groups(): ReadonlyMap<string, number> {
    return this.#numbers.groups;
  }

  /** Looks it up again. @returns whether it is there, under another number than before */
  renew(): boolean {
    const before = this.id;
    const found = lookUp(this.#client, this.name);
    if (found.ok) this.#numbers = found.value;
    return this.id !== before;
  }

  request<Request, Answer>(op: GenlOperation<Request, Answer>, request: Request): Result<Answer | undefined> {
    return this.#ask(() => this.#client.request(op, this.id, request));
  }

  dump<Request, Answer>(op: GenlOperation<Request, Answer>, request: Request): Result<Answer[]> {
    return this.#ask(() => this.#client.dump(op, this.id, request));
  }

  /** ENOENT is also what the kernel says of a number that no family has (net/netlink/genetlink.c, genl_rcv_msg). */
  #ask<T>(ask: () => Result<T>): Result<T> {
    const result = ask();
    return !result.ok && result.error.errno === 'ENOENT' && this.renew() ? ask() : result;
  }
}

function lookUp(client: Client, name: string): Result<Numbers> {
  const found = client.request(nlctrl.ops.getFamily, nlctrl.FAMILY_ID, { familyName: name });
  if (!found.ok) return found;
  const groups = new Map<string, number>();
  for (const group of found.value?.groups?.values() ?? []) {
    if (group.name !== undefined && group.id !== undefined) groups.set(group.name, group.id);
  }
  return { ok: true, value: { id: found.value?.familyId ?? 0, groups } };
}
