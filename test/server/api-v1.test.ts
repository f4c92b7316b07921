// The calls of innernet 2.0, field for field: statuses, empty bodies, and what the server says of an endpoint.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Peer } from '../../src/domain/peer.ts';
import type { State, V1Peer } from '../../src/protocol/v1.ts';
import type { SocketAddress } from '../../src/values/endpoint.ts';
import type { Timestamp } from '../../src/values/time.ts';
import { keyOf } from '../acme.ts';
import { type Answer, ServedNetwork } from './served-network.ts';

let served: ServedNetwork;
let ann: Peer;
let bob: Peer;

beforeEach(async () => {
  served = await ServedNetwork.start();
  ann = await served.peer('ann', { admin: true });
  bob = await served.peer('bob');
});
afterEach(async () => {
  expect(served.troubles).toEqual([]);
  await served.close();
});

const get = async <T>(path: string, from: Peer): Promise<T> =>
  (await served.call(path, { from: from.ip })).json() as T;

const send = (method: string, path: string, from: Peer, body?: unknown): Promise<Answer> =>
  served.call(path, { from: from.ip, method, body });

/** Old clients fail on a body where they expect none. */
const expectEmpty = (answer: Answer, status: number): void =>
  expect([answer.status, answer.text, answer.headers['content-type']]).toEqual([status, '', undefined]);

const expectRefused = (answer: Answer, status: number, code: string): void => {
  expect([answer.status, (answer.json() as { code: string }).code]).toEqual([status, code]);
  expect((answer.json() as { error: string }).error).toMatch(/\w/);
};

const see = (peer: Peer, endpoint: string): void =>
  served.observations.see(peer.id, endpoint as SocketAddress);

describe('GET /v1/user/state', () => {
  it('shows the caller and whom it sees, field for field', async () => {
    const zed = await served.peer('zed', { cidr: 'robots' });
    await served.peer('ivy', { invited: true });
    const state = await get<State>('/v1/user/state', bob);
    expect(state.peers.map(({ name }) => name).sort()).toEqual(['ann', 'bob', 'innernet-server']);
    expect(state.peers.find(({ name }) => name === 'ann')).toEqual({
      id: 2,
      name: 'ann',
      ip: '127.42.1.1',
      cidr_id: 3,
      public_key: keyOf('ann'),
      endpoint: null,
      persistent_keepalive_interval: 25,
      is_admin: true,
      is_disabled: false,
      is_redeemed: true,
      invite_expires: null,
      candidates: [],
    });
    expect(state.cidrs).toContainEqual({ id: 3, name: 'humans', cidr: '127.42.1.0/24', parent: 1 });
    expect(state.cidrs).toContainEqual({ id: 1, name: 'acme', cidr: '127.42.0.0/16', parent: null });
    await served.run({ type: 'AddAssociation', cidrs: ['humans', 'robots'] });
    expect((await get<State>('/v1/user/state', bob)).peers.map(({ id }) => id)).toContain(zed.id);
  });

  const annAsBobSeesHer = async (): Promise<V1Peer> =>
    (await get<State>('/v1/user/state', bob)).peers.find(({ name }) => name === 'ann')!;

  it('says where WireGuard last saw a peer', async () => {
    see(ann, '192.0.2.1:7777');
    expect(await annAsBobSeesHer()).toMatchObject({ endpoint: '192.0.2.1:7777', candidates: [] });
  });

  it('says what a peer insists on, and where it was seen as a candidate', async () => {
    see(ann, '192.0.2.1:7777');
    served.observations.report(ann.id, ['192.168.1.9:7777' as SocketAddress]);
    expectEmpty(
      await send('PUT', '/v1/user/endpoint', ann, { option: 'Set', content: 'ann.example.org:1' }),
      204,
    );
    expect(await annAsBobSeesHer()).toMatchObject({
      endpoint: 'ann.example.org:1',
      candidates: ['192.168.1.9:7777', '192.0.2.1:7777'],
    });
    expectEmpty(await send('PUT', '/v1/user/endpoint', ann, { option: 'Unset' }), 204);
    expect((await annAsBobSeesHer()).endpoint).toBe('192.0.2.1:7777');
  });

  it('fills in the address of an override with an all-zero host', async () => {
    await send('PUT', '/v1/user/endpoint', ann, { option: 'Set', content: '0.0.0.0:1234' });
    expect((await annAsBobSeesHer()).endpoint).toBeNull();
    see(ann, '[2001:db8::7]:7777');
    expect((await annAsBobSeesHer()).endpoint).toBe('[2001:db8::7]:1234');
  });

  it('tells when an invitation ends as Rust writes a time', async () => {
    await served.peer('ivy', { invited: true, expires: '2100-01-01T00:00:00.250Z' });
    const peers = await get<V1Peer[]>('/v1/admin/peers', ann);
    expect(peers.find(({ name }) => name === 'ivy')).toMatchObject({
      is_redeemed: false,
      invite_expires: { secs_since_epoch: 4_102_444_800, nanos_since_epoch: 250_000_000 },
    });
  });
});

