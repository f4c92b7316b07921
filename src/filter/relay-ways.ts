/** Keeps a relay's table of nftables as wanted; says where the kernel cannot pass packets on. */
import type { Family, Ip } from '../values/ip.ts';
import type { InterfaceName } from '../values/name.ts';
import { run, sure } from '../wireguard/program.ts';
import { type LentForwarding, ordersToPutForwardingBack, putForwardingBack } from './lent-forwarding.ts';
import {
  addWay,
  changeSites,
  keptOwn,
  othersThatFilter,
  type Passed,
  passedIn,
  type RelayTableId,
  type RelayWay,
  relayTable,
  relayTableName,
  removeWay,
  skeletonOf,
  wayKey,
} from './relay-table.ts';
import { TableWatch } from './table-watch.ts';

/** New ways are gathered for a moment: until then the program passes packets. */
const GATHER_MS = 30;
const LOOK_EVERY_MS = 5_000;
/** After the first way. */
const FIRST_LOOK_MS = 700;
/** So many packets taken and none sent since: another filter drops them. */
const MIN_LOST = 4;
const TRY_AGAIN_MS = 600_000;
/** The program removes elements; the kernel does if no program runs. */
const SPARE_SECONDS = 30;

export type RelayWaysOptions = RelayTableId & {
  port: number;
  ownHost: Ip;
  forwarding: LentForwarding;
  say: (message: string) => void;
};

type Wanted = { way: RelayWay; until: number };

export class RelayWays {
  readonly #options: RelayWaysOptions;
  readonly #wanted = new Map<string, Wanted>();
  /** What the kernel has, by key. */
  readonly #told = new Map<string, string>();
  readonly #changed = new Set<string>();
  #sites: ReadonlySet<string> = new Set();
  #toldSites: ReadonlySet<string> = new Set();
  #isMade = false;
  #isCleared = false;
  #lent = '';
  #trouble: string | undefined;
  #working: Promise<void> = Promise.resolve();
  #gathering: NodeJS.Timeout | undefined;
  #looking: NodeJS.Timeout | undefined;
  #passed: Passed = { taken: 0, sent: 0, bytes: 0 };
  #takenAtLastSent = 0;
  #watch: TableWatch | undefined;
  #isClosed = false;

  constructor(options: RelayWaysOptions) {
    this.#options = options;
    this.#lookIn(LOOK_EVERY_MS);
  }

  /** By the kernel, since the table was made. */
  get passed(): Passed {
    return this.#passed;
  }

  open(way: RelayWay, forMs: number): void {
    const key = wayKey(way);
    if (this.#wanted.size === 0) this.#lookIn(FIRST_LOOK_MS);
    this.#wanted.set(key, { way, until: performance.now() + forMs });
    this.#changed.add(key);
    this.#soon();
  }

  close(way: RelayWay): void {
    const key = wayKey(way);
    if (textOf(this.#wanted.get(key)?.way) !== textOf(way)) return;
    this.#wanted.delete(key);
    this.#changed.add(key);
    void this.#work();
  }

  /** Only packets from there are worth a look: IPv4 hosts, or the first address of IPv6 hosts' /64. */
  admit(sites: ReadonlySet<string>): void {
    const isSame = sites.size === this.#sites.size && [...sites].every((site) => this.#sites.has(site));
    this.#sites = sites;
    if (!isSame) this.#soon();
  }

  /** The table stays, as the tunnels do. */
  async leave(): Promise<void> {
    this.#isClosed = true;
    this.#rest();
    clearTimeout(this.#gathering);
    clearTimeout(this.#looking);
    await this.#working;
  }

  #soon(): void {
    if (this.#isClosed) return;
    this.#gathering ??= setTimeout(() => {
      this.#gathering = undefined;
      void this.#work();
    }, GATHER_MS);
  }

  /** One at a time; what changes meanwhile is done next. */
  #work(): Promise<void> {
    this.#working = this.#working.then(() => (this.#isClosed || !this.#isBehind ? undefined : this.#level()));
    return this.#working;
  }

  get #isBehind(): boolean {
    return !this.#isMade || this.#changed.size > 0 || this.#sites !== this.#toldSites;
  }

  async #level(): Promise<void> {
    if (this.#trouble !== undefined) return;
    try {
      for (const key of this.#changed) this.#lendFor(this.#wanted.get(key)?.way);
      if (!this.#isMade || this.#lent !== this.#lentNow.join()) await this.#make();
      else await this.#change().catch(() => this.#makeAgain());
    } catch (error) {
      await this.#fail((error as Error).message);
    }
  }

  get #lentNow(): string[] {
    return this.#options.forwarding.lent(this.#options.family);
  }

  #lendFor(way: RelayWay | undefined): void {
    if (way && !this.#options.forwarding.lend(way.fromHost))
      throw new Error(`no route to ${way.fromHost} was found`);
  }

  /** Another program changed or removed it. */
  #makeAgain(): Promise<void> {
    this.#options.say(
      `nftables' table ${relayTableName(this.#options.network)} was changed: it is made again`,
    );
    return this.#make();
  }

