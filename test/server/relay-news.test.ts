// What the streams tell of relays: to clients that know such frames, each its own mailbox, and when it changes.
import { describe, expect, it, onTestFinished } from 'vitest';
import { SocketAddress } from '../../src/values/endpoint.ts';
import type { PeerId } from '../../src/values/id.ts';
import { acme, ids } from '../acme.ts';
import type { Asked } from '../given.ts';
import { MAILBOXES, RunningNetwork } from './running-network.ts';
import { type Listener, StreamDoor } from './stream-door.ts';

const CAN = 'proof,relay';

const start = async () => {
  const running = await RunningNetwork.start(acme.network);
  const door = await StreamDoor.open(running);
  onTestFinished(async () => {
    await door.close();
    await running.close();
  });
  const come = async (peer: PeerId, can: string = CAN): Promise<Listener> => {
    const listener = await door.connect(peer, { ...running.live.head, can });
    await listener.next('welcome');
    return listener;
  };
  return { running, come };
};

const set = (more: object = {}): Asked => ({ type: 'SetRelay', peer: ids.server, port: 51821, ...more });
const clear: Asked = { type: 'ClearRelay', peer: ids.server };
const moved: Asked = { type: 'ChangeServerEndpoint', endpoint: '203.0.113.10:51820' };

const row = (peer: PeerId, ...endpoints: string[]) => ({
  id: ids.server,
  endpoints,
  mailbox: MAILBOXES.mailboxOf(ids.server, peer),
});
const whole = (...changed: object[]) => ({ kind: 'relays', changed, removed: [] });
const address = (text: string) => SocketAddress.parse(text);

describe('relays', () => {
  it('are told whole at each beginning, also where there is none', async () => {
    const { running, come } = await start();
    expect(await (await come(ids.bob)).next('relays')).toEqual(whole());
    await running.ask(moved);
    await running.ask(set());
    expect(await (await come(ids.bob)).next('relays')).toEqual(whole(row(ids.bob, '203.0.113.10:51821')));
  });

  it('are told again when one comes, moves or goes; a server with a name is where the client reaches it', async () => {
    const { running, come } = await start();
    const bob = await come(ids.bob);
    await bob.next('relays');
    const changes: [Asked, object][] = [
      [set(), whole(row(ids.bob, '0.0.0.0:51821'))],
      [moved, whole(row(ids.bob, '203.0.113.10:51821'))],
      [set({ port: 4000 }), whole(row(ids.bob, '203.0.113.10:4000'))],
      [set({ endpoint: '0.0.0.0:4001' }), whole(row(ids.bob, '203.0.113.10:4001'))],
      [set({ endpoint: '[2001:db8::1]:4001' }), whole(row(ids.bob, '[2001:db8::1]:4001'))],
      [clear, { kind: 'relays', changed: [], removed: [ids.server] }],
    ];
    for (const [asked, frame] of changes) {
      await running.ask(asked);
      if (asked === moved) await bob.next('delta');
      expect(await bob.next('relays')).toEqual(frame);
    }
  });

  it('have another mailbox for each client, and none is told that of another', async () => {
    const { running, come } = await start();
    await running.ask(set());
    const rows = [];
    for (const id of [ids.ann, ids.bob, ids.ryo])
      rows.push(...(await (await come(id)).next('relays')).changed);
    const mailboxes = [ids.ann, ids.bob, ids.ryo].map((id) => MAILBOXES.mailboxOf(ids.server, id));
    expect(rows.map(({ mailbox }) => mailbox)).toEqual(mailboxes);
    expect(new Set(mailboxes).size).toBe(3);
  });

  it('are no news to a client that says nothing of them, nor where another thing changes', async () => {
    const { running, come } = await start();
    await running.ask(set());
    const [old, bob] = [await come(ids.ann, 'proof,relays'), await come(ids.bob)];
    await bob.next('relays');
    await running.ask(set({ port: 4000 }));
    await bob.next('relays');
    await running.ask({ type: 'RenamePeer', peer: ids.ryo, name: 'rio' });
    await running.ask({ type: 'GrantAdmin', peer: ids.eve });
    await running.ask({ type: 'AddAssociation', cidrs: ['innernet-server', 'bakers'] });
    for (const each of [old, bob]) await each.settled();
    expect([...old.frames, ...bob.frames].filter(({ kind }) => kind === 'relays')).toEqual([]);
  });
});

describe('where a peer can be met', () => {
  const observed = (via?: PeerId[]) => ({
    id: ids.bob,
    endpoint: '198.51.100.7:1000',
    candidates: [],
    ...(via ? { via } : {}),
  });

  it('is told with its endpoint, once, and not when it is no more', async () => {
    const { running, come } = await start();
    const bob = ids.bob;
    running.observations.see(bob, address('198.51.100.7:1000'));
    running.observations.setVia(bob, [ids.server]);
    const ryo = await come(ids.ryo, 'proof');
    const associated: Asked = { type: 'AddAssociation', cidrs: ['bakers', 'machines'] };
    await running.ask(associated);
    const other = await come(ids.oven);
    await other.next('relays');
    expect((await other.next('endpoints')).peers).toEqual([observed([ids.server])]);
    running.observations.setVia(bob, [ids.server, ids.server]);
    running.observations.setVia(bob, []);
    expect((await other.next('endpoints')).peers).toEqual([observed()]);
    await ryo.settled();
    expect(running.observations.of(bob).via).toEqual([]);
  });

  it('does not name a relay out of sight', async () => {
    const { running, come } = await start();
    await running.ask({ type: 'AddAssociation', cidrs: ['bakers', 'machines'] });
    running.observations.see(ids.bob, address('198.51.100.7:1000'));
    running.observations.setVia(ids.bob, [ids.ann]);
    const oven = await come(ids.oven);
    await oven.next('relays');
    expect((await oven.next('endpoints')).peers).toEqual([observed()]);
  });
});

describe('indices of a session', () => {
  it('are told to its own ends, and unknown else', async () => {
    const { come } = await start();
    const [bob, ann] = [await come(ids.bob), await come(ids.ann)];
    for (const each of [bob, ann]) await each.next('relays');
    bob.send({ kind: 'indices-of', peer: ids.ryo });
    expect(await bob.next('indices')).toEqual({
      kind: 'indices',
      peer: ids.ryo,
      mine: 0x01020304,
      theirs: 0xfffefdfc,
    });
    for (const [peer, listener] of [
      [ids.ann, bob],
      [ids.ryo, ann],
    ] as const) {
      listener.send({ kind: 'indices-of', peer });
      expect(await listener.next('indices')).toEqual({ kind: 'indices', peer, mine: null, theirs: null });
    }
  });
});
