// The stream as a client holds it: real sockets on loopback, a server that answers, refuses, babbles or falls silent.
import { createServer, type Server } from 'node:http';
import {
  type AddressInfo,
  connect as connectTcp,
  createServer as createTcpServer,
  type Socket,
} from 'node:net';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { patienceAt, pauseBefore } from '../../src/caller/back-off.ts';
import type { End } from '../../src/client/sync/end.ts';
import { Stream } from '../../src/client/sync/stream.ts';
import type { ServerFrame } from '../../src/protocol/frames.ts';
import type { StreamQuery } from '../../src/protocol/stream-query.ts';
import type { SocketAddress } from '../../src/values/endpoint.ts';
import { connectOpenly } from './loopback.ts';
import { History, key } from './sight.ts';

const history = new History(5);

let http: Server;
let streams: WebSocketServer;
let address: SocketAddress;
let requests: { url: string; headers: Record<string, unknown> }[];
let onSocket: (socket: WebSocket) => void;
let late: (stream: Stream) => void;

beforeEach(async () => {
  requests = [];
  onSocket = () => {};
  late = () => {};
  http = createServer();
  streams = new WebSocketServer({ server: http, autoPong: true });
  streams.on('connection', (socket, { url = '', headers }) => {
    requests.push({ url, headers });
    onSocket(socket);
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  address = `127.0.0.1:${(http.address() as AddressInfo).port}` as SocketAddress;
});
afterEach(() => {
  for (const socket of streams.clients) socket.terminate();
  http.close();
});

/** Opens a stream and resolves to what came of it when it has ended. */
const live = (query: StreamQuery = {}, act: (stream: Stream, frame: ServerFrame) => void = () => {}) =>
  new Promise<{ frames: ServerFrame[]; unknown: string[]; end: End }>((resolve) => {
    const [frames, unknown]: [ServerFrame[], string[]] = [[], []];
    const server = { endpoint: address, key: key(1) };
    const stream: Stream = new Stream(
      { server, connect: connectOpenly, query, patience: 5000 },
      {
        frame: async (frame) => {
          frames.push(frame);
          act(stream, frame);
        },
        unknown: (kind) => unknown.push(kind),
        late: () => late(stream),
        end: (end) => resolve({ frames, unknown, end }),
      },
    );
  });

it('names what it has, the server and the protocol, and no origin', async () => {
  onSocket = (socket) => socket.close(4001);
  const { position, hash } = history.head(4);
  const { end } = await live({ position, hash, boot: 'b', sequence: 7, state: 'none' });
  expect(end).toEqual({ kind: 'closed', code: 4001 });
  expect(requests[0]?.url).toBe(`/v1/user/stream?position=4&hash=${hash}&boot=b&sequence=7&state=none`);
  expect(requests[0]?.headers).toMatchObject({
    'x-innernet-server-key': key(1),
    'sec-websocket-protocol': 'innernet.v1',
    host: address,
  });
  expect(requests[0]?.headers.origin).toBeUndefined();
});

it('hands frames on in their order, and tells of kinds that it does not know', async () => {
  onSocket = (socket) => {
    socket.send(JSON.stringify(history.welcome(3)));
    socket.send(JSON.stringify({ kind: 'weather', sunny: true }));
    socket.send(JSON.stringify({ ...history.delta(3, 4), extra: 1 }));
    socket.close(1000);
  };
  const { frames, unknown } = await live();
  expect(frames.map(({ kind }) => kind)).toEqual(['welcome', 'delta']);
  expect(unknown).toEqual(['weather']);
});

it('knows when it is level: all that was sent before has arrived', async () => {
  onSocket = (socket) => {
    for (const at of [1, 2, 3]) socket.send(JSON.stringify(history.delta(at, at + 1)));
    socket.send(JSON.stringify(history.welcome(4)));
  };
  const { frames, end } = await live({}, (stream, { kind }) => {
    if (kind === 'welcome') void stream.level().then(() => stream.cut('level'));
  });
  expect(frames.length).toBe(4);
  expect(end).toEqual({ kind: 'lost', loss: 'level' });
});

describe('it ends', () => {
  it.each([
    ['no JSON', 'hello'],
    ['no object', '7'],
    ['a known kind with a field that is wrong', '{"kind":"fetch","position":-1,"hash":"x"}'],
  ])('on %s', async (_, text) => {
    onSocket = (socket) => socket.send(text);
    expect((await live()).end).toMatchObject({
      kind: 'lost',
      loss: 'badFrame',
    });
  });

  it('on a frame that is too long', async () => {
    onSocket = (socket) =>
      socket.send(JSON.stringify({ kind: 'weather', text: 'x'.repeat(2 * 1024 * 1024) }));
    expect((await live()).end.kind).toBe('lost');
  });

  it('when the server falls silent, though the connection stands', async () => {
    onSocket = (socket) => socket.send(JSON.stringify({ ...history.welcome(3), heartbeat: 0.05 }));
    expect((await live()).end).toEqual({ kind: 'lost', loss: 'silent' });
  });

  it('not when it is late, but answers a question', async () => {
    onSocket = (socket) => {
      socket.send(JSON.stringify({ ...history.welcome(3), heartbeat: 0.2 }));
      setTimeout(() => socket.close(1001), 1000);
    };
    let asked = 0;
    late = (stream) => {
      expect(stream.isLate).toBe(true);
      asked += 1;
      stream.ask();
    };
    expect((await live()).end).toEqual({ kind: 'closed', code: 1001 });
    expect(asked).toBeGreaterThan(1);
  });

  it('not while the server pings', async () => {
    onSocket = (socket) => {
      socket.send(JSON.stringify({ ...history.welcome(3), heartbeat: 0.2 }));
      let pings = 0;
      const timer = setInterval(() => {
        socket.ping();
        if (++pings < 10) return;
        clearInterval(timer);
        socket.close(1001);
      }, 100);
    };
    expect((await live()).end).toEqual({ kind: 'closed', code: 1001 });
  });

  it('when nobody listens, or somebody says no', async () => {
    http.removeAllListeners('upgrade');
    http.on('upgrade', (_, socket) => socket.end('HTTP/1.1 401 Unauthorized\r\n\r\n'));
    expect((await live()).end).toEqual({ kind: 'refused', status: 401, isProved: false });
    await new Promise((resolve) => http.close(resolve));
    expect((await live()).end).toMatchObject({
      kind: 'lost',
      loss: 'notListening',
    });
  });
});

it('comes back after any time up to a limit that doubles', () => {
  expect([0, 1, 2, 3, 10, 1000].map((attempt) => pauseBefore(attempt, 1))).toEqual([
    500, 1000, 2000, 4000, 30_000, 30_000,
  ]);
  expect(pauseBefore(5, 0)).toBe(0);
});

it('waits longer for the answer of a server that has not come to it', () => {
  expect([0, 1, 2, 3, 4, 1000].map(patienceAt)).toEqual([5000, 10_000, 20_000, 40_000, 40_000, 40_000]);
});

it('leaves a server that takes the connection and does not answer, when its patience is over', async () => {
  const taken: Socket[] = [];
  const mute = createTcpServer((socket) => taken.push(socket));
  await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of taken) socket.destroy();
    mute.close();
  });
  const { port } = mute.address() as AddressInfo;
  const server = { endpoint: `127.0.0.1:${port}` as SocketAddress, key: key(1) };
  const end = await new Promise<End>((resolve) => {
    const events = { frame: async () => {}, unknown: () => {}, late: () => {}, end: resolve };
    new Stream({ server, connect: connectOpenly, query: {}, patience: 50 }, events);
  });
  expect(end).toEqual({ kind: 'lost', loss: 'broken' });
});

