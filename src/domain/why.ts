/** Why two peers can or cannot talk: the CIDRs, the events, and the commands that would help. */
import {
  type CidrId,
  type PeerId,
  type Position,
  ROOT_CIDR,
  SERVER_CIDR,
  SERVER_PEER,
} from '../values/id.ts';
import { allowsText } from '../values/opening.ts';
import type { Timestamp } from '../values/time.ts';
import type { CidrNode } from './cidr-tree.ts';
import { hasEnded } from './ends.ts';
import { joining, type Openings, openings } from './limits.ts';
import { lineage } from './lineage.ts';
import { nameText } from './name-text.ts';
import type { Network } from './network.ts';
import { PairStory, type Placed } from './pair-story.ts';
import { isPlain, type Peer } from './peer.ts';
import { hasExpired } from './peers.ts';
import { mayBeShown, sendsToPhones } from './reach.ts';
import { shellOperands, shellWord } from './rejection.ts';
import { enforces } from './views.ts';
import { appears, sightOf } from './visibility.ts';

export type Reason = {
  code:
    | 'Server'
    | 'SameCidr'
    | 'Association'
    | 'Routed'
    | 'OneWay'
    | 'Gone'
    | 'Disabled'
    | 'NotJoined'
    | 'InvitationOver'
    | 'NoAssociation'
    | 'Limited'
    | 'CannotEnforce'
    | 'CannotReachPhones'
    | 'Isolated';
  sentence: string;
  /** From each peer's CIDR to the deciding one. */
  chains?: [CidrNode[], CidrNode[]];
  positions: Position[];
  /** Nearest first, without program and network. */
  verbs: string[];
};

export type Why = {
  visible: boolean;
  peers: [Peer, Peer];
  /** Undefined: gone. */
  homes: [CidrNode | undefined, CidrNode | undefined];
  /** There, joined and enabled. */
  present: [boolean, boolean];
  /** Whether CIDRs let the first see the second, and back. */
  sight: [boolean, boolean];
  reasons: Reason[];
  /** What the first may begin towards the second, and back, once they see each other. */
  openings: [Openings, Openings];
  /** The event since which it is so, if any. */
  turnedAt: Position | undefined;
};

const nameOf = ({ name }: { name: string }): string => nameText(name);

const withBlock = (node: CidrNode): string => `${nameOf(node)} (${node.cidr})`;

const chainOf = (network: Network, from: CidrId): CidrNode[] =>
  [...lineage(network, from)].flatMap((id) => network.cidr(id) ?? []);

const chainTo = (network: Network, peer: Peer, top: CidrId): CidrNode[] => {
  const chain = chainOf(network, peer.cidrId);
  return chain.slice(0, chain.findIndex(({ id }) => id === top) + 1);
};

/** `ann is in engineers, inside humans`. */
const place = (peer: Peer, chain: readonly CidrNode[]): string => {
  const [own, ...around] = chain;
  if (!own) return `${nameOf(peer)} is nowhere`;
  const top = around.at(-1);
  return `${nameOf(peer)} is in ${withBlock(own)}${top ? `, inside ${withBlock(top)}` : ''}`;
};

type Pair = readonly [Peer, Peer];

const associations = (story: PairStory, [one, other]: Pair): Reason[] => {
  const { network } = story;
  const rights = new Set(lineage(network, other.cidrId));
  const reasons: Reason[] = [];
  for (const left of lineage(network, one.cidrId)) {
    for (const right of network.associatedWith(left)) {
      const association = network.associationBetween(left, right);
      if (!association || !rights.has(right)) continue;
      const chains: [CidrNode[], CidrNode[]] = [chainTo(network, one, left), chainTo(network, other, right)];
      const names = [chains[0].at(-1), chains[1].at(-1)].map((node) => (node ? nameOf(node) : ''));
      reasons.push({
        code: 'Association',
        sentence: `${names.join(' and ')} are associated: ${place(one, chains[0])}; ${place(other, chains[1])}`,
        chains,
        positions: [
          ...story.last('AssociationAdded', association.id),
          ...(association.allow ? story.last('AssociationLimited', association.id) : []),
        ],
        verbs: [],
      });
    }
  }
  return reasons;
};

/** Said whenever a router stands between the two. */
const routed = ({ network }: PairStory, pair: Pair): Reason[] => {
  const vias = new Set(pair.flatMap(({ via }) => (via === undefined ? [] : [via])));
  return [...vias]
    .filter((via) => !pair.some(({ id }) => id === via))
    .map((via) => {
      const router = network.peer(via);
      const phones = pair.filter((peer) => peer.via === via).map(nameOf);
      return {
        code: 'Routed',
        sentence: `${router ? nameOf(router) : 'a router'} passes the packets of ${phones.join(' and ')}, and can read them`,
        positions: [],
        verbs: [],
      };
    });
};

