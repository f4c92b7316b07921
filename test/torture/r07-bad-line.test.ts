// R7: between real sockets frames are lost, doubled, delayed, turned round, told again and cut at any byte: nobody goes astray.
import { setTimeout as pause } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import type { Command } from '../../src/domain/command.ts';
import type { Peer } from '../../src/domain/peer.ts';
import { until } from '../e2e/small-network.ts';
import { Truth } from '../server/model-client.ts';
import { ServedNetwork } from '../server/served-network.ts';
import { BadLine } from './bad-line.ts';
import { FollowedClient } from './followed.ts';
import { oneOf } from './hostile.ts';
import { diceOf, roundsOr, sayTried, seed } from './seed.ts';

const dice = diceOf(seed);
const COMMANDS = 60;
const HUMANS = ['ann', 'bob', 'cleo', 'dora'];
const ROBOTS = ['r2', 'hal', 'robby'];

const tried = new Map<string, number>();
const count = (what: string): void => void tried.set(what, (tried.get(what) ?? 0) + 1);

/** Something that some or all can see, now and then in several events at once. */
const nextCommand = ({ network }: ServedNetwork, peers: readonly Peer[], n: number): Command => {
  const { id, isDisabled } = network.peer(oneOf(dice, peers).id) ?? oneOf(dice, peers);
  const other = oneOf(
    dice,
    peers.filter((peer) => peer.id !== id),
  );
  const chance = dice();
  if (chance < 0.2) return { type: isDisabled ? 'EnablePeer' : 'DisablePeer', peer: id } as Command;
  if (chance < 0.35) {
    const isAssociated = [...network.associations()].length > 0;
    const type = isAssociated ? 'DeleteAssociation' : 'AddAssociation';
    return { type, cidrs: ['humans', 'robots'] } as Command;
  }
  const rename = { type: 'RenamePeer', peer: id, name: `p${n}` };
  if (chance < 0.7) return rename as Command;
  const second = { type: 'RenamePeer', peer: other.id, name: `q${n}` };
  return { type: 'AllOf', commands: [rename, second] } as Command;
};

const round = async (): Promise<void> => {
  const served = await ServedNetwork.start();
  const [lines, clients]: [BadLine[], FollowedClient[]] = [[], []];
  onTestFinished(async () => {
    await Promise.all(clients.map((client) => client.stop()));
    for (const line of lines) line.close();
    await served.close();
  });
  const peers: Peer[] = [];
  for (const name of HUMANS) peers.push(await served.peer(name));
  for (const name of ROBOTS) peers.push(await served.peer(name, { cidr: 'robots' }));
  const { network } = served;
  const truth = new Truth({ network });
  served.live.subscribe(() => truth.note());
  for (const [n, peer] of peers.entries()) {
    const own = diceOf(dice() * 2 ** 32);
    const line = await BadLine.start({ server: served.endpoint, from: peer.ip, dice: own, count });
    const server = { endpoint: line.endpoint, key: served.serverKey };
    const client = new FollowedClient({ peer, network, truth, server, dice: diceOf(n + seed), count });
    client.follow();
    lines.push(line);
    clients.push(client);
  }
  for (let n = 0; n < COMMANDS; n += 1) {
    await served.run(nextCommand(served, peers, n));
    await pause(dice() * 12);
  }
  // What was lost last shows when the next thing happens: from here on the connections are honest.
  for (const line of lines) line.isHonest = true;
  for (const { id } of peers)
    if (network.peer(id)?.isDisabled) await served.run({ type: 'EnablePeer', peer: id });
  const last = [HUMANS, ROBOTS].map((names, at) => {
    const peer = peers[at * HUMANS.length + Math.floor(dice() * names.length)];
    return { type: 'RenamePeer', peer: peer?.id, name: `last${at}` };
  });
  await served.run({ type: 'AllOf', commands: last } as Command);
  const isLevel = ({ mirror }: FollowedClient) =>
    mirror.filled && mirror.head?.hash === served.live.head.hash;
  await until('all are level', async () => clients.every(isLevel) || clients.some(isAstray), 30);

  expect(clients.flatMap(({ broken }) => broken)).toEqual([]);
  const records = await served.log.read(0, 10_000);
  const hashes = new Map(records.map(({ position, hash }) => [position, hash]));
  for (const { stood, mirror, sight } of clients) {
    for (const [position, hash] of stood) expect(hash).toBe(hashes.get(position));
    expect([mirror.head?.position, mirror.heldCount]).toEqual([served.live.head.position, 0]);
    truth.expectView(served.live.head.position, sight);
    count('clients level');
  }
  expect(served.troubles).toEqual([]);
};

const isAstray = ({ broken }: FollowedClient): boolean => broken.length > 0;

it('R7: each client ends where the log does, and was never where no log was', {
  timeout: 3_600_000,
}, async () => {
  const rounds = roundsOr(3);
  for (let n = 0; n < rounds; n += 1) await round();
  sayTried('R7', tried);
  const fates = ['lost', 'doubled', 'delayed', 'turned round', 'told again', 'cut', 'revoked'];
  expect(fates.filter((fate) => !tried.has(fate))).toEqual([]);
  expect(tried.get('resumes that became snapshots') ?? 0).toBe(0);
});
