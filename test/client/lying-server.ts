// A server that says whatever a test tells it to: our protocol over HTTP and WebSocket, with nobody's honesty.
import { createServer, type IncomingMessage } from 'node:http';
import { gzipSync } from 'node:zlib';
import { type WebSocket, WebSocketServer } from 'ws';
import { SUBPROTOCOL } from '../../src/protocol/frames.ts';

/** What it says from now on; `frames` go out at once to whoever is connected. */
export type Lie = { greeting?: unknown[]; snapshot?: unknown; frames?: unknown[]; hangUp?: boolean };

const [address = '', port = ''] = process.argv.slice(2);
let greeting: unknown[] = [];
let snapshot: unknown;
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

const api = createServer((_, response) => {
  response.setHeader('content-encoding', 'gzip');
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

/** The test's own ear and mouth, on loopback: POST a `Lie`, get what clients have said. */
createServer((request, response) => {
  void bodyOf(request).then((text) => {
    const lie = JSON.parse(text || '{}') as Lie;
    greeting = lie.greeting ?? greeting;
    snapshot = lie.snapshot ?? snapshot;
    for (const socket of sockets) {
      say(socket, lie.frames ?? []);
      if (lie.hangUp) socket.terminate();
    }
    response.end(JSON.stringify(heard));
  });
}).listen(8080, '127.0.0.1', () => console.log('ready to lie'));
