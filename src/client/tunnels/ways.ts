/** Carries out what `Meetings` decides: on the device, through the tunnel, by raw probes and by the packet filter. */
import { randomBytes } from 'node:crypto';
import { removeSwapTable, SwapTable } from '../../filter/swap-table.ts';
import { Turns } from '../../machine/turns.ts';
import type { PeerRow } from '../../protocol/rows.ts';
import {
  messageIn,
  PeerMessage,
  ServerMessage,
  TALK_PORT,
  type Token,
  type WayMessage,
} from '../../protocol/talk-message.ts';
import { type PeerId, SERVER_PEER } from '../../values/id.ts';
import type { Ip } from '../../values/ip.ts';
import type { PublicKey } from '../../values/key.ts';
import type { InterfaceName } from '../../values/name.ts';
import type { Step } from '../../wireguard/device.ts';
import { TunnelDatagrams } from '../../wireguard/tunnel-datagrams.ts';
import type { Meetings } from './meetings.ts';
import type { PathAction } from './paths.ts';
import { type HeardProbe, Probes } from './probes.ts';

export type WaysOptions = {
  network: InterfaceName;
  own: Ip;
  server: Ip;
  meetings: Meetings;
  /** Applies steps in the device's turn; also without steps, since the next look may be due earlier. */
  change: (steps: () => Step[]) => Promise<void>;
  listenPort: () => number;
  peerWith: (key: PublicKey) => PeerRow | undefined;
  peerAt: (ip: Ip) => PeerRow | undefined;
  peerOf: (id: PeerId) => PeerRow | undefined;
  wall: (now: number) => number;
};

const LOOK_AGAIN_MS = 2000;
/** A busy server's answer is waited for: both ways carry packets meanwhile, and without it some may be lost. */
const INDEX_WITHIN_MS = 500;

type Asked = { relay: PeerId; value: Promise<number | null>; tell: (value: number | null) => void };

/** Null once it is too late. */
const asked = (relay: PeerId, patience: number): Asked => {
  let tell: Asked['tell'] = () => {};
  const value = new Promise<number | null>((resolve) => {
    tell = resolve;
    setTimeout(resolve, patience, null).unref();
  });
  return { relay, value, tell };
};

export const newToken = (): Token => randomBytes(16).toString('base64url') as Token;

export class Ways {
  /** Asks the server for the pair's indices at its relay. */
  onAsk: (peer: PeerId) => void = () => {};
  /** The server says that it has no stream of this machine. */
  onNoStream: () => void = () => {};
  /** By which `peer` receives in its newest session with the other through this machine's relay. */
  indexOf: (peer: PeerId, other: PeerId) => number | undefined = () => undefined;
  readonly #options: WaysOptions;
  readonly #talk: TunnelDatagrams;
  readonly #probes: Probes;
  readonly #swaps: SwapTable;
  readonly #turns = new Turns();
  /** Receiver indices of this end that were asked for, of sessions by that relay. */
  readonly #indices = new Map<PublicKey, Asked>();
  readonly #pings = new Map<Token, () => void>();
  #isOpen = false;
  #isClosed = false;
  #again: NodeJS.Timeout | undefined;

  constructor(options: WaysOptions) {
    this.#options = options;
    const place = { device: options.network, ip: options.own, port: TALK_PORT };
    this.#talk = new TunnelDatagrams(place, (from, text) => this.#onTalk(from, text));
    this.#probes = new Probes((probe) => this.#onProbe(probe));
    this.#swaps = new SwapTable(options.network);
  }

