/** The chain as a client follows it: a frame is taken only when its digests lead from the own head to its hash. */
import { chainHash, type Sha256 } from '../../events/record.ts';
import type { Hash, Position } from '../../values/id.ts';

/** How far a client has followed the log of which network. */
export type Head = { readonly networkId: Hash; readonly position: Position; readonly hash: Hash };

/** The part of a frame, snapshot or page that says where it leads. */
export type Link = { from: Position; position: Position; hash: Hash; digests: readonly Hash[] };

/** How the server's history is not the one that this client followed. */
export const BREACHES = [
  /** The server serves a network of another id. */
  'OtherNetwork',
  /** Its log ends before a position that this client has seen. */
  'ServerBehind',
  /** Its log has another hash at a position that this client has seen. */
  'OtherHash',
  /** What it sent does not lead to the hash that it names. */
  'ChainBroken',
] as const;
export type Breach = (typeof BREACHES)[number];

export type Judgement =
  | { kind: 'take'; head: Head }
  /** Old news: everything in it is known. */
  | { kind: 'known' }
  /** Something before it is missing: ask again from the own position. */
  | { kind: 'gap' }
  | { kind: 'breach'; breach: Breach };

/** Extends a head by the digests of the records that follow it. */
export const extend = (head: Head, digests: Iterable<Hash>, sha256: Sha256): Head => {
  let { position, hash } = head;
  for (const digest of digests) {
    position += 1;
    hash = chainHash({ networkId: head.networkId, position, previous: hash, digest }, sha256);
  }
  return { ...head, position, hash };
};

/** Whether a frame may be taken: `from ≤ mine < position`, digests for each position, and the right hash at the end. */
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

/** Whether a server that says this of its log has, as far as can be told now, the history of this head. */
export const compare = (
  head: Head,
  server: { network: Hash; position: Position; hash: Hash },
): Breach | undefined => {
  if (server.network !== head.networkId) return 'OtherNetwork';
  if (server.position < head.position) return 'ServerBehind';
  return server.position === head.position && server.hash !== head.hash ? 'OtherHash' : undefined;
};
