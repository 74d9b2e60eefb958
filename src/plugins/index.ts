/** The plugins that come with the daemon. */
import addrAdv from './addr-adv.ts';
import fullmesh from './fullmesh.ts';
import sspi from './sspi.ts';

export const builtIn = [addrAdv, fullmesh, sspi] as const;
