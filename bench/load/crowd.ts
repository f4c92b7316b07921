/** A process full of clients: thousands of them on the loopback device, each at an address of its own. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Head } from '../../src/client/memory/chain.ts';
import { clock } from '../clock.ts';
import { type Arrival, Client, noTally, type Tally, Transfers } from './client.ts';
import { addressOf, type Layout } from './layout.ts';
import { obey } from './orders.ts';
import type { Served } from './server.ts';

/** Clients of the layout with numbers in [from, to). `know`: they have the server's head already and its rows. */
export type Entrance = {
  served: Served;
  layout: Layout;
  from: number;
  to: number;
  know: boolean;
  light: boolean;
};

/** How a crowd's clients came to a position: times by `clock()`, earliest first. */
export type Levelled = { times: number[]; tally: Tally & { live: number } };

/** Arrivals are taken when none has come for this long, in milliseconds: so that taking them delays no other. */
const QUIET = 10;
/** …or when the first has waited this long. */
const MAX_WAIT_MS = 2_000;
/** Snapshots that this machine takes in at the same moment. */
const MAX_TRANSFERS = 500;
/** How often is looked whether all are where they should be, in milliseconds; when each came there is known. */
const LOOK_EVERY = 5;
/** Connections that a process opens at the same moment. */
const AT_ONCE = 200;

let clients: Client[] = [];
let inbox: Arrival[] = [];
let isArmed = false;
let newest = 0;
let tally = noTally();
const transfers = new Transfers(MAX_TRANSFERS);

const drain = (): void => {
  const now = clock();
  const oldest = inbox[0]?.at ?? now;
  if (now - newest < QUIET && now - oldest < MAX_WAIT_MS) {
    setTimeout(drain, QUIET);
    return;
  }
  isArmed = false;
  const arrivals = inbox;
  inbox = [];
  for (const arrival of arrivals) void arrival.client.take(arrival);
};

/** Clients that read nothing of what they take in have time at once. */
const takeNow = (arrival: Arrival): void => void arrival.client.take(arrival);

const arrive = (arrival: Arrival): void => {
  inbox.push(arrival);
  newest = arrival.at;
  if (isArmed) return;
  isArmed = true;
  setTimeout(drain, QUIET);
};

const until = async (isTrue: () => boolean, seconds: number): Promise<void> => {
  const deadline = clock() + seconds * 1000;
  while (!isTrue()) {
    if (clock() > deadline) throw new Error(`not level after ${seconds} s: ${JSON.stringify(describe())}`);
    await pause(LOOK_EVERY);
  }
};

const describe = () => ({
  clients: clients.length,
  live: clients.filter(({ isLive }) => isLive).length,
  ...tally,
});

const connect = async ({ served, layout, from, to, know, light }: Entrance): Promise<void> => {
  const head: Head = { networkId: served.network, position: served.position, hash: served.hash };
  const around = {
    served,
    light,
    transfers,
    arrive: light ? takeNow : arrive,
    get tally() {
      return tally;
    },
  };
  const fresh: Client[] = [];
  for (let number = from; number < to; number++)
    fresh.push(new Client(addressOf(layout, number), around, know ? head : undefined));
  clients.push(...fresh);
  for (let start = 0; start < fresh.length; start += AT_ONCE) {
    const some = fresh.slice(start, start + AT_ONCE);
    for (const client of some) client.connect();
    await until(() => some.every(({ isLive }) => isLive), 120);
  }
};

/** So many clients take a snapshot each, though they need none. */
const snapshots = async ({ count }: { count: number }): Promise<void> => {
  await Promise.all(clients.slice(0, count).map((client) => client.snapshot()));
};

/** Resolves when these clients, or all, stand at a position or beyond it, and came to stand there since a moment. */
const reach = async ({
  position,
  seconds = 60,
  since = 0,
  numbers,
}: {
  position: number;
  seconds?: number;
  since?: number;
  numbers?: number[];
}): Promise<Levelled> => {
  const who = numbers ? numbers.flatMap((number) => clients[number] ?? []) : clients;
  const isLevel = ({ head, isLive, levelAt }: Client): boolean =>
    isLive && levelAt >= since && (head?.position ?? 0) >= position;
  await until(() => who.every(isLevel), seconds);
  const times = who.map(({ levelAt }) => levelAt).sort((left, right) => left - right);
  return { times, tally: describe() };
};

obey({
  connect,
  reach,
  snapshots,
  tally: () => describe(),
  forget: () => {
    tally = noTally();
  },
  setReading: ({ number, isReading }: { number: number; isReading: boolean }) =>
    clients[number]?.setReading(isReading),
  usage: () => process.cpuUsage().user + process.cpuUsage().system,
  leave: () => {
    for (const client of clients) client.close();
    clients = [];
  },
});
