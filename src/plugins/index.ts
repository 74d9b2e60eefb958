/** The plugins that come with the daemon. */
import addrAdv from './addr-adv.ts';
import fullmesh from './fullmesh.ts';

export const builtIn = [addrAdv, fullmesh] as const;
