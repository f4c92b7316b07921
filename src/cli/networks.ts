/** The networks of this machine, by the confs in the program's folder. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { InterfaceName } from '../values/name.ts';
import type { Folders } from './options.ts';

const CONF = '.conf';

/** The networks that have a conf on this machine, by name. */
export const networksIn = ({ configDir }: Pick<Folders, 'configDir'>): InterfaceName[] => {
  const files = ((): string[] => {
    try {
      return readdirSync(configDir);
    } catch (error) {
      if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
      throw error;
    }
  })();
  return files
    .filter((file) => file.endsWith(CONF))
    .map((file) => InterfaceName.safeParse(file.slice(0, -CONF.length)).data)
    .filter((name) => name !== undefined)
    .sort();
};

/** Whether a word names a network of this machine, also one without a conf but with a log or stored state. */
export const isNetworkHere = (word: string, { configDir, dataDir }: Folders): boolean => {
  if (!InterfaceName.safeParse(word).success) return false;
  const files = [
    join(configDir, `${word}${CONF}`),
    ...['events', 'json'].map((end) => join(dataDir, `${word}.${end}`)),
  ];
  return files.some((file) => existsSync(file));
};
