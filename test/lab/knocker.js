// A program on a host of the lab that answers at ports and knocks at those of others, over TCP and UDP.
// @ts-check
//
// Orders come over the channel to its parent as {id, order, ...}; each is answered with {id, ...}.
import { createSocket } from 'node:dgram';
import { connect, createServer } from 'node:net';

/** Numbers of a flood that came in. @type {Set<number>} */
const seen = new Set();
/** What came in by long connections. */
let heard = '';
/** @type {import('node:net').Socket | undefined} */
let line;
/** Those who opened connections here. @type {Set<import('node:net').Socket>} */
const callers = new Set();
/** Sends to whoever knocked last by UDP. @type {((text: string) => void) | undefined} */
let callBack;
/** A socket of UDP that stays, and what came in by it. @type {import('node:dgram').Socket | undefined} */
let port;
let heardBack = '';
/** The last number that was sent. */
let sent = 0;

/** @param {number} port */
const listen = (port) =>
  Promise.all([
    new Promise((resolve) =>
      createServer((socket) => {
        callers.add(socket);
        socket.on('close', () => callers.delete(socket)).on('error', () => {});
        socket.on('data', (data) => {
          heard = (heard + data).slice(-10_000);
        });
        socket.write('hello');
      }).listen(port, '::', () => resolve(undefined)),
    ),
    new Promise((resolve) => {
      const socket = createSocket({ type: 'udp6' });
      socket.on('message', (message, from) => {
        const text = message.toString();
        callBack = (again) => socket.send(again, from.port, from.address, () => {});
        if (text.startsWith('flood ')) seen.add(Number(text.slice(6)));
        else socket.send(message, from.port, from.address, () => {});
      });
      socket.bind(port, '::', () => resolve(undefined));
    }),
  ]);

/** @param {{ to: string, port: number, milliseconds: number }} order */
const tcp = ({ to, port, milliseconds }) =>
  new Promise((resolve) => {
    const socket = connect(port, to);
    const end = (/** @type {boolean} */ passes) => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ passes });
    };
    const timer = setTimeout(() => end(false), milliseconds);
    socket.on('data', () => end(true));
    socket.on('error', () => end(false));
  });

/** @param {{ to: string, port: number, milliseconds: number }} order */
const udp = ({ to, port, milliseconds }) =>
  new Promise((resolve) => {
    const socket = createSocket(to.includes(':') ? 'udp6' : 'udp4');
    const end = (/** @type {boolean} */ passes) => {
      clearInterval(again);
      clearTimeout(timer);
      socket.close();
      resolve({ passes });
    };
    const send = () => socket.send('knock', port, to, () => {});
    const timer = setTimeout(() => end(false), milliseconds);
    const again = setInterval(send, milliseconds / 3);
    socket.on('message', () => end(true));
    socket.on('error', () => {});
    send();
  });

/** One connection that stays, and whatever is said over it. @param {{ to: string, port: number }} order */
const open = ({ to, port }) =>
  new Promise((resolve) => {
    line = connect(port, to);
    line.setNoDelay();
    line.on('error', () => {});
    line.on('data', (data) => {
      heardBack += data;
      resolve({ passes: true });
    });
  });

/** Numbered datagrams from one port, without an end. @param {{ to: string, port: number }} order */
const flood = async ({ to, port }) => {
  const socket = createSocket(to.includes(':') ? 'udp6' : 'udp4');
  socket.on('error', () => {});
  setInterval(() => {
    sent += 1;
    socket.send(`flood ${sent}`, port, to, () => {});
  }, 2);
  return {};
};

/** One socket that stays, once it is answered. @param {{ to: string, port: number }} order */
const openUdp = ({ to, port: number }) =>
  new Promise((resolve) => {
    port = createSocket(to.includes(':') ? 'udp6' : 'udp4');
    port.on('error', () => {});
    port.on('message', (message) => {
      heardBack += message;
      resolve({ passes: true });
    });
    port.connect(number, to, () => port?.send('hello'));
  });

/** Whether a port that is closed is said to be. @param {{ to: string, port: number, milliseconds: number }} order */
const isRefused = ({ to, port: number, milliseconds }) =>
  new Promise((resolve) => {
    const socket = createSocket(to.includes(':') ? 'udp6' : 'udp4');
    const end = (/** @type {boolean} */ passes) => {
      clearTimeout(timer);
      socket.close();
      resolve({ passes });
    };
    const timer = setTimeout(() => end(false), milliseconds);
    socket.on('error', () => end(true));
    socket.connect(number, to, () => socket.send('hello'));
  });

/** @type {{ [order: string]: (order: any) => Promise<object> }} */
const orders = {
  listen: async ({ ports }) => {
    await Promise.all(ports.map(listen));
    return {};
  },
  tcp,
  udp,
  open,
  flood,
  openUdp,
  isRefused,
  sayUdp: async ({ text }) => {
    port?.send(text);
    return {};
  },
  writeBack: async ({ text }) => {
    for (const socket of callers) socket.write(text);
    return {};
  },
  callBack: async ({ text }) => {
    callBack?.(text);
    return {};
  },
  heardBack: async () => ({ text: heardBack }),
  hangUp: async () => {
    line?.resetAndDestroy();
    return {};
  },
  say: async ({ text }) => ({ written: line?.write(text) }),
  heard: async () => ({ text: heard }),
  sent: async () => ({ number: sent }),
  seen: async ({ from, to }) => ({ numbers: [...seen].filter((one) => one >= from && one <= to) }),
};

process.on('message', async (/** @type {{ id: number, order: string }} */ { id, order, ...rest }) => {
  process.send?.({ id, ...(await orders[order]?.(rest)) });
});
process.on('disconnect', () => process.exit());
