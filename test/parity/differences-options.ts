import type { Difference } from './differences.ts';

/** Options, plugins, signals and configuration files. */
export const optionDifferences: readonly Difference[] = [
  {
    list: 'a comma for plugins',
    see: 'defect 12',
    why: 'a wrong command line is said, not died of',
    at: {
      'start --plugin-dir=$PLUGINS --load-plugins=, $FLAGS': {
        c: 'exit 139 | add_addr_accepted 0 subflows 2',
        ours: 'exit 64 | add_addr_accepted 0 subflows 2',
      },
    },
  },
  {
    list: 'a path for a plugin',
    see: 'section 2.5',
    why: 'no plugin is loaded from outside of the directory',
    at: {
      'start --plugin-dir=$PLUGINS --load-plugins=../mptcpd/addr_adv $FLAGS': {
        c: 'running | add_addr_accepted 0 subflows 2',
        ours: 'exit 64 | add_addr_accepted 0 subflows 2',
      },
    },
  },
  {
    list: 'a plugin that there is not',
    see: 'defect 16',
    why: 'who asked for it is told',
    at: {
      'start --plugin-dir=$PLUGINS --load-plugins=addr_adv,nosuch $FLAGS': {
        c: 'running | add_addr_accepted 0 subflows 2',
        ours: 'exit 1 | add_addr_accepted 0 subflows 2',
      },
      'start --plugin-dir=$PLUGINS --path-manager=nosuch $FLAGS': {
        c: 'running | add_addr_accepted 0 subflows 2',
        ours: 'exit 1 | add_addr_accepted 0 subflows 2',
      },
    },
  },
  {
    list: 'an empty directory of plugins',
    see: 'section 2.6',
    why: 'plugins come with it: a directory may be empty',
    at: {
      'start --plugin-dir=/etc/mptcpd $FLAGS': {
        c: 'exit 1 | add_addr_accepted 0 subflows 2',
        ours: 'running | add_addr_accepted 0 subflows 2',
      },
    },
  },
  {
    list: 'a plugin is named twice',
    see: 'section 2.5',
    why: 'it is loaded once',
    at: {
      'start --plugin-dir=$PLUGINS --load-plugins=addr_adv,addr_adv $FLAGS': {
        c: 'running | add_addr_accepted 0 subflows 4',
        ours: 'running | add_addr_accepted 0 subflows 2',
      },
      'ip addr add 10.0.1.1/24 dev v1': {
        c: 'running | 10.0.1.1 id 1 signal dev v1 | add_addr_accepted 0 subflows 6',
        ours: 'running | 10.0.1.1 id 1 signal dev v1 | add_addr_accepted 0 subflows 3',
      },
    },
  },
  {
    list: 'a blank between flags',
    see: 'section 2.6',
    why: 'a blank does not matter',
    at: {
      "start $LOADED --addr-flags=subflow '--notify-flags=skip_loopback, existing'": {
        c: 'running | add_addr_accepted 2 subflows 2',
        ours: 'running | 10.0.1.1 id 1 subflow dev v1 | add_addr_accepted 3 subflows 3',
      },
    },
  },
  {
    list: 'without CAP_NET_ADMIN',
    see: 'defect 17',
    why: 'it could do nothing, and says so',
    at: {
      'unprivileged $SIGNAL': {
        c: 'running | add_addr_accepted 0 subflows 2',
        ours: 'exit 1 | add_addr_accepted 0 subflows 2',
      },
      'ip addr add 10.0.1.1/24 dev v1': {
        c: 'running | add_addr_accepted 0 subflows 2',
        ours: 'exit 1 | add_addr_accepted 0 subflows 2',
      },
    },
  },
  {
    list: 'flags that there are not',
    see: 'defect 16',
    why: 'who asked for them is told',
    at: {
      'start $LOADED --addr-flags=bogus': {
        c: 'running | add_addr_accepted 0 subflows 2',
        ours: 'exit 64 | add_addr_accepted 0 subflows 2',
      },
      'start $LOADED --addr-flags=signal --notify-flags=bogus': {
        c: 'running | add_addr_accepted 0 subflows 2',
        ours: 'exit 64 | add_addr_accepted 0 subflows 2',
      },
      'start $LOADED --addr-flags=signal,bogus': {
        c: 'running | add_addr_accepted 0 subflows 2',
        ours: 'exit 64 | add_addr_accepted 0 subflows 2',
      },
    },
  },
  {
    list: 'the signal HUP',
    see: 'defect 16',
    why: 'it goes on',
    at: {
      'signal HUP': {
        c: 'exit 129 | add_addr_accepted 0 subflows 2',
        ours: 'running | add_addr_accepted 0 subflows 2',
      },
    },
  },
  {
    list: 'the signal USR1',
    see: 'section 2.6',
    why: 'it logs its state and goes on',
    at: {
      'signal USR1': {
        c: 'exit 138 | add_addr_accepted 0 subflows 2',
        ours: 'running | add_addr_accepted 0 subflows 2',
      },
    },
  },
  {
    list: 'configuration file: as Debian ships it',
    see: 'defect 5',
    why: 'its defaults have an effect',
    at: {
      start: {
        c: 'running | add_addr_accepted 0 subflows 2',
        ours: 'running | 10.0.1.1 id 1 subflow dev v1 | add_addr_accepted 3 subflows 3',
      },
    },
  },
  {
    list: 'configuration file: blanks at the end of a line',
    see: 'defect 16',
    why: 'a blank does not matter, and no flag is lost silently',
    at: {
      start: {
        c: 'running | 10.0.1.1 id 1 dev v1 | add_addr_accepted 0 subflows 3',
        ours: 'running | 10.0.1.1 id 1 subflow dev v1 | add_addr_accepted 3 subflows 3',
      },
    },
  },
  {
    list: 'configuration file: a key twice',
    see: 'defect 16',
    why: 'which of them was meant nobody knows: it is an error',
    at: {
      start: {
        c: 'running | 10.0.1.1 id 1 subflow dev v1 | add_addr_accepted 3 subflows 3',
        ours: 'exit 1 | add_addr_accepted 0 subflows 2',
      },
    },
  },
  {
    list: 'configuration file: a section twice',
    see: 'defect 16',
    why: 'nothing is passed over silently',
    at: {
      start: {
        c: 'running | add_addr_accepted 0 subflows 2',
        ours: 'running | 10.0.1.1 id 1 subflow dev v1 | add_addr_accepted 3 subflows 3',
      },
    },
  },
  {
    list: 'configuration file: Windows ends of lines',
    see: 'defect 16',
    why: 'they do not matter',
    at: {
      start: {
        c: 'exit 1 | add_addr_accepted 0 subflows 2',
        ours: 'running | 10.0.1.1 id 1 subflow dev v1 | add_addr_accepted 3 subflows 3',
      },
    },
  },
  {
    list: 'configuration file: a wrong destination of the log',
    see: 'defect 16',
    why: 'mistakes are said, with file and line',
    at: {
      start: {
        c: 'running | 10.0.1.1 id 1 subflow dev v1 | add_addr_accepted 3 subflows 3',
        ours: 'exit 1 | add_addr_accepted 0 subflows 2',
      },
    },
  },
  {
    list: 'configuration file: another section',
    see: 'defect 16',
    why: 'mistakes are said, with file and line',
    at: {
      start: {
        c: 'running | 10.0.1.1 id 1 subflow dev v1 | add_addr_accepted 3 subflows 3',
        ours: 'exit 1 | add_addr_accepted 0 subflows 2',
      },
    },
  },
  {
    list: 'configuration file: an unknown key',
    see: 'defect 16',
    why: 'mistakes are said, with file and line',
    at: {
      start: {
        c: 'running | 10.0.1.1 id 1 subflow dev v1 | add_addr_accepted 3 subflows 3',
        ours: 'exit 1 | add_addr_accepted 0 subflows 2',
      },
    },
  },
  {
    list: 'configuration file: a line of nonsense',
    see: 'defect 16',
    why: 'mistakes are said, with file and line',
    at: {
      'start $USUAL': {
        c: 'running | 10.0.1.1 id 1 subflow dev v1 | add_addr_accepted 3 subflows 3',
        ours: 'exit 1 | add_addr_accepted 0 subflows 2',
      },
    },
  },
  {
    list: 'configuration file: an open section',
    see: 'defect 16',
    why: 'mistakes are said, with file and line',
    at: {
      'start $USUAL': {
        c: 'running | 10.0.1.1 id 1 subflow dev v1 | add_addr_accepted 3 subflows 3',
        ours: 'exit 1 | add_addr_accepted 0 subflows 2',
      },
    },
  },
  {
    list: 'configuration file: a key before any section',
    see: 'defect 16',
    why: 'mistakes are said, with file and line',
    at: {
      'start $USUAL': {
        c: 'running | 10.0.1.1 id 1 subflow dev v1 | add_addr_accepted 3 subflows 3',
        ours: 'exit 1 | add_addr_accepted 0 subflows 2',
      },
    },
  },
  {
    list: 'configuration file: an unknown flag',
    see: 'defect 16',
    why: 'mistakes are said, with file and line',
    at: {
      start: {
        c: 'running | 10.0.1.1 id 1 subflow dev v1 | add_addr_accepted 3 subflows 3',
        ours: 'exit 1 | add_addr_accepted 0 subflows 2',
      },
    },
  },
  {
    list: 'configuration file: an empty list of plugins',
    see: 'defect 12',
    why: 'a mistake is said, not died of',
    at: {
      start: { c: 'exit 139 | add_addr_accepted 0 subflows 2', ours: 'exit 1 | add_addr_accepted 0 subflows 2' },
    },
  },
  {
    list: 'configuration file: a blank between flags',
    see: 'section 2.6',
    why: 'a blank does not matter',
    at: {
      start: {
        c: 'running | add_addr_accepted 2 subflows 2',
        ours: 'running | 10.0.1.1 id 1 subflow dev v1 | add_addr_accepted 3 subflows 3',
      },
    },
  },
  {
    list: 'configuration file: a path manager that there is not',
    see: 'defect 16',
    why: 'who asked for it is told',
    at: {
      start: {
        c: 'running | 10.0.1.1 id 1 subflow dev v1 | add_addr_accepted 3 subflows 3',
        ours: 'exit 1 | add_addr_accepted 0 subflows 2',
      },
    },
  },
];
