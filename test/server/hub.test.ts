// The streams over real sockets: what is sent to whom, when, and how a stream ends.
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { NetworkEvent } from '../../src/events/schema.ts';
import { BOOKMARK_EVERY, CLOSE, HEARTBEAT_SECONDS } from '../../src/protocol/frames.ts';
import type { Member } from '../../src/server/stream/member.ts';
import { SocketAddress } from '../../src/values/endpoint.ts';
import type { Hash, PeerId, Position } from '../../src/values/id.ts';
import { keyText, type PublicKey } from '../../src/values/key.ts';
import { acme, ids, ip, keyOf, peerId } from '../acme.ts';
import type { Asked } from '../given.ts';
import { oldView } from '../invariants.ts';
import { bytesOf, RunningNetwork } from './running-network.ts';
import { StreamDoor } from './stream-door.ts';

const FIRST_EXTRA = 100;

/** A key that nobody has the other half of: making many real ones takes long. */
const anyKey = (number: number): PublicKey => {
  const bytes = new Uint8Array(32).fill(9);
  new DataView(bytes.buffer).setUint32(0, number);
  return keyText(bytes) as PublicKey;
};

const machines = (count: number): NetworkEvent[] =>
  Array.from({ length: count }, (_, index) => ({
    type: 'PeerAdded',
    peerId: peerId(FIRST_EXTRA + index),
    name: `machine-${index}`,
    ip: ip(`10.42.${2 + (index >> 7)}.${1 + (index & 127)}`),
    cidrId: ids.machines,
    publicKey: anyKey(index),
    isAdmin: false,
    inviteExpires: null,
    redeemed: true,
  }));

const start = async (events: readonly NetworkEvent[] = acme.network) => {
  const running = await RunningNetwork.start(events);
  const door = await StreamDoor.open(running);
  onTestFinished(async () => {
    await door.close();
    await running.close();
  });
  return { running, door };
};

/** What a client that is level with the server would name. */
const here = ({ live }: RunningNetwork): { position: Position; hash: Hash } => live.head;

const rename = (name: string): Asked => ({ type: 'RenamePeer', peer: ids.bob, name });
const meeting: Asked = { type: 'AddAssociation', cidrs: ['bakers', 'machines'] };
const parting: Asked = { type: 'DeleteAssociation', cidrs: ['bakers', 'machines'] };
const address = (text: string) => SocketAddress.parse(text);

/** An even number of records that concern nobody who listens: eve has not joined. */
const silence = (records: number): Asked => ({
  type: 'AllOf',
  commands: Array.from({ length: records }, (_, index) => ({
    type: index % 2 === 0 ? 'GrantAdmin' : 'RevokeAdmin',
    peer: ids.eve,
  })),
});

const memberOf = ({ hub }: RunningNetwork, id: PeerId): Member =>
  [...hub.members()].find((member) => member.peerId === id)!;

