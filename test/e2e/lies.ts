// A client's machine and one that plays the server: WireGuard between them, a conf as if the client had joined.
import { writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { formatConf } from '../../src/protocol/conf.ts';
import type { Endpoint, SocketAddress } from '../../src/values/endpoint.ts';
import type { Cidr, Ip } from '../../src/values/ip.ts';
import type { InterfaceName } from '../../src/values/name.ts';
import { keysOf } from '../acme.ts';
import type { Host } from '../lab.ts';

export const serverKeys = keysOf('the server');
export const annKeys = keysOf('ann');

/** Where the program in `folder` is told what to tell. */
export const earIn = (folder: string): string => join(folder, 'ear');

/** Says to the program in `folder` what it tells from now on; answers with what it has heard. */
export const tellIn = <Heard>(folder: string, word: object): Promise<Heard> =>
  new Promise((resolve, reject) => {
    request({ socketPath: earIn(folder), method: 'POST', agent: false }, (response) =>
      json(response).then((heard) => resolve(heard as Heard), reject),
    )
      .on('error', reject)
      .end(JSON.stringify(word));
  });

/** Brings the server's tunnel up and starts `program` at 10.42.0.1:51820; `ann` is joined as 10.42.1.2. */
export const playServer = async (server: Host, ann: Host, program: string, folder: string): Promise<void> => {
  await writeFile(join(folder, 'key'), serverKeys.privateKey.reveal());
  await server.sure(['wireguard-go', 'acme']);
  const own = ['listen-port', '51820', 'private-key', join(folder, 'key')];
  await server.sure(['wg', 'set', 'acme', ...own, 'peer', annKeys.publicKey, 'allowed-ips', '10.42.1.2/32']);
  await server.sure(['ip', 'address', 'add', '10.42.0.1/16', 'dev', 'acme']);
  await server.sure(['ip', 'link', 'set', 'acme', 'up']);
  const place = ['10.42.0.1', '51820', earIn(folder)];
  await server.spawn([process.execPath, program, ...place]).line(/ready/);
  const conf = formatConf({
    networkName: 'acme' as InterfaceName,
    address: '10.42.1.2/16' as Cidr,
    privateKey: annKeys.privateKey,
    server: {
      publicKey: serverKeys.publicKey,
      externalEndpoint: `${server.address}:51820` as Endpoint,
      internalEndpoint: '10.42.0.1:51820' as SocketAddress,
    },
    peerEndpointOverrides: new Map<Ip, Endpoint>(),
  });
  const write = 'mkdir -p /etc/innernet; cat > /etc/innernet/acme.conf; chmod 600 /etc/innernet/acme.conf';
  await ann.sure(['sh', '-c', write], { input: conf });
};
