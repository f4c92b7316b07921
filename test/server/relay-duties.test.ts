// What the server tells a relay on a peer's machine, and what it believes of it. R48.
import { describe, expect, it, onTestFinished } from 'vitest';
import type { WebSocket } from 'ws';
import { viewOf } from '../../src/domain/views.ts';
import type { NetworkEvent } from '../../src/events/schema.ts';
import { ClientFrame, MAX_SERVED, type RelayDuty, ServerFrame } from '../../src/protocol/frames.ts';
import { Audience } from '../../src/server/stream/audience.ts';
import { dutyFrames } from '../../src/server/stream/duty-frames.ts';
import { Member } from '../../src/server/stream/member.ts';
import { RelayDuties } from '../../src/server/stream/relay-duties.ts';
import { SocketAddress } from '../../src/values/endpoint.ts';
import type { PeerId } from '../../src/values/id.ts';
import { acme, associated, ids } from '../acme.ts';
import type { Asked } from '../given.ts';
import { MAILBOXES, RunningNetwork } from './running-network.ts';
import { type Listener, StreamDoor } from './stream-door.ts';

const PORT = 51821;

/** The machines see engineers and bakers, who do not see each other. */
const EVENTS = [
  ...acme.network,
  associated(ids.machines, ids.engineers, 1),
  associated(ids.machines, ids.bakers, 2),
];

/** The duties alone, with real streams of machines that have proved themselves. */
const start = async (canServe = true, events: readonly NetworkEvent[] = EVENTS) => {
  const running = await RunningNetwork.start(events);
  const audience = new Audience();
  const { live, observations } = running;
  const duties = new RelayDuties(live, observations, { audience, mailboxes: MAILBOXES });
  live.subscribe((step) => duties.follow(step));
  const members: Member[] = [];
  const attach = (socket: WebSocket, id: PeerId): void => {
    const peer = live.network.peer(id);
    if (!peer) throw new Error(`there is no peer ${id}`);
    const member = new Member(
      socket,
      peer,
      { position: 0, sequence: 0 },
      {
        sees: viewOf(live.network, peer, 'old'),
        word: 'old',
        isProved: true,
        canRelay: true,
        canServe,
        canCarry: false,
      },
    );
    members.push(member);
    audience.enter(member);
    socket.on('message', (data) => {
      const frame = ClientFrame.parse(JSON.parse(data.toString()));
      if (frame.kind === 'consents') duties.consents(member, frame);
      else if (frame.kind === 'open') duties.open(member, frame);
    });
    socket.once('close', () => {
      audience.leave(member);
      duties.leave(member);
    });
  };
  const door = await StreamDoor.open(running, attach);
  onTestFinished(async () => {
    duties.close();
    await door.close();
    await running.close();
  });
  const come = (id: PeerId): Promise<Listener> => door.connect(id);
  return { running, observations, duties, come };
};

const set = (peer: PeerId, port = PORT): Asked => ({ type: 'SetRelay', peer, port });
const consents = (port: number | null) => ({ kind: 'consents', port });
const idsIn = ({ changed }: RelayDuty): PeerId[] => changed.map(({ id }) => id);

/** oven, with both approvals. */
const relaying = async (events?: readonly NetworkEvent[]) => {
  const world = await start(true, events);
  await world.running.ask(set(ids.oven));
  const oven = await world.come(ids.oven);
  oven.send(consents(PORT));
  const first = await oven.next('relay');
  return { ...world, oven, first };
};

