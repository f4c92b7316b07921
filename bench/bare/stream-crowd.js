// Yardstick: plain `ws` clients on the loopback device that note when messages arrive. Nothing of ours.
// @ts-check
import { Agent, get } from 'node:http';
import { WebSocket } from 'ws';

/** @typedef {{ address: string, socket?: WebSocket, messages: number, at: number, attempts: number }} Client */
/** @type {Client[]} */
const clients = [];
let port = 0;
const AT_ONCE = 200;

const clock = () => Number(process.hrtime.bigint()) / 1e6;

/** Full jitter, as clients of ours have it. @param {number} attempt */
const pause = (attempt) => Math.random() * Math.min(30_000, 500 * 2 ** Math.min(attempt, 16));

/** @param {Client} client */
function connect(client) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}`, {
    localAddress: client.address,
    handshakeTimeout: 5_000,
    perMessageDeflate: false,
  });
  client.socket = socket;
  socket.on('open', () => {
    client.attempts = 0;
    client.at = clock();
  });
  socket.on('message', () => {
    client.messages += 1;
    client.at = clock();
  });
  socket.on('error', () => {});
  socket.on('close', () => setTimeout(() => connect(client), pause(client.attempts++)));
}

/** @param {() => boolean} isTrue */
async function until(isTrue) {
  for (const begin = clock(); !isTrue(); ) {
    if (clock() - begin > 120_000) throw new Error('the yardstick does not come to an end');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const times = () => clients.map(({ at }) => at).sort((left, right) => left - right);

/** @param {string} address */
const fetchOne = (address) =>
  new Promise((resolve, reject) => {
    const agent = new Agent({ keepAlive: false });
    get({ host: '127.0.0.1', port, localAddress: address, agent }, (response) => {
      response.resume();
      response.on('end', () => resolve(clock()));
    }).on('error', reject);
  });

/** @type {{ [order: string]: (argument: any) => unknown }} */
const orders = {
  connect: async (
    /** @type {{ at: number, addresses: string[], messages: number }} */ { at, addresses, messages },
  ) => {
    port = at;
    const fresh = addresses.map((address) => ({ address, messages, at: 0, attempts: 0 }));
    clients.push(...fresh);
    for (let start = 0; start < fresh.length; start += AT_ONCE) {
      const some = fresh.slice(start, start + AT_ONCE);
      for (const client of some) connect(client);
      await until(() => some.every(({ at }) => at > 0));
    }
  },
  /** Resolves when everybody has had so many messages: when each had its last. */
  reach: async (/** @type {{ messages: number }} */ { messages }) => {
    await until(() => clients.every((client) => client.messages >= messages));
    return times();
  },
  /** Resolves when everybody is connected after a moment: when each was. */
  back: async (/** @type {{ after: number }} */ { after }) => {
    await until(() => clients.every(({ at, socket }) => at > after && socket?.readyState === WebSocket.OPEN));
    return times();
  },
  /** Everybody gets the body over HTTP, so many at the same time: when each had it. */
  fetch: async (/** @type {{ atOnce: number }} */ { atOnce }) => {
    const waiting = clients.map(({ address }) => address);
    /** @type {number[]} */
    const done = [];
    const work = async () => {
      for (let address = waiting.pop(); address; address = waiting.pop()) done.push(await fetchOne(address));
    };
    await Promise.all(Array.from({ length: atOnce }, work));
    return done.sort((left, right) => left - right);
  },
};

process.on('message', async (/** @type {any} */ { id, order, with: argument }) => {
  try {
    process.send?.({ id, result: await orders[order]?.(argument) });
  } catch (error) {
    process.send?.({ id, error: String(error) });
  }
});
process.on('disconnect', () => process.exit(0));
process.on('SIGTERM', () => process.exit(0));
process.on('SIGINT', () => {});