describe('a stream begins', () => {
  it('with where the log ends', async () => {
    const { running, door } = await start();
    const bob = await door.connect(ids.bob, here(running));
    const { head, networkId } = running.live;
    expect(await bob.next('welcome')).toEqual({
      kind: 'welcome',
      can: ['proof', 'relay', 'peer-relay', 'routes'],
      network: networkId,
      ...head,
      heartbeat: HEARTBEAT_SECONDS,
      now: expect.any(Number),
      boot: 'boot-1',
      sequence: 0,
    });
    await bob.settled();
    expect(bob.frames).toEqual([]);
  });

  it.each([
    ['names nothing', () => ({})],
    ['names no hash', ({ position }) => ({ position })],
    ['names another hash', ({ position }) => ({ position, hash: 'a'.repeat(64) })],
    ['knows a head and no rows', (head) => ({ ...head, state: 'none' })],
  ] as [string, (head: { position: number; hash: string }) => object][])(
    'with a snapshot to fetch for who %s',
    async (_, query) => {
      const { running, door } = await start();
      const bob = await door.connect(ids.bob, { ...query(here(running)) });
      await bob.next('welcome');
      expect(await bob.next('fetch')).toEqual({ kind: 'fetch', ...running.live.head });
    },
  );

  it('later for who knows more, once the log has come so far', async () => {
    const { running, door } = await start();
    const { position, hash } = here(running);
    const bob = await door.connect(ids.bob, { position: position + 2, hash });
    await bob.settled();
    expect(bob.frames).toEqual([]);
    await running.ask(rename('rob'));
    await running.ask(rename('bert'));
    expect(await bob.next('welcome')).toMatchObject({ position: position + 2 });
  });

  it('not at all for who knows more than a log that stays behind; and with the truth when it comes again', async () => {
    const { running, door } = await start();
    const { position, hash } = here(running);
    const ahead = { position: position + 1, hash };
    const first = await door.connect(ids.bob, ahead);
    expect(await first.closed).toBe(CLOSE.behind);
    expect(first.frames).toEqual([]);
    const again = await door.connect(ids.bob, ahead);
    expect(await again.next('welcome')).toMatchObject({ position });
    expect(await again.next('fetch')).toMatchObject({ position });
  });

  it('with what was missed, as it is now', async () => {
    const { running, door } = await start();
    const before = here(running);
    await running.ask(rename('rob'));
    await running.ask(meeting);
    await running.ask(rename('bert'));
    const bob = await door.connect(ids.bob, before);
    await bob.next('welcome');
    const delta = await bob.next('delta');
    expect(delta).toMatchObject({ from: before.position, ...running.live.head });
    expect(delta.digests).toHaveLength(3);
    expect(delta.peers.changed.map(({ name }) => name).sort()).toEqual(['bert', 'oven']);
    expect(delta.peers.removed).toEqual([]);
  });

  it('without a snapshot also after thousands of records that concern others', async () => {
    const { running, door } = await start();
    const before = here(running);
    await running.ask(silence(900));
    await running.ask(rename('rob'));
    for (let count = 0; count < 3; count++) await running.ask(silence(900));
    const bob = await door.connect(ids.bob, before);
    await bob.next('welcome');
    let { position } = before;
    const changed: string[] = [];
    while (position < running.live.head.position) {
      const delta = await bob.next('delta');
      expect(delta.from).toBe(position);
      expect(delta.hash).toBe(running.live.window.hashAt(delta.position));
      changed.push(...delta.peers.changed.map(({ name }) => name));
      position = delta.position;
    }
    expect(changed).toEqual(['rob']);
  });

  it('with a snapshot for who was away longer than the window, and no removal is missed', async () => {
    const { running, door } = await start();
    const before = here(running);
    await running.ask({ type: 'DisablePeer', peer: ids.ryo });
    for (let count = 0; count < 12; count++) await running.ask(silence(900));
    expect(running.live.window.start).toBeGreaterThan(before.position);
    const ann = await door.connect(ids.ann, before);
    await ann.next('welcome');
    expect(await ann.next('fetch')).toEqual({ kind: 'fetch', ...running.live.head });
    const snapshot = JSON.parse(
      gunzipSync(await bytesOf(running.snapshots.of(oldView(ids.engineers), before.position))).toString(),
    );
    expect(snapshot.peers.map(({ id }: { id: PeerId }) => id).sort()).toEqual([ids.server, ids.ann]);
  }, 30_000);

  it('for nobody who may not be there', async () => {
    const { running, door } = await start();
    for (const id of [ids.eve, peerId(999)]) expect(await (await door.connect(id)).closed).toBe(1006);
    expect([...running.hub.members()]).toEqual([]);
  });
});

