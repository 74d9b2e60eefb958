import { CliError, status, unknownCommand, wrongArgument } from './cli-error.ts';
import { eventNames, type Told } from './event-format.ts';
import { usageText } from './usage.ts';
import { pick, unsigned, Words } from './words.ts';

/** Which events are wanted. A set that is empty wants all. */
export interface EventFilter {
  readonly tokens: ReadonlySet<number>;
  readonly names: ReadonlySet<string>;
}

/** Reads `token TOKEN` and `event NAME[,NAME]…`, also as `--token TOKEN` and `--token=TOKEN`. @throws CliError */
export function readFilter(given: readonly string[]): EventFilter {
  const spread = given.flatMap((word) => {
    const [, name, value] = /^--([a-z]+)(?:=(.*))?$/.exec(word) ?? [];
    if (name === undefined) return [word];
    return value === undefined ? [name] : [name, value];
  });
  const words = new Words(spread);
  const tokens = new Set<number>();
  const names = new Set<string>();
  for (let word = words.next(); word !== undefined; word = words.next()) {
    const keyword = pick(word, ['token', 'event', 'help']);
    if (keyword === 'token') tokens.add(tokenOf(words.value()));
    else if (keyword === 'event') for (const name of words.value().split(',')) names.add(nameOf(name));
    else if (keyword === 'help') throw new CliError(status.usage, usageText);
    else throw unknownCommand(word);
  }
  return { tokens, names };
}

function tokenOf(word: string): number {
  const token = unsigned(word, 0xffffffff);
  if (token === undefined) throw wrongArgument('no token: decimal, or hexadecimal after 0x', word);
  return token;
}

function nameOf(word: string): string {
  const names: readonly string[] = Object.values(eventNames);
  const name = word.toUpperCase();
  if (!names.includes(name)) throw wrongArgument(`no event; there are ${names.join(', ')}`, word);
  return name;
}

/** Whether an event is wanted. That events were lost is always told: it may have been those. */
export function isWanted({ tokens, names }: EventFilter, told: Told): boolean {
  if (told.type === 'lost') return true;
  if (names.size > 0 && !names.has(eventNames[told.type])) return false;
  return tokens.size === 0 || ('token' in told && tokens.has(told.token));
}
