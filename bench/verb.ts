/** The start of a verb that only asks, `innernet list-cidrs`, from the command line to its answer. */
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { formatConf } from '../src/protocol/conf.ts';
import type { Endpoint, SocketAddress } from '../src/values/endpoint.ts';
import type { Cidr } from '../src/values/ip.ts';
import { PrivateKey, type PublicKey } from '../src/values/key.ts';
import type { InterfaceName } from '../src/values/name.ts';
import { beside, type Measured, type Row } from './figure.ts';
import { Field } from './load/field.ts';
import { ADMIN_IP, someKey } from './load/layout.ts';
import { interleave, timed } from './sample.ts';

const ROUNDS = 15;
const run = promisify(execFile);

/** A conf with which the verb calls the private server as its admin. */
const confFor = (field: Field): string => {
  const { endpoint, serverKey } = field.served;
  return formatConf({
    networkName: 'load' as InterfaceName,
    address: `${ADMIN_IP}/8` as Cidr,
    privateKey: PrivateKey.parse(someKey()),
    server: {
      publicKey: serverKey as PublicKey,
      externalEndpoint: '203.0.113.1:51820' as Endpoint,
      internalEndpoint: endpoint as SocketAddress,
    },
    peerEndpointOverrides: new Map(),
  });
};

const measure = async (): Promise<Measured[]> => {
  const field = await Field.create({ layout: { peers: 100, perCidr: 10 } });
  try {
    writeFileSync(join(field.folder, 'load.conf'), confFor(field), { mode: 0o600 });
    const folders = ['--config-dir', field.folder, '--data-dir', field.folder];
    const verb = [resolve('dist/innernet.js'), ...folders, 'list-cidrs', 'load'];
    const [ours = [], yardstick = [], asking = []] = await interleave(ROUNDS, [
      () => timed(() => run(process.execPath, verb)),
      () => timed(() => run(process.execPath, ['-e', '0'])),
      () => timed(() => run(process.execPath, [resolve('dist/innernet.js'), '--version'])),
    ]);
    return [
      beside({ name: 'innernet list-cidrs', unit: 'ms' }, ours, yardstick, { atMost: 2.5 }),
      beside({ name: 'innernet --version', unit: 'ms' }, asking, yardstick, { atMost: 2.5 }),
    ];
  } finally {
    await field.close();
  }
};

export const verb: Row = {
  name: 'verb',
  what: 'start of a verb that only asks, to its answer; yardstick: node -e 0',
  measure,
};
