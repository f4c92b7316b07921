// Real WebSockets to a hub over the loopback device, and clients that keep what they get.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';
import { ServerFrame } from '../../src/protocol/frames.ts';
import { streamQuery } from '../../src/protocol/stream-query.ts';
import type { PeerId } from '../../src/values/id.ts';
import type { RunningNetwork } from './running-network.ts';

type Kind = ServerFrame['kind'];
type Frame<K extends Kind> = Extract<ServerFrame, { kind: K }>;

/** The far end of one stream. */
export class Listener {
  readonly socket: WebSocket;
  /** Frames that nobody has asked for yet. */
  readonly frames: ServerFrame[] = [];
  readonly closed: Promise<number>;
  pings = 0;
  #arrived: () => void = () => {};

  constructor(socket: WebSocket) {
    this.socket = socket;
    this.closed = once(socket, 'close').then(([code]) => code as number);
    socket.on('error', () => {});
    socket.on('ping', () => {
      this.pings += 1;
    });
    socket.on('message', (data, isBinary) => {
      if (isBinary) return; // what a test stuffed the queue with
      this.frames.push(ServerFrame.parse(JSON.parse(data.toString())));
      this.#arrived();
    });
  }

  /** The next frame, which must be of this kind. */
  async next<K extends Kind>(kind: K): Promise<Frame<K>> {
    while (this.frames.length === 0) await new Promise<void>((resolve) => (this.#arrived = resolve));
    const frame = this.frames.shift()!;
    if (frame.kind !== kind) throw new Error(`expected ${kind}, got ${JSON.stringify(frame)}`);
    return frame as Frame<K>;
  }

  /** Resolves when everything that the server had sent by now is here. */
  async settled(): Promise<void> {
    this.socket.ping();
    await once(this.socket, 'pong');
  }

  send(frame: unknown): void {
    this.socket.send(typeof frame === 'string' ? frame : JSON.stringify(frame));
  }
}

/** The door without its guard: whoever connects says which peer it is. */
export class StreamDoor {
  /** The near ends, the latest last. */
  readonly sockets: WebSocket[] = [];
  readonly #server: Server;
  readonly #clients: WebSocket[] = [];

  private constructor(server: Server) {
    this.#server = server;
  }

  /** `attach`: in the hub's place. */
  static async open(
    running: RunningNetwork,
    attach?: (socket: WebSocket, peer: PeerId) => void,
  ): Promise<StreamDoor> {
    const server = createServer();
    const door = new StreamDoor(server);
    const wss = new WebSocketServer({ noServer: true, perMessageDeflate: false });
    server.on('upgrade', (request, socket, head) => {
      const { searchParams } = new URL(request.url ?? '', 'http://localhost');
      wss.handleUpgrade(request, socket, head, (websocket) => {
        door.sockets.push(websocket);
        const peer = Number(searchParams.get('peer')) as PeerId;
        if (attach) attach(websocket, peer);
        else running.hub.attach(websocket, peer, streamQuery(searchParams));
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return door;
  }

  async connect(
    peer: PeerId,
    query: Record<string, unknown> = {},
    { autoPong = true } = {},
  ): Promise<Listener> {
    const { port } = this.#server.address() as AddressInfo;
    const params = new URLSearchParams({ peer: String(peer) });
    for (const [key, value] of Object.entries(query)) params.set(key, String(value));
    const socket = new WebSocket(`ws://127.0.0.1:${port}/?${params}`, { autoPong });
    this.#clients.push(socket);
    const listener = new Listener(socket);
    await once(socket, 'open');
    return listener;
  }

  async close(): Promise<void> {
    for (const socket of [...this.#clients, ...this.sockets]) socket.terminate();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
