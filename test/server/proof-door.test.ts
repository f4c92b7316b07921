// What a proof by key opens, and what without one stays shut: over real sockets, by clients that follow the page alone.

import { connect, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Peer } from '../../src/domain/peer.ts';
import { SigningSecret } from '../../src/machine/signing.ts';
import { CLOSE } from '../../src/protocol/frames.ts';
import { COMMANDS_PATH, REDEEM_PATH, SNAPSHOT_PATH } from '../../src/protocol/http.ts';
import { PROOF_HEADER } from '../../src/protocol/proof-header.ts';
import { keyOf, keysOf } from '../acme.ts';
import { ProvingCaller } from './proving-caller.ts';
import { ServedNetwork } from './served-network.ts';

const CAPABILITIES = '/v1/user/capabilities';
const STATE = '/v1/user/state';
const ADMIN_PEERS = '/v1/admin/peers';

let served: ServedNetwork;
let number = 0;

beforeAll(async () => {
  served = await ServedNetwork.start();
});
afterAll(() => served.close());

/** A peer that has just joined, or that was just invited, and who can prove it. */
const newcomer = async (
  options: Parameters<ServedNetwork['peer']>[1] = {},
): Promise<[Peer, ProvingCaller]> => {
  const name = `peer-${++number}`;
  const peer = await served.peer(name, options);
  const owner = options.invited ? `invitation of ${name}` : name;
  return [peer, new ProvingCaller(served, peer.ip, keysOf(owner).privateKey)];
};

const addCidr = (name: string) => ({
  method: 'POST',
  body: {
    id: `id-${name}`,
    command: { type: 'AddCidr', name, cidr: `127.42.${100 + ++number}.0/24`, parent: 'acme' },
  },
});

/** Sends bytes over a connection that the test opens, and tells what comes first, or '' when it is closed. */
const say = (from: string, bytes = ''): { socket: Socket; heard: Promise<string> } => {
  const socket = connect({ host: '127.42.0.1', port: served.port, localAddress: from });
  socket.on('error', () => {});
  const heard = new Promise<string>((resolve) => {
    socket.once('data', (data) => resolve(data.toString()));
    socket.once('close', () => resolve(''));
  });
  if (bytes) socket.write(bytes);
  return { socket, heard };
};

