// Proof by key at the client: what it shows, what it takes, and what it remembers of a server that proves itself.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Prover } from '../../src/caller/prover.ts';
import { Api, CallRefused, NoTime, Unproved } from '../../src/client/api/api.ts';
import { Trust } from '../../src/client/memory/trust.ts';
import type { End } from '../../src/client/sync/end.ts';
import { Stream } from '../../src/client/sync/stream.ts';
import type { ServerFrame } from '../../src/protocol/frames.ts';
import { isPossessed } from '../../src/protocol/proof.ts';
import type { SocketAddress } from '../../src/values/endpoint.ts';
import { HASHES } from '../../src/wireguard/pair-secret.ts';
import { keysOf } from '../acme.ts';
import { connectOpenly, loopback } from './loopback.ts';
import { client, keysWith, ProvingServer, type Script, server } from './proving-server.ts';
import { History } from './sight.ts';

let there: ProvingServer;
let address: SocketAddress;
let folder: string;
let api: Api;

const proved = () => join(folder, 'acme.proved');
const trustIt = () => Trust.read(proved(), server.publicKey);
const prover = () => new Prover(client.privateKey, server.publicKey, join(folder, 'acme.moment'));

/** As a program that has just been started. */
const started = async (): Promise<Api> => {
  api?.close();
  api = new Api(address, server.publicKey, loopback, { prover: prover(), trust: await trustIt() });
  return api;
};

const get = () => api.send({ method: 'GET', path: '/v1/user/state?a=b' });
const standing = async () => (await trustIt()).standing;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'innernet-proofs-'));
  there = new ProvingServer();
  address = await there.listen();
  await started();
});
afterEach(() => {
  api.close();
  there.close();
  rmSync(folder, { recursive: true });
});

describe('a call', () => {
  it('without a boot is told the time by a proved 401, and is made once more', async () => {
    await get();
    expect(there.calls.map(({ isRight, proof }) => [isRight, proof?.boot])).toEqual([
      [true, ''],
      [true, there.boot],
    ]);
    await get();
    expect(there.calls).toHaveLength(3);
  });

  it('of the next program needs one round trip, and two after the server was started again', async () => {
    await get();
    await started();
    await get();
    expect(there.calls).toHaveLength(3);
    there.boot = there.boot.replace(/^../, 'zz');
    there.now = 7;
    await get();
    expect(there.calls).toHaveLength(5);
  });

  it('is never made a third time: a server that is always elsewhere is told of', async () => {
    there.spoil = (said, header) => {
      there.now += 120_000;
      return { said, header };
    };
    await get();
    there.says = { status: 401, body: Buffer.alloc(0) };
    await expect(get()).rejects.toBeInstanceOf(CallRefused);
    expect(there.calls.length).toBeLessThanOrEqual(4);
  });

  it('that redeems shows the new key as well', async () => {
    const joining = keysOf('the new key');
    const body = { public_key: joining.publicKey };
    await api.send({ method: 'POST', path: '/v1/user/redeem', body, joining: joining.privateKey });
    const { call, proof, isRight } = there.calls.at(-1) ?? {};
    if (!call || !proof) throw new Error('nothing was proved');
    expect([isRight, isPossessed(keysWith(joining), call, proof, HASHES)]).toEqual([true, true]);
    expect(isPossessed(keysWith(keysOf('another')), call, proof, HASHES)).toBe(false);
  });
});