describe('a commit', () => {
  it('goes to those whom it concerns, and to no one else', async () => {
    const { running, door } = await start();
    const before = here(running);
    const [ann, bob] = [await door.connect(ids.ann, before), await door.connect(ids.bob, before)];
    await ann.next('welcome');
    await bob.next('welcome');
    await running.ask(rename('rob'));
    const delta = await bob.next('delta');
    expect(delta).toMatchObject({ from: before.position, ...running.live.head });
    expect(delta.peers.changed).toMatchObject([{ id: ids.bob, name: 'rob' }]);
    await ann.settled();
    expect(ann.frames).toEqual([]);
  });

  it('names who has just redeemed, and nobody who comes into sight otherwise', async () => {
    const { running, door } = await start();
    const bob = await door.connect(ids.bob, here(running));
    await bob.next('welcome');
    const reissued = { publicKey: keyOf('invitation'), inviteExpires: null };
    await running.ask({ type: 'ReissueInvitation', peer: ids.eve, ...reissued });
    const redeem: Asked = { type: 'RedeemInvitation', publicKey: keyOf('eve') };
    await running.ask(redeem, { actor: { kind: 'peer', peerId: ids.eve } });
    expect((await bob.next('delta')).peers).toMatchObject({ changed: [{ id: ids.eve }], joined: [ids.eve] });
    const phone = {
      name: 'phone',
      cidr: 'bakers',
      isAdmin: false,
      publicKey: keyOf('phone'),
      redeemed: true,
    };
    for (const later of [
      { type: 'RenamePeer', peer: ids.eve, name: 'eva' },
      { type: 'DisablePeer', peer: ids.eve },
      { type: 'EnablePeer', peer: ids.eve },
      meeting,
      { type: 'AddPeer', ...phone, inviteExpires: null },
    ] as const) {
      await running.ask(later);
      expect((await bob.next('delta')).peers).not.toHaveProperty('joined');
    }
  });

  it('is one frame of the very same bytes for all members of a CIDR', async () => {
    const { running, door } = await start();
    const head = here(running);
    await Promise.all([ids.ann, ids.ryo, ids.ann].map((id) => door.connect(id, head)));
    await expect.poll(() => [...running.hub.members()].length).toBe(3);
    const sent = door.sockets.map((socket) => vi.spyOn(socket, 'send'));
    await running.ask({ type: 'RenamePeer', peer: ids.ryo, name: 'leo' });
    const bytes = sent.map((send) => send.mock.calls.map(([first]) => first));
    expect(bytes.map(({ length }) => length)).toEqual([1, 1, 1]);
    expect(new Set(bytes.flat()).size).toBe(1);
  });

  it('that shows more than fits a frame is fetched', async () => {
    const { running, door } = await start([...acme.network, ...machines(500)]);
    const before = here(running);
    const [bob, oven] = [await door.connect(ids.bob, before), await door.connect(ids.oven, before)];
    await bob.next('welcome');
    await oven.next('welcome');
    await running.ask(meeting);
    expect(await bob.next('fetch')).toEqual({ kind: 'fetch', ...running.live.head });
    expect((await oven.next('delta')).peers.changed).toMatchObject([{ id: ids.bob }]);
    await running.ask(parting);
    expect((await bob.next('delta')).peers.removed).toHaveLength(501);
  });

  it('of a CIDR is told to all', async () => {
    const { running, door } = await start();
    const clients = await Promise.all([ids.ann, ids.bob].map((id) => door.connect(id, here(running))));
    await running.ask({ type: 'RenameCidr', cidr: 'machines', name: 'ovens' });
    for (const client of clients) {
      await client.next('welcome');
      const { peers, cidrs } = await client.next('delta');
      expect(peers).toEqual({ changed: [], removed: [] });
      expect(cidrs).toMatchObject({ changed: [{ id: ids.machines, name: 'ovens' }], removed: [] });
    }
  });

  it('after a long silence has a bookmark before it', async () => {
    const { running, door } = await start();
    const before = here(running);
    const bob = await door.connect(ids.bob, before);
    await bob.next('welcome');
    await running.ask(silence(BOOKMARK_EVERY - 2));
    await bob.settled();
    expect(bob.frames).toEqual([]);
    await running.ask(silence(2));
    const bookmark = await bob.next('delta');
    expect(bookmark).toMatchObject({ from: before.position, ...running.live.head });
    expect(bookmark.digests).toHaveLength(BOOKMARK_EVERY);
    expect(bookmark.peers).toEqual({ changed: [], removed: [] });
  });
});

describe('a right that ends', () => {
  it.each([
    ['disabled', { type: 'DisablePeer', peer: ids.bob }],
    ['deleted', { type: 'DeletePeer', peer: ids.bob }],
  ] as [string, Asked][])('is told before the stream closes: %s', async (reason, command) => {
    const { running, door } = await start();
    const streams = [await door.connect(ids.bob, here(running)), await door.connect(ids.bob, here(running))];
    await expect.poll(() => [...running.hub.members()].length).toBe(2);
    await running.ask(command);
    expect([...running.hub.members()]).toEqual([]);
    for (const bob of streams) {
      await bob.next('welcome');
      expect(await bob.next('revoked')).toEqual({ kind: 'revoked', reason });
      expect(await bob.closed).toBe(CLOSE.revoked);
    }
    expect(await (await door.connect(ids.bob)).closed).toBe(1006);
  });

  it('of another is told as its removal', async () => {
    const { running, door } = await start();
    const ann = await door.connect(ids.ann, here(running));
    await ann.next('welcome');
    await running.ask({ type: 'DisablePeer', peer: ids.ryo });
    expect((await ann.next('delta')).peers).toEqual({ changed: [], removed: [ids.ryo] });
    await running.ask({ type: 'EnablePeer', peer: ids.ryo });
    expect((await ann.next('delta')).peers.changed).toMatchObject([{ id: ids.ryo }]);
  });
});

