// Frames whose bytes are made once: what a WebSocket client takes for texts, between those that the library sends.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { framed } from '../../src/server/stream/framing.ts';

const LENGTHS = [0, 1, 125, 126, 255, 256, 65_535, 65_536, 200_000];

it('a client reads frames of every length, in order', async () => {
  const http = createServer();
  onTestFinished(() => void http.close());
  const server = new WebSocketServer({ server: http, perMessageDeflate: false });
  server.on('connection', (socket, { socket: wire }) => {
    for (const length of LENGTHS) {
      wire.write(framed(Buffer.from('x'.repeat(length))));
      socket.send(String(length));
    }
    socket.close();
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const client = new WebSocket(`ws://127.0.0.1:${(http.address() as AddressInfo).port}`);
  const texts: string[] = [];
  client.on('message', (data, isBinary) => texts.push(isBinary ? 'binary' : data.toString()));
  await once(client, 'close');
  expect(texts).toEqual(LENGTHS.flatMap((length) => ['x'.repeat(length), String(length)]));
});

it('what is the same is made once', () => {
  const payload = Buffer.from('{}');
  expect(framed(payload)).toBe(framed(payload));
});