describe('a relay on the machine of a peer', () => {
  it('is told whom it serves once the log and its own word name one port, in either order', async () => {
    const { running, come, duties } = await start();
    const oven = await come(ids.oven);
    oven.send(consents(PORT));
    expect(await oven.next('relay')).toMatchObject({ port: null, isFirst: true, isLast: true, changed: [] });
    await running.ask(set(ids.oven, 4000));
    expect(await oven.next('relay')).toMatchObject({ port: 4000, isFirst: false, changed: [], seen: [] });
    expect(duties.serves(ids.oven)).toBe(false);
    await running.ask(set(ids.oven));
    const frame = await oven.next('relay');
    expect(frame.port).toBe(PORT);
    expect(idsIn(frame)).toEqual([ids.ann, ids.ryo, ids.bob]);
    expect(duties.serves(ids.oven)).toBe(true);
    oven.send(consents(null));
    expect((await oven.next('relay')).removed).toEqual(idsIn(frame));
  });

  it('hears of no peer that it does not see, and of each its own mailbox there', async () => {
    const { running, oven, first } = await relaying();
    for (const { id, mailbox } of first.changed) expect(mailbox).toBe(MAILBOXES.mailboxOf(ids.oven, id));
    const [engineers, others, bakers] = first.changed.map(({ group }) => group);
    expect(others).toBe(engineers);
    expect(first.seen).toEqual([
      [engineers, engineers],
      [bakers, bakers],
    ]);
    await running.ask({ type: 'AddAssociation', cidrs: ['engineers', 'bakers'] });
    expect(await oven.next('relay')).toMatchObject({ changed: [], seen: [[engineers, bakers]] });
    await running.ask({ type: 'DeleteAssociation', cidrs: ['engineers', 'bakers'] });
    expect(await oven.next('relay')).toMatchObject({ removed: [], unseen: [[engineers, bakers]] });
    await running.ask({ type: 'DeleteAssociation', cidrs: ['machines', 'bakers'] });
    expect(await oven.next('relay')).toMatchObject({ removed: [ids.bob], unseen: [[bakers, bakers]] });
  });

  it('hears nothing of phones: where they are concerns their router alone', async () => {
    const isPhone: NetworkEvent = { type: 'PlainPeerDeclared', peerId: ids.bob, via: ids.server };
    const knows: NetworkEvent = { type: 'PeerEnforces', peerId: ids.oven, limits: true };
    const { first } = await relaying([...EVENTS, isPhone, knows]);
    expect(idsIn(first)).toEqual([ids.ann, ids.ryo]);
  });

  it('R48: hears that peers see each other no more, isolated or limited at an end that does not keep to it', async () => {
    const { running, oven, first } = await relaying();
    const [engineers, , bakers] = first.changed.map(({ group }) => group) as [number, number, number];
    await running.ask({ type: 'IsolateCidr', cidr: 'engineers' });
    expect((await oven.next('relay')).unseen).toEqual([[engineers, engineers]]);
    await running.ask({ type: 'AddAssociation', cidrs: ['engineers', 'bakers'] });
    expect((await oven.next('relay')).seen).toEqual([[engineers, bakers]]);
    await running.ask({ type: 'LimitAssociation', cidrs: ['engineers', 'bakers'], allow: [] });
    expect((await oven.next('relay')).unseen).toEqual([[engineers, bakers]]);
  });

  it('R48: is told at once who is cut off, and that it is none any more', async () => {
    const { running, oven, first } = await relaying();
    const gone = ids.bob;
    await running.ask({ type: 'DisablePeer', peer: gone });
    expect((await oven.next('relay')).removed).toEqual([gone]);
    await running.ask({ type: 'ClearRelay', peer: ids.oven });
    const rest = idsIn(first).filter((id) => id !== gone);
    expect(await oven.next('relay')).toMatchObject({ port: null, removed: rest });
  });

  it('is believed of the mailboxes of those whom it serves, while its stream stands', async () => {
    const { observations, oven, first } = await relaying();
    const [one] = idsIn(first) as [PeerId];
    oven.send({ kind: 'open', ids: [one, ids.eve], closed: [] });
    await oven.settled();
    expect([observations.of(one).via, observations.of(ids.eve).via]).toEqual([[ids.oven], []]);
    oven.socket.close();
    await oven.closed;
    await expect.poll(() => observations.of(one).via).toEqual([]);
    expect(observations.consentOf(ids.oven)).toEqual({ port: PORT });
  });

  it('hears where a peer is heard now, and of nothing else that is observed', async () => {
    const { observations, oven, first } = await relaying();
    const [one] = idsIn(first) as [PeerId];
    observations.see(one, SocketAddress.parse('9.9.9.9:40001'));
    expect((await oven.next('relay')).changed).toMatchObject([{ id: one, host: '9.9.9.9', openAt: null }]);
    observations.see(one, SocketAddress.parse('9.9.9.9:40002'));
    await oven.settled();
    expect(oven.frames).toEqual([]);
    observations.report(one, [SocketAddress.parse('9.9.9.9:40002')]);
    expect((await oven.next('relay')).changed).toMatchObject([{ id: one, openAt: '9.9.9.9:40002' }]);
  });

  it('R49: is told nothing before it has spoken: an empty list would end every session', async () => {
    const { running, come } = await start();
    await running.ask(set(ids.oven));
    const oven = await come(ids.oven);
    await running.ask({ type: 'DisablePeer', peer: ids.bob });
    await oven.settled();
    expect(oven.frames).toEqual([]);
    oven.send(consents(PORT));
    expect(await oven.next('relay')).toMatchObject({
      isFirst: true,
      changed: [{ id: ids.ann }, { id: ids.ryo }],
    });
  });

  it('is told of many in several frames', () => {
    const removed = Array.from({ length: 2 * MAX_SERVED + 1 }, (_, at) => (at + 1) as PeerId);
    const frames = dutyFrames({ port: PORT, isFirst: true, changed: [], removed, seen: [], unseen: [] });
    expect(frames.flatMap((frame) => frame.removed)).toEqual(removed);
    expect(frames.map(({ isFirst, isLast }) => [isFirst, isLast])).toEqual([
      [true, false],
      [false, false],
      [false, true],
    ]);
    for (const frame of frames) ServerFrame.parse(frame);
  });

  it('is none without a proof of its key', async () => {
    const { running, come, observations } = await start(false);
    await running.ask(set(ids.oven));
    const oven = await come(ids.oven);
    oven.send(consents(PORT));
    await oven.settled();
    expect(oven.frames).toEqual([]);
    expect(observations.consentOf(ids.oven)).toBeUndefined();
  });
});
