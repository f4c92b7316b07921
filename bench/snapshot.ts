/** A snapshot in a network of 10,000 peers, and one change: bytes on the wire, and what each further client costs. */
import { Agent, get } from 'node:http';
import { SERVER_KEY_HEADER, SNAPSHOT_PATH } from '../src/protocol/http.ts';
import { alone, beside, type Measured, type Row } from './figure.ts';
import { BareField } from './load/bare-field.ts';
import { Field } from './load/field.ts';
import { addressOf } from './load/layout.ts';
import { renames } from './peers.ts';
import { interleave } from './sample.ts';
import { scaled } from './scale.ts';

const PEERS = 10_000;
/** What innernet 2.0 sends each client each minute in such a network, in bytes. */
const OLD_PROTOCOL = 2_800_000;
const ROUNDS = 7;
const FETCHES = 300;
const CHANGES = 20;
const CIDR = 50;

type Target = {
  host: string;
  port: number;
  path: string;
  localAddress: string;
  headers: Record<string, string>;
};

/** Gets an answer and counts its bytes. */
const fetchBytes = (target: Target, agent: Agent): Promise<number> =>
  new Promise((resolve, reject) => {
    get({ agent, ...target }, (response) => {
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
      });
      response.on('end', () => (response.statusCode === 200 ? resolve(bytes) : reject(new Error('refused'))));
    }).on('error', reject);
  });

/** Microseconds of a server's processor time for an answer; each client has a connection already. */
const costOf = async (usage: () => Promise<{ cpu: number }>, targets: readonly Target[]): Promise<number> => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  for (const target of targets) await fetchBytes(target, agent);
  const before = await usage();
  for (const target of targets) await fetchBytes(target, agent);
  const after = await usage();
  agent.destroy();
  return (after.cpu - before.cpu) / targets.length;
};

const snapshots = async (): Promise<Measured[]> => {
  const peers = scaled(PEERS);
  const layout = { peers, perCidr: peers };
  const field = await Field.create({ layout });
  const bare = await BareField.create(layout);
  try {
    const { endpoint, serverKey } = field.served;
    const headers = { [SERVER_KEY_HEADER]: serverKey, host: endpoint };
    const [host = '', port] = endpoint.split(':');
    const addresses = Array.from({ length: FETCHES }, (_, number) => addressOf(layout, number));
    const ours = addresses.map((localAddress) => ({
      host,
      port: Number(port),
      path: SNAPSHOT_PATH,
      localAddress,
      headers,
    }));
    const bytes = await fetchBytes(ours[0] as Target, new Agent());
    const barePort = await bare.serve(bytes);
    const theirs = ours.map((target) => ({ ...target, host: '127.0.0.1', port: barePort }));
    const [cost = [], yardstick = []] = await interleave(ROUNDS, [
      () => costOf(() => field.usage(), ours),
      () => costOf(() => bare.usage(), theirs),
    ]);
    const goal = 0.2 * OLD_PROTOCOL * (peers / PEERS);
    return [
      alone({ name: `snapshot of ${peers} peers`, unit: 'bytes' }, [bytes], goal),
      beside({ name: 'CPU of a further client’s snapshot', unit: 'µs' }, cost, yardstick, { atMost: 2.5 }),
    ];
  } finally {
    await field.close();
    await bare.close();
  }
};

const changes = async (): Promise<Measured[]> => {
  const field = await Field.create({ layout: { peers: 2 * CIDR, perCidr: CIDR }, crowds: 2 });
  try {
    await field.connect(2 * CIDR);
    await field.forget();
    const told = await field.executeAll(renames(CHANGES));
    const seeing = Array.from({ length: CIDR }, (_, number) => number);
    await field.reach(told.at(-1)?.position ?? 0, { numbers: seeing });
    const [near, far] = await field.tallies();
    await field.executeAll(renames(128));
    const after = (await field.tallies())[1];
    const unseen = (after?.deltas ?? 0) - (after?.bookmarks ?? 0);
    const each = (near?.bytes ?? Number.NaN) / CHANGES / CIDR;
    return [
      alone({ name: 'one change, for a client that sees it', unit: 'bytes' }, [each], 700),
      alone(
        { name: 'deltas but bookmarks for who may not', unit: 'frames' },
        [unseen + (far?.deltas ?? 0)],
        1,
      ),
    ];
  } finally {
    await field.close();
  }
};

export const snapshot: Row = {
  name: 'snapshot',
  what: 'a snapshot of 10,000 peers and one change: bytes; CPU for a further client, yardstick: writing the bytes',
  measure: async () => [...(await snapshots()), ...(await changes())],
};