  /** Only what changed, in one transaction. */
  async #change(): Promise<void> {
    // As it is now: while nft runs, more changes.
    const changed = Array.from(this.#changed, (key) => [key, this.#wanted.get(key)] as const);
    const sites = this.#sites;
    this.#changed.clear();
    const lines = changed.flatMap(([key, wanted]) => {
      const has = this.#told.get(key);
      if (has === textOf(wanted?.way)) return [];
      return [
        ...(has === undefined ? [] : removeWay(this.#options, key)),
        ...(wanted ? addWay(this.#options, wanted.way, secondsOf(wanted)) : []),
      ];
    });
    const added = [...sites].filter((site) => !this.#toldSites.has(site));
    const removed = [...this.#toldSites].filter((site) => !sites.has(site));
    lines.push(...changeSites(this.#options, added, removed));
    if (lines.length > 0) await sure('nft', ['-f', '-'], `${lines.join('\n')}\n`);
    for (const [key, wanted] of changed) this.#note(key, textOf(wanted?.way));
    this.#toldSites = sites;
  }

  #note(key: string, text: string | undefined): void {
    if (text === undefined) this.#told.delete(key);
    else this.#told.set(key, text);
  }

  /** The whole table, in one transaction. */
  async #make(): Promise<void> {
    const { network, family, port, ownHost } = this.#options;
    const table = { network, family };
    const listing = await run('nft', ['list', 'map', ...relayTable(table).split(' '), 'own']);
    const lent = this.#lentNow;
    const wanted = [...this.#wanted.values()];
    const sites = this.#sites;
    this.#changed.clear();
    const lines = [
      ...skeletonOf({ ...table, port, ownHost, lent }),
      ...keptOwn(table, listing.code === 0 ? listing.stdout : ''),
      ...changeSites(table, [...sites], []),
      ...wanted.flatMap((each) => addWay(table, each.way, secondsOf(each))),
    ];
    await sure('nft', ['-f', '-'], `${lines.join('\n')}\n`);
    this.#told.clear();
    for (const { way } of wanted) this.#told.set(wayKey(way), textOf(way) ?? '');
    this.#toldSites = sites;
    this.#isMade = true;
    this.#follow();
    this.#lent = lent.join();
    this.#passed = { taken: 0, sent: 0, bytes: 0 };
    this.#takenAtLastSent = 0;
  }

  /** Another program that flushes all tables removes this one. */
  #follow(): void {
    if (this.#isClosed) return;
    const look = () => this.#lookSoon();
    this.#watch ??= new TableWatch(relayTable(this.#options), look, { isWhole: true });
  }

  #rest(): void {
    this.#watch?.close();
    this.#watch = undefined;
  }

  #lookIn(milliseconds: number): void {
    clearTimeout(this.#looking);
    if (this.#isClosed) return;
    this.#looking = setTimeout(() => {
      this.#lookSoon();
      this.#lookIn(LOOK_EVERY_MS);
    }, milliseconds).unref();
  }

  #lookSoon(): void {
    this.#working = this.#working.then(() => this.#look()).catch((error: Error) => this.#fail(error.message));
  }

  /** Finds a table that somebody removed, and packets that another filter drops. */
  async #look(): Promise<void> {
    if (this.#isClosed) return;
    if (this.#trouble !== undefined) return this.#clear();
    if (!this.#isMade) return;
    const passed = await passedBy(this.#options);
    if (!passed) return this.#makeAgain();
    const before = this.#passed;
    this.#passed = passed;
    const { taken, sent } = this.#passed;
    if (sent !== before.sent) this.#takenAtLastSent = taken;
    else if (taken - this.#takenAtLastSent >= MIN_LOST) await this.#giveUp();
  }

  async #giveUp(): Promise<void> {
    const { stdout } = await run('nft', ['-j', 'list', 'chains']);
    const others = othersThatFilter(this.#options, stdout).join(', ');
    await this.#fail(
      `packets that the kernel passes on are dropped on their way out${others && ` (see nft chain ${others})`}`,
    );
  }

  /**
   * What ends must end in the kernel too, so nothing may stay there while it is told nothing. Forwarding goes first:
   * the table drops what else would be forwarded.
   */
  async #clear(): Promise<void> {
    if (this.#isCleared) return;
    try {
      this.#options.forwarding.giveBack(this.#options.family);
      await removeRelayTable(this.#options);
      this.#isCleared = true;
    } catch {
      // tried again at the next look
    }
  }

  /** The program passes packets; later it is tried again. */
  async #fail(reason: string): Promise<void> {
    this.#trouble = reason;
    this.#isMade = false;
    this.#isCleared = false;
    this.#rest();
    await this.#clear();
    for (const key of this.#wanted.keys()) this.#changed.add(key);
    const data = `the relay's data over IPv${this.#options.family}`;
    this.#options.say(`warning: ${data} goes through this program, which is slower: ${reason}`);
    setTimeout(() => {
      this.#trouble = undefined;
      void this.#work();
    }, TRY_AGAIN_MS).unref();
  }
}

const textOf = (way: RelayWay | undefined): string | undefined =>
  way && `${wayKey(way)} ${way.toHost} ${way.toPort}`;

const secondsOf = ({ until }: Wanted): number =>
  Math.max(1, Math.ceil((until - performance.now()) / 1000)) + SPARE_SECONDS;

/** What the kernel has passed on since the table was made; undefined: there is no such table, or no nft. */
const passedBy = async (table: RelayTableId): Promise<Passed | undefined> => {
  const counters = ['list', 'counters', 'table', ...relayTable(table).split(' ')];
  const { code, stdout } = await run('nft', counters).catch(() => ({ code: 1, stdout: '' }));
  return code === 0 ? passedIn(stdout) : undefined;
};

const FAMILIES: readonly Family[] = [4, 6];

/** By both tables of a network; null: there is none. */
export const passedByKernel = async (network: InterfaceName): Promise<Passed | null> => {
  const each = await Promise.all(FAMILIES.map((family) => passedBy({ network, family })));
  return sumOf(each.flatMap((passed) => passed ?? []));
};

/** Null: of nothing. */
export const sumOf = ([first, ...others]: readonly Passed[]): Passed | null =>
  first === undefined
    ? null
    : others.reduce(
        (sum, { taken, sent, bytes }) => ({
          taken: sum.taken + taken,
          sent: sum.sent + sent,
          bytes: sum.bytes + bytes,
        }),
        first,
      );

const removeRelayTable = async (table: RelayTableId): Promise<void> => {
  if (await passedBy(table)) await sure('nft', ['delete', 'table', ...relayTable(table).split(' ')]);
};

/** In words, what `forgetRelay` would do. */
export const ordersToForgetRelay = async (network: InterfaceName, journal: string): Promise<string[]> => [
  ...((await passedByKernel(network)) ? [`remove the table ${relayTableName(network)} of nftables`] : []),
  ...ordersToPutForwardingBack(journal),
];

/** As before there was a relay. Throws the `Failure` of `nft`. */
export const forgetRelay = async (network: InterfaceName, journal: string): Promise<void> => {
  putForwardingBack(journal);
  for (const family of FAMILIES) await removeRelayTable({ network, family });
};

/** Whether nftables is there. */
export const hasNft = async (): Promise<boolean> =>
  run('nft', ['--version']).then(
    ({ code }) => code === 0,
    () => false,
  );
