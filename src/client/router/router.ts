/** This machine as a router: it passes packets of peers on to blocks that its own conf offers and the log gives it. */

import type { Carrying } from '../../filter/carried.ts';
import { carriedPairs, isCovered } from '../../filter/carried-pairs.ts';
import { Turns } from '../../machine/turns.ts';
import type { CarriedRow, Carry, ClientFrame } from '../../protocol/frames.ts';
import type { Offer } from '../../protocol/rows.ts';
import { type Cidr, containsCidr, familyOf, type Ip } from '../../values/ip.ts';
import type { InterfaceName } from '../../values/name.ts';
import type { NetworkPaths } from '../memory/paths.ts';
import { readCarried, writeCarried } from './carried-file.ts';
import { forwardingFilters, lookAround, nearNetworks } from './surroundings.ts';
import { Switches } from './switches.ts';
import { type WayOut, wayOut } from './way-out.ts';

const LOOK_EVERY_MS = 2_000;
/** Other programs' tables are long, and seldom change. */
const FILTERS_EVERY_MS = 30_000;
const MAX_OFFERS = 64;
const MAX_WHY = 200;

export type RouterOptions = {
  network: InterfaceName;
  paths: Pick<NetworkPaths, 'carried' | 'routerForwarding' | 'routerSysctls'>;
  range: Cidr;
  own: Ip;
  mtu: number;
  /** By this machine's conf. */
  offers: () => readonly Cidr[];
  /** Blocks of the network's CIDRs. */
  homes: () => readonly Cidr[];
  say: (message: string) => void;
};

/** As the owner of the network tells other verbs. */
export type Routing = {
  offers: Offer[];
  /** Routes that the log gives this machine; `isOffered`: its conf covers each block. */
  routes: { name: string; blocks: Cidr[]; from: Cidr[]; keepSource: boolean; isOffered: boolean }[];
};

type Send = (frame: ClientFrame) => void;

export class Router {
  /** Keeps the network's own table, with what is carried in it. Whether it stands as wanted. */
  renew: () => Promise<boolean> = async () => false;
  readonly #options: RouterOptions;
  readonly #switches: Switches;
  readonly #turns = new Turns();
  readonly #ways = new Map<Cidr, WayOut>();
  /** By which interfaces a block was reached when it last was. */
  readonly #before = new Map<Cidr, readonly string[]>();
  #carried: readonly CarriedRow[] = [];
  #draft: CarriedRow[] = [];
  #near: readonly Cidr[] = [];
  #filters: readonly string[] = [];
  #filtersAt = Number.NEGATIVE_INFINITY;
  #lent: readonly string[] | 'all' = [];
  #trouble: string | undefined;
  #said = '';
  /** Nothing yet. */
  #told = '';
  #hasLooked = false;
  #send: Send = () => {};
  #looking: NodeJS.Timeout | undefined;
  #isStarted = false;
  #isClosed = false;

  constructor(options: RouterOptions) {
    this.#options = options;
    this.#switches = new Switches(options.paths, familyOf(options.range));
    // Goes on with what an earlier run was told, and has lent: tunnels need no server.
    this.#carried = readCarried(options.paths.carried).filter((row) => this.#isSound(row));
    if (!this.isOffering) return;
    this.#lent = this.#switches.toLend([]);
    this.#near = nearNetworks(options.network);
  }

  /** From now on it sees to forwarding, and says what is ready. */
  start(): Promise<void> {
    this.#isStarted = true;
    return this.#look();
  }

