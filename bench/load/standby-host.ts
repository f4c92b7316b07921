/** A process of its own with a standby, as its program has it, but for the tunnel: it follows over loopback. */
import { connect } from 'node:net';
import { join } from 'node:path';
import { Prover } from '../../src/caller/prover.ts';
import { openReplica } from '../../src/projections/open-replica.ts';
import { Following } from '../../src/server/following/following.ts';
import { KeptObservations } from '../../src/server/following/kept-observations.ts';
import { StandbyFile } from '../../src/server/following/standby-file.ts';
import { hostOf, portOf, SocketAddress } from '../../src/values/endpoint.ts';
import { PrivateKey, PublicKey } from '../../src/values/key.ts';
import type { InterfaceName } from '../../src/values/name.ts';
import type { Timestamp } from '../../src/values/time.ts';
import { obey } from './orders.ts';

type Order = { folder: string; port: number; privateKey: string; serverKey: string };

const follow = async ({ folder, port, privateKey, serverKey }: Order): Promise<void> => {
  const key = PublicKey.parse(serverKey);
  const log = await openReplica({ file: join(folder, 'acme.events'), kept: () => {} });
  const following = new Following({
    network: 'acme',
    log,
    server: { endpoint: SocketAddress.parse(`127.0.0.1:${port}`), key },
    way: { open: async () => ({ device: 1, connect: (to) => connect(portOf(to), hostOf(to)).setNoDelay() }) },
    prover: new Prover(PrivateKey.parse(privateKey), key),
    version: 'bench',
    state: new StandbyFile(join(folder, 'acme.standby'), {
      version: 1,
      of: { networkName: 'acme' as InterfaceName, publicKey: key },
      since: new Date().toISOString() as Timestamp,
      position: log.head.position,
    }),
    observations: new KeptObservations(join(folder, 'acme.observations')),
    say: () => {},
  });
  following.run().catch((error: unknown) => {
    console.error('standby:', error);
    process.exit(1);
  });
};

obey({ follow });
