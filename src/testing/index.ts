/** What authors of plugins import as `mptcpd/testing`. */
export { FakeClock } from './fake-clock.ts';
export { type LogLine, PluginTest, type TestOptions, testPlugin } from './test-plugin.ts';
