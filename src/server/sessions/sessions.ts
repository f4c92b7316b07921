/** Carries out the ends of rights, for each commit in one order: the device, the deadlines of sockets, then streams. */
import type { EndedRight } from '../../domain/rights.ts';
import type { Revoked } from '../../protocol/frames.ts';
import type { PeerId } from '../../values/id.ts';
import type { PublicKey } from '../../values/key.ts';
import type { PeerDelta } from '../../wireguard/plan.ts';
import type { Limits } from '../limits.ts';
import type { Live } from '../live/live.ts';
import type { Step } from '../live/step.ts';
import { Connections, peerAt } from './connections.ts';
import type { Lingering, LingeringKeys } from './lingering-keys.ts';

/** A peer whose right has ended has so long to hear of it: then its key is off the device and its sockets are closed. */
const MAX_GOODBYE_MS = 100;
/** A joined peer has its address by then, whether the answer to its redemption is known to be through or not. */
const MAX_ANSWER_MS = 2_000;

/** The server's WireGuard device, as far as peers come and go. */
export interface PeerDevice {
  apply(delta: PeerDelta): void;
  /** Resolves when the device has all that was applied before. */
  settled(): Promise<void>;
  /** Set by `Sessions`; hears whose key has shaken hands. */
  onHandshake: (id: PeerId, key: PublicKey) => void;
}

/** The streams of all peers. */
export interface Streams {
  /** Ends those of a peer and says why; resolves when they have closed, at once where there are none. */
  revoke(id: PeerId, reason: Revoked['reason']): Promise<unknown>;
  /** Tells everybody else what a commit changed. */
  follow(step: Step): void;
}

export type SessionsOptions = {
  live: Pick<Live, 'network' | 'subscribe'>;
  device: PeerDevice;
  lingering: LingeringKeys;
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

  /** Resolves when the device knows the key that a peer has redeemed its invitation with. */
  prepared(): Promise<void> {
    return this.#options.device.settled();
  }

  /** The answer to a redemption is through: the address moves to the new key. */
  answered(id: PeerId): void {
    const lingering = this.#options.lingering.of(id);
    if (lingering?.until === 'answered') this.#release(id, lingering);
  }

  /** The invitation's key while it still has the address of the peer that has redeemed it. */
  invitationKey(id: PeerId): PublicKey | undefined {
    return this.#options.lingering.invitationKey(id);
  }

  /** Leaves the device as the log has it. */
  close(): void {
    this.#unsubscribe();
    for (const timer of this.#timers) clearTimeout(timer);
    const { lingering } = this.#options;
    for (const id of lingering.ids()) this.#release(id, lingering.of(id));
  }

  #follow(step: Step): void {
    const { device, lingering, streams, proofs } = this.#options;
    const { ended } = step.rights;
    for (const delta of lingering.follow(step)) device.apply(delta);
    // The deadlines stand before anything is said: what fails there keeps nobody in.
    for (const right of ended.values()) this.#setDeadline(right);
    for (const [id, { peer, reason }] of ended) {
      const lasting = lingering.of(id);
      proofs.forget(peer.publicKey);
      if (reason !== 'joined') void streams.revoke(id, reason).then(() => this.#release(id, lasting));
    }
    streams.follow(step);
  }

  #setDeadline(right: EndedRight): void {
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
  }

  #after(milliseconds: number, task: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      task();
    }, milliseconds);
    this.#timers.add(timer);
  }

  /** A key lingers no longer, unless another end of right has set that again meanwhile. */
  #release(id: PeerId, lasting: Lingering | undefined): void {
    const { device, lingering, live } = this.#options;
    if (lasting && lingering.of(id) === lasting) device.apply(lingering.release(id, live.network.peer(id)));
  }

  /** A handshake of the new key tells as well that the answer is through. */
  #onHandshake(id: PeerId, key: PublicKey): void {
    const old = this.invitationKey(id);
    if (old !== undefined && old !== key) this.answered(id);
  }

  #keyAt(address: string): PublicKey | undefined {
    const peer = peerAt(this.#options.live.network, address);
    return peer && (this.invitationKey(peer.id) ?? peer.publicKey);
  }
}

/** An invitation that was taken back is at its end: nobody waits for a word, and another peer may have its address. */
const graceOf = ({ peer, reason }: EndedRight): number => {
  if (reason === 'joined') return MAX_ANSWER_MS;
  return peer.isRedeemed ? MAX_GOODBYE_MS : 0;
};

const isAddressFree = ({ peer, reason }: EndedRight): boolean =>
  !peer.isRedeemed && (reason === 'deleted' || reason === 'rekeyed');