const opened = (story: PairStory, pair: Pair): Reason[] => {
  const [one, other] = pair;
  const added = pair.flatMap(({ id }) => story.last('PeerAdded', id));
  const reasons: Reason[] = [];
  if (pair.some(({ id }) => id === SERVER_PEER))
    reasons.push({
      code: 'Server',
      sentence: 'every peer and the server see each other',
      positions: [],
      verbs: [],
    });
  const [own] = chainOf(story.network, one.cidrId);
  if (own && one.cidrId === other.cidrId && !own.isIsolated)
    reasons.push({
      code: 'SameCidr',
      sentence: `${nameOf(one)} and ${nameOf(other)} are both in ${withBlock(own)}`,
      chains: [[own], [own]],
      positions: added,
      verbs: [],
    });
  return [...reasons, ...associations(story, pair), ...limited(story, pair), ...routed(story, pair)];
};

const between = (network: Network, [one, other]: Pair): [Openings, Openings] =>
  [one, other].some(({ id }) => id === SERVER_PEER)
    ? ['all', 'all']
    : [openings(network, one.cidrId, other.cidrId), openings(network, other.cidrId, one.cidrId)];

/** What each may begin: being seen is not being called. */
const limited = ({ network }: PairStory, pair: Pair): Reason[] => {
  const [there, back] = between(network, pair);
  if (!Array.isArray(there) || !Array.isArray(back)) return [];
  const [one, other] = pair.map(nameOf);
  const sentence =
    `all that joins them is limited: ${one} may open ${allowsText(there)} at ${other}, ${other} may open ${allowsText(back)} at ${one};` +
    ' for the rest each can be seen and cannot be called';
  return [{ code: 'Limited', sentence, positions: [], verbs: [] }];
};

/** A limited pair, an end of which does not keep to limits. */
const unkept = (story: PairStory, pair: Pair): Reason[] => {
  const { network } = story;
  const [one, other] = pair;
  if (!Array.isArray(between(network, pair)[0])) return [];
  const loose = pair.filter((peer) => !enforces(network, peer));
  if (loose.length === 0) return [];
  const limits = [...joining(network, one.cidrId, other.cidrId)].map(([, { cidrIds }]) =>
    cidrIds.map((id) => network.cidr(id)?.name ?? String(id)),
  );
  const whose = loose.map((peer) => `${nameOf(peer)}'s`).join(' and ');
  const sentence = `what joins them is limited, and ${whose} program cannot limit ports: update it or give it nft, or allow everything`;
  return [
    {
      code: 'CannotEnforce',
      sentence,
      positions: loose.flatMap(({ id }) => story.last('PeerEnforces', id)),
      verbs: limits
        .slice(0, MAX_VERBS)
        .map(([left = '', right = '']) => `unlimit-association ${shellOperands(left, right)}`),
    },
  ];
};

const isolated = (story: PairStory, [one, other]: Pair): Reason[] => {
  const [own] = chainOf(story.network, one.cidrId);
  if (!own?.isIsolated || one.cidrId !== other.cidrId) return [];
  return [
    {
      code: 'Isolated',
      sentence: `${nameOf(one)} and ${nameOf(other)} are both in ${withBlock(own)}, whose peers are isolated from each other`,
      positions: story.last('CidrIsolated', own.id),
      verbs: [`unisolate-cidr ${shellOperands(own.name)}`],
    },
  ];
};

/** An import may put peers in a CIDR that contains CIDRs. */
const oneWay = (story: PairStory, [one, other]: Pair): Reason[] => {
  const { network } = story;
  const [there, back] = [mayBeShown(network, one, other), mayBeShown(network, other, one)];
  if (there === back || [one, other].some(isPlain)) return [];
  const [viewer, seen] = there ? [one, other] : [other, one];
  const why =
    seen.cidrId === SERVER_CIDR
      ? `${nameOf(seen)} is in the server's CIDR, which everybody sees`
      : `${nameOf(viewer)} is in a CIDR around that of ${nameOf(seen)}`;
  const sentence = `${nameOf(viewer)} sees ${nameOf(seen)}, but not the other way round: ${why}`;
  return [{ code: 'OneWay', sentence, positions: [], verbs: [] }];
};

/** Pairs that an association could join, the narrowest first. */
export const joinable = (network: Network, [one, other]: Pair): [CidrNode, CidrNode][] => {
  const below = (peer: Peer): CidrNode[] =>
    chainOf(network, peer.cidrId).filter(({ id }) => id !== ROOT_CIDR);
  const pairs = below(one).flatMap((left, up) =>
    below(other).map((right, over) => ({ left, right, steps: up + over })),
  );
  return pairs
    .filter(({ left, right }) => left.id !== right.id)
    .sort((a, b) => a.steps - b.steps)
    .map(({ left, right }) => [left, right]);
};

