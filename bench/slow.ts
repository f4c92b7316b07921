/** One client reads nothing and one a byte a second: what that does to all others, also while snapshots are fetched. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { SERVER_KEY_HEADER } from '../src/protocol/http.ts';
import { beside, type Measured, type Row } from './figure.ts';
import { Field } from './load/field.ts';
import { addressOf, type Layout } from './load/layout.ts';
import { scaled } from './scale.ts';

const CLIENTS = 300;
const CIDR = 150;
const ROUNDS = 5;
const CHANGES = 30;

const p99 = (values: readonly number[]): number => {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN;
};

/** A client written by hand: it upgrades, then reads a byte a second, or nothing. */
class SlowNeighbour {
  readonly #socket: Socket;
  readonly #timer: NodeJS.Timeout | undefined;

  private constructor(socket: Socket, bytesASecond: number) {
    this.#socket = socket;
    socket.on('error', () => {});
    if (bytesASecond > 0) this.#timer = setInterval(() => socket.read(bytesASecond), 1_000);
  }

  static async come(field: Field, number: number, bytesASecond: number): Promise<SlowNeighbour> {
    const [host = '', port] = field.served.endpoint.split(':');
    const localAddress = addressOf(field.layout, number);
    const socket = connect({ host, port: Number(port), localAddress, noDelay: true });
    await once(socket, 'connect');
    const { position, hash } = await field.ask<{ position: number; hash: string }>('head');
    socket.write(
      `GET /v1/user/stream?position=${position}&hash=${hash} HTTP/1.1\r\nHost: ${field.served.endpoint}\r\n` +
        `${SERVER_KEY_HEADER}: ${field.served.serverKey}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: innernet.v1\r\n' +
        'Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n',
    );
    return new SlowNeighbour(socket, bytesASecond);
  }

  go(): void {
    clearInterval(this.#timer);
    this.#socket.destroy();
  }
}

/** An association comes and goes: some 50 KB for each client, each time. Milliseconds for each client and change. */
const press = async (field: Field): Promise<number> => {
  const delays: number[] = [];
  for (let change = 0; change < CHANGES; change++) {
    const type = change % 2 === 0 ? 'AddAssociation' : 'DeleteAssociation';
    const { committed, position } = await field.execute({ type, cidrs: ['c0', 'c1'] });
    const { times } = await field.reach(position, { numbers: members(field.layout) });
    delays.push(...times.map((time) => time - committed));
    await pause(50);
  }
  return p99(delays);
};

/** All but the last two, who are slow. */
const members = ({ peers }: Layout): number[] => Array.from({ length: peers - 2 }, (_, number) => number);

/** The same while other clients take a snapshot each, over and over. */
const pressInWave = async (field: Field): Promise<number> => {
  let isOver = false;
  const wave = (async () => {
    while (!isOver) await field.askCrowd('snapshots', { count: 20 });
  })();
  const result = await press(field);
  isOver = true;
  await wave;
  return result;
};

const measure = async (): Promise<Measured[]> => {
  const perCidr = scaled(CIDR);
  const field = await Field.create({ layout: { peers: 2 * perCidr, perCidr } });
  try {
    await field.connect(scaled(CLIENTS) - 2);
    const measures = [press, pressInWave];
    const samples = measures.map((): { alone: number[]; beside: number[] } => ({ alone: [], beside: [] }));
    await press(field);
    for (let round = 0; round < ROUNDS; round++)
      for (const [index, run] of measures.entries()) {
        samples[index]?.alone.push(await run(field));
        const slow = await Promise.all([
          SlowNeighbour.come(field, 2 * perCidr - 2, 0),
          SlowNeighbour.come(field, 2 * perCidr - 1, 1),
        ]);
        samples[index]?.beside.push(await run(field));
        for (const neighbour of slow) neighbour.go();
        await pause(500);
      }
    return samples.map(({ alone, beside: with2 }, index) =>
      beside(
        { name: index === 0 ? 'p99 beside two slow readers' : '… while snapshots are fetched', unit: 'ms' },
        with2,
        alone,
        { atMost: 2 },
      ),
    );
  } finally {
    await field.close();
  }
};

export const slow: Row = {
  name: 'slow',
  what: 'p99 of a change beside one client that reads nothing and one that reads a byte a second; yardstick: without',
  measure,
};
