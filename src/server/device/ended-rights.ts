/** Whose right to be on the network a commit ended, as far as the key goes by which it was known before. */
import type { Changes } from '../../domain/changes.ts';
import type { Peer } from '../../domain/peer.ts';

export type EndedRight = {
  /** As it was before the commit. */
  peer: Peer;
  reason: 'disabled' | 'deleted' | 'rekeyed';
};

export function* endedRights({ peers }: Changes): Generator<EndedRight> {
  for (const { before, after } of peers.values()) {
    if (!before || before.isDisabled) continue;
    if (!after) yield { peer: before, reason: 'deleted' };
    else if (after.isDisabled) yield { peer: before, reason: 'disabled' };
    else if (after.publicKey !== before.publicKey) yield { peer: before, reason: 'rekeyed' };
  }
}
