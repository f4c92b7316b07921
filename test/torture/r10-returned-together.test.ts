// R10: thousands of clients come back at once, again and again: all level, nobody who had a recent position takes a snapshot.
import { expect, it, onTestFinished } from 'vitest';
import type { Cidr } from '../../src/values/ip.ts';
import { acme, keyOf } from '../acme.ts';
import { RunningNetwork } from '../server/running-network.ts';
import { FollowingClient } from './followers.ts';
import { diceOf, roundsOr, sayTried, seed } from './seed.ts';

const dice = diceOf(seed);
/** The server is started anew so often. */
const RESTARTS = 3;

/** So many of them see each other. */
const IN_RANGE = 100;

/** The range of the n-th peer, which is made for the first one in it. */
const rangeFor = async (running: RunningNetwork, n: number): Promise<string> => {
  const number = Math.floor(n / IN_RANGE);
  const name = `crowd-${number}`;
  const cidr = `10.42.${20 + number}.0/24` as Cidr;
  if (n % IN_RANGE === 0) await running.ask({ type: 'AddCidr', name: name as never, cidr, parent: 'acme' });
  return name;
};

it('R10: all come back level, without a snapshot', { timeout: 3_600_000 }, async () => {
  const running = await RunningNetwork.start([...acme.ranges].flat());
  onTestFinished(() => running.close());
  const count = roundsOr(60);
  // Of a peer with many streams only the newest are kept: here every client is a peer of its own.
  const clients: FollowingClient[] = [];
  for (let n = 0; n < count; n += 1) {
    const name = `peer-${n}`;
    const own = { name, cidr: await rangeFor(running, n), publicKey: keyOf(name) };
    await running.ask({ type: 'AddPeer', ...own, isAdmin: false, inviteExpires: null, redeemed: true });
  }
  for (let n = 0; n < count; n += 1) {
    const peer = running.network.peerNamed(`peer-${n}`);
    if (!peer) throw new Error('a peer did not join');
    clients.push(new FollowingClient(peer, running));
  }
  const comeBack = async (): Promise<void> => {
    const order = clients.map((client) => ({ client, at: dice() })).sort((a, b) => a.at - b.at);
    for (const { client } of order) client.connect(running);
    for (const { client } of order) await client.follow(running);
  };
  const expectLevel = (): void => {
    for (const { mirror, alarms, isConnected } of clients) {
      expect([isConnected, alarms, mirror.head?.position]).toEqual([true, 0, running.live.head.position]);
      expect(mirror.head?.hash).toBe(running.live.head.hash);
      const wrong = [...mirror.tunnels()].filter(({ name, id }) => running.network.peer(id)?.name !== name);
      expect(wrong).toEqual([]);
    }
  };
  await comeBack();
  expectLevel();
  const fetches = clients.map((client) => client.fetches);
  expect(fetches).toEqual(clients.map(() => 1));
  for (let round = 0; round < RESTARTS; round += 1) {
    await running.restart();
    for (let n = 0; n < 5; n += 1)
      await running
        .ask({ type: 'RenamePeer', peer: `peer-${n}` as never, name: `peer-x` as never })
        .then(() => running.ask({ type: 'RenamePeer', peer: 'peer-x' as never, name: `peer-${n}` as never }));
    await comeBack();
    expectLevel();
  }
  expect(clients.map((client) => client.fetches)).toEqual(fetches);
  sayTried(
    'R10',
    new Map([
      ['clients', count],
      ['restarts', RESTARTS],
      ['snapshots after the first', 0],
    ]),
  );
});
