/** The entries of the server's device: peers of the log, and keys that briefly keep an address. */

import type { Change } from '../../domain/changes.ts';
import type { Network } from '../../domain/network.ts';
import { isPlain, type Peer } from '../../domain/peer.ts';
import { type EndedRight, isAddressFree, mayConnect } from '../../domain/rights.ts';
import type { PeerId } from '../../values/id.ts';
import { singleton } from '../../values/ip.ts';
import type { PublicKey } from '../../values/key.ts';
import type { PeerConfig } from '../../wireguard/device.ts';
import type { PeerDelta } from '../../wireguard/plan.ts';
import type { Step } from '../live/step.ts';

/** Keeps its address until its peer was told of the end and its calls were answered, or until its redemption was. */
export type Lingering = { readonly config: PeerConfig; readonly until: 'told' | 'answered' };

/** A new key has no address while a lingering key holds it. */
export const configsOf = (peer: Peer | undefined, lingering?: Lingering): PeerConfig[] => {
  const held = lingering?.config;
  if (!mayConnect(peer)) return held ? [held] : [];
  const { publicKey } = peer;
  if (!held || held.publicKey === publicKey) return [{ publicKey, allowedIps: [singleton(peer.ip)] }];
  return [held, { publicKey, allowedIps: [] }];
};

/** A standby's question: its handshake is answered, and no packet of it is taken. */
export const questionPeer = (publicKey: PublicKey): PeerConfig => ({ publicKey, allowedIps: [] });

const isSame = (left: PeerConfig, right: PeerConfig): boolean =>
  left.publicKey === right.publicKey && left.allowedIps.join() === right.allowedIps.join();

const deltaBetween = (before: readonly PeerConfig[], after: readonly PeerConfig[]): PeerDelta => {
  const keys = new Set(after.map(({ publicKey }) => publicKey));
  return {
    removed: before.map(({ publicKey }) => publicKey).filter((key) => !keys.has(key)),
    changed: after.filter((config) => !before.some((known) => isSame(known, config))),
  };
};

/** Not where another key, or another peer, may get the address at once. */
const lingeringAfter = (right: EndedRight): Lingering | undefined => {
  const { peer, reason } = right;
  const config = { publicKey: peer.publicKey, allowedIps: [singleton(peer.ip)] };
  if (reason === 'joined') return { config, until: 'answered' };
  return reason === 'rekeyed' || isAddressFree(right) ? undefined : { config, until: 'told' };
};

export class LingeringKeys {
  readonly #lingering = new Map<PeerId, Lingering>();
  /** False: phones have no place on the device, since nothing would filter their packets. */
  carriesPhones = true;

  *follow({ changes, rights }: Step): Generator<PeerDelta> {
    for (const [id, { before, after }] of changes.peers) {
      const had = this.#configsOf(id, before);
      this.#linger(id, rights.ended.get(id), { before, after });
      yield deltaBetween(had, this.#configsOf(id, after));
    }
  }

  of(id: PeerId): Lingering | undefined {
    return this.#lingering.get(id);
  }

  invitationKey(id: PeerId): PublicKey | undefined {
    const lingering = this.#lingering.get(id);
    return lingering?.until === 'answered' ? lingering.config.publicKey : undefined;
  }

  get isAwaitingAnswer(): boolean {
    return [...this.#lingering.values()].some(({ until }) => until === 'answered');
  }

  ids(): PeerId[] {
    return [...this.#lingering.keys()];
  }

  /** `peer`: its current state. */
  release(id: PeerId, peer: Peer | undefined): PeerDelta {
    const had = this.#configsOf(id, peer);
    this.#lingering.delete(id);
    return deltaBetween(had, this.#configsOf(id, peer));
  }

  /** Includes lingering keys. */
  ownerOf(network: Network, key: PublicKey): PeerId | undefined {
    const owner = network.peerWithKey(key)?.id;
    if (owner !== undefined) return owner;
    for (const [id, { config }] of this.#lingering) if (config.publicKey === key) return id;
    return undefined;
  }

  /** Whether the peer's key has a place on the device. */
  holds(network: Network, id: PeerId, key: PublicKey): boolean {
    return this.#configsOf(id, network.peer(id)).some(({ publicKey }) => publicKey === key);
  }

  *all(network: Network): Generator<[PeerId, PeerConfig]> {
    for (const peer of network.peers())
      for (const config of this.#configsOf(peer.id, peer)) yield [peer.id, config];
    for (const [id, { config }] of this.#lingering) if (!network.peer(id)) yield [id, config];
  }

  #configsOf(id: PeerId, peer: Peer | undefined): PeerConfig[] {
    return isPlain(peer) && !this.carriesPhones ? [] : configsOf(peer, this.#lingering.get(id));
  }

  #linger(id: PeerId, end: EndedRight | undefined, { before, after }: Change<Peer>): void {
    const current = this.#lingering.get(id);
    const isBack = mayConnect(after) && after.publicKey === current?.config.publicKey;
    // An invitation that was disabled a moment ago: its address may go to another peer now.
    const isWithdrawn = after === undefined && before?.isRedeemed === false;
    if (!end && !isBack && !isWithdrawn) return;
    const next = end && lingeringAfter(end);
    if (next) this.#lingering.set(id, next);
    else this.#lingering.delete(id);
  }
}