  /** A stream has begun with a server that knows routes. */
  greet(send: Send): void {
    this.#send = send;
    this.#told = '';
    if (this.#hasLooked) this.#tell();
  }

  /** What the log gives this machine. Resolves when it is in force. */
  hear({ isFirst, isLast, routes }: Carry): Promise<void> {
    if (isFirst) this.#draft = [];
    this.#draft = joined(this.#draft, routes);
    if (!isLast) return Promise.resolve();
    this.#carried = this.#draft.filter((row) => this.#isSound(row));
    this.#draft = [];
    writeCarried(this.#options.paths.carried, this.#carried);
    const inForce = this.#take(() => this.#carry());
    void this.#look();
    return inForce;
  }

  /** The conf has changed. */
  consent(): Promise<void> {
    this.#switches.forget();
    this.#filtersAt = Number.NEGATIVE_INFINITY;
    return this.#look();
  }

  /** This machine was shut out of the network. */
  end(): Promise<void> {
    return this.hear({ kind: 'carry', isFirst: true, isLast: true, routes: [] });
  }

  get isOffering(): boolean {
    return this.#options.offers().length > 0;
  }

  get state(): Routing {
    return {
      offers: this.#offers(),
      routes: this.#carried.map((row) => ({
        ...{ name: row.name, blocks: row.blocks, from: row.from, keepSource: row.keepSource },
        isOffered: this.#isOffered(row),
      })),
    };
  }

  /** The network goes down: nothing is reached through this machine any more. */
  retire(): void {
    const blocks = this.#offers().map(({ block }) => ({ block, ready: false, why: 'it has left' }));
    if (blocks.length > 0) this.#send({ kind: 'offers', blocks });
    this.#send = () => {};
  }

  /** Packets are passed on while the tunnels stand. */
  close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#looking);
    return this.#turns.take(async () => {});
  }

  #take(task: () => Promise<void>): Promise<void> {
    return this.#turns.take(async () => {
      if (!this.#isStarted || this.#isClosed) return;
      await task().catch(({ message }: Error) => this.#say(message));
    });
  }

  #look(): Promise<void> {
    return this.#take(() => this.#lookNow());
  }

  async #lookNow(): Promise<void> {
    clearTimeout(this.#looking);
    const blocks = this.#blocks();
    if (blocks.length > 0) {
      await this.#lookAt(blocks);
      await this.#lookAtFilters();
    }
    this.#hasLooked = true;
    await this.#carry();
    if (!this.#isClosed && this.isOffering)
      this.#looking = setTimeout(() => void this.#look(), LOOK_EVERY_MS).unref();
  }

  async #lookAt(blocks: readonly Cidr[]): Promise<void> {
    const { network, range } = this.#options;
    const look = async (isWhole: boolean) => {
      const around = await lookAround(network, familyOf(range), { isWhole });
      return blocks.map((block) => wayOut(block, around, this.#before.get(block)));
    };
    let ways = await look(false);
    if (ways.some(({ why }) => why !== undefined)) ways = await look(true);
    this.#ways.clear();
    for (const way of ways) {
      this.#ways.set(way.block, way);
      if (way.why === undefined) this.#before.set(way.block, way.interfaces);
    }
    this.#near = nearNetworks(network);
  }

  async #lookAtFilters(): Promise<void> {
    if (performance.now() < this.#filtersAt + FILTERS_EVERY_MS) return;
    this.#filters = await forwardingFilters(this.#options.network);
    this.#filtersAt = performance.now();
  }

  /** The table before forwarding is on; off before the table lets others through. */
  async #carry(): Promise<void> {
    const carries = this.#routes().some(({ from }) => from.length > 0);
    const devices = this.#devices();
    if (!carries) this.#switches.giveBack();
    this.#lent = carries ? this.#switches.toLend(devices) : [];
    const stands = await this.renew();
    if (!stands) this.#switches.giveBack();
    this.#trouble = stands ? this.#forward(carries, devices) : 'its nftables does not work';
    if (this.#hasLooked) this.#tell();
  }

  #forward(carries: boolean, devices: readonly string[]): string | undefined {
    const trouble = this.#switches.trouble(devices);
    if (carries) {
      try {
        this.#switches.lend(devices);
      } catch (error) {
        return (error as Error).message;
      }
    }
    const [closed] = this.#filters;
    return trouble ?? (closed && `its table ${closed} of nftables drops what it is not told to forward`);
  }

  /** The tunnel, and where what is carried goes. */
  #devices(): string[] {
    const outside = this.#routes().flatMap(({ blocks }) =>
      blocks.flatMap((block) => this.#ways.get(block)?.interfaces ?? []),
    );
    return [this.#options.network, ...new Set(outside)];
  }

  /** What the log gives and this machine offers. */
  #routes(): CarriedRow[] {
    const offers = this.#options.offers();
    return this.#carried
      .map((row) => ({ ...row, blocks: row.blocks.filter((block) => isCovered(block, offers)) }))
      .filter(({ blocks }) => blocks.length > 0);
  }

  /** While this machine offers anything, nothing else is passed on: a route that was closed ends here. */
  get carrying(): Carrying | undefined {
    if (!this.isOffering) return undefined;
    const { network: device, range, own, mtu, homes } = this.#options;
    const pairs = carriedPairs({ range, routes: this.#routes(), homes: homes(), near: this.#near });
    return { device, range, own, mtu, pairs, lent: this.#lent };
  }

  #isOffered({ blocks }: CarriedRow): boolean {
    return blocks.every((block) => isCovered(block, this.#options.offers()));
  }

  /** Who lies gains nothing outside the network. */
  #isSound({ from }: CarriedRow): boolean {
    return from.every((block) => containsCidr(this.#options.range, block));
  }

  /** Of the conf, and of routes in it: each is ready, or not, for itself. */
  #blocks(): Cidr[] {
    const offers = this.#options.offers();
    const routed = this.#carried.flatMap(({ blocks }) => blocks).filter((block) => isCovered(block, offers));
    return [...new Set([...offers, ...routed])].slice(0, MAX_OFFERS);
  }

  #offers(): Offer[] {
    return this.#blocks().map((block) => {
      const why = this.#ways.get(block)?.why ?? this.#trouble;
      return why === undefined ? { block, ready: true } : { block, ready: false, why: why.slice(0, MAX_WHY) };
    });
  }

  #tell(): void {
    const blocks = this.#offers();
    const text = JSON.stringify(blocks);
    if (text === this.#told) return;
    this.#told = text;
    this.#send({ kind: 'offers', blocks });
    const [bad] = blocks.filter(({ ready }) => !ready);
    this.#say(bad ? `warning: this machine does not carry ${bad.block} now: ${bad.why}` : '');
  }

  #say(message: string): void {
    if (message !== '' && message !== this.#said) this.#options.say(message);
    this.#said = message;
  }
}

/** A route in several frames is one. */
const joined = (known: readonly CarriedRow[], more: readonly CarriedRow[]): CarriedRow[] => {
  const rows = new Map(known.map((row) => [row.id, row]));
  for (const row of more) {
    const before = rows.get(row.id);
    rows.set(row.id, before ? { ...row, from: [...before.from, ...row.from] } : row);
  }
  return [...rows.values()];
};