describe('PUT /v1/user/candidates', () => {
  const put = (from: Peer, body: unknown) => send('PUT', '/v1/user/candidates', from, body);

  it('takes up to ten', async () => {
    const list = Array.from({ length: 10 }, (_, i) => `192.168.1.${i + 1}:51820`);
    expectEmpty(await put(bob, list), 204);
    expect(served.observations.of(bob.id).candidates).toEqual(list);
    expectRefused(await put(bob, [...list, '192.168.1.11:1']), 413, 'TooManyCandidates');
    expectRefused(await put(bob, ['bob.example.org:1']), 400, 'BadRequest');
  });

  it('passes on neither addresses of others nor of the network', async () => {
    see(bob, '203.0.113.5:1000');
    await put(bob, [
      '203.0.113.5:2',
      '198.51.100.1:1',
      '127.42.1.1:1',
      '127.0.0.1:1',
      '224.0.0.1:1',
      '10.0.0.1:1',
    ]);
    expect(served.observations.of(bob.id).candidates).toEqual(['10.0.0.1:1']);
  });
});

describe('PUT /v1/user/endpoint', () => {
  it('takes ten changes a day; what changes nothing is free', async () => {
    const set = (content: string) => send('PUT', '/v1/user/endpoint', bob, { option: 'Set', content });
    for (let port = 1; port <= 10; port++) expectEmpty(await set(`192.0.2.1:${port}`), 204);
    const refused = await set('192.0.2.1:11');
    expectRefused(refused, 429, 'TooManyChanges');
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(60);
    expect(served.network.peer(bob.id)?.endpoint).toBe('192.0.2.1:10');
    expectEmpty(await send('PUT', '/v1/user/endpoint', ann, { option: 'Set', content: '192.0.2.2:1' }), 204);
    for (let i = 0; i < 5; i++)
      expectEmpty(
        await send('PUT', '/v1/user/endpoint', ann, { option: 'Set', content: '192.0.2.2:1' }),
        204,
      );
  });

  it.each([{ option: 'Set' }, { option: 'Set', content: 'nowhere' }, { option: 'Other' }, [], 7, null])(
    'refuses %j',
    async (body) => expectRefused(await send('PUT', '/v1/user/endpoint', bob, body), 400, 'BadRequest'),
  );
});

