// A caller on a host of the lab, that asks a network's server whatever it is told to: requests, and streams that it
// follows by the rules of the protocol, with nothing of the programs in it.
// @ts-check
//
// Orders come over the channel to its parent as {id, order, ...}; each is answered with {id, ...} or {id, error}.
import { request } from 'node:http';
import { connect } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { WebSocket } from 'ws';

/** @typedef {{ id: number }} Row */
/** @typedef {{ changed: Row[], removed: number[] }} Changed */
/** @typedef {{ address: string, server: string, key: string }} Way from which address to which, and the server's key */

/**
 * @param {Way & { method?: string, path: string, body?: unknown }} order
 * @returns {Promise<{ status: number, text: string }>}
 */
const ask = ({ address, server, key, method = 'GET', path, body }) =>
  new Promise((resolve, reject) => {
    const [host, port] = server.split(':');
    const text = body === undefined ? '' : JSON.stringify(body);
    const headers = { 'x-innernet-server-key': key, 'content-length': Buffer.byteLength(text) };
    const options = {
      host,
      port,
      localAddress: address,
      method,
      path,
      headers,
      agent: false,
      timeout: 15_000,
    };
    const call = request(options, (response) => {
      /** @type {Buffer[]} */
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk)).on('error', reject);
      response.on('end', () => {
        const whole = Buffer.concat(chunks);
        const bytes = response.headers['content-encoding'] === 'gzip' ? gunzipSync(whole) : whole;
        resolve({ status: response.statusCode ?? 0, text: bytes.toString() });
      });
    });
    call.on('timeout', () => call.destroy(new Error(`no answer from ${server}`))).on('error', reject);
    call.end(text);
  });

/** One client of the stream. What it breaks by it comes back from, as a client does. */
class Follower {
  /** @type {{ position: number, hash: string } | undefined} */
  #head;
  /** @type {Map<number, Row>} */
  #peers = new Map();
  /** @type {WebSocket | undefined} */
  #socket;
  /** @type {NodeJS.Timeout | undefined} */
  #again;
  #isOn = false;
  #turn = Promise.resolve();
  #way;
  frames = 0;
  /** @type {string[]} */
  wrongs = [];

  /** @param {Way} way */
  constructor(way) {
    this.#way = way;
  }

