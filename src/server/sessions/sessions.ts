/** Ends rights after each commit: the device, the relay, the deadlines of sockets, then streams. */
import { type EndedRight, isAddressFree } from '../../domain/rights.ts';
import type { Revoked } from '../../protocol/frames.ts';
import type { PeerId } from '../../values/id.ts';
import type { PublicKey } from '../../values/key.ts';
import type { PeerDelta } from '../../wireguard/plan.ts';
import type { Limits } from '../limits.ts';
import type { Live } from '../live/live.ts';
import type { Step } from '../live/step.ts';
import { Connections, peerAt } from './connections.ts';
import { type Lingering, type LingeringKeys, questionPeer } from './lingering-keys.ts';

/** To hear that a right has ended, or the answer to a call; then key and sockets are removed. */
const MAX_GOODBYE_MS = 100;
/** By then the address moves, even if delivery of the answer is not confirmed. */
const MAX_ANSWER_MS = 2_000;

export interface PeerDevice {
  apply(delta: PeerDelta): void;
  /** Resolves when the device has all earlier changes. */
  settled(): Promise<void>;
  /** Set by `Sessions`. */
  onHandshake: (id: PeerId, key: PublicKey) => void;
}

export interface Streams {
  /** Resolves when the peer's streams have closed. */
  revoke(id: PeerId, reason: Revoked['reason']): Promise<unknown>;
  follow(step: Step): void;
}

export type SessionsOptions = {
  live: Pick<Live, 'network' | 'subscribe'>;
  device: PeerDevice;
  lingering: LingeringKeys;
  relay: { follow: (step: Step) => void };
  streams: Streams;
  proofs: { forget: (key: PublicKey) => void };
  limits: Limits;
};

export class Sessions {
  readonly connections: Connections;
  readonly #options: SessionsOptions;
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #unsubscribe: () => void;

  constructor(options: SessionsOptions) {
    const { live, device, limits } = options;
    this.#options = options;
    this.connections = new Connections(limits, (address) => this.#keyAt(address));
    device.onHandshake = (id, key) => this.#onHandshake(id, key);
    this.#unsubscribe = live.subscribe((step) => this.#follow(step));
  }

  /** Resolves when the device knows the key of a redemption. */
  prepared(): Promise<void> {
    return this.#options.device.settled();
  }

  /** Moves the address to the new key. */
  answered(id: PeerId): void {
    const lingering = this.#options.lingering.of(id);
    if (lingering?.until === 'answered') this.#release(id, lingering);
  }

  invitationKey(id: PeerId): PublicKey | undefined {
    return this.#options.lingering.invitationKey(id);
  }

  close(): void {
    this.#unsubscribe();
    for (const timer of this.#timers) clearTimeout(timer);
    const { lingering } = this.#options;
    for (const id of lingering.ids()) this.#release(id, lingering.of(id));
  }

  #follow(step: Step): void {
    const { device, lingering, relay, streams, proofs } = this.#options;
    const { ended } = step.rights;
    for (const delta of lingering.follow(step)) device.apply(delta);
    // An earlier one goes with the next comparison: its kit was given to a standby.
    for (const event of step.commit.events)
      if (event.type === 'QuestionKeySet')
        device.apply({ removed: [], changed: [questionPeer(event.publicKey)] });
    relay.follow(step);
    // Deadlines first: a failure below keeps no peer connected.
    const ends = Array.from(ended.values(), (right) => [right, this.#setDeadline(right)] as const);
    for (const [{ peer, reason }, end] of ends) {
      proofs.forget(peer.publicKey);
      if (reason === 'joined') continue;
      // When an answer arrived is not known, so its time is not cut short.
      const isAnswering = this.connections.isAnswering(peer.ip);
      void streams.revoke(peer.id, reason).then(() => isAnswering || end());
    }
    streams.follow(step);
  }

  /** Returns what happens then, or earlier. */
  #setDeadline(right: EndedRight): () => void {
    const { id, ip } = right.peer;
    const lasting = this.#options.lingering.of(id);
    const sockets = this.connections.at(ip);
    if (isAddressFree(right)) this.connections.rest(ip);
    const end = (): void => {
      this.#release(id, lasting);
      for (const socket of sockets) socket.destroy();
    };
    const graceMs = graceOf(right);
    if (graceMs === 0) end();
    else this.#after(graceMs, end);
    return end;
  }

  #after(milliseconds: number, task: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      task();
    }, milliseconds);
    this.#timers.add(timer);
  }

  /** Unless a later end of a right has set it again. */
  #release(id: PeerId, lasting: Lingering | undefined): void {
    const { device, lingering, live } = this.#options;
    if (lasting && lingering.of(id) === lasting) device.apply(lingering.release(id, live.network.peer(id)));
  }

  /** A handshake of the new key also proves that the answer arrived. */
  #onHandshake(id: PeerId, key: PublicKey): void {
    const old = this.invitationKey(id);
    if (old !== undefined && old !== key) this.answered(id);
  }

  #keyAt(address: string): PublicKey | undefined {
    const peer = peerAt(this.#options.live.network, address);
    return peer && (this.invitationKey(peer.id) ?? peer.publicKey);
  }
}

const graceOf = (right: EndedRight): number => {
  if (right.reason === 'joined') return MAX_ANSWER_MS;
  return isAddressFree(right) ? 0 : MAX_GOODBYE_MS;
};