describe('a call', () => {
  it('of a client that knows no boot is told it with a proof, and works the second time', async () => {
    const [, bob] = await newcomer();
    const first = await bob.once(STATE);
    expect([first.status, first.text]).toEqual([401, '']);
    expect(first.moment?.boot).toHaveLength(22);
    bob.hear(first.moment);
    const second = await bob.once(STATE);
    expect([second.status, second.moment?.boot]).toEqual([200, bob.moment?.boot]);
    expect(second.json()).toHaveProperty('peers');
  });

  it('has a proved answer whatever that is: a body, none, a refusal, a 404, and a snapshot in its two parts', async () => {
    const [, ann] = await newcomer({ admin: true });
    await ann.call(CAPABILITIES);
    const name = `range-${number}`;
    const asked = [
      [CAPABILITIES, {}, 200],
      ['/v1/user/candidates', { method: 'PUT', body: [] }, 204],
      [COMMANDS_PATH, addCidr(name), 200],
      [COMMANDS_PATH, { method: 'POST', body: { id: 'x', command: { type: 'Nonsense' } } }, 400],
      [
        COMMANDS_PATH,
        { method: 'POST', body: { id: 'y', command: { type: 'DeleteCidr', cidr: 'nowhere' } } },
        404,
      ],
      ['/v1/user/nothing', {}, 404],
      ['/v1/user/%ff', {}, 400],
      [SNAPSHOT_PATH, {}, 200],
    ] as const;
    for (const [path, options, status] of asked) {
      const answer = await ann.call(path, options);
      expect([path, answer.status, answer.moment?.boot]).toEqual([path, status, ann.moment?.boot]);
    }
  });

  it('of somebody who may not has a proved 401', async () => {
    const [, bob] = await newcomer();
    const answer = await bob.call(COMMANDS_PATH, addCidr('never'));
    expect([answer.status, answer.moment?.boot]).toEqual([401, bob.moment?.boot]);
  });

  it('with a clock that is hours off works after one more round trip, and goes on', async () => {
    const [, bob] = await newcomer();
    const { boot = '', now = 0 } = (await bob.once(CAPABILITIES)).moment ?? {};
    for (const at of [now + 7_200_000, Math.max(0, now - 60_001), 0]) {
      if (now - at > 0 && now - at <= 60_000) continue; // a server that has only just started is near zero
      const answer = await bob.once(CAPABILITIES, { stamp: { boot, at } });
      expect([at, answer.status, answer.moment?.boot]).toEqual([at, 401, boot]);
    }
    expect((await bob.call(CAPABILITIES)).status).toBe(200);
  });

  it('that is heard again is not answered as a peer is, and does nothing', async () => {
    const [, ann] = await newcomer({ admin: true });
    await ann.call(CAPABILITIES);
    const asked = addCidr(`once-${number}`);
    const first = await ann.once(COMMANDS_PATH, asked);
    expect(first.status).toBe(200);
    const commands = async () =>
      (await served.log.read(0, 1000)).filter(({ type }) => type === 'CidrAdded').length;
    const before = await commands();
    const again = await served.call(COMMANDS_PATH, {
      from: ann.ip,
      ...asked,
      headers: { [PROOF_HEADER]: first.header },
    });
    expect([again.status, again.text, again.headers[PROOF_HEADER]]).toEqual([401, '', undefined]);
    expect(await commands()).toBe(before);
  });

  it('is nobody’s when anything of it was changed, when it is the server’s own, or another peer’s', async () => {
    const [[, ann], [, bob]] = [await newcomer({ admin: true }), await newcomer()];
    await ann.call(CAPABILITIES);
    const asked = addCidr('changed');
    const { header } = ann.prove(COMMANDS_PATH, asked);
    const send = (from: string, path: string, body: unknown, proof = header) =>
      served.call(path, { from, method: 'POST', body, headers: { [PROOF_HEADER]: proof } });
    const swapped = new ProvingCaller(served, ann.ip, keysOf('server').privateKey);
    Object.assign(swapped, {
      keys: { client: ann.keys.server, server: ann.keys.client },
      moment: ann.moment,
    });
    const answers = [
      await send(ann.ip, COMMANDS_PATH, { ...asked.body, id: 'another' }),
      await send(ann.ip, `${COMMANDS_PATH}?x`, asked.body),
      await send(bob.ip, COMMANDS_PATH, asked.body),
      await send(ann.ip, COMMANDS_PATH, asked.body, `${header}x`),
      await send(ann.ip, COMMANDS_PATH, asked.body, 'nonsense'),
      await swapped.once(COMMANDS_PATH, asked),
    ];
    for (const { status, text, headers } of answers)
      expect([status, text, headers[PROOF_HEADER]]).toEqual([401, '', undefined]);
    expect(served.network.cidrNamed('changed')).toBeUndefined();
    expect((await send(ann.ip, COMMANDS_PATH, asked.body)).status).toBe(200);
  });

  it('from before a restart of the server counts no more', async () => {
    const [, ann] = await newcomer({ admin: true });
    await ann.call(CAPABILITIES);
    const asked = addCidr(`restart-${number}`);
    const { header } = ann.prove(COMMANDS_PATH, asked); // never sent until then
    await served.reboot();
    const old = await served.call(COMMANDS_PATH, {
      from: ann.ip,
      ...asked,
      headers: { [PROOF_HEADER]: header },
    });
    expect([old.status, old.text]).toEqual([401, '']);
    expect(served.network.cidrNamed(asked.body.command.name)).toBeUndefined();
    expect((await ann.call(COMMANDS_PATH, asked)).status).toBe(200);
  });

  it('by a key that has gone opens nothing', async () => {
    const [peer, bob] = await newcomer();
    await bob.call(CAPABILITIES);
    await served.run({ type: 'DisablePeer', peer: peer.name });
    expect((await bob.call(CAPABILITIES)).moment).toBeUndefined();
  });
});