describe('probed, because the server says that it knows no stream', () => {
  it('a stream whose server is another one by now ends at once', async () => {
    onSocket = (socket) => {
      socket.send(JSON.stringify(history.welcome(3)));
      (socket as unknown as { _socket: Socket })._socket.resetAndDestroy();
    };
    const { end } = await live({}, (stream) => stream.probe());
    expect(end).toEqual({ kind: 'lost', loss: 'reset' });
  });

  it('a stream that stays silent ends; one that answers goes on', async () => {
    onSocket = (socket) => socket.send(JSON.stringify(history.welcome(3)));
    streams.options.autoPong = false;
    expect((await live({}, (stream) => stream.probe())).end).toEqual({ kind: 'lost', loss: 'reset' });
    streams.options.autoPong = true;
    onSocket = (socket) => {
      socket.send(JSON.stringify(history.welcome(3)));
      socket.once('ping', () => setTimeout(() => socket.close(4001), 4500));
    };
    expect((await live({}, (stream) => stream.probe())).end).toEqual({ kind: 'closed', code: 4001 });
  }, 20_000);

  it('a connection that nobody has accepted for half a second is given up', async () => {
    const end = await new Promise<End>((end) => {
      const server = { endpoint: address, key: key(1) };
      const events = { frame: async () => {}, unknown: () => {}, late: () => {}, end };
      const connect = () => connectTcp({ host: 'never', port: 1, lookup: () => {} });
      const stream = new Stream({ server, connect, query: {}, patience: 5000 }, events);
      stream.probe(); // too early to tell
      setTimeout(() => stream.probe(), 700);
    });
    expect(end).toEqual({ kind: 'lost', loss: 'reset' });
  });
});
