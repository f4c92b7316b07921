/** This machine as a relay: it passes packets while its own conf and the log name the same port. */
import { forgetRelay } from '../../filter/relay-ways.ts';
import { type ClientFrame, MAX_OPEN, type RelayDuty } from '../../protocol/frames.ts';
import { KernelWays } from '../../relay/kernel-ways.ts';
import { Station } from '../../relay/station.ts';
import type { PeerId } from '../../values/id.ts';
import type { InterfaceName } from '../../values/name.ts';
import type { NetworkPaths } from '../memory/paths.ts';
import { Served } from './served.ts';
import { readServed, writeServed } from './served-file.ts';

/** News of mailboxes are gathered. */
const GATHER_MS = 50;
/** Of what is served now, for a later run. */
const WRITE_AFTER_MS = 1_000;
const MAX_TROUBLE_CHARACTERS = 200;

export type PeerRelayOptions = {
  network: InterfaceName;
  paths: Pick<NetworkPaths, 'relay' | 'relayForwarding' | 'served'>;
  /** The UDP port to which this machine's conf consents. */
  consents: () => number | undefined;
  send: (frame: ClientFrame) => void;
  /** The port is open. */
  onOpen: () => void;
  say: (message: string) => void;
};

/** As the owner of the network tells other verbs. */
export type Relaying = {
  /** By the log; null: none, or not told. */
  named: number | null;
  consents: number | null;
  isOpen: boolean;
  trouble: string | null;
  mailboxes: number;
  pairs: number;
  packets: number;
  /** Packets of data; null: this program passes all. */
  byKernel: number | null;
};

export class PeerRelay {
  readonly #options: PeerRelayOptions;
  readonly #served = new Served();
  readonly #station: Station;
  readonly #news = new Map<PeerId, boolean>();
  #named: number | null = null;
  #trouble: string | undefined;
  #isStarted = false;
  /** What an earlier run left in the kernel is taken back, or in use. */
  #isSettled = false;
  #telling: NodeJS.Timeout | undefined;
  #writing: NodeJS.Timeout | undefined;

  constructor(options: PeerRelayOptions) {
    const { network, paths, say } = options;
    this.#options = options;
    const journal = paths.relayForwarding;
    this.#station = new Station({
      clientele: this.#served,
      kernelAt: (port) => KernelWays.start({ network, port, journal, say }),
      forgetKernel: () => forgetRelay(network, journal),
      file: paths.relay,
      onMailbox: (peer, isOpen) => this.#note(peer, isOpen),
      // The server is the one who looks where peers are.
      onClaim: () => {},
      onOpen: () => this.#onOpen(),
      onTrouble: (error) => this.#onTrouble(error),
    });
  }

  /** Goes on with what an earlier run was told: tunnels need no server. */
  async start(): Promise<void> {
    this.#isStarted = true;
    const known = readServed(this.#options.paths.served);
    if (!known) return;
    this.#named = known.port;
    this.#served.restore(known.peers, known.sights);
    await this.#turn();
  }

  /** A stream has begun: the server knows nothing of this machine's mailboxes. */
  greet(): void {
    if (!this.#isStarted) return;
    this.#sayConsent();
    this.#news.clear();
    for (const peer of this.#station.openPeers) this.#news.set(peer, true);
    this.#tell();
  }

  hear(duty: RelayDuty): void {
    this.#named = duty.port;
    if (this.#served.take(duty)) void this.#turn();
    this.#writing ??= setTimeout(() => this.#write(), WRITE_AFTER_MS).unref();
  }

  /** The conf has changed. */
  consent(): Promise<void> {
    this.#trouble = undefined;
    this.#sayConsent();
    return this.#turn();
  }

  /** This machine was shut out of the network. */
  async end(): Promise<void> {
    this.#named = null;
    await this.#turn();
    this.#write();
  }

  indexOf(peer: PeerId, other: PeerId): number | undefined {
    return this.#station.indicesOf(peer, other)?.own;
  }

  get isOpen(): boolean {
    return this.#station.isOpen;
  }

  get state(): Relaying {
    const counts = this.#station.counts;
    return {
      named: this.#named,
      consents: this.#options.consents() ?? null,
      isOpen: this.#station.isOpen,
      trouble: this.#trouble ?? null,
      mailboxes: this.#station.openPeers.length,
      pairs: counts?.pairs ?? 0,
      packets: counts?.passed.packets ?? 0,
      byKernel: counts?.byKernel?.sent ?? null,
    };
  }

  /** What the kernel passes goes on. */
  async close(): Promise<void> {
    clearTimeout(this.#telling);
    if (this.#writing) this.#write();
    await this.#station.close();
  }

  async #turn(): Promise<void> {
    if (!this.#isStarted) return;
    const { network, paths, consents, say } = this.#options;
    const port = this.#named !== null && this.#named === consents() ? this.#named : undefined;
    if (port !== this.#station.port) return this.#station.turnTo(port);
    this.#station.level();
    if (port !== undefined || this.#isSettled) return;
    this.#isSettled = true;
    await forgetRelay(network, paths.relayForwarding).catch(({ message }: Error) => say(message));
  }

  #onOpen(): void {
    this.#isSettled = true;
    this.#options.onOpen();
    if (this.#trouble === undefined) return;
    this.#trouble = undefined;
    this.#sayConsent();
  }

  #onTrouble({ message }: Error): void {
    this.#trouble = message;
    this.#options.say(`warning: this machine is no relay now: ${message}`);
    this.#sayConsent();
  }

  #sayConsent(): void {
    const port = this.#options.consents() ?? null;
    const trouble = this.#trouble?.slice(0, MAX_TROUBLE_CHARACTERS);
    this.#options.send({ kind: 'consents', port, ...(trouble === undefined ? {} : { trouble }) });
  }

  #note(peer: PeerId, isOpen: boolean): void {
    this.#news.set(peer, isOpen);
    this.#telling ??= setTimeout(() => this.#tell(), GATHER_MS).unref();
  }

  #tell(): void {
    clearTimeout(this.#telling);
    this.#telling = undefined;
    const news = [...this.#news];
    this.#news.clear();
    for (let at = 0; at < news.length; at += MAX_OPEN) {
      const part = news.slice(at, at + MAX_OPEN);
      const those = (wanted: boolean) => part.filter(([, isOpen]) => isOpen === wanted).map(([id]) => id);
      this.#options.send({ kind: 'open', ids: those(true), closed: those(false) });
    }
  }

  #write(): void {
    clearTimeout(this.#writing);
    this.#writing = undefined;
    const port = this.#named;
    writeServed(this.#options.paths.served, port === null ? null : { port, ...this.#served.all });
  }
}