describe('a key that has proved itself', () => {
  it('is in the log, once, and many in one commit', async () => {
    const all = [await newcomer(), await newcomer(), await newcomer()];
    const { position } = served.live.head;
    await Promise.all(all.map(([, caller]) => caller.call(CAPABILITIES)));
    for (const [, caller] of all) await caller.call(CAPABILITIES);
    await vi.waitUntil(() => all.every(([{ id }]) => served.network.peer(id)?.hasProved));
    for (const [, caller] of all) await caller.call(CAPABILITIES);
    const records = (await served.log.read(position, 100)).filter(({ type }) => type === 'PeerProved');
    const ours = records.filter(({ body }) => all.some(([{ id }]) => JSON.parse(body).peerId === id));
    expect(ours).toHaveLength(3);
    expect(new Set(ours.map(({ commitEnd }) => commitEnd)).size).toBeLessThan(3);
  });

  it('is served nothing without a proof once that is required, also on a stream that stands', async () => {
    const [peer, bob] = await newcomer({ admin: true });
    const unproved = async (path: string) => (await served.call(path, { from: bob.ip })).status;
    const old = await served.stream(bob.ip);
    await served.run({ type: 'RequireProof' });
    expect([await unproved(CAPABILITIES), await unproved(STATE), await unproved(ADMIN_PEERS)]).toEqual([
      200, 200, 403,
    ]);
    expect(old.socket.readyState).toBe(1);
    await bob.call(CAPABILITIES);
    await vi.waitUntil(() => served.network.peer(peer.id)?.hasProved === true);
    expect(await old.closed).toBe(CLOSE.unproved);
    for (const path of [CAPABILITIES, STATE, ADMIN_PEERS, '/v1/user/nothing'])
      expect(await unproved(path)).toBe(401);
    expect((await bob.call(ADMIN_PEERS)).status).toBe(200);
    await served.run({ type: 'WaiveProof', peer: peer.name });
    expect(await unproved(ADMIN_PEERS)).toBe(200);
    await served.run({ type: 'WaiveProof' });
  });

  it('an admin without one is told both ways out, and so is the operator', async () => {
    const [peer, ann] = await newcomer({ admin: true });
    await served.run({ type: 'RequireProof' });
    const { status, text } = await served.call(COMMANDS_PATH, { from: ann.ip, ...addCidr('refused') });
    expect([status, text]).toEqual([403, expect.stringContaining(`waive-proof --name ${peer.name}`)]);
    expect(served.warnings.some((line) => line.includes(ann.ip) && line.includes('waive-proof'))).toBe(true);
    expect((await ann.call(COMMANDS_PATH, addCidr('accepted'))).status).toBe(200);
    await served.run({ type: 'WaiveProof' });
  });
});

describe('an invitation', () => {
  /** An invitation's key keeps the address until the answer is known to be through, however long that takes here. */
  const keepLingering = () => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('is redeemed with a proof by both keys, and the log says so', async () => {
    const [peer, carl] = await newcomer({ invited: true });
    const { privateKey: newKey, publicKey } = keysOf(`${peer.name}'s own`);
    const { publicKey: signingKey } = new SigningSecret(new Uint8Array(32).fill(8));
    const body = { public_key: publicKey, signing_key: signingKey };
    const asked = { method: 'POST', body, purpose: 'redeem' as const };
    const weak = { ...body, signing_key: `${'A'.repeat(43)}=` };
    expect((await carl.call(REDEEM_PATH, { ...asked, body: weak, newKey })).status).toBe(400);
    const without = await carl.call(REDEEM_PATH, asked);
    expect([without.status, without.moment === undefined]).toEqual([400, false]);
    const wrong = await carl.call(REDEEM_PATH, { ...asked, newKey: keysOf('mallory').privateKey });
    expect(wrong.status).toBe(400);
    expect(served.network.peer(peer.id)?.isRedeemed).toBe(false);
    const answer = await carl.call(REDEEM_PATH, { ...asked, newKey });
    expect([answer.status, answer.moment?.boot]).toEqual([204, carl.moment?.boot]);
    const expected = { isRedeemed: true, hasProved: true, publicKey, signingKey };
    expect(served.network.peer(peer.id)).toMatchObject(expected);
  });

  it('is redeemed by a call that cannot know what time it is here; heard again, that changes nothing', async () => {
    const [peer, carl] = await newcomer({ invited: true });
    const { privateKey: newKey, publicKey } = keysOf(`${peer.name}'s own`);
    const redeem = { method: 'POST', body: { public_key: publicKey } };
    const first = await carl.once(REDEEM_PATH, { ...redeem, purpose: 'redeem', newKey });
    expect([first.status, first.moment !== undefined, first.header.startsWith('.0.')]).toEqual([
      204,
      true,
      true,
    ]);
    expect(served.network.peer(peer.id)).toMatchObject({ isRedeemed: true, hasProved: true, publicKey });
    const redeemed = served.network.peer(peer.id);
    const again = { from: carl.ip, ...redeem, headers: { [PROOF_HEADER]: first.header } };
    expect((await served.call(REDEEM_PATH, again)).status).toBe(401);
    expect(served.network.peer(peer.id)).toBe(redeemed);
  });

  it('whose key still has the address may repeat its redemption, and nothing else', async () => {
    const [peer, carl] = await newcomer({ invited: true, admin: true });
    const { privateKey: newKey, publicKey } = keysOf(`${peer.name}'s own`);
    const redeem = { method: 'POST', body: { public_key: publicKey }, purpose: 'redeem' as const, newKey };
    keepLingering();
    await served.redeem(peer, publicKey, { isProved: true });
    expect((await carl.call(REDEEM_PATH, redeem)).status).toBe(204);
    const cidr = addCidr('taken-over');
    const temporary = [
      await carl.call(STATE),
      await carl.call(COMMANDS_PATH, cidr),
      await carl.call(ADMIN_PEERS),
    ];
    for (const { status, moment } of temporary)
      expect([status, moment?.boot]).toEqual([401, carl.moment?.boot]);
    expect([(await carl.call(CAPABILITIES)).status, (await carl.call(REDEEM_PATH, redeem)).status]).toEqual([
      200, 204,
    ]);
    const unproved = (path: string, options = {}) => served.call(path, { from: carl.ip, ...options });
    const statuses = [await unproved(CAPABILITIES), await unproved(STATE), await unproved(ADMIN_PEERS)];
    expect(statuses.map(({ status }) => status)).toEqual([200, 401, 401]);
    const { purpose: _, newKey: __, ...plain } = redeem;
    expect((await unproved(REDEEM_PATH, plain)).status).toBe(401);
    const own = new ProvingCaller(served, carl.ip, newKey);
    expect((await own.call(COMMANDS_PATH, cidr)).status).toBe(200);
    served.sessions.answered(peer.id);
    expect((await carl.call(CAPABILITIES)).moment).toBeUndefined();
    expect((await unproved(STATE)).status).toBe(200); // nothing requires proofs here
  });

  it('that was redeemed without a proof may be so again, over a connection from before too', async () => {
    const [peer, carl] = await newcomer({ invited: true, admin: true });
    const redeem = { method: 'POST', body: { public_key: keyOf(`${peer.name}'s own`) } };
    const before = say(carl.ip, served.head(`GET ${CAPABILITIES} HTTP/1.1`));
    expect(await before.heard).toContain('200 OK');
    keepLingering();
    await served.redeem(peer, keyOf(`${peer.name}'s own`));
    for (const _ of ['again', 'and again'])
      expect((await served.call(REDEEM_PATH, { from: carl.ip, ...redeem })).status).toBe(204);
    served.sessions.answered(peer.id);
    const heard = new Promise<string>((resolve) =>
      before.socket.once('data', (data) => resolve(data.toString())),
    );
    before.socket.write(served.head(`GET ${ADMIN_PEERS} HTTP/1.1`));
    expect(await heard).toContain('401');
    before.socket.destroy();
    expect((await served.call(ADMIN_PEERS, { from: carl.ip })).status).toBe(200);
  });
});

