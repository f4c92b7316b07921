/** What a peer is shown depends on its view alone: its CIDR, what its program knows, and itself where it is isolated. */
import { type CidrId, type PeerId, SERVER_PEER } from '../values/id.ts';
import type { Network } from './network.ts';
import { isPlain, type Peer } from './peer.ts';

/** What a program knows of, each word more than the one before: nothing of limits; phones; and it keeps to limits. */
export const WORDS = ['old', 'plain', 'limits'] as const;
export type Word = (typeof WORDS)[number];

/** `limits` of a peer in the log, by the word of its program. */
export const LIMITS_OF: { readonly [W in Word]: boolean | null } = { old: null, plain: false, limits: true };

export type View = {
  readonly cidrId: CidrId;
  readonly word: Word;
  /** In an isolated CIDR. */
  readonly self?: PeerId;
};

/** Equal for equal views. Without limits, phones and isolation there is one for each CIDR. */
export type ViewKey = string & { readonly brand: 'ViewKey' };

const MARKS: { readonly [W in Word]: string } = { old: '', plain: '~', limits: '+' };

export const viewKey = ({ cidrId, word, self }: View): ViewKey =>
  `${cidrId}${MARKS[word]}${self === undefined ? '' : `/${self}`}` as ViewKey;

const lesser = (left: Word, right: Word): Word => (WORDS.indexOf(left) < WORDS.indexOf(right) ? left : right);

/** As the log says, through a program that knows `atMost` this. */
export const wordOf = ({ limits }: Peer, atMost: Word): Word => {
  if (limits === undefined) return 'old';
  return lesser(limits ? 'limits' : 'plain', atMost);
};

/** What a peer is shown through a program that knows `atMost` this. */
export const viewOf = (network: Network, peer: Peer, atMost: Word): View => {
  const word = wordOf(peer, atMost);
  const { cidrId, id } = peer;
  return network.cidr(cidrId)?.isIsolated ? { cidrId, word, self: id } : { cidrId, word };
};

/** Every view that peers of a CIDR may have, also through older programs than the log knows of. */
export function* viewsIn(network: Network, cidrId: CidrId): Generator<View> {
  if (network.cidr(cidrId)?.isIsolated) {
    for (const peer of network.peersIn(cidrId))
      for (const word of WORDS) if (wordOf(peer, word) === word) yield { cidrId, word, self: peer.id };
  } else if (network.isAnyWordKnown) {
    for (const word of WORDS) yield { cidrId, word };
  } else yield { cidrId, word: 'old' };
}

/** Whether limits between it and others are kept at its end: by its program, or by a phone's router. */
export const enforces = (network: Network, peer: Peer): boolean => {
  if (!isPlain(peer)) return peer.limits === true;
  return peer.via === SERVER_PEER || (peer.via !== undefined && network.peer(peer.via)?.limits === true);
};