describe('R33: an answer', () => {
  it('that is proved is remembered, on the disk before it is obeyed', async () => {
    expect(await standing()).toBe('unknown');
    await get();
    expect(await standing()).toBe('proves');
    rmSync(proved());
    writeFileSync(proved(), 'nonsense');
    await expect(trustIt()).rejects.toThrow(/cannot be read/);
    rmSync(proved());
    await started();
    rmSync(folder, { recursive: true });
    writeFileSync(folder, 'no folder');
    await expect(get()).rejects.toThrow();
    rmSync(folder);
    folder = mkdtempSync(join(tmpdir(), 'innernet-proofs-'));
  });

  it.each([
    ['without a proof', () => undefined],
    ['with the proof of another', (header: string) => header.replace(/\.[^.]+$/, '.AAAAAAAAAAAAAAAAAAAAAA')],
    ['with a proof of nothing', () => 'nonsense'],
  ])('%s is nobody’s, once the server has proved itself: whatever it says', async (_, spoiled) => {
    await get();
    there.spoil = (said, header) => ({ said, header: spoiled(header) });
    for (const status of [200, 204, 401, 404, 409, 500]) {
      there.says = { status, body: Buffer.from(status === 204 ? '' : '{"peers":[]}') };
      await expect(get()).rejects.toBeInstanceOf(Unproved);
    }
    await started();
    await expect(get()).rejects.toThrow(/does not prove/);
  });

  it.each([
    ['its body', (said: ProvingServer['says']) => ({ ...said, body: Buffer.from('{"a":1}') })],
    ['its status', (said: ProvingServer['says']) => ({ ...said, status: 404 })],
    ['its encoding', (said: ProvingServer['says']) => ({ ...said, encoding: 'gzip' })],
  ])('in which %s was changed is nobody’s, and is not unpacked', async (_, change) => {
    await get();
    there.spoil = (said, header) => ({ said: change(said), header });
    await expect(get()).rejects.toBeInstanceOf(Unproved);
  });

  it('to another call is nobody’s', async () => {
    await get();
    let first: string | undefined;
    there.spoil = (said, header) => {
      first ??= header;
      return { said, header: first };
    };
    await get();
    await expect(get()).rejects.toBeInstanceOf(Unproved);
  });

  it('that is nobody’s, to a verb, is an alarm that lasts until a proof, whichever program gets that', async () => {
    await get();
    const running = await trustIt();
    const verb = { prover: prover(), trust: await trustIt() };
    const onUnproved = () => verb.trust.raise('Unproved');
    const asked = new Api(address, server.publicKey, loopback, { ...verb, onUnproved });
    there.isOld = true;
    await expect(asked.send({ method: 'GET', path: '/v1/user/state' })).rejects.toBeInstanceOf(Unproved);
    asked.close();
    expect(await trustIt()).toMatchObject({ standing: 'proves', doubt: 'Unproved' });
    expect(await running.raise('Unproved')).toBe(true); // news to its own user still
    await (await trustIt()).proved();
    expect((await trustIt()).doubt).toBeNull();
    await (await trustIt()).raise('Unproved');
    await running.proved();
    expect((await trustIt()).doubt).toBeNull();
  });

  it('tells the time in what is proved; a date counts only where nothing is', async () => {
    const now = 1_800_000_000_000;
    there.says = {
      status: 200,
      body: Buffer.from(JSON.stringify({ unspecified_ip_in_override_endpoint: true, now })),
    };
    expect(await api.serverTime()).toBe(now);
    there.says = { status: 200, body: Buffer.from('{}') };
    expect(await api.serverTime()).toBeUndefined();
    await (await trustIt()).acknowledge();
    await started();
    there.isOld = true;
    expect(Math.abs((await api.serverTime())! - Date.now())).toBeLessThan(60_000);
  });

  it.each([408, 429, 431])('%s is given before a call is read: later, and nothing more', async (status) => {
    await get();
    there.spoil = () => ({ said: { status, body: Buffer.from('{"error":"obey"}') }, header: undefined });
    await expect(get()).rejects.toBeInstanceOf(NoTime);
    expect((await trustIt()).doubt).toBeNull();
  });

  it('of an older server is taken where nothing is known, and again when that was acknowledged', async () => {
    there.isOld = true;
    await get();
    expect(await standing()).toBe('unknown');
    there.isOld = false;
    await get();
    there.isOld = true;
    await expect(get()).rejects.toBeInstanceOf(Unproved);
    await (await trustIt()).acknowledge();
    await started();
    await get();
    there.isOld = false;
    await get();
    expect(await standing()).toBe('proves');
  });
});

describe('what is known of a server', () => {
  it('is of its key alone', async () => {
    await (await trustIt()).proved();
    expect((await Trust.read(proved(), client.publicKey)).standing).toBe('unknown');
  });

  it('a history makes who proves nothing doubtful; who has none goes on', async () => {
    const trust = await trustIt();
    expect(trust.doubtOf({ knowsHistory: true })).toBe('NoHistory');
    expect(trust.doubtOf({ knowsHistory: false })).toBeUndefined();
    await trust.proved();
    expect(trust.doubtOf({ knowsHistory: false })).toBe('Unproved');
    expect(await trust.raise('Unproved')).toBe(true);
    expect(await trust.raise('Unproved')).toBe(false);
    expect(readFileSync(proved(), 'utf8')).toContain('Unproved');
    expect(await trust.acknowledge()).toBe(true);
    expect(trust.doubtOf({ knowsHistory: true })).toBeUndefined();
    await trust.proved();
    expect([trust.standing, trust.doubt]).toEqual(['proves', null]);
  });
});

describe('a stream', () => {
  const history = new History(5);
  const welcome = history.welcome(4);

  const live = (script: Script) =>
    new Promise<{ opened: boolean[]; frames: ServerFrame[]; end: End }>((resolve) => {
      there.script = script;
      const [opened, frames]: [boolean[], ServerFrame[]] = [[], []];
      const stream: Stream = new Stream(
        {
          ...{ server: { endpoint: address, key: server.publicKey }, connect: connectOpenly },
          ...{ query: { can: 'proof' }, patience: 5000, prover: prover() },
        },
        {
          opened: (isProved) => opened.push(isProved),
          frame: async (frame) => {
            frames.push(frame);
            if (frame.kind === 'welcome') void stream.level().then(() => stream.cut('level'));
          },
          unknown: () => {},
          late: () => {},
          end: (end) => resolve({ opened, frames, end }),
        },
      );
    });

  it('begins when each side has proved itself', async () => {
    const { opened, frames } = await live(['challenge', 'proof', welcome]);
    expect([opened, frames]).toEqual([[true], [welcome]]);
    expect(there.calls).toMatchObject([{ isRight: true, call: { purpose: 'stream' } }]);
    expect([there.isProved, there.heard]).toEqual([true, [expect.objectContaining({ kind: 'proof' })]]);
  });

  it('without a challenge begins at once, and is not proved', async () => {
    const { opened, frames } = await live([welcome]);
    expect([opened, frames]).toEqual([[false], [welcome]]);
  });

  it.each([
    ['a wrong proof', ['challenge', { kind: 'proof', tag: 'AAAAAAAAAAAAAAAAAAAAAA' }, welcome]],
    ['anything before the proof', ['challenge', welcome, 'proof']],
    ['a second challenge', ['challenge', 'challenge', 'proof', welcome]],
  ] as const)('%s ends it, and nothing is taken', async (_, script) => {
    const { opened, frames, end } = await live(script);
    expect([opened, frames, end]).toEqual([[], [], { kind: 'lost', loss: 'unproved' }]);
    expect(there.heard).toEqual([]);
  });
});
