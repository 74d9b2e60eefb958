/** What authors of plugins import as `mptcpd/testing`. */
export { FakeClock } from './fake-clock.ts';
export { FakeInternet } from './fake-internet.ts';
export { type Behaviour, FakeKernel } from './fake-kernel.ts';
export { FakeRefusal } from './fake-netlink.ts';
export { type LogLine, PluginTest, type TestOptions, testPlugin } from './test-plugin.ts';
