import { ConfigError } from './errors.ts';

/** One `key = value` of a file, and where it stands. */
export interface IniEntry {
  readonly key: string;
  readonly value: string;
  readonly line: number;
}

export interface IniSection {
  readonly name: string;
  readonly line: number;
  readonly entries: readonly IniEntry[];
}

/**
 * Reads the format of mptcpd.conf: `[section]`, `key = value`, and comments on lines of their own, after `#` or `;`.
 * A value is the rest of its line without the blanks around it.
 * @throws ConfigError CONFIG_SYNTAX with file and line
 */
export function parseIni(text: string, file: string): readonly IniSection[] {
  const sections: { name: string; line: number; entries: IniEntry[] }[] = [];
  for (const [index, raw] of text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .entries()) {
    const line = index + 1;
    const content = raw.trim();
    if (content === '' || content.startsWith('#') || content.startsWith(';')) continue;
    const place = `${file}:${line}`;
    if (content.startsWith('[')) {
      // Blanks are taken off apart: a pattern for all of it would try every way to share out a long run of them.
      const name = /^\[([^\]]*)\]$/.exec(content)?.[1]?.trim();
      if (!name) throw new ConfigError('CONFIG_SYNTAX', place, `"${content}" is no section; write [name]`);
      sections.push({ name, line, entries: [] });
      continue;
    }
    const equals = content.indexOf('=');
    const section = sections.at(-1);
    if (equals < 1) throw new ConfigError('CONFIG_SYNTAX', place, `"${content}" is no setting; write key = value`);
    if (!section)
      throw new ConfigError('CONFIG_SYNTAX', place, 'a setting before the first section; write [core] above it');
    section.entries.push({ key: content.slice(0, equals).trim(), value: content.slice(equals + 1).trim(), line });
  }
  return sections;
}
