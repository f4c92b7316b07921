// The folders of a server that holds acme's network, thrown away after the test.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { READ_MODELS } from '../../src/projections/projections.ts';
import { formatConf } from '../../src/server/disk/conf.ts';
import { filesOf } from '../../src/server/disk/files.ts';
import { openSqliteLog } from '../../src/store/sqlite-log.ts';
import { InterfaceName } from '../../src/values/name.ts';
import { acme, keysOf } from '../acme.ts';
import { append, commitOf, tempFolder } from '../store/temp-log.ts';

export const ACME = InterfaceName.parse('acme');

export const acmeFolders = async () => {
  const folder = tempFolder();
  const folders = { configDir: join(folder, 'etc'), dataDir: join(folder, 'lib') };
  mkdirSync(folders.configDir);
  const conf = {
    privateKey: keysOf('server').privateKey,
    listenPort: 51820,
    address: acme.at('server', 1),
    prefix: 16,
  };
  const files = filesOf(ACME, folders);
  writeFileSync(files.conf, formatConf(conf), { mode: 0o600 });
  const log = await openSqliteLog({
    file: files.log,
    readModels: READ_MODELS,
    mode: 'create',
  });
  await append(log, commitOf(acme.network));
  await log.close();
  return { folders, files };
};
