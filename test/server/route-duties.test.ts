// What the server tells a router's machine, and what it believes of it. R76.
import { describe, expect, it, onTestFinished } from 'vitest';
import type { WebSocket } from 'ws';
import { viewOf } from '../../src/domain/views.ts';
import { actorText } from '../../src/events/actor.ts';
import type { NetworkEvent } from '../../src/events/schema.ts';
import { sha256Text } from '../../src/machine/sha256.ts';
import { ClientFrame, MAX_DELTA_BYTES, ServerFrame } from '../../src/protocol/frames.ts';
import { timestamp } from '../../src/server/commands/control-plane.ts';
import { Audience } from '../../src/server/stream/audience.ts';
import { carryFrames } from '../../src/server/stream/carry-frames.ts';
import { Member } from '../../src/server/stream/member.ts';
import { RouteDuties } from '../../src/server/stream/route-duties.ts';
import type { PeerId } from '../../src/values/id.ts';
import type { Cidr } from '../../src/values/ip.ts';
import { acme, associated, cidr, ids, routeId } from '../acme.ts';
import { OPERATOR } from './asking.ts';
import { RunningNetwork } from './running-network.ts';
import { StreamDoor } from './stream-door.ts';

const OFFICE = cidr('192.168.50.0/24');
const ENGINEERS = cidr('10.42.128.0/24');

/** The machines see engineers; oven is one. */
const EVENTS = [...acme.network, associated(ids.machines, ids.engineers, 1)];
const office = routeId(1);
const added: NetworkEvent[] = [
  { type: 'RouteAdded', routeId: office, name: 'office' as never, blocks: [OFFICE] },
  { type: 'RouterAdded', routeId: office, peerId: ids.oven, rank: 0 },
];
const opened: NetworkEvent = { type: 'RouteOpened', routeId: office, cidrId: ids.engineers };
const closed: NetworkEvent = { type: 'RouteClosed', routeId: office, cidrId: ids.engineers };

/** The duties alone, with real streams of machines. */
const start = async (canCarry = true) => {
  const running = await RunningNetwork.start(EVENTS);
  const audience = new Audience();
  const { live, observations } = running;
  const duties = new RouteDuties(live, observations, audience);
  live.subscribe(() => duties.follow());
  const attach = (socket: WebSocket, id: PeerId): void => {
    const peer = live.network.peer(id);
    if (!peer) throw new Error(`there is no peer ${id}`);
    const sees = viewOf(live.network, peer, 'old');
    const about = { sees, word: 'old', isProved: true, canRelay: true, canServe: false, canCarry } as const;
    const member = new Member(socket, peer, { position: 0, sequence: 0 }, about);
    audience.enter(member);
    duties.level(member);
    socket.on('message', (data) => {
      const frame = ClientFrame.parse(JSON.parse(data.toString()));
      if (frame.kind === 'offers') duties.offers(member, frame.blocks);
    });
    socket.once('close', () => audience.leave(member));
  };
  const door = await StreamDoor.open(running, attach);
  onTestFinished(async () => {
    duties.close();
    await door.close();
    await running.close();
  });
  let count = 0;
  const append = async (...events: NetworkEvent[]): Promise<void> => {
    count += 1;
    const { position } = await running.log.head();
    const commandId = `routes ${count}`;
    const commit = { commandId, commandDigest: sha256Text(commandId), recordedAt: timestamp(), events };
    await running.log.append(position, [{ ...commit, actor: actorText(OPERATOR) }]);
    await running.live.catchUp();
  };
  return { running, observations, append, come: (id: PeerId) => door.connect(id) };
};

