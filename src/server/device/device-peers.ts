/** What the server's device should have for a peer: the projection, and the two moments when it lags behind it. */
import type { Peer } from '../../domain/peer.ts';
import { SERVER_PEER } from '../../values/id.ts';
import { singleton } from '../../values/ip.ts';
import type { PublicKey } from '../../values/key.ts';
import type { PeerConfig } from '../../wireguard/device.ts';
import type { PeerDelta } from '../../wireguard/plan.ts';

/** Whether a peer is on the device: enabled, joined or invited, and not the server itself. */
export const isOnDevice = (peer: Peer | undefined): peer is Peer =>
  peer !== undefined && !peer.isDisabled && peer.id !== SERVER_PEER;

/**
 * The entries of one peer. `held` is a key that keeps the address a little longer: of a revoked peer that is being
 * told, or of an invitation whose redeem is being answered; a new key is then there already, without the address.
 */
export const configsOf = (peer: Peer | undefined, held: PeerConfig | undefined): PeerConfig[] => {
  if (!isOnDevice(peer)) return held ? [held] : [];
  const { publicKey } = peer;
  if (!held || held.publicKey === publicKey) return [{ publicKey, allowedIps: [singleton(peer.ip)] }];
  return [held, { publicKey, allowedIps: [] }];
};

/** From one peer's entries to others. */
export const deltaBetween = (before: readonly PeerConfig[], after: readonly PeerConfig[]): PeerDelta => {
  const keys = new Set(after.map(({ publicKey }) => publicKey));
  return {
    removed: before.map(({ publicKey }) => publicKey).filter((key) => !keys.has(key)),
    changed: after.filter((config) => !before.some((known) => isSame(known, config))),
  };
};

const isSame = (left: PeerConfig, right: PeerConfig): boolean =>
  left.publicKey === right.publicKey && left.allowedIps.join() === right.allowedIps.join();

/** Which key keeps the address after a commit, and why; undefined when the device may follow at once. */
export const holdAfter = (
  before: Peer | undefined,
  after: Peer | undefined,
): { config: PeerConfig; until: 'told' | 'answered' } | undefined => {
  if (!isOnDevice(before)) return undefined;
  const config = { publicKey: before.publicKey as PublicKey, allowedIps: [singleton(before.ip)] };
  if (before.isRedeemed && !isOnDevice(after)) return { config, until: 'told' };
  const redeemed = !before.isRedeemed && isOnDevice(after) && after.isRedeemed;
  return redeemed ? { config, until: 'answered' } : undefined;
};
