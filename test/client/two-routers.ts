// A model of two peers behind a router each, of relays and of time: packets, mappings and WireGuard's endpoints.
import { Contacts } from '../../src/client/tunnels/contacts.ts';
import { Meetings, type PairFacts } from '../../src/client/tunnels/meetings.ts';
import { type PathAction, Paths, type RelayPlace } from '../../src/client/tunnels/paths.ts';
import type { Token, WayMessage } from '../../src/protocol/talk-message.ts';
import { endpointOf, hostOf, portOf, type SocketAddress } from '../../src/values/endpoint.ts';
import type { PeerId } from '../../src/values/id.ts';
import type { PublicKey } from '../../src/values/key.ts';
import type { DeviceState, PeerState, Step } from '../../src/wireguard/device.ts';
import { row } from './sight.ts';

export type RouterKind = 'keep' | 'symmetric';
export type Side = 'a' | 'b';

/** WireGuard's messages between two devices, as far as they move endpoints. */
type WireGuardPacket =
  | { kind: 'initiation' | 'response'; session: number; bytes: number }
  | { kind: 'data'; session: number; bytes: number; message?: WayMessage | 'user' };
type Probe = { kind: 'probe' | 'answer'; token: Token; number: number; bytes: number };
type Packet = WireGuardPacket | Probe;

const LISTEN = 51820;
const TICK_MS = 10;
const DELAY_MS = 10;
const MAPPING_MS = 30_000;
const REJECT_AFTER_MS = 180_000;
const REKEY_AFTER_MS = 120_000;
const RETRY_MS = 5000;
const GIVE_UP_MS = 90_000;
const REGISTER_MS = 5000;
const MISSED_AFTER_MS = 15_000;
const LOOK_AT_ADDRESSES_MS = 2000;
export const WALL = Date.UTC(2026, 0, 1);

type Mapping = { to: SocketAddress; port: number; at: number };

class Router {
  host: string;
  kind: RouterKind;
  #mappings: Mapping[] = [];
  #nextPort = 40_000;

  constructor(host: string, kind: RouterKind) {
    this.host = host;
    this.kind = kind;
  }

  reboot(): void {
    this.#mappings = [];
  }

  out(to: SocketAddress, now: number): SocketAddress {
    this.#mappings = this.#mappings.filter(({ at }) => now - at < MAPPING_MS);
    let mapping = this.#mappings.find((one) => one.to === to);
    if (!mapping) {
      this.#nextPort += 1;
      mapping = { to, port: this.kind === 'keep' ? LISTEN : this.#nextPort, at: now };
      this.#mappings.push(mapping);
    }
    mapping.at = now;
    return endpointOf(this.host, mapping.port) as SocketAddress;
  }

  /** Only from where this side has sent. */
  admits(from: SocketAddress, port: number, now: number): boolean {
    const mapping = this.#mappings.find(
      (one) => one.to === from && one.port === port && now - one.at < MAPPING_MS,
    );
    if (mapping) mapping.at = now;
    return mapping !== undefined;
  }
}

class Peer {
  readonly side: Side;
  readonly pair: { publicKey: PublicKey; ip: PeerState['allowedIps'][number] };
  readonly router: Router;
  readonly meetings: Meetings;
  has: PeerState | undefined;
  /** The newest last; data of all of them is taken. */
  sessions: { id: number; at: number }[] = [];
  /** Asked for by the other side; it counts with its first data. */
  unconfirmed: number | undefined;
  /** The last session that this side began, which it renews. */
  begun: number | undefined;
  asking: { id: number; since: number; at: number } | undefined;
  queued: (WayMessage | 'user' | undefined)[] = [];
  lastKeepaliveAt = 0;
  received = 0;
  ways: string[] = [];

  constructor(side: Side, kind: RouterKind, own: PublicKey, pair: Peer['pair'], token: () => Token) {
    this.side = side;
    this.router = new Router(side === 'a' ? '203.0.113.1' : '198.51.100.1', kind);
    this.pair = pair;
    this.meetings = new Meetings(new Contacts(own), new Paths(own, token));
    this.meetings.paths.canProbe = true;
  }
}

