/** Records a second from the log to the full state, unchecked and with the hash chain checked. */
import { Command } from '../src/domain/command.ts';
import { Network } from '../src/domain/network.ts';
import { eventOf } from '../src/events/upcast.ts';
import { replay as replayLog } from '../src/store/follow.ts';
import { verifyChain } from '../src/store/verify.ts';
import { BareReader } from './bare/reading.ts';
import { beside, type Measured, type Row } from './figure.ts';
import { ACTOR, Bench, someKey } from './log.ts';
import { interleave, timed } from './sample.ts';
import { withFolder } from './scratch.ts';

const ROUNDS = 7;
const PEERS = 6_000;

/** What a network goes through: peers are invited and join, some are renamed, some are cut off. */
const fill = async (bench: Bench): Promise<void> => {
  const { control } = bench;
  const join = async (number: number): Promise<void> => {
    const command = bench.addPeer();
    if (command.type !== 'AddPeer') return;
    const { name } = command;
    const { events } = await control.execute(command, { actor: ACTOR });
    const [added] = events;
    if (added?.type !== 'PeerAdded') return;
    const peer = { kind: 'peer', peerId: added.peerId } as const;
    const redeem = Command.parse({ type: 'RedeemInvitation', publicKey: someKey() });
    await control.execute(redeem, { actor: peer });
    if (number % 4 === 0) await bench.execute({ type: 'RenamePeer', peer: name, name: `${name}-b` });
    if (number % 10 === 1) await bench.execute({ type: 'DisablePeer', peer: name });
  };
  for (let number = 0; number < PEERS; number += 200)
    await Promise.all(Array.from({ length: 200 }, (_, index) => join(number + index)));
};

const toFullState = async ({ log }: Bench): Promise<void> => {
  const network = new Network();
  await replayLog(log, 0, ({ events, to }) => network.advance(events, to));
};

const toCheckedState = async ({ log }: Bench): Promise<void> => {
  const network = new Network();
  await verifyChain(log, 0, (records) =>
    network.advance(records.map(eventOf), records.at(-1)?.position ?? 0),
  );
};

const measure = (say: (progress: string) => void): Promise<Measured[]> =>
  withFolder(async (folder) => {
    const bench = await Bench.create(folder);
    await fill(bench);
    const { position: count } = await bench.log.head();
    say(`replay: a log of ${count} records`);
    const bare = new BareReader(bench.log.file);
    const perSecond = (milliseconds: number): number => count / (milliseconds / 1000);
    try {
      const [plain = [], bareParse = [], checked = [], bareHash = []] = await interleave(ROUNDS, [
        async () => perSecond(await timed(() => toFullState(bench))),
        () => perSecond(bare.parse()),
        async () => perSecond(await timed(() => toCheckedState(bench))),
        () => perSecond(bare.parseAndHash()),
      ]);
      return [
        beside({ name: 'replay', unit: 'records/s' }, plain, bareParse, { atLeast: 0.4 }),
        beside({ name: 'replay, hashes checked', unit: 'records/s' }, checked, bareHash, { atLeast: 0.5 }),
      ];
    } finally {
      bare.close();
      await bench.close();
    }
  });

export const replay: Row = {
  name: 'replay',
  what: 'replay to the full state; yardstick: reading the same columns and parsing the bodies (and SHA-256)',
  measure,
};
