export { helpText, type Invocation, options, parseCommandLine, usageText } from './command-line.ts';
export { ConfigError, type ConfigErrorCode, hint } from './errors.ts';
export { type CoreSettings, type KeyName, keys, type LogDestination, type LogLevel } from './keys.ts';
export { type Given, parseConfig, type RawOption, type Settings, settle } from './settings.ts';
