// A server's folders that hold the log of a generated network.
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sha256Text } from '../../src/machine/sha256.ts';
import { READ_MODELS } from '../../src/projections/projections.ts';
import { formatConf } from '../../src/server/disk/conf.ts';
import { type Folders, filesOf } from '../../src/server/disk/files.ts';
import { openSqliteLog } from '../../src/store/sqlite-log.ts';
import { SERVER_PEER } from '../../src/values/id.ts';
import { keyPairFrom } from '../../src/values/key-pair.ts';
import { InterfaceName } from '../../src/values/name.ts';
import type { Town } from './towns.ts';

const ACME = InterfaceName.parse('acme');

/** Within `folder`. */
export const townFolders = async (folder: string, { commits, network }: Town): Promise<Folders> => {
  const folders = { configDir: join(folder, 'etc'), dataDir: join(folder, 'lib') };
  for (const each of Object.values(folders)) mkdirSync(each, { mode: 0o700 });
  const files = filesOf(ACME, folders);
  const { privateKey } = keyPairFrom(randomBytes(32));
  const address = network.peer(SERVER_PEER)?.ip;
  if (!address) throw new Error('the town has no server');
  writeFileSync(files.conf, formatConf({ privateKey, listenPort: 51820, address, prefix: 16 }), {
    mode: 0o600,
  });
  const log = await openSqliteLog({ file: files.log, readModels: READ_MODELS, mode: 'create' });
  const actor = JSON.stringify({ kind: 'operator', uid: 0 });
  await log.append(
    0,
    commits.map(({ events, at }, index) => {
      const commandId = `command ${index}`;
      return { actor, commandId, commandDigest: sha256Text(commandId), recordedAt: at, events };
    }),
  );
  await log.close();
  return folders;
};