describe('a stream', () => {
  it('begins with both proofs, whenever its upgrade was made, and only then tells where the log ends', async () => {
    const [, bob] = await newcomer();
    for (const stamp of [{}, { boot: '', at: 0 }, { boot: 'A'.repeat(22), at: 99_999_999 }]) {
      const stream = await bob.stream('?can=proof', { stamp });
      const challenge = JSON.parse(await stream.next());
      expect(Object.keys(challenge).sort()).toEqual(['boot', 'can', 'kind', 'network', 'nonce', 'now']);
      expect(challenge).toMatchObject({
        kind: 'challenge',
        network: served.live.networkId,
        can: ['proof', 'relay', 'peer-relay', 'routes'],
      });
      stream.frames.unshift(JSON.stringify(challenge));
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(stream.frames.map((frame) => JSON.parse(frame).kind)).toEqual(['challenge', 'proof']);
      const [tag, right] = await stream.prove();
      expect(tag).toBe(right);
      expect(JSON.parse(await stream.next())).toMatchObject({
        kind: 'welcome',
        network: served.live.networkId,
        can: ['proof', 'relay', 'peer-relay', 'routes'],
      });
      stream.socket.terminate();
    }
  });

  it('ends where the client proves nothing, something else, or says anything before', async () => {
    const [[{ id: bobsId }, bob], [{ id: annsId }, ann]] = [await newcomer(), await newcomer()];
    for (const say of [
      'nonsense',
      '{"kind":"candidates","endpoints":[]}',
      `{"kind":"proof","tag":"${'A'.repeat(22)}"}`,
    ]) {
      const stream = await bob.stream();
      await stream.next();
      stream.socket.send(say);
      expect(await stream.closed).toBe(CLOSE.unproved);
    }
    const echo = await ann.stream();
    await echo.next();
    echo.socket.send(await echo.next()); // the server's own proof
    expect(await echo.closed).toBe(CLOSE.unproved);
    const silent = await ann.stream();
    expect(await silent.closed).toBe(CLOSE.unproved);
    const members = [...served.hub.members()].filter(({ peerId }) => [bobsId, annsId].includes(peerId));
    expect(members).toEqual([]);
  });

  it('is none with an upgrade by another key, and an upgrade that is repeated does not become one', async () => {
    const [[, bob], [, ann]] = [await newcomer(), await newcomer()];
    const stream = await bob.stream();
    await stream.prove();
    const again = await bob.stream('', { header: stream.header }); // who repeats it cannot answer the new challenge
    const challenge = JSON.parse(await again.next());
    expect(challenge.kind).toBe('challenge');
    again.socket.send(JSON.stringify({ kind: 'proof', tag: JSON.parse(await again.next()).tag }));
    expect(await again.closed).toBe(CLOSE.unproved);
    const other = await bob.stream('', {
      header: ann.prove('/v1/user/stream', { purpose: 'stream' }).header,
    });
    expect(other.frames).toEqual([]);
    const call = await bob.stream('', { header: bob.prove('/v1/user/stream', { purpose: 'call' }).header });
    expect([await other.closed, await call.closed, call.frames]).toEqual([1006, 1006, []]);
    stream.socket.terminate();
  });
});