describe('what a client says', () => {
  it('is kept: what it applied, and held back', async () => {
    const { running, door } = await start();
    const bob = await door.connect(ids.bob, here(running));
    bob.send({ kind: 'applied', position: 12, held: 1, later: 'fields are ignored' });
    await expect.poll(() => memberOf(running, ids.bob)).toMatchObject({ applied: 12, held: 1 });
    expect(memberOf(running, ids.bob).isLevel).toBe(false);
    const { position } = running.live.head;
    bob.send({ kind: 'applied', position, held: 0 });
    await expect.poll(() => memberOf(running, ids.bob).isLevel).toBe(true);
    await running.ask(silence(2)); // which bob hears nothing of, so that he is as level as he can be
    expect(memberOf(running, ids.bob)).toMatchObject({ applied: position, isLevel: true });
    await running.ask(rename('rob'));
    expect(memberOf(running, ids.bob).isLevel).toBe(false);
  });

  it('of its addresses is passed on to those who see it', async () => {
    const { running, door } = await start();
    const [ann, ryo, bob] = await Promise.all(
      [ids.ann, ids.ryo, ids.bob].map((id) => door.connect(id, here(running))),
    );
    for (const client of [ann, ryo, bob]) await client!.next('welcome');
    ryo!.send({ kind: 'candidates', endpoints: ['192.168.1.7:51820'] });
    expect(await ann!.next('endpoints')).toEqual({
      kind: 'endpoints',
      boot: 'boot-1',
      sequence: 1,
      peers: [{ id: ids.ryo, endpoint: null, candidates: ['192.168.1.7:51820'] }],
    });
    await bob!.settled();
    expect(bob!.frames).toEqual([]);
  });

  it.each([
    ['no JSON', 'hello'],
    ['of no kind', '{}'],
    ['of an unknown kind', '{"kind":"delta"}'],
    ['nonsense', '{"kind":"applied","position":-1,"held":0}'],
    ['binary', Buffer.from('{"kind":"applied","position":1,"held":0}')],
  ])('is the end of it if it is %s', async (_, message) => {
    const { running, door } = await start();
    const bob = await door.connect(ids.bob, here(running));
    bob.socket.send(message);
    expect(await bob.closed).toBe(CLOSE.badFrame);
    expect([...running.hub.members()]).toEqual([]);
  });
});

describe('what is observed', () => {
  it('of a peer that comes into sight follows the delta that shows it', async () => {
    const { running, door } = await start();
    const bob = await door.connect(ids.bob, here(running));
    await bob.next('welcome');
    running.observations.see(ids.oven, address('1.2.3.4:51820'));
    await running.ask(meeting);
    expect((await bob.next('delta')).peers.changed).toMatchObject([{ id: ids.oven }]);
    expect(await bob.next('endpoints')).toMatchObject({
      peers: [{ id: ids.oven, endpoint: '1.2.3.4:51820' }],
    });
    await running.ask(parting);
    await bob.next('delta');
    running.observations.see(ids.oven, address('1.2.3.4:1'));
    await bob.settled();
    expect(bob.frames).toEqual([]);
  });

  it('is not lost where only the delta came through', async () => {
    const { running, door } = await start();
    running.observations.see(ids.oven, address('1.2.3.4:51820'));
    const bob = await door.connect(ids.bob, here(running));
    await bob.next('welcome');
    const { boot, sequence } = running.observations;
    await running.ask(meeting);
    const { position, hash } = await bob.next('delta');
    const again = await door.connect(ids.bob, { position, hash, boot, sequence });
    await again.next('welcome');
    expect((await again.next('endpoints')).peers).toMatchObject([{ id: ids.oven }]);
  });

  it('is told again to who names another boot or none, else only what is newer', async () => {
    const { running, door } = await start();
    const { observations } = running;
    observations.see(ids.ryo, address('1.2.3.4:1'));
    observations.see(ids.ann, address('1.2.3.4:2'));
    observations.see(ids.bob, address('1.2.3.4:3'));
    const told = async (query: object) => {
      const ann = await door.connect(ids.ann, { ...here(running), ...query });
      await ann.next('welcome');
      await ann.settled();
      return ann.frames.flatMap((frame) =>
        frame.kind === 'endpoints' ? frame.peers.map(({ id }) => id) : [],
      );
    };
    expect(await told({})).toEqual([ids.ryo, ids.ann]);
    expect(await told({ boot: 'another', sequence: 3 })).toEqual([ids.ryo, ids.ann]);
    expect(await told({ boot: 'boot-1', sequence: 1 })).toEqual([ids.ann]);
    expect(await told({ boot: 'boot-1', sequence: 3 })).toEqual([]);
  });

  it('comes in pieces of which each says how far it goes', async () => {
    const { running, door } = await start([...acme.network, ...machines(1100)]);
    const { observations } = running;
    for (let index = 0; index < 1100; index++) {
      observations.see(peerId(FIRST_EXTRA + index), address(`1.2.3.4:${index + 1}`));
    }
    const oven = await door.connect(ids.oven, here(running));
    await oven.next('welcome');
    const first = await oven.next('endpoints');
    expect(first).toMatchObject({ sequence: 500 });
    const again = await door.connect(ids.oven, {
      ...here(running),
      boot: 'boot-1',
      sequence: first.sequence,
    });
    await again.next('welcome');
    const rest = [await again.next('endpoints'), await again.next('endpoints')];
    expect(rest.map(({ sequence, peers }) => [sequence, peers.length])).toEqual([
      [1000, 500],
      [1100, 100],
    ]);
    const known = new Set([first, ...rest].flatMap(({ peers }) => peers.map(({ id }) => id)));
    expect(known.size).toBe(1100);
  });
});

