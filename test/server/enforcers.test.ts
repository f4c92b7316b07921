// What the server records of the words of programs: often enough to be true, never often enough to fill the log.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Command } from '../../src/domain/command.ts';
import type { Word } from '../../src/domain/views.ts';
import { actorText } from '../../src/events/actor.ts';
import { timestamp } from '../../src/server/commands/control-plane.ts';
import { Enforcers } from '../../src/server/commands/enforcers.ts';
import { ObservationFile, rememberedWords } from '../../src/server/observations/observation-file.ts';
import { Observations } from '../../src/server/observations/observations.ts';
import { rehearse } from '../../src/server/past/rehearsal.ts';
import { acme, associated, cidr, ids } from '../acme.ts';
import type { Asked } from '../given.ts';
import { until } from '../lab/until.ts';
import { OPERATOR } from './asking.ts';
import { RunningNetwork } from './running-network.ts';
import { StreamDoor } from './stream-door.ts';

const start = async () => {
  const running = await RunningNetwork.start([...acme.network, associated(ids.bakers, ids.machines)]);
  await running.ask({ type: 'LimitAssociation', cidrs: ['bakers', 'machines'], allow: [] });
  const streams: { peerId: typeof ids.bob; word: Word; isProved: boolean }[] = [];
  const enforcers = new Enforcers(running.live, running.plane, { members: () => streams }, (_, error) => {
    throw error;
  });
  onTestFinished(async () => {
    enforcers.stop();
    await running.close();
  });
  let name = 0;
  /** Each commit is followed by a look. */
  const looks = async () => {
    await running.ask({ type: 'RenamePeer', peer: ids.ryo, name: `ryo-${name++}` });
    await sleep(5);
  };
  return { running, streams, looks, wordsOf: (id: typeof ids.bob) => running.network.peer(id)?.limits };
};

it('a peer whose program says another word each time is believed to know less, and seldom to know more', async () => {
  const { running, streams, looks, wordsOf } = await start();
  const says = (word: Word) => {
    streams.splice(0, streams.length, { peerId: ids.bob, word, isProved: true });
    return looks();
  };
  for (let time = 0; time < 10; time++) {
    await says('limits');
    await until('more is heard', async () => wordsOf(ids.bob) === true);
    await says('old');
    await until('less is heard', async () => wordsOf(ids.bob) === undefined);
  }
  for (let time = 0; time < 10; time++) await says(time % 2 === 0 ? 'limits' : 'old');
  const records = await running.log.read(0, 10_000);
  expect(records.filter(({ type }) => type === 'PeerEnforces')).toHaveLength(20);
  streams.push({ peerId: ids.oven, word: 'limits', isProved: true });
  await looks();
  await until('another is heard', async () => wordsOf(ids.oven) === true);
});

it('a stream without a proof limits nothing: any user of the machine may have opened it', async () => {
  const { streams, looks, wordsOf } = await start();
  streams.push({ peerId: ids.bob, word: 'limits', isProved: false });
  await looks();
  await until('it is heard', async () => wordsOf(ids.bob) === false);
  streams.push({ peerId: ids.bob, word: 'limits', isProved: true });
  await looks();
  await until('its machine is believed', async () => wordsOf(ids.bob) === true);
});

describe('R70: the first limit of a network', () => {
  const limit: Asked = {
    type: 'LimitAssociation',
    cidrs: ['bakers', 'machines'],
    allow: [{ from: 'bakers', protocol: 'icmp' }],
  };

  /** Bob and oven see each other, and their machines keep to limits, as each has proved. */
  const meet = async () => {
    const running = await RunningNetwork.start([...acme.network, associated(ids.bakers, ids.machines)]);
    const door = await StreamDoor.open(running);
    onTestFinished(async () => {
      await door.close();
      await running.close();
    });
    const follow = async (id: typeof ids.bob) => {
      const listener = await door.connect(id, { ...running.live.head, can: 'plain,limits' });
      await listener.next('welcome');
      return listener;
    };
    const [bob, oven] = [await follow(ids.bob), await follow(ids.oven)];
    expect([...running.observations.words()]).toEqual(
      [ids.bob, ids.oven].map((id) => ({ peerId: id, limits: false })),
    );
    for (const id of [ids.bob, ids.oven]) running.observations.setWord(id, 'limits');
    return { running, bob, oven };
  };

  it('finds in the log whose programs keep to it, by a commit of the server, and parts nobody', async () => {
    const { running, bob, oven } = await meet();
    const { position } = running.live.head;
    const words = await rehearse(running.network, running.live.head, Command.parse(limit), {
      actor: OPERATOR,
      now: timestamp(),
      said: () => running.observations.words(),
    });
    expect(words.reach).toMatchObject({ gained: [], lost: [], turned: [{ pairs: 1 }] });
    await running.ask(limit);
    const records = await running.log.read(position, 10);
    expect(records.map(({ type, actor }) => [type, actor])).toEqual([
      ['PeerEnforces', actorText({ kind: 'server' })],
      ['PeerEnforces', actorText({ kind: 'server' })],
      ['AssociationLimited', actorText(OPERATOR)],
    ]);
    for (const listener of [bob, oven]) {
      await listener.settled();
      const deltas = listener.frames.flatMap((frame) => (frame.kind === 'delta' ? [frame] : []));
      expect(deltas.flatMap(({ peers }) => peers.removed)).toEqual([]);
      expect(deltas.at(-1)?.limits?.changed).toHaveLength(1);
      expect(listener.frames.filter(({ kind }) => kind === 'fetch')).toEqual([]);
    }
    await running.ask({ ...limit, allow: [] });
    expect(await running.log.read(position + 3, 10)).toHaveLength(1);
  });

  it('on the command line of the server finds what the program that serves has heard', async () => {
    const file = join(mkdtempSync(join(tmpdir(), 'innernet-test-')), 'acme.observations');
    onTestFinished(() => rmSync(dirname(file), { recursive: true }));
    const observations = new Observations('boot', cidr('10.42.0.0/16'));
    const kept = new ObservationFile(file, observations, () => true);
    observations.setWord(ids.bob, 'limits');
    await until('it is written', async () => rememberedWords(file).length === 1);
    expect(rememberedWords(file)).toEqual([{ peerId: ids.bob, limits: true }]);
    kept.close();
    const again = new Observations('boot', cidr('10.42.0.0/16'));
    new ObservationFile(file, again, () => true).close();
    expect([...again.words()]).toEqual([{ peerId: ids.bob, limits: true }]);
  });
});
