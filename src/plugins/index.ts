/** The plugins that come with the daemon. */
import addrAdv from './addr-adv.ts';
import backup from './backup.ts';
import fullmesh from './fullmesh.ts';
import handover from './handover.ts';
import ndiffports from './ndiffports.ts';
import signal from './signal.ts';
import sspi from './sspi.ts';

export const builtIn = [addrAdv, fullmesh, sspi, ndiffports, backup, handover, signal] as const;
