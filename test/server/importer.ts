// A program that takes a network over and ends: node importer.js CONFIG_DIR DATA_DIR; it prints what it says.

import { readConf } from '../../src/server/disk/conf.ts';
import { filesOf } from '../../src/server/disk/files.ts';
import { importOnce } from '../../src/server/verbs/import.ts';
import { InterfaceName } from '../../src/values/name.ts';

const [configDir = '', dataDir = ''] = process.argv.slice(2);
const name = InterfaceName.parse('acme');
const files = filesOf(name, { configDir, dataDir });
await importOnce(name, files, readConf(files.conf), (message) => console.log(message));
console.log('done');
