// R11: a clock that jumps by hours in either direction changes neither order nor validity; only invitations end by it.
import { expect, it, onTestFinished } from 'vitest';
import { verifyChain } from '../../src/store/verify.ts';
import type { Timestamp } from '../../src/values/time.ts';
import { acme, keyOf } from '../acme.ts';
import { RunningNetwork } from '../server/running-network.ts';
import { FollowingClient } from './followers.ts';
import { diceOf, roundsOr, sayTried, seed } from './seed.ts';

const NOON = Date.parse('2026-11-22T12:00:00.000Z');
const HOUR = 3_600_000;
const at = (time: number): Timestamp => new Date(time).toISOString() as Timestamp;

it('R11: changes have one order whatever the clock says, over a restart as well', {
  timeout: 600_000,
}, async () => {
  const dice = diceOf(seed);
  const running = await RunningNetwork.start([...acme.network].flat());
  onTestFinished(() => running.close());
  const bob = running.network.peerNamed('bob');
  if (!bob) throw new Error('bob is missing');
  const client = new FollowingClient(bob, running);
  const tried = new Map<string, number>();
  const rounds = roundsOr(40);
  for (let round = 0; round < rounds; round += 1) {
    running.now = at(NOON + Math.round((dice() * 4 - 2) * HOUR));
    const before = running.live.head.position;
    const { position } = await running.ask({
      type: 'RenamePeer',
      peer: bob.id,
      name: `bob-${round}` as never,
    });
    expect(position).toBe(before + 1);
    if (round === rounds >> 1) await running.restart();
    await client.follow(running);
    expect(client.mirror.head).toMatchObject(running.live.head);
    tried.set('jumps', round + 1);
  }
  expect(client.alarms).toBe(0);
  expect((await verifyChain(running.log)).position).toBe(running.live.head.position);
  sayTried('R11', tried);
});

it("R11: an invitation ends by the server's clock, and by nothing else", async () => {
  const running = await RunningNetwork.start([...acme.ranges].flat());
  onTestFinished(() => running.close());
  running.now = at(NOON);
  await running.ask({
    type: 'AddPeer',
    name: 'ivy',
    cidr: 'bakers',
    isAdmin: false,
    publicKey: keyOf("ivy's invitation"),
    inviteExpires: at(NOON + HOUR),
  });
  const ivy = running.network.peerNamed('ivy');
  if (!ivy) throw new Error('ivy is missing');
  const redeem = () =>
    running.ask(
      { type: 'RedeemInvitation', publicKey: keyOf('ivy') },
      { actor: { kind: 'peer', peerId: ivy.id, name: 'ivy' } as never },
    );
  running.now = at(NOON + 2 * HOUR);
  await expect(redeem()).rejects.toMatchObject({ rejection: { code: 'InvitationEnded' } });
  running.now = at(NOON - 2 * HOUR);
  await redeem();
  expect(running.network.peer(ivy.id)?.isRedeemed).toBe(true);
});
