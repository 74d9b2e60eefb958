/** What can stand in the output. Members that are undefined are left out. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json | undefined };

const INDENT = '    ';

/**
 * A value as JSON in one line; or, `pretty`, in iproute2's own layout: a member a line, arrays and the objects in them
 * opened and closed in the line where they stand.
 * @param depth how many arrays and objects it stands in
 */
export function toJson(value: Json, pretty: boolean, depth = 0): string {
  if (!pretty || value === null || typeof value !== 'object') return JSON.stringify(value);
  if (Array.isArray(value)) {
    if (value.length === 0) return '[ ]';
    return `[ ${value.map((item: Json) => toJson(item, true, depth + 1)).join(',')} ]`;
  }
  const members = Object.entries(value).flatMap(([key, member]) =>
    member === undefined
      ? []
      : [`\n${INDENT.repeat(depth + 1)}${JSON.stringify(key)}: ${toJson(member, true, depth + 1)}`],
  );
  return members.length === 0 ? '{}' : `{${members.join(',')}\n${INDENT.repeat(depth)}}`;
}