  get said() {
    const isOpen = this.#socket?.readyState === WebSocket.OPEN;
    const ids = [...this.#peers.keys()].sort((a, b) => a - b);
    return { isOpen, position: this.#head?.position ?? 0, ids, frames: this.frames, wrongs: this.wrongs };
  }

  connect() {
    this.#isOn = true;
    clearTimeout(this.#again);
    const { address, server, key } = this.#way;
    const query = this.#head ? `?position=${this.#head.position}&hash=${this.#head.hash}` : '';
    const socket = new WebSocket(`ws://${server}/v1/user/stream${query}`, ['innernet.v1'], {
      localAddress: address,
      headers: { 'x-innernet-server-key': key, host: server },
      perMessageDeflate: false,
      handshakeTimeout: 10_000,
    });
    this.#socket = socket;
    socket.on('error', () => {});
    socket.on('close', () => {
      if (this.#socket !== socket || !this.#isOn) return;
      this.#again = setTimeout(() => this.connect(), 200 + Math.random() * 800);
    });
    socket.on('message', (data) => {
      this.frames += 1;
      const frame = JSON.parse(String(data));
      this.#turn = this.#turn
        .then(() => this.#take(frame, socket))
        .catch((error) => {
          if (!/no answer|ECONN|socket hang up/.test(error.message)) this.wrongs.push(error.message);
          socket.terminate();
        });
    });
  }

  disconnect() {
    this.#isOn = false;
    clearTimeout(this.#again);
    this.#socket?.terminate();
  }

  /** @param {any} frame @param {WebSocket} socket */
  async #take(frame, socket) {
    if (socket !== this.#socket) return;
    if (frame.kind === 'fetch') await this.#fetch();
    if (frame.kind !== 'delta') return;
    if (!this.#head || frame.position <= this.#head.position) return;
    if (frame.from > this.#head.position)
      throw new Error(`a gap: at ${this.#head.position}, a delta from ${frame.from} to ${frame.position}`);
    if (frame.digests.length !== frame.position - frame.from) throw new Error('digests are missing');
    this.#head = { position: frame.position, hash: frame.hash };
    this.#change(frame.peers);
    socket.send(JSON.stringify({ kind: 'applied', position: frame.position, held: 0 }));
  }

  async #fetch() {
    const { status, text } = await ask({ ...this.#way, path: '/v1/user/snapshot' });
    if (status === 429) throw new Error('no answer yet: too many calls');
    if (status !== 200) throw new Error(`a snapshot was answered with ${status}`);
    const { position, hash, peers } = JSON.parse(text);
    this.#head = { position, hash };
    this.#peers.clear();
    this.#change({ changed: peers, removed: [] });
  }

  /** @param {Changed} peers */
  #change({ changed, removed }) {
    for (const row of changed) this.#peers.set(row.id, row);
    for (const id of removed) this.#peers.delete(id);
  }
}

/** @type {Map<string, Follower>} */
const followers = new Map();

/** Connections that are kept open for as long as they are let. @type {import('node:net').Socket[]} */
const held = [];

/**
 * Sends bytes as they are; answers with all that came back until the other end was done, or `patience` ms passed.
 * @param {Way & { bytes: string, patience?: number }} order
 * @returns {Promise<{ text: string, isEnded: boolean }>}
 */
const raw = ({ address, server, bytes, patience = 3000 }) =>
  new Promise((resolve) => {
    const [host, port] = server.split(':');
    let text = '';
    const socket = connect({ host, port: Number(port), localAddress: address });
    const done = (/** @type {boolean} */ isEnded) => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ text, isEnded });
    };
    const timer = setTimeout(() => done(false), patience);
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
    });
    socket.on('error', () => {}).on('close', () => done(true));
    socket.write(bytes, 'latin1');
  });

/**
 * Opens many connections that say the same and read nothing for a while; answers with how many are left, when they
 * are at most as many as expected or have had ten more seconds.
 * @param {Way & { count: number, bytes: string, patience: number, most: number }} order
 * @returns {Promise<{ left: number }>}
 */
const crowd = async ({ address, server, count, bytes, patience, most }) => {
  const [host, port] = server.split(':');
  const sockets = Array.from({ length: count }, () => {
    const socket = connect({ host, port: Number(port), localAddress: address });
    socket.on('error', () => {}).pause();
    socket.write(bytes, 'latin1');
    return socket;
  });
  held.push(...sockets);
  await new Promise((resolve) => setTimeout(resolve, patience));
  for (const socket of sockets) socket.resume();
  const left = () => sockets.filter((socket) => !socket.destroyed && socket.readyState === 'open').length;
  // What the server has refused may still be on its way.
  for (let look = 0; look < 50 && left() > most; look += 1)
    await new Promise((resolve) => setTimeout(resolve, 200));
  return { left: left() };
};

/**
 * A stream that says the same again and again, and reads nothing.
 * @param {Way & { text: string, times: number }} order
 * @returns {Promise<{ code: number }>}
 */
const shout = ({ address, server, key, text, times }) =>
  new Promise((resolve) => {
    const headers = { 'x-innernet-server-key': key, host: server };
    const options = { localAddress: address, headers, perMessageDeflate: false };
    const socket = new WebSocket(`ws://${server}/v1/user/stream`, ['innernet.v1'], options);
    const timer = setTimeout(() => socket.terminate(), 5000);
    socket.on('error', () => {});
    socket.on('open', () => {
      for (let time = 0; time < times; time += 1) socket.send(text);
    });
    socket.on('close', (code) => {
      clearTimeout(timer);
      resolve({ code });
    });
  });

/** @type {{ [order: string]: (order: any) => object | Promise<object> }} */
const orders = {
  ask,
  raw,
  crowd,
  shout,
  release: () => {
    for (const socket of held.splice(0)) socket.destroy();
    return {};
  },
  follow: (/** @type {Way} */ way) => {
    const follower = followers.get(way.address) ?? new Follower(way);
    followers.set(way.address, follower);
    follower.disconnect();
    follower.connect();
    return {};
  },
  leave: (/** @type {{ address: string }} */ { address }) => {
    followers.get(address)?.disconnect();
    return {};
  },
  said: () => ({ said: Object.fromEntries([...followers].map(([address, { said }]) => [address, said])) }),
};

process.on('message', async (/** @type {{ id: number, order: string }} */ { id, order, ...rest }) => {
  try {
    const carryOut = orders[order];
    if (!carryOut) throw new Error(`no such order: ${order}`);
    process.send?.({ id, ...(await carryOut(rest)) });
  } catch (error) {
    process.send?.({ id, error: String(/** @type {Error} */ (error).message) });
  }
});
process.on('disconnect', () => process.exit());
