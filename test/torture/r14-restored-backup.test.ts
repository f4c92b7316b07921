// R14: yesterday's backup is put back under fifty live clients.
import { copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { actorText } from '../../src/events/actor.ts';
import { sha256Text } from '../../src/machine/sha256.ts';
import { timestamp } from '../../src/server/commands/control-plane.ts';
import { Claims, readClaim } from '../../src/server/stream/claims.ts';
import { backupLog } from '../../src/store/backup.ts';
import { witnessFile } from '../../src/store/witness.ts';
import { acme, keyOf } from '../acme.ts';
import { OPERATOR } from '../server/asking.ts';
import { RunningNetwork } from '../server/running-network.ts';
import { FollowingClient } from './followers.ts';

const CLIENTS = 50;

const join50 = async (running: RunningNetwork): Promise<FollowingClient[]> => {
  for (let n = 0; n < CLIENTS; n += 1) await addPeer(running, `peer-${n}`);
  return Array.from({ length: CLIENTS }, (_, n) => {
    const peer = running.network.peerNamed(`peer-${n}`);
    if (!peer) throw new Error(`peer-${n} did not join`);
    return new FollowingClient(peer, running);
  });
};

/** The key is the peer's own: it is seen at once. */
const addPeer = (running: RunningNetwork, name: string) =>
  running.ask({
    type: 'AddPeer',
    name,
    cidr: 'bakers',
    isAdmin: false,
    publicKey: keyOf(name),
    inviteExpires: null,
    redeemed: true,
  });

const all = async (clients: readonly FollowingClient[], running: RunningNetwork): Promise<void> => {
  for (const client of clients) await client.follow(running);
};

it('R14: alarm on each, removals obeyed, nothing added; recorded, all follow, and the disabled stay out', {
  timeout: 60_000,
}, async () => {
  const running = await RunningNetwork.start([...acme.ranges].flat());
  onTestFinished(() => running.close());
  const clients = await join50(running);
  await addPeer(running, 'stolen');
  await addPeer(running, 'fired');
  await all(clients, running);
  const backup = join(running.folder, 'yesterday');
  const yesterday = await backupLog(running.log.database, backup);

  await running.ask({ type: 'DisablePeer', peer: 'stolen' });
  await running.ask({ type: 'DeletePeer', peer: 'fired' });
  await addPeer(running, 'newcomer');
  await all(clients, running);
  const lost = running.live.head;
  const others = (self: number) => clients.flatMap((_, n) => (n === self ? [] : [`peer-${n}`])).sort();
  for (const [n, client] of clients.entries())
    expect(client.tunnels).toEqual([...others(n), 'newcomer'].sort());

  // The copy comes back together with a witness as old as itself: nothing on the server can tell.
  await running.restart((file) => {
    for (const end of ['-wal', '-shm']) rmSync(file + end, { force: true });
    rmSync(witnessFile(file), { force: true });
    copyFileSync(backup, file);
  });
  expect(running.live.head).toEqual(yesterday);
  const warnings: string[] = [];
  const file = join(running.folder, 'acme.claims');
  const claims = new Claims(file, running.live, (message) => warnings.push(message));
  for (const { id, mirror } of clients) if (mirror.head) claims.hear(id, mirror.head);
  expect(warnings.length).toBe(CLIENTS);
  const { saidBy, ...head } = readClaim(file) ?? {};
  expect([head, saidBy?.length]).toEqual([lost, 10]);

  // The server may be merely behind: it sends them away first.
  await all(clients, running);
  await vi.waitUntil(() => clients.every(({ isConnected }) => !isConnected), { timeout: 20_000 });
  await all(clients, running);
  for (const [n, { tunnels, alarms, mirror }] of clients.entries()) {
    expect([alarms, mirror.alarm?.breach]).toEqual([1, 'ServerBehind']);
    expect(tunnels).toEqual(others(n));
  }
  await addPeer(running, 'intruder');
  await running.ask({ type: 'DisablePeer', peer: 'peer-49' });
  const alive = clients.slice(0, -1);
  await all(alive, running);
  for (const [n, { tunnels }] of alive.entries())
    expect(tunnels).toEqual(others(n).filter((name) => name !== 'peer-49'));

  const event = { type: 'LogRestored', lostPosition: lost.position, lostHash: lost.hash } as const;
  const commit = { commandId: 'restored', commandDigest: sha256Text('restored'), recordedAt: timestamp() };
  const { position } = running.live.head;
  await running.log.append(position, [{ ...commit, actor: actorText(OPERATOR), events: [event] }]);
  await running.live.reached(position + 1);
  expect(alive.filter(({ isConnected }) => isConnected)).toEqual([]);
  await all(alive, running);
  for (const [n, { tunnels, held, mirror }] of alive.entries()) {
    expect(mirror.alarm).toBeNull();
    expect(mirror.notice).not.toBeNull();
    expect(mirror.head).toMatchObject(running.live.head);
    const followed = others(n).filter((name) => name !== 'peer-49');
    expect(tunnels).toEqual(followed);
    expect(held.sort()).toEqual(['fired SeenGone', 'intruder KeyChanged', 'stolen SeenGone']);
  }

  await running.ask({ type: 'EnablePeer', peer: 'stolen' });
  await running.ask({ type: 'RenamePeer', peer: 'fired', name: 'gone' as never });
  await all(alive, running);
  for (const { tunnels, held } of alive) {
    expect(tunnels).toContain('stolen');
    expect(held.sort()).toEqual(['gone SeenGone', 'intruder KeyChanged']);
  }

  for (const { mirror, held } of alive) {
    mirror.take(mirror.judgeAcknowledgement());
    expect(mirror.notice).toBeNull();
    expect(held.sort()).toEqual(['gone SeenGone', 'intruder KeyChanged']);
  }
});
