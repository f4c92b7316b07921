/** The chain as a client follows it: a frame's digests must lead from the own head to its hash. */
import { chainHash, type Sha256 } from '../../events/record.ts';
import type { Hash, Position } from '../../values/id.ts';

/** How far a client has followed a log. */
export type Head = { readonly networkId: Hash; readonly position: Position; readonly hash: Hash };

/** Where a frame, snapshot or page leads. */
export type Link = { from: Position; position: Position; hash: Hash; digests: readonly Hash[] };

/** How the server's history differs. */
export const BREACHES = [
  'OtherNetwork',
  /** The log ends before a seen position. */
  'ServerBehind',
  /** Another hash at a seen position. */
  'OtherHash',
  /** The digests do not lead to the hash. */
  'ChainBroken',
] as const;
export type Breach = (typeof BREACHES)[number];

export type Judgement =
  | { kind: 'take'; head: Head }
  | { kind: 'known' }
  /** Records are missing: ask again from the own position. */
  | { kind: 'gap' }
  | { kind: 'breach'; breach: Breach };

/** Extends a head by the next records' digests. */
export const extend = (head: Head, digests: Iterable<Hash>, sha256: Sha256): Head => {
  let { position, hash } = head;
  for (const digest of digests) {
    position += 1;
    hash = chainHash({ networkId: head.networkId, position, previous: hash, digest }, sha256);
  }
  return { ...head, position, hash };
};

/** Takes a link when `from ≤ mine < position`, digests are complete and the hash is right. */
export const judge = (head: Head, link: Link, sha256: Sha256): Judgement => {
  if (link.position < head.position) return { kind: 'known' };
  if (link.position === head.position)
    return link.hash === head.hash ? { kind: 'known' } : { kind: 'breach', breach: 'OtherHash' };
  if (link.from > head.position) return { kind: 'gap' };
  if (link.digests.length !== link.position - link.from) return { kind: 'breach', breach: 'ChainBroken' };
  const reached = extend(head, link.digests.slice(head.position - link.from), sha256);
  return reached.hash === link.hash
    ? { kind: 'take', head: reached }
    : { kind: 'breach', breach: 'ChainBroken' };
};

/** Whether the server's log fits the history of this head. */
export const compare = (
  head: Head,
  server: { network: Hash; position: Position; hash: Hash },
): Breach | undefined => {
  if (server.network !== head.networkId) return 'OtherNetwork';
  if (server.position < head.position) return 'ServerBehind';
  return server.position === head.position && server.hash !== head.hash ? 'OtherHash' : undefined;
};
