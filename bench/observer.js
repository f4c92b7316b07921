// An observer on a host of the lab: sends commands, pings, looks at WireGuard, and notes to the microsecond when.
// @ts-check
//
// Orders come over the channel to its parent as {id, order, ...}; each is answered with {id, ...} or {id, error}.
// Times are milliseconds of the machine's monotonic clock, the same for every process.

import { spawn } from 'node:child_process';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';

/** How long anything may take before it counts as not happening. */
const PATIENCE_MS = 15_000;

const now = () => Number(process.hrtime.bigint()) / 1e6;

const agent = new Agent({ keepAlive: true, maxSockets: 1 });

/**
 * Sends one request over a connection that stays open.
 * @param {{ url: string, headers: Record<string, string>, body: unknown }} order
 * @returns {Promise<{ begin: number, end: number, status: number, text: string }>}
 */
function post({ url, headers, body }) {
  return new Promise((resolve, reject) => {
    const text = JSON.stringify(body);
    const length = Buffer.byteLength(text);
    const all = { ...headers, 'content-type': 'application/json', 'content-length': length };
    const begin = now();
    const call = request(url, { method: 'POST', agent, headers: all, timeout: PATIENCE_MS }, (response) => {
      const status = response.statusCode ?? 0;
      let answer = '';
      response.setEncoding('utf8').on('data', (chunk) => (answer += chunk));
      response.on('end', () => resolve({ begin, end: now(), status, text: answer }));
    });
    call.on('timeout', () => call.destroy(new Error(`no answer from ${url}`))).on('error', reject);
    call.end(text);
  });
}

/** One connection to the socket of a userspace device; it takes one `get` after another. */
class Looker {
  #chunks = '';
  /** @type {((answer: string) => void) | undefined} */
  #hear;
  #socket;

  /** @param {string} device */
  constructor(device) {
    this.#socket = connect(`/var/run/wireguard/${device}.sock`).setEncoding('latin1');
    this.#socket.on('data', (chunk) => {
      this.#chunks += chunk;
      if (!this.#chunks.endsWith('\n\n')) return;
      const answer = this.#chunks;
      this.#chunks = '';
      this.#hear?.(answer);
    });
    this.#socket.on('error', () => this.#hear?.(''));
  }

  /** @returns {Promise<string>} */
  look() {
    return new Promise((resolve) => {
      this.#hear = resolve;
      this.#socket.write('get=1\n\n');
    });
  }

  close() {
    this.#socket.destroy();
  }
}

/** @type {Map<string, Looker>} */
const lookers = new Map();

/**
 * Looks at a device every so many milliseconds until it has, or has no more, a peer.
 * @param {{ device: string, key: string, present: boolean, every: number }} order
 */
async function watch({ device, key, present, every }) {
  const line = `public_key=${Buffer.from(key, 'base64').toString('hex')}\n`;
  const looker = lookers.get(device) ?? new Looker(device);
  lookers.set(device, looker);
  for (const deadline = now() + PATIENCE_MS; now() < deadline; await pause(every))
    if ((await looker.look()).includes(line) === present) return { at: now() };
  throw new Error(`the peer is ${present ? 'not on' : 'still on'} ${device} after ${PATIENCE_MS} ms`);
}

/**
 * A ping every few milliseconds until one is answered, or patience ends, which then is the figure. The network need
 * not be there yet.
 * @param {{ address: string }} order
 * @returns {Promise<{ at: number }>}
 */
function ping({ address }) {
  return new Promise((resolve, reject) => {
    const limit = String(PATIENCE_MS / 1000);
    const child = spawn('ping', ['-n', '-i', '0.003', '-c', '1', '-w', limit, address]);
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (/bytes from/.test(line)) resolve({ at: now() });
    });
    child.on('error', reject).on('close', () => resolve({ at: now() }));
  });
}

/** @type {{ [order: string]: (order: any) => Promise<object> }} */
const orders = { post, watch, ping };

process.on('message', (/** @type {{ id: number, order: string }} */ { id, order, ...rest }) => {
  const carryOut = orders[order] ?? (() => Promise.reject(new Error(`no such order: ${order}`)));
  carryOut(rest).then(
    (answer) => process.send?.({ id, ...answer }),
    (error) => process.send?.({ id, error: String(error.message) }),
  );
});
process.on('disconnect', () => process.exit());
