import { closeSync, constants, existsSync, fstatSync, openSync, readFileSync } from 'node:fs';
import {
  ConfigError,
  type Given,
  helpText,
  parseCommandLine,
  parseConfig,
  type Settings,
  settle,
  usageText,
} from '../config/index.ts';
import { stackOf, wordsOf } from '../core/words-of.ts';
import { createLog, type Logger } from '../log/index.ts';
import { SystemError } from '../os/index.ts';
import { checkConfig } from './check-config.ts';
import { Daemon } from './daemon.ts';
import { systemEnvironment } from './environment.ts';
import { PluginError } from './plugin-error.ts';
import { pluginOf } from './plugin-loader.ts';
import { StartError } from './start-error.ts';
import { version } from './version.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR1'] as const;
const DEFAULT_CONFIG = '/etc/mptcpd/mptcpd.conf';

/** sysexits.h: the command line is wrong. */
const EX_USAGE = 64;
const EX_CANNOT_START = 1;

/** The program mptcpd. @returns its exit status */
export async function main(args: readonly string[]): Promise<number> {
  let settings: Settings;
  let read: () => Settings;
  try {
    const invocation = parseCommandLine(args);
    if (invocation.action !== 'run' && invocation.action !== 'check') return print(invocation.action);
    read = () => readSettings(invocation.config, invocation.given);
    settings = read();
    if (invocation.action === 'check') return await check(settings, invocation.config);
  } catch (error) {
    return complain(error);
  }
  const log = createLog(settings.core.log, settings.core.logLevel);
  const signals = watchSignals();
  watchStrays(log);
  const abort = new AbortController();
  void signals.end.then((signal) => abort.abort(signal));
  try {
    const daemon = await Daemon.start(settings, systemEnvironment(log, settings.core.netns), [], abort.signal);
    signals.report = () => daemon.report();
    signals.reload = () => void reload(daemon, read, log);
    if (signals.reloadAsked) signals.reload();
    const plugins = daemon.host.core.plugins.map(({ name }) => name).join(', ');
    log.info({ version, plugins, addresses: daemon.host.core.addresses.length }, 'mptcpd is ready');
    const signal = await signals.end;
    log.info({ signal }, 'stopping');
    await daemon.stop();
    return 0;
  } catch (error) {
    if (!abort.signal.aborted || error !== abort.signal.reason) return complain(error);
    log.info({ signal: error }, 'stopped while starting');
    return 0;
  }
}

async function check(settings: Settings, file: string | undefined): Promise<number> {
  await checkConfig(settings, (message) => process.stderr.write(`mptcpd: warning: ${message}\n`));
  const missing = file === undefined && !existsSync(DEFAULT_CONFIG);
  const which = missing ? `${DEFAULT_CONFIG} is not there, and with the defaults` : `${file ?? DEFAULT_CONFIG}:`;
  process.stdout.write(`${which} nothing is wrong\n`);
  return 0;
}

function print(action: 'help' | 'usage' | 'version'): number {
  const texts = { help: helpText, usage: usageText, version: () => `mptcpd ${version}\n` };
  process.stdout.write(texts[action]());
  return 0;
}

function readSettings(file: string | undefined, given: Given): Settings {
  const path = file ?? DEFAULT_CONFIG;
  let text = '';
  try {
    text = readConfig(path);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    // The default file need not be there; one that was asked for must.
    if (code !== 'ENOENT' || file !== undefined) {
      const words = { ENOENT: 'there is no such file', EACCES: 'may not be read' }[code ?? ''];
      throw new ConfigError('CONFIG_FILE', path, words ?? (error as Error).message);
    }
  }
  const { core, plugins } = parseConfig(text, path);
  return settle(plugins, core, given);
}

/** The file that is looked at is the file that is read, whatever is put in its place meanwhile. A pipe is not waited for. */
function readConfig(path: string): string {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) {
      throw new ConfigError('CONFIG_FILE', path, stat.isDirectory() ? 'is a directory' : 'is no regular file');
    }
    if (stat.mode & 0o002) {
      throw new ConfigError('CONFIG_FILE', path, 'is world-writable: anybody could change it; run chmod o-w on it');
    }
    return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
}

/** One line that says what is wrong, and the exit status. */
function complain(error: unknown): number {
  if (error instanceof ConfigError) {
    process.stderr.write(`mptcpd: ${error.message}\n`);
    const ofCommandLine = error.code === 'CONFIG_USAGE';
    if (ofCommandLine) process.stderr.write('Try "mptcpd --help" or "mptcpd --usage".\n');
    return ofCommandLine ? EX_USAGE : EX_CANNOT_START;
  }
  if (error instanceof StartError || error instanceof PluginError || error instanceof SystemError) {
    process.stderr.write(`mptcpd: cannot start: ${error.message}\n`);
    return EX_CANNOT_START;
  }
  throw error;
}

/** Reads the configuration again; one with a mistake changes nothing. */
async function reload(daemon: Daemon, read: () => Settings, log: Logger): Promise<void> {
  try {
    await daemon.reload(read());
  } catch (error) {
    if (!(error instanceof ConfigError || error instanceof PluginError)) throw error;
    log.error({ error: error.message }, 'the configuration stays as it was');
  }
}

interface Signals {
  /** The first signal that asks for the end. */
  readonly end: Promise<string>;
  report(): void;
  reload(): void;
  /** It was asked for before the daemon was there. */
  reloadAsked: boolean;
}

/** SIGINT and SIGTERM end the daemon, even while it starts; the second one ends it at once. */
function watchSignals(): Signals {
  let end = (_signal: string): void => undefined;
  const signals: Signals = {
    end: new Promise<string>((resolve) => (end = resolve)),
    report: () => undefined,
    reload() {
      signals.reloadAsked = true;
    },
    reloadAsked: false,
  };
  const before = SIGNALS.map((signal) => [signal, process.listeners(signal)] as const);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      end(signal);
      process.once(signal, () => process.exit(0));
    });
  }
  process.on('SIGHUP', () => signals.reload());
  // Without a handler Node would open its inspector on this one.
  process.on('SIGUSR1', () => signals.report());
  // Only now: with the last listener goes the handler, and a signal that it has caught and not yet told of is lost.
  for (const [signal, listeners] of before) for (const each of listeners) process.removeListener(signal, each);
  return signals;
}

/**
 * What a plugin throws outside of any hook, from a timer or a promise of its own, ends nothing but is logged. Any other
 * error that nobody caught is a fault of the daemon: it says so and ends, to be started anew.
 */
function watchStrays(log: Logger): void {
  const stray = (error: unknown): void => {
    const plugin = pluginOf(error);
    const [message, stack] = [wordsOf(error), stackOf(error)];
    if (plugin !== undefined) {
      log.error({ plugin, error: message, stack }, 'plugin failed outside of its hooks');
      return;
    }
    log.fatal({ error: message, stack }, 'mptcpd has a fault and ends');
    process.exit(EX_CANNOT_START);
  };
  process.on('uncaughtException', stray);
  process.on('unhandledRejection', stray);
}