const MAX_VERBS = 3;

/** CIDRs would let them, but an older program does not know of routers. */
const withoutRouter = ({ network }: PairStory, pair: Pair): Reason[] => {
  if (!pair.some(isPlain) || sightOf(network, pair[0].cidrId, pair[1].cidrId) === 'none') return [];
  return pair
    .filter((peer) => !sendsToPhones(peer))
    .map((peer) => ({
      code: 'CannotReachPhones',
      sentence: `the program of ${nameOf(peer)} cannot reach phones, or has not been seen since there is one: bring it up to date, and let it run`,
      positions: [],
      verbs: [],
    }));
};

const closed = (story: PairStory, pair: Pair): Reason[] => {
  const { network } = story;
  const [one, other] = pair;
  if (mayBeShown(network, one, other) && mayBeShown(network, other, one)) return [];
  const others = [...unkept(story, pair), ...isolated(story, pair), ...withoutRouter(story, pair)];
  if (others.length > 0) return others;
  const pairs = joinable(network, pair);
  const ended = pairs.flatMap(([left, right]) => story.last('AssociationDeleted', `${left.id} ${right.id}`));
  const chains: [CidrNode[], CidrNode[]] = [chainOf(network, one.cidrId), chainOf(network, other.cidrId)];
  return [
    {
      code: 'NoAssociation',
      sentence: `no association joins their CIDRs or those around them: ${place(one, chains[0].slice(0, 1))}; ${place(other, chains[1].slice(0, 1))}`,
      chains,
      positions: ended.length > 0 ? [Math.max(...ended) as Position] : [],
      verbs: pairs
        .slice(0, MAX_VERBS)
        .map(([left, right]) => `add-association ${shellOperands(left.name, right.name)}`),
    },
  ];
};

const GONE = {
  PeerDeleted: 'was deleted',
  InvitationRevoked: 'never joined: its invitation was revoked',
  InvitationExpired: 'never joined: its invitation expired',
} as const;

const absent = (story: PairStory, peer: Peer, now: Timestamp): Reason | undefined => {
  const name = nameOf(peer);
  if (!story.network.peer(peer.id)) {
    const types = ['PeerDeleted', 'InvitationRevoked', 'InvitationExpired'] as const;
    const type = types.find((each) => story.last(each, peer.id).length > 0) ?? 'PeerDeleted';
    const positions = story.last(type, peer.id);
    return { code: 'Gone', sentence: `${name} ${GONE[type]}`, positions, verbs: [] };
  }
  if (peer.isDisabled) {
    const causes = [...story.last('PeerDisabled', peer.id), ...story.last('PeerExpired', peer.id)];
    const positions = causes.sort((left, right) => left - right).slice(-1);
    const isOver = hasEnded(peer, now);
    const verbs = [`enable-peer --name ${shellWord(peer.name)}${isOver ? ' --expires 90d' : ''}`];
    const sentence = isOver ? `the time of ${name} ended at ${peer.expires}` : `${name} is disabled`;
    return { code: 'Disabled', sentence, positions, verbs };
  }
  if (peer.isRedeemed) return undefined;
  const positions = [...story.last('PeerAdded', peer.id), ...story.last('InvitationReissued', peer.id)].slice(
    -1,
  );
  if (hasExpired(peer, now)) {
    const sentence = `the invitation of ${name} ended at ${peer.inviteExpires}, and nobody had used it`;
    return {
      code: 'InvitationOver',
      sentence,
      positions,
      verbs: [`reissue-invitation --name ${shellWord(peer.name)}`],
    };
  }
  return { code: 'NotJoined', sentence: `${name} is invited and has not joined yet`, positions, verbs: [] };
};

const obstacles = (story: PairStory, pair: Pair, now: Timestamp): Reason[] => [
  ...pair.flatMap((peer) => absent(story, peer, now) ?? []),
  ...closed(story, pair),
  ...oneWay(story, pair),
];

/**
 * Judges two peers by the events that concern them, up to the moment `now`. Undefined if one never existed.
 */
export const whyOf = (
  ids: readonly [PeerId, PeerId],
  events: Iterable<Placed>,
  now: Timestamp,
): Why | undefined => {
  const story = new PairStory(ids, events);
  const [one, other] = [story.peer(ids[0]), story.peer(ids[1])];
  if (!one || !other) return undefined;
  const { network, isVisible: visible, turnedAt } = story;
  return {
    visible,
    peers: [one, other],
    homes: [network.cidr(one.cidrId), network.cidr(other.cidrId)],
    present: [appears(network.peer(one.id)), appears(network.peer(other.id))],
    sight: [mayBeShown(network, one, other), mayBeShown(network, other, one)],
    openings: between(network, [one, other]),
    reasons: visible ? opened(story, [one, other]) : obstacles(story, [one, other], now),
    turnedAt,
  };
};