  /** With the first relay, and whenever the device may be another one. */
  async look(): Promise<void> {
    if (!this.#isOpen) {
      this.#isOpen = true;
      await removeSwapTable(this.#options.network).catch(() => {});
      this.#options.meetings.paths.canProbe = await this.#probes.isAllowed();
    }
    this.listen();
  }

  /** From the start, and whenever the device may be another one. */
  listen(): void {
    clearTimeout(this.#again);
    if (this.#isClosed) return;
    try {
      this.#talk.look();
    } catch {
      // An IPv6 address is tentative at first.
      this.#again = setTimeout(() => this.listen(), LOOK_AGAIN_MS).unref();
    }
  }

  /** Null: that relay does not know the session. */
  indices(peer: PublicKey, relay: PeerId, mine: number | null): void {
    const asked = this.#indices.get(peer);
    if (asked?.relay === relay) asked.tell(mine);
  }

  /** The steps for the device; the rest is carried out beside it. */
  stepsOf(actions: readonly PathAction[]): Step[] {
    this.#quickly(actions);
    const slow = actions.filter(
      (action) => action.do === 'tell' || action.do === 'ask' || action.do === 'insist',
    );
    if (slow.length > 0) void this.#turns.take(() => this.#inOrder(slow));
    return actions.flatMap((action) => (action.do === 'step' ? [action.step] : []));
  }

  /** Milliseconds until the other's program answered; undefined without an answer. */
  async ping(to: Ip, patience: number): Promise<number | undefined> {
    await this.look();
    const token = newToken();
    const start = performance.now();
    return new Promise((resolve) => {
      const end = (answered: boolean) => {
        clearTimeout(late);
        this.#pings.delete(token);
        resolve(answered ? performance.now() - start : undefined);
      };
      const late = setTimeout(() => end(false), patience);
      this.#pings.set(token, () => end(true));
      this.#send(to, { do: 'ping', token });
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#again);
    this.#talk.close();
    this.#probes.close();
    await this.#turns.take(() => this.#swaps.close());
  }

  #send(to: Ip, message: PeerMessage): void {
    this.#talk.send(to, JSON.stringify(message));
  }

  #onTalk(from: Ip, text: string): void {
    if (from === this.#options.server) {
      if (messageIn(ServerMessage, text)) this.onNoStream();
      return;
    }
    const row = this.#options.peerAt(from);
    const message = row && messageIn(PeerMessage, text);
    if (!row || !message) return;
    if (message.do === 'ping') this.#send(from, { do: 'pong', token: message.token });
    if (message.do === 'pong') this.#pings.get(message.token)?.();
    if (message.do === 'index-of') {
      const { peer } = message;
      this.#send(from, { do: 'index', peer, index: this.indexOf(row.id, peer) ?? null });
      return;
    }
    if (message.do === 'index') {
      const about = this.#options.peerOf(message.peer);
      if (about) this.indices(about.publicKey, row.id, message.index);
      return;
    }
    this.#act(this.#options.meetings.paths.hear(row.publicKey, message, performance.now()));
  }

  #onProbe({ kind, token, number, from }: HeardProbe): void {
    this.#act(this.#options.meetings.paths.probed(kind, token, number, from, performance.now()));
  }

  /** What is said must follow what is set. */
  #act(said: readonly PathAction[]): void {
    const now = performance.now();
    const actions = this.#options.meetings.settle(said, { now, wall: this.#options.wall(now) });
    this.#quickly(actions);
    void this.#turns.take(() => this.#inOrder(actions));
  }

  #quickly(actions: readonly PathAction[]): void {
    if (actions.some((action) => action.do === 'ask')) this.#probes.listen(this.#options.listenPort());
    for (const action of actions)
      if (action.do === 'probe' || action.do === 'answer')
        this.#probes.send(action.do, action.to, action.token, action.number);
  }

  async #inOrder(actions: readonly PathAction[]): Promise<void> {
    const steps: Step[] = [];
    const flush = () => this.#options.change(() => steps.splice(0));
    for (const action of actions)
      switch (action.do) {
        case 'step':
          steps.push(action.step);
          break;
        case 'insist':
          await this.#insist(action);
          break;
        case 'tell':
          if (steps.length > 0) await flush();
          this.#tell(action.peer, action.message);
          break;
        case 'ask':
          this.#ask(action.peer, action.relay);
          break;
        default:
          break;
      }
    await flush();
  }

  #tell(peer: PublicKey, message: WayMessage): void {
    const row = this.#options.peerWith(peer);
    if (row) this.#send(row.ip, message);
  }

  /** The server of its own relay; another relay through the tunnel to it. */
  #ask(peer: PublicKey, relay: PeerId): void {
    this.#indices.set(peer, asked(relay, INDEX_WITHIN_MS));
    const row = this.#options.peerWith(peer);
    if (!row) return;
    const to = this.#options.peerOf(relay)?.ip;
    if (relay === SERVER_PEER) this.onAsk(row.id);
    else if (to) this.#send(to, { do: 'index-of', peer: row.id });
  }

  /** Without the index or nftables the endpoint is set again for a while, which is enough for quiet pairs. */
  async #insist({ peer, relay, place }: PathAction & { do: 'insist' }): Promise<void> {
    const index = await this.#indices.get(peer)?.value;
    const listenPort = this.#options.listenPort();
    if (typeof index === 'number') await this.#swaps.add({ relay, place, listenPort, index });
  }
}