describe('POST /v1/user/redeem', () => {
  const redeem = (from: Peer, key: string) => send('POST', '/v1/user/redeem', from, { public_key: key });

  it('takes the key that the peer made, once, and repeats its answer', async () => {
    const ivy = await served.peer('ivy', { invited: true });
    const answer = await redeem(ivy, keyOf('ivy'));
    expectEmpty(answer, 204);
    expect(answer.headers.connection).toBe('close');
    expect(served.network.peer(ivy.id)).toMatchObject({ isRedeemed: true, publicKey: keyOf('ivy') });
    const { position } = served.live.head;
    expectEmpty(await redeem(ivy, keyOf('ivy')), 204);
    expectRefused(await redeem(ivy, keyOf('thief')), 410, 'AlreadyRedeemed');
    expect(served.live.head.position).toBe(position);
  });

  it('tells when the answer is through: at the end from the other side, not before', async () => {
    const ivy = await served.peer('ivy', { invited: true });
    const body = JSON.stringify({ public_key: keyOf('ivy') });
    const { connect } = await import('node:net');
    const socket = connect({
      host: '127.42.0.1',
      port: served.port,
      localAddress: ivy.ip,
      allowHalfOpen: true,
    });
    const ended = new Promise((resolve) => socket.once('end', resolve));
    socket.resume();
    socket.write(served.head('POST /v1/user/redeem HTTP/1.1', `Content-Length: ${body.length}`) + body);
    await ended;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(served.sessions.invitationKey(ivy.id)).toBe(ivy.publicKey);
    socket.end();
    await expect.poll(() => served.sessions.invitationKey(ivy.id)).toBeUndefined();
  });

  it('takes one of many keys that come at once', async () => {
    const ivy = await served.peer('ivy', { invited: true });
    const answers = await Promise.all(['a', 'b', 'c', 'd'].map((word) => redeem(ivy, keyOf(word))));
    expect(answers.map(({ status }) => status).sort()).toEqual([204, 410, 410, 410]);
  });

  it.each([
    ['of another peer', keyOf('bob'), 409, 'KeyTaken'],
    ['used before', keyOf('invitation of bob'), 409, 'KeyRetired'],
    ['of small order', 'AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=', 400, 'BadRequest'],
    ['in another spelling', `${keyOf('x').slice(0, -2)}B=`, 400, 'BadRequest'],
  ])('refuses a key %s', async (_, key, status, code) => {
    const ivy = await served.peer('ivy', { invited: true });
    expectRefused(await redeem(ivy, key), status, code);
    expect(served.network.peer(ivy.id)?.isRedeemed).toBe(false);
  });

  it('refuses an invitation that is over', async () => {
    const expires = new Date(Date.now() + 150).toISOString();
    const ivy = await served.peer('ivy', { invited: true, expires });
    await expect.poll(() => Date.now() > Date.parse(expires)).toBe(true);
    expectRefused(await redeem(ivy, keyOf('ivy')), 410, 'InvitationEnded');
  });
});

