/** Generic netlink's controller: names to numbers, and what each family accepts (include/uapi/linux/genetlink.h). */
import { attrSet, indexed, nest } from '../attr-set.ts';
import { genlOp } from '../generic.ts';
import * as t from '../types.ts';

/** NETLINK_GENERIC */
export const PROTOCOL = 16;
/** GENL_ID_CTRL: the one family whose number is fixed. */
export const FAMILY_ID = 0x10;
/** The group that hears of families that come and go; it has the controller's own number (net/netlink/genetlink.c). */
export const NOTIFY_GROUP = 0x10;
/** CTRL_CMD_NEWFAMILY, CTRL_CMD_DELFAMILY */
export const commands = { newFamily: 1, delFamily: 2 } as const;

const operation = attrSet('operation', { id: [1, t.u32], flags: [2, t.u32] });
const group = attrSet('group', { name: [1, t.text], id: [2, t.u32] });

/** NL_POLICY_TYPE_ATTR_* (include/uapi/linux/netlink.h) */
const rule = attrSet('rule', {
  type: [
    1,
    t.names(t.u32, {
      1: 'flag',
      2: 'u8',
      3: 'u16',
      4: 'u32',
      5: 'u64',
      6: 's8',
      7: 's16',
      8: 's32',
      9: 's64',
      10: 'binary',
      11: 'string',
      12: 'nul-string',
      13: 'nested',
      14: 'nested-array',
      15: 'bitfield32',
      16: 'sint',
      17: 'uint',
    }),
  ],
  minSigned: [2, t.u64],
  maxSigned: [3, t.u64],
  minUnsigned: [4, t.u64],
  maxUnsigned: [5, t.u64],
  minLength: [6, t.u32],
  maxLength: [7, t.u32],
  policy: [8, t.u32],
  maxType: [9, t.u32],
  bitfieldMask: [10, t.u32],
  pad: [11, t.binary],
  mask: [12, t.u64],
});
const opPolicy = attrSet('opPolicy', { do: [1, t.u32], dump: [2, t.u32] });

/** CTRL_ATTR_* */
export const ctrl = attrSet('ctrl', {
  familyId: [1, t.u16],
  familyName: [2, t.text],
  version: [3, t.u32],
  headerSize: [4, t.u32],
  maxAttr: [5, t.u32],
  ops: [6, indexed(nest(operation))],
  groups: [7, indexed(nest(group))],
  /** By policy number, by attribute number. */
  policy: [8, indexed(indexed(nest(rule)))],
  /** By command: the number of its policy. */
  opPolicy: [9, indexed(nest(opPolicy))],
  op: [10, t.u32],
});

export const ops = {
  getFamily: genlOp('find family', ctrl, {
    command: 3,
    version: 2,
    needs: ['familyName'],
    answer: { set: ctrl, needs: ['familyId', 'familyName'] },
  }),
  getPolicy: genlOp('read policy', ctrl, {
    command: 10,
    version: 2,
    needs: ['familyName'],
    answer: { set: ctrl, needs: ['familyId'] },
  }),
};
