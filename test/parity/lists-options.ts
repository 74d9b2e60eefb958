import type { StepList } from './step.ts';

/** Whether a program starts with these arguments, one after the other. */
const starts = (name: string, ...args: readonly string[]): StepList => ({
  name,
  steps: args.map((each) => `start ${each}`),
});

/** Options and plugins that are asked for; with signal alone the limits stay what they are. */
export const optionLists: readonly StepList[] = [
  starts('options that only print', '--help', '--usage', '--version', '-V', "'-?'"),
  starts('options that there are not', '--bogus', '-x', 'extra', '--p=x $SIGNAL', '--plugin-dir'),
  starts(
    'options in all their forms',
    '--plug=$PLUGINS --load-p=addr_adv $FLAGS',
    '--load-plugins addr_adv --plugin-dir $PLUGINS --path addr_adv $FLAGS',
    '-dl stderr $SIGNAL',
    '--debug -lstderr $SIGNAL',
    '--log=stderr --log=stderr $SIGNAL',
  ),
  starts(
    'destinations of the log',
    '--log=stderr $SIGNAL',
    '-lnull $SIGNAL',
    '--log=syslog $SIGNAL',
    '--log journal $SIGNAL',
    '--log=bogus $SIGNAL',
    '--log= $SIGNAL',
  ),
  starts(
    'empty values',
    '--plugin-dir= $FLAGS',
    '--path-manager= $SIGNAL',
    '--load-plugins= --plugin-dir=$PLUGINS $FLAGS',
    '$LOADED --addr-flags= $NOTIFY',
    '$LOADED --addr-flags=signal --notify-flags=',
  ),
  starts('no plugin is named', '--plugin-dir=$PLUGINS $FLAGS'),
  starts(
    'a plugin by name',
    '--plugin-dir=$PLUGINS --load-plugins=addr_adv $FLAGS',
    '--plugin-dir=$PLUGINS --path-manager=addr_adv $FLAGS',
    '--plugin-dir=$PLUGINS --load-plugins=addr_adv --path-manager=addr_adv $FLAGS',
  ),
  starts(
    'a plugin that there is not',
    '--plugin-dir=$PLUGINS --load-plugins=nosuch $FLAGS',
    '--plugin-dir=$PLUGINS --load-plugins=addr_adv,nosuch $FLAGS',
    '--plugin-dir=$PLUGINS --path-manager=nosuch $FLAGS',
  ),
  starts('a comma for plugins', '--plugin-dir=$PLUGINS --load-plugins=, $FLAGS'),
  starts('a path for a plugin', '--plugin-dir=$PLUGINS --load-plugins=../mptcpd/addr_adv $FLAGS'),
  {
    name: 'a plugin is named twice',
    steps: ['start --plugin-dir=$PLUGINS --load-plugins=addr_adv,addr_adv $FLAGS', 'ip addr add 10.0.1.1/24 dev v1'],
  },
  starts('the plugin sspi', '--plugin-dir=$PLUGINS --load-plugins=sspi $FLAGS'),
  starts('directories without plugins', '--plugin-dir=/nonexistent $FLAGS', '--plugin-dir=/proc/version $FLAGS'),
  starts('an empty directory of plugins', '--plugin-dir=/etc/mptcpd $FLAGS'),
  {
    name: 'a directory of plugins that anybody may write to',
    steps: ['mkdir /etc/open; cp $PLUGINS/* /etc/open; chmod 777 /etc/open', 'start --plugin-dir=/etc/open $FLAGS'],
  },
  starts(
    'flags that there are not',
    '$LOADED --addr-flags=bogus',
    '$LOADED --addr-flags=signal --notify-flags=bogus',
    '$LOADED --addr-flags=signal,bogus',
  ),
  {
    name: 'a blank between flags',
    steps: [
      'ip addr add 10.0.1.1/24 dev v1',
      "start $LOADED --addr-flags=subflow '--notify-flags=skip_loopback, existing'",
    ],
  },
  { name: 'MPTCP is switched off', steps: ['sysctl -qw net.mptcp.enabled=0', 'start $USUAL'] },
  { name: 'without CAP_NET_ADMIN', steps: ['unprivileged $SIGNAL', 'ip addr add 10.0.1.1/24 dev v1'] },
  ...['TERM', 'INT', 'HUP', 'USR1', 'USR2', 'ALRM', 'QUIT'].map((signal) => ({
    name: `the signal ${signal}`,
    steps: ['start $SIGNAL', `signal ${signal}`],
  })),
];

