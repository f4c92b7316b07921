/** A private server and the crowds of clients around it, each in a process of its own; gone after `close()`. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { makeFolder, removeFolder } from '../scratch.ts';
import type { Tally } from './client.ts';
import type { Entrance, Levelled } from './crowd.ts';
import type { Layout } from './layout.ts';
import { Child } from './orders.ts';
import type { Served, Told, Usage } from './server.ts';

/** Files that a process of ours has open besides its clients. */
const OTHER_FILES = 100;
/** Clients that one process of a crowd carries, at most: it has one core. */
const MAX_IN_A_CROWD = 10_000;

/** How many files a process may have open here; Node asks for as many as it may have. */
const mostFiles = (): number => {
  const [, hard = '1024'] =
    /^Max open files\s+\d+\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
  return Number(hard);
};

/** Clients that a server can hold here. */
export const mostClients = (): number => mostFiles() - OTHER_FILES;

/** A port of the loopback device that nobody listens at. */
export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });

export type FieldOptions = {
  layout: Layout;
  /** Processes of clients. */
  crowds?: number;
  /** Clients take snapshots in and do not read them: what their machine can do is not what is measured. */
  light?: boolean;
};

export class Field {
  readonly layout: Layout;
  readonly folder: string;
  readonly #port: number;
  readonly #crowds: Child[];
  #server: Child;
  readonly #isLight: boolean;
  #served: Served | undefined;
  /** Milliseconds from the last start to its listening. */
  startedIn = 0;
  /** The part of it in which the server's program was there already: the log is loaded. */
  openedIn = 0;
  /** Of each crowd, the numbers of its clients. */
  #members: number[][];

  private constructor(
    layout: Layout,
    parts: { folder: string; port: number; server: Child; crowds: Child[]; light: boolean },
  ) {
    this.layout = layout;
    this.folder = parts.folder;
    this.#port = parts.port;
    this.#isLight = parts.light;
    this.#server = parts.server;
    this.#crowds = parts.crowds;
    this.#members = parts.crowds.map(() => []);
  }

  /** A server with a network of that layout, and nobody connected. */
  static async create({ layout, crowds = 1, light = false }: FieldOptions): Promise<Field> {
    const folder = makeFolder();
    const port = await freePort();
    await makeNetwork(folder, layout);
    const server = await startServer();
    const children = await Promise.all(Array.from({ length: crowds }, () => Child.bundled('crowd')));
    const field = new Field(layout, { folder, port, server, crowds: children, light });
    try {
      field.#served = await server.ask<Served>('open', { folder, port });
      return field;
    } catch (error) {
      await field.close();
      throw error;
    }
  }

  /** What a client of the server has to know. */
  get served(): Served {
    return this.#served as Served;
  }

  /** Connects that many more clients. `know`: they come back level rather than for the first time. */
  async connect(count: number, { know = true } = {}): Promise<void> {
    const light = this.#isLight;
    const served = { ...this.served, ...(await this.#server.ask<Partial<Served>>('head')) };
    const start = this.#members.flat().length;
    const share = Math.ceil(count / this.#crowds.length);
    await Promise.all(
      this.#crowds.map((crowd, index) => {
        const from = start + index * share;
        const to = Math.min(start + count, from + share);
        for (let number = from; number < to; number++) this.#members[index]?.push(number);
        return crowd.ask('connect', {
          served,
          layout: this.layout,
          from,
          to,
          know,
          light,
        } satisfies Entrance);
      }),
    );
  }

  execute(command: object): Promise<Told> {
    return this.#server.ask('execute', { command });
  }

  /** One after the other, with nothing in between. */
  executeAll(commands: readonly object[]): Promise<Told[]> {
    return this.#server.ask('executeAll', { commands });
  }

  /** Any order of the server's. */
  ask<T>(order: string, argument: object = {}): Promise<T> {
    return this.#server.ask(order, argument);
  }

  usage(settled = false): Promise<Usage> {
    return this.#server.ask('usage', { settled });
  }

  /** When each client came to a position, or those with these numbers; what all have been through. */
  async reach(
    position: number,
    { seconds = 60, numbers, since = 0 }: { seconds?: number; numbers?: number[]; since?: number } = {},
  ): Promise<Levelled> {
    const levelled = await Promise.all(
      this.#crowds.map((crowd, index) => {
        const members = this.#members[index] ?? [];
        const own = numbers?.map((number) => members.indexOf(number)).filter((at) => at >= 0);
        return crowd.ask<Levelled>('reach', { position, seconds, since, ...(own ? { numbers: own } : {}) });
      }),
    );
    const times = levelled.flatMap((one) => one.times).sort((left, right) => left - right);
    return { times, tally: sum(levelled.map(({ tally }) => tally)) };
  }

  /** What the clients of each crowd have been through. */
  tallies(): Promise<(Tally & { live: number })[]> {
    return Promise.all(this.#crowds.map((crowd) => crowd.ask<Tally & { live: number }>('tally')));
  }

  async tally(): Promise<Tally & { live: number }> {
    return sum(await this.tallies());
  }

  async forget(): Promise<void> {
    await Promise.all(this.#crowds.map((crowd) => crowd.ask('forget')));
  }

  /** Any order of the first crowd's. */
  askCrowd<T>(order: string, argument: object = {}): Promise<T> {
    return (this.#crowds[0] as Child).ask(order, argument);
  }

  /** Ends the server with no warning. */
  kill(): Promise<void> {
    return this.#server.stop('SIGKILL');
  }

  /** Starts it again on the same log and port. Resolves when it listens. */
  async start(): Promise<void> {
    const begin = performance.now();
    this.#server = await startServer();
    await this.#server.ask('tally');
    const running = performance.now();
    this.#served = await this.#server.ask<Served>('open', { folder: this.folder, port: this.#port });
    this.startedIn = performance.now() - begin;
    this.openedIn = performance.now() - running;
  }

  /** An invited peer joins with its own key. */
  redeem(name: string, publicKey: string): Promise<Told> {
    return this.#server.ask('redeem', { name, publicKey });
  }

  async close(): Promise<void> {
    await Promise.all([this.#server, ...this.#crowds].map((child) => child.stop()));
    removeFolder(this.folder);
  }
}

/** In a process of its own, so that the server's memory is that of a server. */
const makeNetwork = async (folder: string, layout: Layout): Promise<void> => {
  const maker = await Child.bundled('server');
  await maker.ask('create', { folder, layout });
  await maker.stop();
};

const startServer = (): Promise<Child> => Child.bundled('server', ['--expose-gc']);

/** Crowds that so many clients are spread over: one process carries only so many. */
export const crowdsFor = (clients: number): number => Math.ceil(clients / MAX_IN_A_CROWD);

const sum = <T extends { [name: string]: number }>(all: readonly T[]): T => {
  const total: { [name: string]: number } = {};
  for (const one of all)
    for (const [name, value] of Object.entries(one)) total[name] = (total[name] ?? 0) + value;
  return total as T;
};
