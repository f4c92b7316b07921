/** Who this server is to others of the same network: by machine and folder, for nothing else is to tell them apart. */
import { existsSync, readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { sha256Text } from '../../machine/sha256.ts';
import type { Server } from '../../store/postgres/lease.ts';

const MACHINE_ID = '/etc/machine-id';

/** `log`: its path on this machine. */
export const ownServer = (log: string): Server => {
  const machine = existsSync(MACHINE_ID) ? readFileSync(MACHINE_ID, 'utf8').trim() : '';
  const name = hostname();
  return { holder: sha256Text([machine, name, resolve(log)].join('\n')).slice(0, 32), name };
};