const CORE = '[core]\nplugin-dir=$PLUGINS\nload-plugins=addr_adv\n';
const FLAGS = 'addr-flags=subflow\nnotify-flags=existing,skip_link_local,skip_loopback\n';

/** One address, and what the programs make of it with this file. */
const config = (name: string, text: string, args = ''): StepList => ({
  name: `configuration file: ${name}`,
  steps: ['ip addr add 10.0.1.1/24 dev v1', `config ${text}`, `start ${args}`.trim()],
});

/** What stands in /etc/mptcpd/mptcpd.conf. */
export const configLists: readonly StepList[] = [
  config('all keys', `${CORE}${FLAGS}log=stderr\npath-manager=addr_adv\n`),
  config('comments and blanks', `# one\n\n[core]\n# two\nplugin-dir = $PLUGINS\nload-plugins = addr_adv\n${FLAGS}`),
  config('blanks at the end of a line', `${CORE}${FLAGS.replaceAll('\n', ' \n')}`),
  config('as Debian ships it', '[core]\nlog=stderr\nplugin-dir=$PLUGINS\npath-manager=addr_adv\n# addr-flags=signal\n'),
  config('empty', '', '$USUAL'),
  config('signal', `${CORE}addr-flags=signal\nnotify-flags=existing\n`),
  config(
    'the command line counts over it',
    `${CORE}addr-flags=signal\nnotify-flags=existing\n`,
    '--addr-flags=subflow',
  ),
  config(
    'the command line mends it',
    '[core]\nplugin-dir=/nonexistent\nload-plugins=nosuch\naddr-flags=signal\n',
    '$USUAL',
  ),
  config('a key twice', `${CORE}${FLAGS}addr-flags=signal\n`),
  config('a section twice', `${CORE}[core]\n${FLAGS}`),
  config('Windows ends of lines', `${CORE}${FLAGS}`.replaceAll('\n', '\r\n')),
  config('no end of the last line', `${CORE}${FLAGS}`.trimEnd()),
  config('a wrong destination of the log', `${CORE}${FLAGS}log=bogus\n`),
  config('an unknown key', `${CORE}${FLAGS}addr-flag=subflow\n`),
  config('another section', `${CORE}${FLAGS}[other]\nkey=value\n`),
  config('a line of nonsense', `${CORE}${FLAGS}nonsense\n`, '$USUAL'),
  config('an open section', `${CORE}${FLAGS}[core\n`, '$USUAL'),
  config('a key before any section', `log=stderr\n${CORE}${FLAGS}`, '$USUAL'),
  config('an empty list of plugins', `[core]\nplugin-dir=$PLUGINS\nload-plugins=\n${FLAGS}`),
  config('a blank in the list of plugins', `[core]\nplugin-dir=$PLUGINS\nload-plugins=nosuch, addr_adv\n${FLAGS}`),
  config('a blank between flags', `${CORE}addr-flags=subflow\nnotify-flags=skip_loopback, existing\n`),
  config('an unknown flag', `${CORE}addr-flags=subflow\nnotify-flags=existing,bogus\n`),
  config('a path manager that there is not', `${CORE}${FLAGS}path-manager=nosuch\n`),
  {
    name: 'configuration file: anybody may write to it',
    steps: [`config ${CORE}`, 'chmod 666 /etc/mptcpd/mptcpd.conf', 'start $USUAL'],
  },
  { name: 'configuration file: a directory', steps: ['mkdir /etc/mptcpd/mptcpd.conf', 'start $USUAL'] },
  { name: 'configuration file: none', steps: ['start $USUAL'] },
];
