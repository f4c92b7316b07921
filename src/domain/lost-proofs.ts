/** Facts about proofs by key that a return from one state to another loses. */
import type { Network } from './network.ts';
import type { Peer } from './peer.ts';
import { printable, shellWord } from './rejection.ts';

/** `verb` restores it, without program and network; absent: it returns by itself. */
export type LostProof = { sentence: string; verb?: string };

/** Everything about proofs that stood in `before` and does not in `after`. */
export const lostProofs = (before: Network, after: Network): LostProof[] => [
  ...requirement(before, after),
  ...[...after.peers()].flatMap((peer) => waiver(before.peer(peer.id), peer)),
  ...forgotten(before, after),
];

const requirement = (before: Network, after: Network): LostProof[] => {
  if (before.isProofRequired === after.isProofRequired) return [];
  return before.isProofRequired
    ? [{ sentence: 'proofs by key are required no longer', verb: 'require-proof' }]
    : [{ sentence: 'proofs by key are required again', verb: 'waive-proof' }];
};

const waiver = (before: Peer | undefined, { name, isProofWaived }: Peer): LostProof[] => {
  if (!before || before.isProofWaived === isProofWaived) return [];
  const who = printable(name);
  return before.isProofWaived
    ? [{ sentence: `${who} needs proofs again`, verb: `waive-proof --name ${shellWord(name)}` }]
    : [{ sentence: `${who} needs no proofs again`, verb: `require-proof --name ${shellWord(name)}` }];
};

/** Until its next proof, a request without one may read and report as such a peer. */
const forgotten = (before: Network, after: Network): LostProof[] => {
  const names = [...after.peers()]
    .filter(({ publicKey, hasProved }) => !hasProved && before.peerWithKey(publicKey)?.hasProved)
    .map(({ name }) => printable(name));
  if (names.length === 0) return [];
  return [
    { sentence: `that these keys can prove themselves is known at their next proof: ${names.join(', ')}` },
  ];
};