describe('/v1/admin/peers', () => {
  const contents = (over: object = {}) => ({
    name: 'ivy',
    ip: '127.42.1.77',
    cidr_id: 3,
    public_key: keyOf('temporary'),
    endpoint: null,
    persistent_keepalive_interval: 25,
    is_admin: false,
    is_disabled: false,
    is_redeemed: false,
    invite_expires: { secs_since_epoch: 4_102_444_800, nanos_since_epoch: 0 },
    candidates: [],
    ...over,
  });
  const rows = () => get<V1Peer[]>('/v1/admin/peers', ann);
  const rowOf = async (name: string) => (await rows()).find((row) => row.name === name)!;

  it('lists all, disabled ones too', async () => {
    await served.run({ type: 'DisablePeer', peer: 'bob' });
    expect((await rows()).map(({ name }) => name)).toEqual(['innernet-server', 'ann', 'bob']);
  });

  it('adds one and answers with its row', async () => {
    const answer = await send('POST', '/v1/admin/peers', ann, contents());
    expect(answer.status).toBe(201);
    expect(answer.json()).toEqual({ id: 4, ...contents() });
  });

  it('honours what is sent of a peer that needs no invitation', async () => {
    const phone = {
      ...contents({ name: 'phone', is_redeemed: true, is_disabled: true, endpoint: '192.0.2.9:5' }),
      invite_expires: null,
      candidates: ['192.168.7.7:5'],
    };
    const answer = await send('POST', '/v1/admin/peers', ann, phone);
    expect(answer.json()).toEqual({ id: 4, ...phone });
  });

  it.each([
    ['a taken name', { name: 'bob' }, 409, 'PeerNameTaken'],
    ['a taken address', { ip: '127.42.1.1' }, 409, 'IpTaken'],
    ['an address elsewhere', { ip: '127.42.2.1' }, 400, 'IpOutsideCidr'],
    ['an unknown CIDR', { cidr_id: 99 }, 404, 'UnknownCidr'],
    ['a CIDR that is a parent', { cidr_id: 1 }, 409, 'CidrHasChildren'],
    ['a taken key', { public_key: keyOf('ann') }, 409, 'KeyTaken'],
    ['a bad name', { name: 'No Name' }, 400, 'BadRequest'],
    ['an id beyond 2^53', { cidr_id: 2 ** 53 + 2 }, 400, 'BadRequest'],
    [
      'an invitation that is over',
      { invite_expires: { secs_since_epoch: 1, nanos_since_epoch: 0 } },
      400,
      'ExpiryInPast',
    ],
    [
      'a time beyond all calendars',
      { invite_expires: { secs_since_epoch: 2 ** 52, nanos_since_epoch: 0 } },
      400,
      'BadRequest',
    ],
  ])('refuses %s', async (_, over, status, code) =>
    expectRefused(await send('POST', '/v1/admin/peers', ann, contents(over)), status, code),
  );

  it('takes a row put back for what the caller changed in it', async () => {
    const { id, ...row } = await rowOf('bob');
    see(bob, '192.0.2.77:7'); // what is injected later was not changed by the caller
    expectEmpty(await send('PUT', `/v1/admin/peers/${id}`, ann, { ...row, name: 'robert' }), 204);
    expect(served.network.peer(bob.id)).toMatchObject({ name: 'robert', endpoint: null, isAdmin: false });
  });

  it('holds both when two admins change one row, one of them from an old list', async () => {
    const zoe = await served.peer('zoe', { admin: true });
    const old = await rowOf('bob');
    const other = (await get<V1Peer[]>('/v1/admin/peers', zoe)).find(({ name }) => name === 'bob')!;
    expectEmpty(await send('PUT', `/v1/admin/peers/${bob.id}`, zoe, { ...other, is_disabled: true }), 204);
    expectEmpty(await send('PUT', `/v1/admin/peers/${bob.id}`, ann, { ...old, name: 'robert' }), 204);
    expect(served.network.peer(bob.id)).toMatchObject({ name: 'robert', isDisabled: true });
  });

  it('shows a peer whose time is over as a disabled one, and enables it with another end alone', async () => {
    await served.run({ type: 'DisablePeer', peer: 'bob' });
    await served.run({ type: 'SetExpiry', peer: 'bob', expires: '2020-01-01T00:00:00.000Z' as Timestamp });
    const row = await rowOf('bob');
    expect(row.is_disabled).toBe(true);
    expect(Object.keys(row)).toEqual(Object.keys(await rowOf('ann')));
    const enabled = await send('PUT', `/v1/admin/peers/${bob.id}`, ann, { ...row, is_disabled: false });
    expectRefused(enabled, 409, 'PeerHasEnded');
    await served.run({ type: 'EnablePeer', peer: 'bob', expires: 3600 });
    expect((await rowOf('bob')).is_disabled).toBe(false);
  });

  it('makes one commit of several changed fields', async () => {
    const row = await rowOf('bob');
    const { position } = served.live.head;
    const changed = {
      ...row,
      name: 'robert',
      is_admin: true,
      endpoint: '192.0.2.1:9',
      candidates: ['10.9.9.9:9'],
    };
    expectEmpty(await send('PUT', `/v1/admin/peers/${bob.id}`, ann, changed), 204);
    expect(served.live.head.position).toBe(position + 3);
    expect(served.network.peer(bob.id)).toMatchObject({
      name: 'robert',
      isAdmin: true,
      endpoint: '192.0.2.1:9',
    });
    expect(served.observations.of(bob.id).candidates).toEqual(['10.9.9.9:9']);
  });

  it('asks for the list again where it does not know what the caller had', async () => {
    const zoe = await served.peer('zoe', { admin: true });
    const answer = await send('PUT', `/v1/admin/peers/${bob.id}`, zoe, contents());
    expectRefused(answer, 400, 'ListOutdated');
    expect((answer.json() as { hint: string }).hint).toContain('fetch the list again');
    expectRefused(await send('PUT', '/v1/admin/peers/99', zoe, contents()), 404, 'UnknownPeer');
  });

  it('disables on DELETE, the last admin too', async () => {
    expectEmpty(await send('DELETE', `/v1/admin/peers/${bob.id}`, ann), 204);
    expect(served.network.peer(bob.id)?.isDisabled).toBe(true);
    expectRefused(await send('DELETE', '/v1/admin/peers/99', ann), 404, 'UnknownPeer');
    expectRefused(await send('DELETE', '/v1/admin/peers/1', ann), 400, 'ServerIsFixed');
    expectEmpty(await send('DELETE', `/v1/admin/peers/${ann.id}`, ann), 204);
    expectEmpty(await served.call('/v1/admin/peers', { from: ann.ip }), 401);
  });

  it.each(['0', '-1', 'bob', '1e3', '99999999999999999999'])('knows no peer %s', async (id) =>
    expect((await send('DELETE', `/v1/admin/peers/${id}`, ann)).status).toBe(404),
  );
});

