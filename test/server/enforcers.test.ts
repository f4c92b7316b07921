// What the server records of the words of programs: often enough to be true, never often enough to fill the log.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import type { Word } from '../../src/domain/views.ts';
import { Enforcers } from '../../src/server/commands/enforcers.ts';
import { acme, associated, ids } from '../acme.ts';
import { until } from '../lab/until.ts';
import { RunningNetwork } from './running-network.ts';

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
