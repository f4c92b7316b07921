/** The server as a relay: serves whom the log allows, while the log says that it is one. */
import type { Network } from '../../domain/network.ts';
import type { Peer } from '../../domain/peer.ts';
import { canReach } from '../../domain/reach.ts';
import { sees } from '../../domain/visibility.ts';
import type { Passed } from '../../filter/relay-table.ts';
import type { RelayPeer } from '../../relay/members.ts';
import { Relay } from '../../relay/relay.ts';
import { RelayRunner } from '../../relay/runner.ts';
import { hostOf } from '../../values/endpoint.ts';
import { type PeerId, SERVER_PEER } from '../../values/id.ts';
import type { Ip } from '../../values/ip.ts';
import type { PublicKey } from '../../values/key.ts';
import type { Live } from '../live/live.ts';
import type { Step } from '../live/step.ts';
import type { Observations } from '../observations/observations.ts';
import type { KernelWays } from './kernel-ways.ts';

/** Between looks at the device because of a mailbox from an unknown host. */
const MIN_LOOK_MS = 250;
const TRY_AGAIN_MS = 60_000;

export type OwnRelayOptions = {
  live: Live;
  observations: Observations;
  mailboxOf: (relay: PeerId, peer: PeerId) => PublicKey;
  /** Undefined: the program passes all packets. */
  kernelAt: (port: number) => Promise<KernelWays | undefined>;
  /** Takes back what the kernel was told. */
  forgetKernel: () => Promise<unknown>;
  file: string;
  report: (trouble: string, error: unknown) => void;
};

type Running = { relay: Relay; runner: RelayRunner; kernel: KernelWays | undefined };

export class OwnRelay {
  readonly #options: OwnRelayOptions;
  readonly #mailboxes = new Map<PeerId, PublicKey>();
  readonly #sights = new Map<string, boolean>();
  readonly #unsubscribe: () => void;
  #running: Running | undefined;
  #port: number | undefined;
  #turns: Promise<void> = Promise.resolve();
  #trouble = '';
  #trying: NodeJS.Timeout | undefined;
  #lookedAt = Number.NEGATIVE_INFINITY;
  /** Reads where the device hears its peers. */
  look: () => Promise<unknown> = async () => {};

  constructor(options: OwnRelayOptions) {
    this.#options = options;
    this.#unsubscribe = options.observations.onChange(({ id }) => this.#place(id));
  }

  /** A port that is taken is a warning. */
  start(): Promise<void> {
    this.#turnTo(portOf(this.#options.live.network));
    return this.#turns;
  }

  /** Ends what the commit ends in the same turn. */
  follow({ changes, deltas }: Step): void {
    if (changes.peers.size + deltas.length === 0) return;
    const port = portOf(this.#options.live.network);
    if (port === this.#port) this.#level();
    else this.#turnTo(port);
  }

  indicesOf(peer: PeerId, other: PeerId): { own: number; others: number } | undefined {
    return this.#running?.relay.indicesOf(peer, other);
  }

  /** Undefined: it is no relay, or cannot be one now. */
  get counts(): (Relay['counts'] & { byKernel: Passed | undefined }) | undefined {
    if (!this.#running) return undefined;
    const { relay, kernel } = this.#running;
    return { ...relay.counts, byKernel: kernel?.passed };
  }

  /** What the kernel has goes on, as the tunnels do. */
  async close(): Promise<void> {
    this.#unsubscribe();
    clearTimeout(this.#trying);
    await this.#turns;
    await this.#running?.kernel?.leave();
    await this.#running?.runner.close();
  }

  #turnTo(port: number | undefined): void {
    this.#port = port;
    const before = this.#running;
    this.#running = undefined;
    if (before) before.runner.carryOut(before.relay.setPeers([], () => false, performance.now()));
    this.#turns = this.#turns
      .then(() => before?.kernel?.leave())
      .then(() => before?.runner.close())
      .then(() => (port === undefined ? this.#options.forgetKernel() : undefined))
      .then(() => (port === undefined || port !== this.#port ? undefined : this.#open(port)))
      .catch((error: unknown) => this.#fail(port, error as Error));
  }

  /** Tries again, and says so once. */
  #fail(port: number | undefined, error: Error): void {
    if (this.#trouble !== error.message) this.#options.report('this server is no relay now', error);
    this.#trouble = error.message;
    this.#trying = setTimeout(() => {
      if (port === this.#port && !this.#running) this.#turnTo(port);
    }, TRY_AGAIN_MS).unref();
  }

  async #open(port: number): Promise<void> {
    const relay = new Relay();
    const kernel = await this.#options.kernelAt(port);
    relay.setPeers(this.#peers(), this.#sees, performance.now());
    const runner = await RelayRunner.open({
      relay,
      port,
      file: this.#options.file,
      kernel,
      onMailbox: (peer, isOpen) => this.#tell(peer, isOpen),
      onClaim: () => this.#look(),
    }).catch(async (error: unknown) => {
      await kernel?.leave();
      throw error;
    });
    this.#running = { relay, runner, kernel };
    this.#trouble = '';
    // The log may have gone on meanwhile.
    if (port === this.#port) this.#level();
    else this.#turnTo(this.#port);
  }

  #level(): void {
    this.#sights.clear();
    if (!this.#running) return;
    const { relay, runner } = this.#running;
    runner.carryOut(relay.setPeers(this.#peers(), this.#sees, performance.now()));
  }

  #place(id: PeerId): void {
    if (!this.#running) return;
    const { relay, runner } = this.#running;
    runner.carryOut(relay.setPlace(id, this.#placeOf(id), performance.now()));
  }

  *#peers(): Generator<RelayPeer> {
    const { network } = this.#options.live;
    const server = network.peer(SERVER_PEER);
    for (const peer of network.peers())
      if (peer.id !== SERVER_PEER && canReach(network, peer, server)) yield this.#relayPeer(peer);
  }

  #relayPeer({ id, publicKey }: Peer): RelayPeer {
    const mailbox = this.#mailboxes.get(id) ?? this.#options.mailboxOf(SERVER_PEER, id);
    this.#mailboxes.set(id, mailbox);
    return { id, publicKey, mailbox, ...this.#placeOf(id) };
  }

  #placeOf(id: PeerId): Pick<RelayPeer, 'host' | 'openAt'> {
    const { observations } = this.#options;
    const { endpoint } = observations.of(id);
    if (endpoint === null) return {};
    return { host: hostOf(endpoint) as Ip, ...(observations.isInTheOpen(id) ? { openAt: endpoint } : {}) };
  }

  /** Of peers with the same CIDRs the answer is the same. */
  readonly #sees = (left: PeerId, right: PeerId): boolean => {
    const { network } = this.#options.live;
    const [viewer, seen] = [network.peer(left)?.cidrId, network.peer(right)?.cidrId];
    if (viewer === undefined || seen === undefined) return false;
    const key = `${viewer} ${seen}`;
    const known = this.#sights.get(key) ?? sees(network, viewer, seen);
    this.#sights.set(key, known);
    return known;
  };

  #tell(id: PeerId, isOpen: boolean): void {
    const { observations } = this.#options;
    const others = observations.of(id).via.filter((relay) => relay !== SERVER_PEER);
    observations.setVia(id, isOpen ? [SERVER_PEER, ...others] : others);
  }

  #look(): void {
    const now = performance.now();
    if (now - this.#lookedAt < MIN_LOOK_MS) return;
    this.#lookedAt = now;
    void this.look().catch(() => {});
  }
}

const portOf = (network: Network): number | undefined =>
  network.relays().find(({ peer }) => peer.id === SERVER_PEER)?.port;