describe('/v1/admin/cidrs and associations', () => {
  it('adds, renames and deletes CIDRs', async () => {
    const labs = { name: 'labs', cidr: '127.42.3.0/24', parent: 1 };
    const added = await send('POST', '/v1/admin/cidrs', ann, labs);
    expect([added.status, added.json()]).toEqual([201, { id: 5, ...labs }]);
    expectEmpty(await send('PUT', '/v1/admin/cidrs/5', ann, { ...labs, name: 'lab' }), 204);
    expect((await get<object[]>('/v1/admin/cidrs', ann)).at(-1)).toEqual({ id: 5, ...labs, name: 'lab' });
    expectEmpty(await send('DELETE', '/v1/admin/cidrs/5', ann), 204);
    expectEmpty(await send('DELETE', '/v1/admin/cidrs/5', ann), 204);
    expectRefused(await send('PUT', '/v1/admin/cidrs/5', ann, labs), 404, 'UnknownCidr');
    expectRefused(await send('DELETE', '/v1/admin/cidrs/3', ann), 409, 'CidrHoldsPeers');
    expectRefused(
      await send('POST', '/v1/admin/cidrs', ann, { ...labs, cidr: '10.0.0.0/8' }),
      400,
      'CidrOutsideNetwork',
    );
    expectRefused(
      await send('POST', '/v1/admin/cidrs', ann, { ...labs, cidr: '127.42.3.1/24' }),
      400,
      'BadRequest',
    );
    expectRefused(await send('POST', '/v1/admin/cidrs', ann, { ...labs, parent: 99 }), 404, 'UnknownCidr');
  });

  it('adds and deletes associations', async () => {
    const pair = { cidr_id_1: 3, cidr_id_2: 4 };
    expectEmpty(await send('POST', '/v1/admin/associations', ann, pair), 201);
    expect(await get('/v1/admin/associations', ann)).toEqual([{ id: 1, ...pair }]);
    expectRefused(
      await send('POST', '/v1/admin/associations', ann, { cidr_id_1: 4, cidr_id_2: 3 }),
      409,
      'AssociationExists',
    );
    expectRefused(
      await send('POST', '/v1/admin/associations', ann, { cidr_id_1: 3, cidr_id_2: 99 }),
      400,
      'UnknownCidr',
    );
    expectEmpty(await send('DELETE', '/v1/admin/associations/1', ann), 204);
    expectEmpty(await send('DELETE', '/v1/admin/associations/1', ann), 204);
    expect(await get('/v1/admin/associations', ann)).toEqual([]);
  });
});

describe('intents', () => {
  const command = { type: 'RenamePeer', peer: 'bob', name: 'robert' };
  const post = (body: unknown) => send('POST', '/v1/admin/commands', ann, body);

  it('carries one out, and answers a repeat with the first answer', async () => {
    const first = (await post({ id: '01HXYZ', command })).json();
    expect(first).toMatchObject({ events: [{ type: 'PeerRenamed', peerId: bob.id, name: 'robert' }] });
    expect((await post({ id: '01HXYZ', command })).json()).toEqual(first);
    expectRefused(await post({ id: '01HXYZ', command: { ...command, name: 'rob' } }), 409, 'CommandIdReused');
    expectRefused(
      await post({ id: '2', command: { ...command, peer: 'robert', name: 'ann' } }),
      409,
      'PeerNameTaken',
    );
    expectRefused(await post({ id: '3', command: { type: 'ExpireInvitations' } }), 400, 'BadRequest');
  });

  it('shows the whole network at one position', async () => {
    const view = await get<{ position: number; peers: unknown[] }>('/v1/admin/network', ann);
    expect(view).toMatchObject({ name: 'acme', networkId: served.live.networkId, ...served.live.head });
    expect(view.peers).toHaveLength(3);
  });
});

describe('what our own clients fetch', () => {
  it('tells what it can do', async () =>
    expect(await get('/v1/user/capabilities', bob)).toEqual({
      unspecified_ip_in_override_endpoint: true,
      now: expect.any(Number),
      can: ['proof', 'relay', 'peer-relay', 'routes'],
      stream: true,
      commands: true,
      proof_required: false,
    }));

  it('pages through the digests', async () => {
    const { position } = served.live.head;
    const page = await get<{ digests: string[] }>('/v1/user/digests?position=2', bob);
    expect(page).toMatchObject({ from: 2, position });
    expect(page.digests).toHaveLength(position - 2);
    for (const query of ['position=-1', 'position=x', 'position=1&position=2'])
      expect((await served.call(`/v1/user/digests?${query}`, { from: bob.ip })).status).toBe(400);
  });
});
