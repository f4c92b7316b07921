/** Events a second that the verb history writes into a pipe, beside reading and parsing the same rows. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ulid } from 'ulid';
import { PeerId } from '../src/values/id.ts';
import { Ip } from '../src/values/ip.ts';
import { PublicKey } from '../src/values/key.ts';
import { Timestamp } from '../src/values/time.ts';
import { BareReader } from './bare/reading.ts';
import { beside, type Measured, type Row } from './figure.ts';
import { Bench, someKey } from './log.ts';
import { interleave } from './sample.ts';
import { withFolder } from './scratch.ts';

const ROUNDS = 3;
const PEERS = 30_000;
/** What is in the first page, which is read before anything is written. */
const FIRST = 1_000;

const PROGRAM = fileURLToPath(new URL('./innernet-server.js', import.meta.url));

const nameOf = (number: number): string => `peer-${number}`;

/** A peer is invited by an admin, joins, is renamed and cut off. */
const storyOf = (number: number) => {
  const peerId = PeerId.parse(number + 2);
  const rest = [number >> 16, (number >> 8) & 255, number & 255].join('.');
  const added = {
    ...{ type: 'PeerAdded' as const, peerId, name: nameOf(number), ip: Ip.parse(`11.${rest}`) },
    ...{ cidrId: 3 as never, publicKey: PublicKey.parse(someKey()), isAdmin: false },
    inviteExpires: Timestamp.parse('2099-01-01T00:00:00.000Z'),
  };
  const redeemed = {
    type: 'InvitationRedeemed' as const,
    peerId,
    publicKey: PublicKey.parse(someKey()),
  };
  const renamed = { type: 'PeerRenamed' as const, peerId, name: `${nameOf(number)}-b` };
  return [added, redeemed, renamed, { type: 'PeerDisabled' as const, peerId }];
};

/** Peers in one commit, and commits in one append: a log of hundreds of thousands of events in some seconds. */
const TOGETHER = 10;
const COMMITS = 25;

const fill = async ({ log }: Bench): Promise<void> => {
  const recordedAt = Timestamp.parse('2026-11-22T12:00:00.000Z');
  const commitOf = (first: number) => ({
    actor: JSON.stringify({ kind: 'peer', peerId: 2 + (first % 20) }),
    commandId: ulid(),
    commandDigest: 'a'.repeat(64) as never,
    recordedAt,
    events: Array.from({ length: TOGETHER }, (_, more) => storyOf(first + more)).flat(),
  });
  let { position } = await log.head();
  for (let number = 1; number <= PEERS; number += TOGETHER * COMMITS) {
    const commits = Array.from({ length: COMMITS }, (_, index) => commitOf(number + index * TOGETHER));
    const result = await log.append(position, commits);
    if (result.kind !== 'committed') throw new Error(`the log answered ${result.kind}`);
    position = result.head.position;
  }
};

/** Events a second, from the first page on; what the program takes to start is another row's matter. */
const rate = (folder: string, count: number, ...flags: string[]): Promise<number> =>
  new Promise((resolve, reject) => {
    const argv = [PROGRAM, '--data-dir', folder, 'history', 'acme', ...flags];
    const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
    let begin = 0;
    child.stdout.on('data', () => {
      begin ||= performance.now();
    });
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve((count - FIRST) / ((performance.now() - begin) / 1000));
      else reject(new Error(`history ended with exit code ${code}`));
    });
  });

const measure = (say: (progress: string) => void): Promise<Measured[]> =>
  withFolder(async (folder) => {
    const bench = await Bench.create(folder);
    await fill(bench);
    const { position: count } = await bench.log.head();
    say(`history: a log of ${count} records`);
    const bare = new BareReader(join(folder, 'acme.events'));
    try {
      const [json = [], words = [], yardstick = []] = await interleave(ROUNDS, [
        () => rate(folder, count, '--json'),
        () => rate(folder, count),
        () => count / (bare.parse() / 1000),
      ]);
      return [
        beside({ name: 'history --json', unit: 'events/s' }, json, yardstick, { atLeast: 0.5 }),
        beside({ name: 'history', unit: 'events/s' }, words, yardstick, { atLeast: 0.25 }),
      ];
    } finally {
      bare.close();
      await bench.close();
    }
  });

export const history: Row = {
  name: 'history',
  what: 'the verb history into a pipe; yardstick: reading the same columns and parsing the bodies',
  measure,
};
