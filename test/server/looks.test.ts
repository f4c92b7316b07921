// An admin looks which ways packets take: clients are asked only then, and what nobody asked for is not kept.
import { expect, it, onTestFinished, vi } from 'vitest';
import type { Peer } from '../../src/domain/peer.ts';
import { LOOK_PATH } from '../../src/protocol/http.ts';
import type { PeerId } from '../../src/values/id.ts';
import { acme, ids } from '../acme.ts';
import { RunningNetwork } from './running-network.ts';
import { ServedNetwork } from './served-network.ts';
import { type Listener, StreamDoor } from './stream-door.ts';

const start = async () => {
  const running = await RunningNetwork.start(acme.network);
  const door = await StreamDoor.open(running);
  onTestFinished(async () => {
    vi.useRealTimers();
    await door.close();
    await running.close();
  });
  const come = async (peer: PeerId, can = 'proof,relay'): Promise<Listener> => {
    const listener = await door.connect(peer, { ...running.live.head, can });
    await listener.next('welcome');
    if (can.includes('relay')) await listener.next('relays');
    return listener;
  };
  return { running, come };
};

const relayed = { id: ids.ryo, way: 'relayed', relay: ids.server, reason: 'both routers change ports' };

it('is answered with what the clients say of pairs that may talk, the relay by its name', async () => {
  const { running, come } = await start();
  const [ann, ryo] = [await come(ids.ann), await come(ids.ryo)];
  const looked = running.hub.look([ids.ann, ids.ryo]);
  for (const each of [ann, ryo]) expect(await each.next('look')).toEqual({ kind: 'look', for: 60 });
  ann.send({ kind: 'ways', peers: [relayed, { id: ids.oven, way: 'direct' }] });
  ryo.send({ kind: 'ways', peers: [{ id: ids.ann, way: 'direct' }] });
  const { id, ...row } = relayed;
  expect(await looked).toEqual([
    { from: ids.ann, to: id, ...row, relayName: 'innernet-server' },
    { from: ids.ryo, to: ids.ann, way: 'direct' },
  ]);
});

it('goes on for its time: later answers count, a way that is none is forgotten, and a second look waits for none', async () => {
  const { running, come } = await start();
  const ann = await come(ids.ann);
  const first = running.hub.look([ids.ann]);
  ann.send({ kind: 'ways', peers: [relayed] });
  expect(await first).toMatchObject([{ to: ids.ryo, way: 'relayed' }]);
  ann.send({
    kind: 'ways',
    peers: [
      { id: ids.ryo, way: 'none' },
      { id: ids.server, way: 'direct' },
    ],
  });
  await ann.settled();
  expect(await running.hub.look([ids.ann])).toEqual([{ from: ids.ann, to: ids.server, way: 'direct' }]);
});

it('asks no client that knows no such frame, and waits for none that is silent', async () => {
  const { running, come } = await start();
  const [old, ryo] = [await come(ids.ann, 'proof'), await come(ids.ryo)];
  expect(await running.hub.look([ids.ann, ids.bob, ids.ryo])).toEqual([]);
  await old.settled();
  expect([old.frames, ryo.frames]).toEqual([[], [{ kind: 'look', for: 60 }]]);
});

it('keeps nothing that nobody asked for, nor longer than somebody looks', async () => {
  const { running, come } = await start();
  const ann = await come(ids.ann);
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  ann.send({ kind: 'ways', peers: [relayed] });
  await ann.settled();
  const looked = running.hub.look([ids.ann]);
  vi.advanceTimersByTime(1_000);
  expect(await looked).toEqual([]);
  ann.send({ kind: 'ways', peers: [relayed] });
  await ann.settled();
  expect(await running.hub.look([ids.ann])).toHaveLength(1);
  vi.advanceTimersByTime(60_000);
  const again = running.hub.look([ids.ann]);
  vi.advanceTimersByTime(1_000);
  expect(await again).toEqual([]);
});

it('is for admins, who name some peers', async () => {
  const served = await ServedNetwork.start();
  onTestFinished(() => served.close());
  const [ann, bob] = [await served.peer('ann', { admin: true }), await served.peer('bob')];
  const look = ({ ip: from }: Peer, peers: unknown) =>
    served.call(LOOK_PATH, { from, method: 'POST', body: { peers } });
  expect((await look(bob, [ann.id])).status).toBe(401);
  expect((await look(ann, [])).status).toBe(400);
  expect(
    (
      await look(
        ann,
        Array.from({ length: 101 }, (_, index) => index + 1),
      )
    ).status,
  ).toBe(400);
  const answer = await look(ann, [ann.id, bob.id, bob.id, 99]);
  expect([answer.status, answer.json()]).toEqual([200, { ways: [] }]);
});

it('ends what was known when the next answer does not have it: who refuses to tell sends an empty one', async () => {
  const { running, come } = await start();
  const ann = await come(ids.ann);
  const first = running.hub.look([ids.ann]);
  ann.send({ kind: 'ways', peers: [relayed, { id: ids.server, way: 'direct' }] });
  expect(await first).toHaveLength(2);
  await running.hub.look([ids.ann]);
  ann.send({ kind: 'ways', peers: [] });
  await ann.settled();
  expect(await running.hub.look([ids.ann])).toEqual([]);
});
