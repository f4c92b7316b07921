/** What proofs by key cost the server: processor time of a call, of the first one by a key, and bytes on the wire. */
import { randomBytes } from 'node:crypto';
import { Network } from '../src/domain/network.ts';
import { type Call, pairKeys, proveCall } from '../src/protocol/proof.ts';
import { PROOF_HEADER, spell } from '../src/protocol/proof-header.ts';
import { Proofs, partOf } from '../src/server/proof/proofs.ts';
import { ServerClock } from '../src/server/proof/server-clock.ts';
import type { PublicKey } from '../src/values/key.ts';
import { HASHES, pairSecret } from '../src/wireguard/pair-secret.ts';
import { alone, type Measured, type Row } from './figure.ts';
import { loadKey, loadPrivateKey } from './load/keys.ts';
import { eventsOf } from './load/layout.ts';

const ROUNDS = 20;
const PEERS = 200;
/** Keys that call again and again, and how often each does in a round. */
const CALLERS = 10;
const CALLS = 100;

const SERVER = loadKey('server');
const COMMAND = { type: 'RenamePeer', peer: 7, name: 'x'.repeat(60) };
const BODY = Buffer.from(JSON.stringify({ id: '01KA'.repeat(6), command: COMMAND }));
const ANSWER = Buffer.alloc(2_000, 'x');
const CALL: Call = { purpose: 'call', method: 'POST', target: '/v1/admin/commands', body: BODY };

const proofsOf = (network: Network): Proofs => {
  const live = { network, subscribe: () => () => {} };
  return new Proofs(loadPrivateKey('server'), live, new ServerClock());
};

type Made = { key: PublicKey; header: string };

/** Calls by each of these keys, made beforehand: what a client does is not measured. */
const callsBy = (addresses: readonly string[], count: number, { moment }: Proofs): Made[] =>
  addresses.flatMap((address) => {
    const key = loadKey(address);
    const secret = pairSecret(loadPrivateKey(address), SERVER);
    const keys = pairKeys(secret, { client: key, server: SERVER }, HASHES);
    return Array.from({ length: count }, () => {
      const stamp = { boot: moment.boot, at: moment.now, nonce: spell(randomBytes(12)) };
      return { key, header: proveCall(keys, CALL, stamp, HASHES).header };
    });
  });

/** Milliseconds of the processor for each: checked, heard and answered; and the last answer's header. */
const cost = (proofs: Proofs, made: readonly Made[]): { each: number; header: string } => {
  let header = '';
  const before = process.cpuUsage();
  for (const { key, header: shown } of made) {
    const evidence = proofs.evidenceOf(CALL, shown, [key]);
    if (!evidence || proofs.lateness(evidence) !== undefined || proofs.hear(evidence) !== 'new')
      throw new Error('a right proof was refused');
    header = proofs.answer(evidence, { status: 200, parts: [partOf(ANSWER)] });
  }
  const { user, system } = process.cpuUsage(before);
  return { each: (user + system) / 1000 / made.length, header };
};

const bytesOf = (header: string): number => `${PROOF_HEADER}: ${header}\r\n`.length;

const measure = async (): Promise<Measured[]> => {
  const network = new Network();
  network.advance(eventsOf({ peers: PEERS, perCidr: 50 }, SERVER), 1);
  const addresses = [...network.peers()].map(({ ip }) => ip).slice(2);
  const [first, later, there, back]: [number[], number[], number[], number[]] = [[], [], [], []];
  for (let round = 0; round < ROUNDS; round++) {
    const proofs = proofsOf(network);
    first.push(cost(proofs, callsBy(addresses, 1, proofs)).each);
    const made = callsBy(addresses.slice(0, CALLERS), CALLS, proofs);
    const { each, header } = cost(proofs, made);
    later.push(each);
    there.push(Math.max(...made.map(({ header: shown }) => bytesOf(shown))));
    back.push(bytesOf(header));
  }
  return [
    alone({ name: 'proof of a call and its answer', unit: 'ms of CPU' }, later, 0.2),
    alone({ name: 'the same, the first time for a key', unit: 'ms of CPU' }, first),
    alone({ name: 'proof of a call on the wire', unit: 'bytes' }, there, 121),
    alone({ name: 'proof of an answer on the wire', unit: 'bytes' }, back, 121),
  ];
};

export const proof: Row = {
  name: 'proof',
  what: 'what proofs by key cost the server: CPU for a call and its answer, bytes on the wire',
  measure,
};
