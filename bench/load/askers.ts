/** A process of peers that ask the log the hardest questions, as often as each may, over one socket each. */
import { connect, type Socket } from 'node:net';
import { DIGESTS_PATH, PAST_PATH, SERVER_KEY_HEADER } from '../../src/protocol/http.ts';
import { hostOf, portOf, type SocketAddress } from '../../src/values/endpoint.ts';
import { ADMIN_IP, addressOf, type Layout, peerName } from './layout.ts';
import { obey } from './orders.ts';
import type { Served } from './server.ts';

/** Who asks: peers by their numbers, the last of them in the admin's place if there is one. */
export type Asking = { served: Served; layout: Layout; numbers: number[]; admin: boolean };

/** What they were answered. */
export type Heard = { answers: number; refusals: number; bytes: number };

/** Calls that a peer has in a second, and then as many at once. */
const A_SECOND = 20;

let sockets: Socket[] = [];
let timers: NodeJS.Timeout[] = [];
let heard: Heard = { answers: 0, refusals: 0, bytes: 0 };

type Request = { path: string; body?: object };
const asked = (body: object): Request => ({ path: PAST_PATH, body });

/** One after the other, each at another place of the log. */
const ofPeer = (self: string, { position }: Served, round: number): Request => {
  const at = 1 + ((round * 7_919) % position);
  const page = { ask: 'history', after: at, limit: 1000 };
  const all: Request[] = [
    asked({ ask: 'place', at: '1970-01-01T00:00:00.000Z', orBeginning: true }),
    asked({ ask: 'why', peers: [self, peerName(0)] }),
    { path: `${DIGESTS_PATH}?position=${at}` },
    asked({ ask: 'why', peers: [self, peerName(0)], at }),
    asked({ ask: 'why', peers: [self, 'nobody'] }),
    asked(page),
  ];
  return all[round % all.length] as Request;
};

/** Whole networks, replayed. */
const ofAdmin = ({ position }: Served, round: number): Request => {
  const at = 1 + ((round * 7_919) % position);
  const all = [
    { ask: 'diff', from: at },
    { ask: 'state', at },
    { ask: 'why', peers: [peerName(4), peerName(5)], at },
    { ask: 'history', after: at, limit: 1000, types: ['LogRestored'] },
  ];
  return asked(all[round % all.length] as object);
};

const textOf = ({ path, body }: Request, { endpoint, serverKey }: Served): string => {
  const text = body === undefined ? '' : JSON.stringify(body);
  const head = [`${body ? 'POST' : 'GET'} ${path} HTTP/1.1`, `Host: ${endpoint}`];
  return [...head, `${SERVER_KEY_HEADER}: ${serverKey}`, `Content-Length: ${text.length}`, '', text].join(
    '\r\n',
  );
};

const begin = (served: Served, localAddress: string, next: (round: number) => Request): void => {
  const at = served.endpoint as SocketAddress;
  const socket = connect({ host: hostOf(at), port: portOf(at), localAddress, noDelay: true });
  socket.on('error', () => {});
  socket.on('data', (chunk) => {
    heard.bytes += chunk.length;
    const status = /HTTP\/1\.1 (\d)/g; // an answer may begin right after the one before
    for (const [, first] of chunk.toString('latin1').matchAll(status))
      heard[first === '2' ? 'answers' : 'refusals'] += 1;
  });
  let round = 0;
  const ask = (): void => void socket.write(textOf(next(round++), served));
  for (let first = 0; first < A_SECOND; first += 1) ask();
  sockets.push(socket);
  timers.push(setInterval(ask, 1000 / A_SECOND));
};

const start = ({ served, layout, numbers, admin }: Asking): void => {
  heard = { answers: 0, refusals: 0, bytes: 0 };
  numbers.forEach((number, index) => {
    if (admin && index === numbers.length - 1) begin(served, ADMIN_IP, (round) => ofAdmin(served, round));
    else begin(served, addressOf(layout, number), (round) => ofPeer(peerName(number), served, round));
  });
};

const stop = (): Heard => {
  for (const timer of timers) clearInterval(timer);
  for (const socket of sockets) socket.destroy();
  [timers, sockets] = [[], []];
  return heard;
};

obey({ start, stop });
