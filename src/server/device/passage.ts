/** What may pass through the server's device: nothing to what lies behind it, and packets of phones to peers. */
import type { Network } from '../../domain/network.ts';
import { type Carried, carriedBy } from '../../domain/phone-pairs.ts';
import { type FilterTable, tableName } from '../../filter/filter-table.ts';
import { forwards } from '../../filter/forwarding.ts';
import { KeptTable, removeTable } from '../../filter/kept-table.ts';
import { LentForwarding, lendingTrouble, putForwardingBack } from '../../filter/lent-forwarding.ts';
import { nothingThrough, phonesThrough, type Routed } from '../../filter/through.ts';
import { SERVER_PEER } from '../../values/id.ts';
import { type Cidr, type Family, familyOf } from '../../values/ip.ts';
import type { InterfaceName } from '../../values/name.ts';
import type { TableLosses } from './table-losses.ts';

export type PassageOptions = {
  device: InterfaceName;
  /** The network's root block. */
  range: Cidr;
  network: () => Network;
  /** Why packets of phones are not passed, whatever this machine could. */
  refused: string | undefined;
  /** False: the operator's own firewall judges all that is forwarded. */
  isKept: boolean;
  /** See `LentForwarding`. */
  journal: string;
  /** How often another program had removed or changed the table. */
  losses: TableLosses;
  say: (message: string) => void;
};

export class Passage {
  /** Whether phones belong on the device has changed. */
  onPhones: () => void = () => {};
  readonly #options: PassageOptions;
  readonly #table: KeptTable;
  /** The table's trouble; without the table no phone is on the device. */
  #trouble: string | undefined;
  #wanted: string | undefined;
  #isUp = false;

  private constructor(options: PassageOptions) {
    this.#options = options;
    this.#table = new KeptTable({
      network: options.device,
      wanted: () => this.#tableNow(),
      onRestored: () => this.#onRestored(),
      onTrouble: ({ message }) => this.#onTrouble(message),
      onKept: () => {
        if (this.#trouble !== undefined) this.#setTrouble(undefined);
      },
    });
  }

  /** Before the device is up. Without nft, warns once and goes on, without phones. */
  static async start(options: PassageOptions): Promise<Passage> {
    const passage = new Passage(options);
    if (options.isKept) await passage.#keep();
    else await removeTable(options.device);
    return passage;
  }

  /** Why packets of phones are not passed; undefined: they are. */
  get phonesRefused(): string | undefined {
    const { refused, isKept } = this.#options;
    if (refused !== undefined) return refused;
    if (!isKept) return 'it is served with --allow-forwarding, so nothing filters them';
    return this.#trouble ?? this.#forwardingTrouble();
  }

  /** The device is there. */
  begin(): void {
    this.#isUp = true;
    this.#lend();
    const { phonesRefused } = this;
    if (phonesRefused === undefined) return;
    this.onPhones();
    const { phones } = carriedBy(this.#options.network(), SERVER_PEER);
    if (phones.length > 0) this.#options.say(`warning: phones are cut off: ${phonesRefused}`);
  }

  /** After each commit. Resolves when it is in force. */
  async follow(): Promise<void> {
    if (!this.#options.isKept || this.#wanted === JSON.stringify(this.#carried)) return;
    await this.#keep();
    this.#lend();
  }

  /** The table and forwarding stay, as the tunnels do. */
  close(): Promise<void> {
    return this.#table.close();
  }

  /** Trouble is told once, and tried again. */
  #keep(): Promise<void> {
    return this.#table.keep().catch(() => {});
  }

  /** What the table lets pass, whether or not it could be made. */
  get #carried(): Carried {
    const isWilling = this.#options.refused === undefined;
    return isWilling ? carriedBy(this.#options.network(), SERVER_PEER) : { phones: [], pairs: [] };
  }

  async #tableNow(): Promise<FilterTable> {
    const { device, range, network } = this.#options;
    const carried = this.#carried;
    this.#wanted = JSON.stringify(carried);
    const name = tableName(device);
    const isForwarding = await forwards(device);
    if (carried.phones.length === 0) return { name, chains: [nothingThrough(device, isForwarding)] };
    return { name, ...phonesThrough(device, routed(network(), carried, range), isForwarding) };
  }

  /** Once the table stands; taken back with the last phone. */
  #lend(): void {
    const { journal, say } = this.#options;
    if (!this.#isUp) return;
    const isNeeded = this.phonesRefused === undefined && this.#carried.phones.length > 0;
    try {
      if (!isNeeded) putForwardingBack(journal);
      else new LentForwarding(journal).lendTo(this.#switch);
    } catch (error) {
      say(`warning: packets of phones do not get on: ${(error as Error).message}`);
    }
  }

  /** The device's own switch is there once the device is. */
  #forwardingTrouble(): string | undefined {
    return this.#isUp ? lendingTrouble(this.#switch) : undefined;
  }

  get #switch(): { family: Family; device: InterfaceName } {
    const { device, range } = this.#options;
    return { family: familyOf(range), device };
  }

  #onRestored(): void {
    this.#options.losses.note();
    this.#options.say(`nftables' table ${tableName(this.#options.device)} was changed: it is made again`);
  }

  #onTrouble(message: string): void {
    const { device, say } = this.#options;
    say(`warning: ${message}: where this machine forwards, peers of ${device} reach what lies behind it`);
    this.#setTrouble(message);
  }

  #setTrouble(trouble: string | undefined): void {
    this.#trouble = trouble;
    this.#lend();
    this.onPhones();
  }
}

const routed = (network: Network, { phones, pairs }: Carried, range: Cidr): Routed => {
  const blockOf = (id: Carried['pairs'][number]['from']): Cidr => network.cidr(id)?.cidr ?? range;
  return {
    range,
    phones,
    blocks: [...network.cidrs()].filter(({ id }) => network.holdsPeers(id)).map(({ cidr }) => cidr),
    pairs: pairs.map(({ from, to, allow }) => ({ from: blockOf(from), to: blockOf(to), allow })),
  };
};
