import type { Client } from './client.ts';
import type { Result } from './errors.ts';
import * as nlctrl from './families/nlctrl.ts';
import type { GenlOperation } from './generic.ts';

/** A generic netlink family as the running kernel has it: its numbers differ from boot to boot. */
export class Family {
  readonly name: string;
  readonly id: number;
  /** Its multicast groups by name. */
  readonly groups: ReadonlyMap<string, number>;
  readonly #client: Client;

  private constructor(client: Client, name: string, id: number, groups: ReadonlyMap<string, number>) {
    this.#client = client;
    this.name = name;
    this.id = id;
    this.groups = groups;
  }

  /** Looks a family up; ENOENT where the kernel has none of that name. */
  static find(client: Client, name: string): Result<Family> {
    const found = client.request(nlctrl.ops.getFamily, nlctrl.FAMILY_ID, { familyName: name });
    if (!found.ok) return found;
    const groups = new Map<string, number>();
    for (const group of found.value?.groups?.values() ?? []) {
      if (group.name !== undefined && group.id !== undefined) groups.set(group.name, group.id);
    }
    return { ok: true, value: new Family(client, name, found.value?.familyId ?? 0, groups) };
  }

  request<Request, Answer>(op: GenlOperation<Request, Answer>, request: Request): Result<Answer | undefined> {
    return this.#client.request(op, this.id, request);
  }

  dump<Request, Answer>(op: GenlOperation<Request, Answer>, request: Request): Result<Answer[]> {
    return this.#client.dump(op, this.id, request);
  }
}
