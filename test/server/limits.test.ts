// Limits cost the offender alone, are counted each time, and said once.
import { createServer, get, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { CLOSE } from '../../src/protocol/frames.ts';
import { CALLS, costOfList, Quota } from '../../src/server/http/quotas.ts';
import { Transfers } from '../../src/server/http/transfers.ts';
import { Limits } from '../../src/server/limits.ts';
import type { PeerId } from '../../src/values/id.ts';
import { acme, ids } from '../acme.ts';
import { RunningNetwork } from './running-network.ts';
import { StreamDoor } from './stream-door.ts';

describe('a limit that is exceeded', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['performance'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('is counted each time, and said once an hour of each peer', () => {
    const said: string[] = [];
    const limits = new Limits((message) => said.push(message));
    for (let n = 0; n < 1000; n += 1) limits.exceeded('calls', '10.42.1.9');
    limits.exceeded('sockets', '10.42.1.9');
    limits.exceeded('calls', '10.42.1.8');
    expect(said.map((line) => line.split(' ').slice(0, 3).join(' '))).toEqual([
      '10.42.1.9 asks more',
      '10.42.1.9 opens more',
      '10.42.1.8 asks more',
    ]);
    expect(Object.fromEntries(limits.counts())).toMatchObject({ calls: 1001, sockets: 1, slow: 0 });
    vi.advanceTimersByTime(3_600_001);
    limits.exceeded('calls', '10.42.1.9');
    expect(said).toHaveLength(4);
  });
});

it('a list of all peers costs as many calls as the network is big, and is to be had in any network', () => {
  expect([0, 499, 5_000, 1_000_000].map(costOfList)).toEqual([0, 0, 10, CALLS.count - 1]);
  const calls = new Quota<PeerId>(CALLS);
  const ask = (): boolean => calls.take(ids.bob) && calls.take(ids.bob, costOfList(100_000));
  expect([ask(), ask()]).toEqual([true, false]);
});

describe('transfers', () => {
  const BIG = Buffer.alloc(32 * 1024 * 1024, 'x');
  let server: Server;
  let cut: PeerId[];
  /** Whose turn has come. */
  let turned: PeerId[];
  const sockets: Socket[] = [];

  beforeEach(async () => {
    cut = [];
    turned = [];
    const transfers = new Transfers<PeerId>((id) => cut.push(id), 2);
    server = createServer(async (request, response) => {
      const peer = Number(request.url?.slice(1)) as PeerId;
      await transfers.turn(peer, response);
      turned.push(peer);
      response.setHeader('content-length', BIG.length);
      transfers.bytesFor(peer, response, [BIG]).pipe(response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterEach(() => {
    vi.useRealTimers();
    for (const socket of sockets.splice(0)) socket.destroy();
    server.close();
  });

  const port = (): number => (server.address() as AddressInfo).port;

  /** Asks, and reads nothing after the first bytes. */
  const stall = (peer: number): Promise<Socket> =>
    new Promise((resolve, reject) => {
      const socket = connect(port(), '127.0.0.1').once('error', reject);
      sockets.push(socket);
      socket.once('data', () => {
        socket.pause();
        resolve(socket);
      });
      socket.write(`GET /${peer} HTTP/1.1\r\nHost: x\r\n\r\n`);
    });

  /** Bytes that came until the end. */
  const read = (peer: number): Promise<number> =>
    new Promise((resolve, reject) => {
      get({ port: port(), host: '127.0.0.1', path: `/${peer}`, agent: false }, (response) => {
        let length = 0;
        response.on('data', (chunk: Buffer) => {
          length += chunk.length;
        });
        response.on('end', () => resolve(length)).on('error', reject);
      }).on('error', reject);
    });

  it('are few at a time: others wait for their turn', async () => {
    const [first] = [await stall(1), await stall(2)];
    const third = read(3);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(turned).toEqual([1, 2]);
    first.destroy();
    expect(await third).toBe(BIG.length);
    expect(cut).toEqual([]);
  });

  it('are one for each peer: the older is cut off', async () => {
    const older = await stall(1);
    const ended = new Promise((resolve) => older.once('close', resolve));
    expect(await read(1)).toBe(BIG.length);
    older.on('error', () => {}).resume();
    await ended;
    expect(cut).toEqual([1]);
  });

  it('are cut off after ten seconds without reading, however many there are, and the next one comes', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    for (const peer of [1, 2]) await stall(peer);
    const third = read(3);
    vi.advanceTimersByTime(9_000);
    expect(cut).toEqual([]);
    vi.advanceTimersByTime(2_000);
    expect(cut).toEqual([1, 2]);
    expect(await third).toBe(BIG.length);
  });

  it('are not cut off while their reader goes on, however slowly', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const socket = await stall(1);
    vi.advanceTimersByTime(9_000);
    await new Promise<void>((resolve) => {
      let length = 0;
      socket.on('data', (chunk: Buffer) => {
        length += chunk.length;
        if (length > BIG.length / 2) resolve();
      });
      socket.resume();
    });
    socket.pause();
    vi.advanceTimersByTime(9_000);
    expect(cut).toEqual([]);
  });
});

it('a third stream of one peer closes its first', async () => {
  const running = await RunningNetwork.start(acme.network);
  const door = await StreamDoor.open(running);
  onTestFinished(async () => {
    await door.close();
    await running.close();
  });
  const [first, second] = [await door.connect(ids.bob), await door.connect(ids.bob)];
  const ann = await door.connect(ids.ann);
  const third = await door.connect(ids.bob);
  expect(await first.closed).toBe(CLOSE.tooMany);
  for (const listener of [second, ann, third]) expect(listener.socket.readyState).toBe(1);
});
