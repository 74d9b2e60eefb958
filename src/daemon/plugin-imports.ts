import * as module from 'node:module';

const API = 'mptcpd/plugin';
/** The same file that the daemon itself runs, so that what a plugin gets from it is what the daemon knows. */
const target = new URL(`../plugin-api/index${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url).href;

type Next = (specifier: string, context: object) => object;
interface Hooking {
  /** Node 22.15 and later: on this thread. */
  registerHooks?(hooks: { resolve(specifier: string, context: object, next: Next): object }): void;
}

let done = false;

/** Lets plugins import `mptcpd/plugin` wherever they lie: a directory of plugins has no node_modules. */
export function letPluginsImportTheirApi(): void {
  if (done) return;
  done = true;
  const { registerHooks } = module as Hooking;
  if (registerHooks) {
    registerHooks({
      resolve: (specifier, context, next) =>
        specifier === API ? { url: target, shortCircuit: true } : next(specifier, context),
    });
  } else {
    const code = `export const resolve = async (s, c, next) =>
      s === ${JSON.stringify(API)} ? { url: ${JSON.stringify(target)}, shortCircuit: true } : next(s, c);`;
    module.register(`data:text/javascript,${encodeURIComponent(code)}`);
  }
}