export class TwoRouters {
  now = 0;
  readonly peers: { [S in Side]: Peer };
  readonly #dead = new Set<PeerId>();
  /** Relays where the server knows both mailboxes to be open, as it tells both. */
  readonly #open = new Set<PeerId>();
  readonly relays: RelayPlace[];
  /** Directions of the direct way that carry nothing. */
  readonly cut = new Set<Side>();
  #underWay: { at: number; deliver: () => void }[] = [];
  #registered = new Map<string, SocketAddress>();
  /** Sessions whose handshake each relay has passed: it passes no others. */
  readonly #passed = new Map<PeerId, Set<number>>();
  #session = 0;
  #token = 0;
  #sentAt = 0;
  isTalking = true;

  constructor({ kinds, relays = 1 }: { kinds: { [S in Side]: RouterKind }; relays?: number }) {
    const token = () => {
      this.#token += 1;
      return String(this.#token).padStart(22, '0');
    };
    const a = row(5, '10.42.1.5', 10);
    const b = row(6, '10.42.1.6', 30);
    this.relays = [...new Array(relays).keys()].map((at) => ({
      id: (at + 1) as PeerId,
      place: `192.0.2.${at + 1}:51821` as SocketAddress,
    }));
    this.peers = {
      a: new Peer('a', kinds.a, a.publicKey, b as never, token),
      b: new Peer('b', kinds.b, b.publicKey, a as never, token),
    };
    this.#register();
    for (const side of ['b', 'a'] as const) this.#introduce(side, side === 'b' ? 'self' : 'other');
  }

  /** Which way the packets of one side take. */
  wayOf(side: Side): 'direct' | 'relayed' | 'none' {
    const endpoint = this.peers[side].has?.endpoint;
    if (!endpoint) return 'none';
    return this.relays.some(({ place }) => place === endpoint) ? 'relayed' : 'direct';
  }

  /** Lets time pass; while they talk, both sides send ten packets a second. */
  run(milliseconds: number): void {
    for (const end = this.now + milliseconds; this.now < end; this.now += TICK_MS) {
      const due = this.#underWay.filter(({ at }) => at <= this.now);
      this.#underWay = this.#underWay.filter(({ at }) => at > this.now);
      for (const { deliver } of due) deliver();
      if (this.now % REGISTER_MS === 0) this.#register();
      if (this.isTalking && this.now - this.#sentAt >= 100) this.#talk();
      for (const peer of [this.peers.a, this.peers.b]) this.#work(peer);
    }
  }

  /** Whether user packets pass both ways within that time. */
  passes(milliseconds: number): boolean {
    const before = { a: this.peers.a.received, b: this.peers.b.received };
    const was = this.isTalking;
    this.isTalking = true;
    this.run(milliseconds);
    this.isTalking = was;
    return this.peers.a.received > before.a && this.peers.b.received > before.b;
  }

  reboot(side: Side): void {
    this.peers[side].router.reboot();
  }

  /** To another network: the machine sees it within two seconds, and the server tells the other. */
  move(side: Side): void {
    const peer = this.peers[side];
    peer.router.reboot();
    peer.router.host = peer.router.host.replace(/\d+$/, (last) => String(Number(last) + 1));
    this.#later(LOOK_AT_ADDRESSES_MS, () => {
      this.#register();
      this.#carryOut(peer, peer.meetings.move(this.now, WALL + this.now));
    });
    const other = this.peers[otherOf(side)];
    this.#later(LOOK_AT_ADDRESSES_MS + DELAY_MS, () =>
      this.#carryOut(
        other,
        other.meetings.learn(other.pair.publicKey, this.#factsFor(other), this.now, true),
      ),
    );
    this.#later(LOOK_AT_ADDRESSES_MS + DELAY_MS, () =>
      this.#carryOut(peer, peer.meetings.learn(peer.pair.publicKey, this.#factsFor(peer), this.now)),
    );
  }

  /** The server misses the mailboxes later. */
  die(id: PeerId): void {
    this.#dead.add(id);
    this.#later(MISSED_AFTER_MS, () => {
      if (this.#dead.has(id) && this.#open.delete(id)) this.#tellRelays();
    });
  }

  /** It has forgotten all; the mailboxes open again one by one. */
  return(id: PeerId): void {
    if (!this.#dead.delete(id)) return;
    for (const side of ['a', 'b']) this.#registered.delete(`${id} ${side}`);
    this.#passed.delete(id);
    if (this.#open.delete(id)) this.#tellRelays();
  }

  get deadRelays(): ReadonlySet<PeerId> {
    return this.#dead;
  }

  #tellRelays(): void {
    for (const peer of [this.peers.a, this.peers.b])
      this.#carryOut(peer, peer.meetings.learn(peer.pair.publicKey, this.#factsFor(peer), this.now));
  }

  #introduce(side: Side, newcomer: 'self' | 'other'): void {
    const peer = this.peers[side];
    const about = { now: this.now, wall: WALL + this.now, newcomer };
    this.#carryOut(peer, peer.meetings.add(peer.pair as never, this.#factsFor(peer), about));
  }

  #factsFor(peer: Peer): PairFacts {
    const other = this.peers[otherOf(peer.side)];
    const both = peer.router.kind === 'symmetric' && other.router.kind === 'symmetric';
    return {
      relays: this.relays.filter(({ id }) => this.#open.has(id)),
      places: [endpointOf(other.router.host, LISTEN) as SocketAddress],
      isBehindRouters: true,
      ...(both ? { hopeless: 'both change ports' } : {}),
    };
  }

  #later(milliseconds: number, deliver: () => void): void {
    this.#underWay.push({ at: this.now + milliseconds, deliver });
  }

  /** Mailboxes: each relay that lives learns where both are. */
  #register(): void {
    for (const { id, place } of this.relays)
      for (const peer of [this.peers.a, this.peers.b]) {
        const at = peer.router.out(place, this.now);
        if (!this.#dead.has(id)) this.#registered.set(`${id} ${peer.side}`, at);
      }
    const news = this.relays.filter(({ id }) => !this.#dead.has(id) && !this.#open.has(id));
    for (const { id } of news) this.#open.add(id);
    if (news.length > 0) this.#tellRelays();
  }

  #talk(): void {
    this.#sentAt = this.now;
    for (const peer of [this.peers.a, this.peers.b]) this.#sendData(peer, 'user');
  }

  #work(peer: Peer): void {
    const { meetings, has, asking } = peer;
    if (asking && this.now - asking.at >= RETRY_MS) {
      if (this.now - asking.since >= GIVE_UP_MS) peer.asking = undefined;
      else this.#initiate(peer, asking.since);
    }
    if (has && has.keepalive > 0 && this.now - peer.lastKeepaliveAt >= has.keepalive * 1000)
      this.#sendData(peer);
    if (meetings.nextDue > this.now) return;
    this.#carryOut(peer, meetings.tick(this.#stateOf(peer), this.now, WALL + this.now));
  }

  #stateOf({ has }: Peer): DeviceState {
    const peers = new Map(has ? [[has.publicKey, { ...has }]] : []);
    return { publicKey: undefined, listenPort: LISTEN, peers };
  }

  #carryOut(peer: Peer, said: readonly PathAction[]): void {
    for (const action of peer.meetings.settle(said, { now: this.now, wall: WALL + this.now }))
      if (action.do === 'step') this.#apply(peer, action.step);
      else if (action.do === 'tell') this.#sendData(peer, action.message);
      else if (action.do === 'probe' || action.do === 'answer') {
        const { do: kind, token, number } = action;
        this.#transmit(peer, action.to, { kind, token, number, bytes: 0 });
      }
    const report = peer.meetings.paths.report(peer.pair.publicKey)?.way ?? 'apart';
    if (peer.ways.at(-1) !== report) peer.ways.push(report);
  }

  #apply(peer: Peer, step: Step): void {
    if (step.kind !== 'set' && step.kind !== 'recreate' && step.kind !== 'remove') return;
    if (step.publicKey !== peer.pair.publicKey) return;
    if (step.kind === 'remove' || step.kind === 'recreate') {
      peer.has = undefined;
      peer.sessions = [];
      peer.unconfirmed = undefined;
      peer.asking = undefined;
      peer.queued = [];
    }
    if (step.kind === 'remove') return;
    const before = peer.has;
    peer.has = {
      publicKey: step.publicKey,
      allowedIps: [],
      endpoint: step.endpoint ?? before?.endpoint,
      keepalive: step.keepalive ?? before?.keepalive ?? 0,
      latestHandshake: before?.latestHandshake,
      rxBytes: before?.rxBytes ?? 0,
      txBytes: before?.txBytes ?? 0,
    };
    if ((before?.keepalive ?? 0) === 0 && peer.has.keepalive > 0) this.#sendData(peer);
  }

  #sendData(peer: Peer, message?: WayMessage | 'user'): void {
    if (!peer.has?.endpoint) return;
    peer.lastKeepaliveAt = this.now;
    const session = peer.sessions.at(-1);
    if (session && this.now - session.at < REJECT_AFTER_MS) {
      const bytes = message === undefined ? 32 : 128;
      const packet: Packet = { kind: 'data', session: session.id, bytes, ...(message ? { message } : {}) };
      this.#transmit(peer, peer.has.endpoint, packet);
      if (session.id === peer.begun && this.now - session.at >= REKEY_AFTER_MS && !peer.asking)
        this.#initiate(peer, this.now);
      return;
    }
    if (message) peer.queued = [...peer.queued, message].slice(-10);
    if (!peer.asking) this.#initiate(peer, this.now);
  }

  #initiate(peer: Peer, since: number): void {
    if (!peer.has?.endpoint) return;
    this.#session += 1;
    peer.asking = { id: this.#session, since, at: this.now };
    this.#transmit(peer, peer.has.endpoint, { kind: 'initiation', session: this.#session, bytes: 148 });
  }

  #transmit(peer: Peer, to: SocketAddress, packet: Packet): void {
    if (peer.has) peer.has.txBytes += packet.bytes;
    const from = peer.router.out(to, this.now);
    const other = this.peers[otherOf(peer.side)];
    const relay = this.relays.find(({ place }) => place === to);
    if (relay) {
      this.#later(DELAY_MS, () => {
        const known = this.#registered.get(`${relay.id} ${other.side}`);
        if (this.#dead.has(relay.id) || !known || !this.#isPassed(relay.id, packet)) return;
        this.#later(DELAY_MS, () => this.#arrive(other, packet, relay.place, known));
      });
      return;
    }
    if (!this.cut.has(peer.side)) this.#later(DELAY_MS, () => this.#arrive(other, packet, from, to));
  }

  #isPassed(relay: PeerId, packet: Packet): boolean {
    if (!('session' in packet)) return false;
    const passed = this.#passed.get(relay) ?? new Set();
    if (packet.kind === 'response') this.#passed.set(relay, passed.add(packet.session));
    return packet.kind !== 'data' || passed.has(packet.session);
  }

  #arrive(peer: Peer, packet: Packet, from: SocketAddress, to: SocketAddress): void {
    if (hostOf(to) !== peer.router.host || !peer.router.admits(from, portOf(to), this.now)) return;
    if ('token' in packet) {
      const { kind, token, number } = packet;
      this.#carryOut(peer, peer.meetings.paths.probed(kind, token, number, from, this.now));
    } else if (peer.has) this.#receive(peer, peer.has, packet, from);
  }

  #receive(peer: Peer, has: PeerState, packet: WireGuardPacket, from: SocketAddress): void {
    if (packet.kind === 'initiation') {
      peer.unconfirmed = packet.session;
      this.#hears(has, packet, from);
      this.#transmit(peer, from, { kind: 'response', session: packet.session, bytes: 92 });
    } else if (packet.kind === 'response') {
      if (peer.asking?.id !== packet.session) return;
      peer.asking = undefined;
      peer.begun = packet.session;
      this.#take(peer, has, packet.session);
      this.#hears(has, packet, from);
      const queued = peer.queued.splice(0);
      for (const message of queued.length > 0 ? queued : [undefined]) this.#sendData(peer, message);
    } else if (packet.kind === 'data') {
      if (packet.session === peer.unconfirmed) this.#take(peer, has, packet.session);
      if (!peer.sessions.some(({ id, at }) => id === packet.session && this.now - at < REJECT_AFTER_MS))
        return;
      this.#hears(has, packet, from);
      if (packet.message === 'user') peer.received += 1;
      else if (packet.message) this.#hearTalk(peer, packet.message);
    }
  }

  /** The other program answers a ping; what else is said concerns the pair's way. */
  #hearTalk(peer: Peer, message: WayMessage): void {
    if (message.do === 'ping') this.#sendData(peer, { do: 'pong', token: message.token });
    this.#carryOut(peer, peer.meetings.paths.hear(peer.pair.publicKey, message, this.now));
  }

  #take(peer: Peer, has: PeerState, id: number): void {
    if (peer.unconfirmed === id) peer.unconfirmed = undefined;
    peer.sessions = [...peer.sessions.slice(-2), { id, at: this.now }];
    has.latestHandshake = WALL + this.now;
  }

  #hears(has: PeerState, packet: Packet, from: SocketAddress): void {
    has.rxBytes += packet.bytes;
    has.endpoint = from;
  }
}

const otherOf = (side: Side): Side => (side === 'a' ? 'b' : 'a');
