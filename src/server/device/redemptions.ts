/** The moments of a redemption at which the device has to keep step with the API. */
import type { PeerId } from '../../values/id.ts';
import type { PublicKey } from '../../values/key.ts';

/** A peer that changes from its invitation's key to its own: the device has to be told before and after the answer. */
export interface Redemptions {
  /** Resolves when the device knows the new key. */
  prepared(id: PeerId): Promise<void>;
  /** The answer is through: the peer's address may move to the new key. */
  answered(id: PeerId): void;
  /** The invitation's key while it still has the address of a peer that has redeemed it; else undefined. */
  heldKey(id: PeerId): PublicKey | undefined;
}
