/** What can be wrong with a plugin. Codes are never used again for something else. */
export type PluginErrorCode =
  /** No file and no shipped plugin has the name. */
  | 'PLUGIN_NOT_FOUND'
  /** The directory or the file may be changed by others than root and the daemon's user. */
  | 'PLUGIN_UNSAFE'
  /** The file cannot be read or run. */
  | 'PLUGIN_LOAD_FAILED'
  /** The file's default export is no plugin. */
  | 'PLUGIN_NOT_A_PLUGIN'
  | 'PLUGIN_NO_NAME'
  | 'PLUGIN_API_VERSION'
  | 'PLUGIN_DUPLICATE_NAME'
  /** The configuration gives an option that it has not, or a value that it does not take. */
  | 'PLUGIN_BAD_OPTION'
  | 'PLUGIN_SETUP_FAILED'
  | 'PLUGIN_SETUP_TIMEOUT';

/** A plugin that cannot be used: the daemon does not start without it. */
export class PluginError extends Error {
  override readonly name = 'PluginError';
  readonly code: PluginErrorCode;
  /** The plugin's name, or its file where it has none. */
  readonly plugin: string;

  constructor(code: PluginErrorCode, plugin: string, message: string, cause?: unknown) {
    super(`plugin ${plugin}: ${message} [${code}]`, { cause });
    this.code = code;
    this.plugin = plugin;
  }
}