describe('a router', () => {
  it('is told what it carries, and for whom, whenever that changes; and nothing before', async () => {
    const { append, come } = await start();
    const oven = await come(ids.oven);
    await append(...added);
    expect((await oven.next('carry')).routes).toEqual([
      { id: office, name: 'office', blocks: [OFFICE], from: [], keepSource: false },
    ]);
    await append(opened);
    expect((await oven.next('carry')).routes.map(({ from }) => from)).toEqual([[ENGINEERS]]);
    await append(closed);
    expect((await oven.next('carry')).routes.map(({ from }) => from)).toEqual([[]]);
    await append({ type: 'RouterRemoved', routeId: office, peerId: ids.oven });
    expect((await oven.next('carry')).routes).toEqual([]);
  });

  it('hears it at the beginning of a stream, and once for its own word where there is nothing', async () => {
    const { append, come } = await start();
    const oven = await come(ids.oven);
    oven.send({ kind: 'offers', blocks: [] });
    expect((await oven.next('carry')).routes).toEqual([]);
    await append(...added, opened);
    const again = await come(ids.oven);
    expect((await again.next('carry')).routes).toHaveLength(1);
  });

  it('loses users with the association by which they see it', async () => {
    const { append, come } = await start();
    const oven = await come(ids.oven);
    await append(...added, opened);
    await oven.next('carry');
    await append({ type: 'AssociationDeleted', associationId: 1 as never });
    expect((await oven.next('carry')).routes.map(({ from }) => from)).toEqual([[]]);
  });

  it('says what is ready, which is observed and passed on; at most once a second', async () => {
    const { observations, come } = await start();
    const oven = await come(ids.oven);
    const say = (ready: boolean) =>
      oven.send({
        kind: 'offers',
        blocks: [{ block: OFFICE, ready, ...(ready ? {} : { why: 'its eth1 is down' }) }],
      });
    say(true);
    await expect.poll(() => observations.of(ids.oven).offers).toEqual([{ block: OFFICE, ready: true }]);
    expect(observations.rowOf(ids.oven)?.offers).toEqual([{ block: OFFICE, ready: true }]);
    const number = observations.numberOf(ids.oven);
    for (const ready of [false, true, false]) say(ready);
    const down = [{ block: OFFICE, ready: false, why: 'its eth1 is down' }];
    await expect.poll(() => observations.of(ids.oven).offers, { timeout: 10_000 }).toEqual(down);
    expect(observations.numberOf(ids.oven)).toBe(number + 1);
    expect([...observations.stored()].find(({ id }) => id === ids.oven)?.offers).toEqual(down);
  });

  it('that has not proved itself, or is an older program, is neither told nor believed', async () => {
    const { append, observations, come } = await start(false);
    const oven = await come(ids.oven);
    await append(...added, opened);
    oven.send({ kind: 'offers', blocks: [{ block: OFFICE, ready: true }] });
    oven.send({ kind: 'offers', blocks: [] });
    await oven.settled();
    expect(oven.frames).toEqual([]);
    expect(observations.of(ids.oven).offers).toEqual([]);
  });
});

it('a route of many users is told in frames that are small enough, and is one again', () => {
  const from = Array.from(
    { length: 5_000 },
    (_, at) => `fd42:1234:5678:${at.toString(16)}:aaaa:bbbb:cccc::/112` as Cidr,
  );
  const route = { id: office, name: 'x'.repeat(63), blocks: [OFFICE], keepSource: true };
  const frames = carryFrames([
    { ...route, from },
    { ...route, id: routeId(2), from: [] },
  ]);
  for (const frame of frames) {
    expect(JSON.stringify(frame).length).toBeLessThan(MAX_DELTA_BYTES);
    expect(ServerFrame.safeParse(frame).success).toBe(true);
  }
  expect(frames.map(({ isFirst }) => isFirst)).toEqual(frames.map((_, at) => at === 0));
  expect(frames.map(({ isLast }) => isLast)).toEqual(frames.map((_, at) => at === frames.length - 1));
  const users = frames.flatMap(({ routes }) =>
    routes.filter(({ id }) => id === office).flatMap((row) => row.from),
  );
  expect(users).toEqual(from);
  expect(carryFrames([])).toEqual([{ kind: 'carry', isFirst: true, isLast: true, routes: [] }]);
});