describe('a reader that is slow', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  /** bob, who has stopped to read, with more in his queue than the kernel takes. */
  const stuffed = async () => {
    const { running, door } = await start();
    const before = here(running);
    const bob = await door.connect(ids.bob, before);
    await bob.next('welcome');
    bob.socket.pause();
    door.sockets[0]?.send(Buffer.alloc(16 * 1024 * 1024));
    await running.ask(rename('rob'));
    return { running, door, bob, before, member: memberOf(running, ids.bob) };
  };

  it('gets one catch-up when it has read what waited', async () => {
    const { running, bob, before, member } = await stuffed();
    expect(member.isBehind).toBe(true);
    for (let count = 0; count < 5; count++) await running.ask(rename(`rob-${count}`));
    running.observations.see(ids.bob, address('1.2.3.4:1'));
    bob.socket.resume();
    const first = await bob.next('delta');
    expect(first).toMatchObject({ from: before.position, position: before.position + 1 });
    await expect.poll(() => member.isDrained).toBe(true);
    vi.advanceTimersByTime(250);
    const rest = await bob.next('delta');
    expect(rest).toMatchObject({ from: first.position, ...running.live.head });
    expect(rest.peers.changed).toMatchObject([{ name: 'rob-4' }]);
    expect((await bob.next('endpoints')).peers).toMatchObject([{ id: ids.bob }]);
    expect(member.isBehind).toBe(false);
  });

  it('is cut off after ten seconds, and others never notice', async () => {
    const { running, door, member } = await stuffed();
    const other = await door.connect(ids.bob, here(running));
    await other.next('welcome');
    await running.ask(rename('bert'));
    expect((await other.next('delta')).peers.changed).toMatchObject([{ name: 'bert' }]);
    vi.advanceTimersByTime(9_500);
    expect([...running.hub.members()]).toContain(member);
    vi.advanceTimersByTime(1_000);
    await expect.poll(() => [...running.hub.members()]).not.toContain(member);
    expect([...running.hub.members()]).toHaveLength(1);
  });

  it('has a talker on the other side: it is heard bit by bit', async () => {
    const { running, door } = await start();
    const bob = await door.connect(ids.bob, here(running));
    await bob.next('welcome');
    const last = 5_000;
    for (let position = 1; position <= last; position++) bob.send({ kind: 'applied', position, held: 0 });
    const near = door.sockets[0]!;
    await expect.poll(() => near.isPaused).toBe(true);
    const member = memberOf(running, ids.bob);
    expect(member.applied).toBeLessThan(last);
    await expect
      .poll(() => {
        vi.advanceTimersByTime(1_000);
        return member.applied;
      })
      .toBe(last);
  });

  it('or dead is cut off when it has missed two pings', async () => {
    const { running, door } = await start();
    const alive = await door.connect(ids.ann, here(running));
    const dead = await door.connect(ids.bob, here(running), { autoPong: false });
    await expect.poll(() => [...running.hub.members()].length).toBe(2);
    const beat = async (beats: number) => {
      vi.advanceTimersByTime(HEARTBEAT_SECONDS * 1000);
      await expect.poll(() => alive.pings).toBe(beats);
      await alive.settled();
    };
    await beat(1);
    await beat(2);
    expect([...running.hub.members()]).toHaveLength(2);
    await beat(3);
    expect(await dead.closed).toBe(1006);
    await expect.poll(() => [...running.hub.members()].map(({ peerId: id }) => id)).toEqual([ids.ann]);
  });
});

it('ends all streams when the server stops', async () => {
  const { running, door } = await start();
  const bob = await door.connect(ids.bob, here(running));
  await bob.next('welcome');
  running.hub.close();
  expect(await bob.closed).toBe(1001);
});
