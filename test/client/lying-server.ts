// A server that says whatever a test tells it to: our protocol over HTTP and WebSocket, with nobody's honesty.
import { createServer, type IncomingMessage } from 'node:http';
import { gzipSync } from 'node:zlib';
import { type WebSocket, WebSocketServer } from 'ws';
import { SUBPROTOCOL } from '../../src/protocol/frames.ts';
import { History, row } from './sight.ts';

/** Deltas that show peer after peer, on a history that goes on from a position. */
export type Swarm = { seed: string; from: number; peers: number; inFrame: number };

/** What a snapshot is in place of JSON. */
export type Nonsense = 'zeros' | 'objects' | 'bomb' | 'endless';

/** What it says from now on; `frames` go out at once to whoever is connected. */
export type Lie = {
  /** So many frames, each of a text so many times over. */
  shout?: { text: string; over: number; times: number };
  swarm?: Swarm;
  /** Null: the snapshot again. */
  nonsense?: Nonsense | null;
  greeting?: unknown[];
  snapshot?: unknown;
  frames?: unknown[];
  hangUp?: boolean;
};

const [address = '', port = '', ear = ''] = process.argv.slice(2);
let greeting: unknown[] = [];
let snapshot: unknown;
let nonsense: Nonsense | null = null;
const sockets = new Set<WebSocket>();
const heard: unknown[] = [];

const say = (socket: WebSocket, frames: readonly unknown[]): void => {
  for (const frame of frames) socket.send(typeof frame === 'string' ? frame : JSON.stringify(frame));
};

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  let text = '';
  for await (const chunk of request) text += chunk;
  return text;
};

const MEGABYTES = 2 ** 20;

/** Two thousand addresses over and over, each time with another id and key. */
const send = async (socket: WebSocket, { seed, from, peers, inFrame }: Swarm): Promise<void> => {
  const history = new History(from, seed);
  for (let shown = 0; shown < peers && socket.readyState === socket.OPEN; shown += inFrame) {
    history.grow(1);
    const changed = Array.from({ length: inFrame }, (_, n) => {
      const number = 1000 + shown + n;
      const bytes = Buffer.alloc(32, 1);
      bytes.writeUInt32BE(number, 0);
      const publicKey = bytes.toString('base64') as never;
      return row(number, `10.42.${2 + ((number >> 8) % 8)}.${number & 255}`, 1, { publicKey });
    });
    say(socket, [history.delta(history.length - 1, history.length, { changed })]);
    await new Promise((resolve) => setImmediate(resolve));
  }
};

const NONSENSE: { [N in Nonsense]: () => Buffer } = {
  zeros: () => gzipSync(`{"network":"","peers":[${'0,'.repeat(12 * MEGABYTES)}0]}`),
  objects: () => gzipSync(`{"network":"","peers":[${'{},'.repeat(8 * MEGABYTES)}{}]}`),
  bomb: () => gzipSync(Buffer.alloc(128 * MEGABYTES)),
  endless: () => Buffer.alloc(0),
};

const api = createServer((_, response) => {
  response.setHeader('content-encoding', nonsense === 'endless' ? 'identity' : 'gzip');
  if (nonsense === 'endless') {
    const more = (): void => {
      while (response.write('x'.repeat(MEGABYTES)));
    };
    response.on('drain', more);
    more();
    return;
  }
  if (nonsense) {
    response.end(NONSENSE[nonsense]());
    return;
  }
  response.end(gzipSync(JSON.stringify(snapshot)));
});
const streams = new WebSocketServer({ server: api, handleProtocols: () => SUBPROTOCOL });
streams.on('connection', (socket) => {
  sockets.add(socket);
  socket.on('close', () => sockets.delete(socket)).on('error', () => {});
  socket.on('message', (data) => heard.push(JSON.parse(String(data))));
  say(socket, greeting);
});
api.listen(Number(port), address);

/** The test's own ear and mouth, at a Unix socket: POST a `Lie`, get what clients have said. */
createServer((request, response) => {
  void bodyOf(request).then((text) => {
    const lie = JSON.parse(text || '{}') as Lie;
    greeting = lie.greeting ?? greeting;
    snapshot = lie.snapshot ?? snapshot;
    if (lie.nonsense !== undefined) nonsense = lie.nonsense;
    for (const socket of sockets) {
      say(socket, lie.frames ?? []);
      const { text = '', over = 0, times = 0 } = lie.shout ?? {};
      say(socket, Array<string>(times).fill(text.repeat(over)));
      if (lie.swarm) void send(socket, lie.swarm);
      if (lie.hangUp) socket.terminate();
    }
    response.end(JSON.stringify(heard));
  });
}).listen(ear, () => console.log('ready to lie'));