describe('connections', () => {
  it('that say nothing have two seconds, and never keep a client that proves itself out', async () => {
    const [, bob] = await newcomer();
    await bob.call(CAPABILITIES);
    const silent = Array.from({ length: 40 }, () => say(bob.ip));
    await Promise.all(silent.map(({ socket }) => new Promise((resolve) => socket.once('connect', resolve))));
    const stream = await bob.stream();
    await stream.prove();
    expect(JSON.parse(await stream.next()).kind).toBe('welcome');
    expect((await bob.call(STATE)).status).toBe(200);
    const closed = await Promise.all(silent.map(({ heard }) => heard));
    expect(closed).toEqual(closed.map(() => ''));
    expect(stream.socket.readyState).toBe(1);
    stream.socket.terminate();
  });

  it('without a proof have places of their own: four, and two streams, whatever they do', async () => {
    const [, bob] = await newcomer();
    const stream = await bob.stream();
    await stream.prove();
    await stream.next();
    const strangers = [await served.stream(bob.ip), await served.stream(bob.ip), await served.stream(bob.ip)];
    expect(await strangers[0]!.closed).toBe(CLOSE.tooMany);
    const full = [1, 2, 3].map(() => say(bob.ip, served.head(`GET ${CAPABILITIES} HTTP/1.1`)));
    const heard = await Promise.all(full.map((each) => each.heard));
    expect(heard.filter((text) => text.includes(' 429 '))).toHaveLength(1);
    expect((await bob.call(STATE)).status).toBe(200);
    expect(stream.socket.readyState).toBe(1);
    for (const { socket } of full) socket.destroy();
    for (const { socket } of [...strangers, stream]) socket.terminate();
  });

  it('of one peer that are proved are eight, and the ninth is told so with a proof', async () => {
    const [, bob] = await newcomer();
    await bob.call(CAPABILITIES);
    const open = async () => {
      const { header } = bob.prove(CAPABILITIES);
      const { socket, heard } = say(
        bob.ip,
        served.head(`GET ${CAPABILITIES} HTTP/1.1`, `${PROOF_HEADER}: ${header}`),
      );
      return { socket, heard: await heard };
    };
    const all = [];
    for (let n = 0; n < 9; n++) all.push(await open());
    expect(all.map(({ heard }) => heard.split(' ')[1])).toEqual([...Array(8).fill('200'), '429']);
    expect(all.at(-1)?.heard).toContain(`${PROOF_HEADER}: `);
    for (const { socket } of all) socket.destroy();
  });

  it('take their calls from what may be asked with a proof, or from what may be asked without', async () => {
    const [, bob] = await newcomer();
    await bob.call(CAPABILITIES);
    const statuses: number[] = [];
    for (let n = 0; n < 60; n++) statuses.push((await served.call(CAPABILITIES, { from: bob.ip })).status);
    expect(statuses).toContain(429);
    expect((await bob.call(CAPABILITIES)).status).toBe(200);
    let last = await bob.call(CAPABILITIES);
    for (let n = 0; n < 60 && last.status === 200; n++) last = await bob.call(CAPABILITIES);
    expect([last.status, last.moment?.boot]).toEqual([429, bob.moment?.boot]);
  });
});

it('had no trouble of its own', () => expect(served.troubles).toEqual([]));
