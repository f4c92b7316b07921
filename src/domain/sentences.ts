/** One readable sentence for each type of event. */
import type { EventOf, EventType, NetworkEvent } from '../events/schema.ts';
import type { AssociationId, CidrId, PeerId, RouteId } from '../values/id.ts';
import { shortKey } from '../values/key.ts';
import { durationText, type Timestamp } from '../values/time.ts';
import { openedBy } from './limits.ts';
import { nameText } from './name-text.ts';
import type { Network } from './network.ts';

/** Names as they were before the event, safe for a terminal. */
export type Words = {
  peer: (id: PeerId) => string;
  cidr: (id: CidrId) => string;
  route: (id: RouteId) => string;
  /** `humans and servers`, also of a deleted association. */
  association: (id: AssociationId) => string;
  /** Of a deleted one too; undefined: unknown. */
  ends: (id: AssociationId) => readonly [CidrId, CidrId] | undefined;
  time: (time: Timestamp) => string;
};

type Sentences = { [T in EventType]: (event: EventOf<T>, words: Words) => string };

const until = (time: Timestamp | null, words: Words): string =>
  time === null ? 'without end' : `until ${words.time(time)}`;

const joining = (event: EventOf<'PeerAdded'>, words: Words): string =>
  event.redeemed ? `key ${shortKey(event.publicKey)}` : `invitation ${until(event.inviteExpires, words)}`;

const proverOf = (id: PeerId | undefined, words: Words): string =>
  id === undefined ? 'every peer' : `peer ${words.peer(id)}`;

const ENFORCES = {
  true: 'can limit ports',
  false: 'cannot limit ports: its machine has no nft',
  null: 'cannot limit ports: its program is an older one',
};

/** Of both ends: `humans may open tcp 631 and ping; machines may open nothing`. */
const openingsText = ({ associationId, allow }: EventOf<'AssociationLimited'>, words: Words): string => {
  const ends = words.ends(associationId) ?? [...new Set(allow.map(({ from }) => from))];
  const texts = ends.map((id) => `${words.cidr(id)} may open ${openedBy(id, allow)}`);
  return texts.join('; ');
};

type RouterEvent = EventOf<'RouterAdded' | 'RouterRanked' | 'RouterRemoved'>;

/** `peer press`, or `each peer of CIDR machines`. */
const routerText = ({ peerId, cidrId }: RouterEvent, words: Words): string => {
  if (peerId !== undefined) return `peer ${words.peer(peerId)}`;
  return `each peer of CIDR ${cidrId === undefined ? 'unknown' : words.cidr(cidrId)}`;
};

/** Without the actor: `added peer bob (10.61.1.7) to humans, invitation until …`. */
const SENTENCES: Sentences = {
  NetworkCreated: ({ name }) => `created network ${nameText(name)}`,
  NetworkImported: ({ name, source }) =>
    `took over network ${nameText(name)} from ${nameText(source.program)} (schema version ${source.version})`,
  LogRestored: ({ lostPosition }) => `put a backup back; what came after it, up to ${lostPosition}, is lost`,
  CidrAdded: ({ name, cidr, parentId }, words) =>
    `added CIDR ${nameText(name)} (${cidr})${parentId === null ? '' : ` to ${words.cidr(parentId)}`}`,
  CidrRenamed: ({ cidrId, name }, words) => `renamed CIDR ${words.cidr(cidrId)} to ${nameText(name)}`,
  CidrDeleted: ({ cidrId }, words) => `deleted CIDR ${words.cidr(cidrId)}`,
  PeerAdded: (event, words) => {
    const what = `${event.disabled ? 'disabled ' : ''}${event.isAdmin ? 'admin ' : ''}peer`;
    const where = `${nameText(event.name)} (${event.ip}) to ${words.cidr(event.cidrId)}`;
    return `added ${what} ${where}, ${joining(event, words)}`;
  },
  InvitationRedeemed: ({ peerId, publicKey, proved }, words) =>
    `redeemed the invitation of peer ${words.peer(peerId)}, key ${shortKey(publicKey)}${proved ? ', proved' : ''}`,
  InvitationReissued: ({ peerId, inviteExpires }, words) =>
    `issued a new invitation to peer ${words.peer(peerId)}, ${until(inviteExpires, words)}`,
  InvitationRevoked: ({ peerId }, words) => `revoked the invitation of peer ${words.peer(peerId)}`,
  InvitationExpired: ({ peerId }, words) => `ended the invitation of peer ${words.peer(peerId)}: it expired`,
  PeerRenamed: ({ peerId, name }, words) => `renamed peer ${words.peer(peerId)} to ${nameText(name)}`,
  PeerDisabled: ({ peerId }, words) => `disabled peer ${words.peer(peerId)}`,
  PeerEnabled: ({ peerId }, words) => `enabled peer ${words.peer(peerId)}`,
  PeerExpirySet: ({ peerId, expires }, words) =>
    `set the end of peer ${words.peer(peerId)} to ${expires === null ? 'never' : words.time(expires)}`,
  PeerExpired: ({ peerId }, words) => `cut off peer ${words.peer(peerId)}: its time is over`,
  DefaultExpirySet: ({ seconds }) =>
    `set the end of new peers to ${seconds === null ? 'never' : `${durationText(seconds)} after they are added`}`,
  PeerDeleted: ({ peerId }, words) => `deleted peer ${words.peer(peerId)}`,
  AdminGranted: ({ peerId }, words) => `made peer ${words.peer(peerId)} an admin`,
  AdminRevoked: ({ peerId }, words) => `took the admin right from peer ${words.peer(peerId)}`,
  AssociationAdded: ({ cidrIds: [a, b] }, words) => `associated ${words.cidr(a)} and ${words.cidr(b)}`,
  AssociationDeleted: ({ associationId }, words) =>
    `ended the association of ${words.association(associationId)}`,
  AssociationLimited: (event, words) =>
    `limited ${words.association(event.associationId)}: ${openingsText(event, words)}`,
  AssociationUnlimited: ({ associationId }, words) =>
    `opened all of the association of ${words.association(associationId)}`,
  CidrIsolated: ({ cidrId }, words) => `isolated the peers of CIDR ${words.cidr(cidrId)} from each other`,
  CidrUnisolated: ({ cidrId }, words) => `let the peers of CIDR ${words.cidr(cidrId)} see each other again`,
  EndpointOverrideSet: ({ peerId, endpoint }, words) =>
    `set the endpoint of peer ${words.peer(peerId)} to ${endpoint}`,
  EndpointOverrideCleared: ({ peerId }, words) =>
    `cleared the endpoint that was set for peer ${words.peer(peerId)}`,
  ServerEndpointChanged: ({ endpoint }) => `set the server's external endpoint to ${endpoint}`,
  RelaySet: ({ peerId, port, endpoint }, words) =>
    `made peer ${words.peer(peerId)} a relay at UDP port ${port}${endpoint === undefined ? '' : `, reached at ${endpoint}`}`,
  RelayCleared: ({ peerId }, words) => `made peer ${words.peer(peerId)} a relay no more`,
  ProofRequired: ({ peerId }, words) => `required proofs by key of ${proverOf(peerId, words)}`,
  ProofWaived: ({ peerId }, words) => `waived proofs by key of ${proverOf(peerId, words)}`,
  PlainPeerDeclared: ({ peerId, via }, words) =>
    `made peer ${words.peer(peerId)} a plain one, such as a phone: ${words.peer(via)} passes its packets`,
  PlainPeerRouted: ({ peerId, via }, words) =>
    `let ${words.peer(via)} pass the packets of plain peer ${words.peer(peerId)}`,
  PlainPeerRekeyed: ({ peerId, publicKey }, words) =>
    `gave plain peer ${words.peer(peerId)} another key, ${shortKey(publicKey)}`,
  PeerProved: ({ peerId }, words) => `saw the key of peer ${words.peer(peerId)} prove itself`,
  PeerEnforces: ({ peerId, limits }, words) => `saw that peer ${words.peer(peerId)} ${ENFORCES[`${limits}`]}`,
  StandbyNamed: ({ peerId }, words) =>
    `named peer ${words.peer(peerId)} a standby: it follows the whole log, and may take over`,
  StandbyDismissed: ({ peerId }, words) => `dismissed peer ${words.peer(peerId)} as a standby`,
  QuestionKeySet: ({ publicKey }) =>
    `made the key by which a standby asks whether the server still stands, ${shortKey(publicKey)}`,
  ServerPromoted: ({ peerId, epoch }, words) =>
    `let the machine of peer ${words.peer(peerId)} take over as the server (epoch ${epoch})`,
  RouteAdded: ({ name, blocks }) => `added route ${nameText(name)} (${blocks.join(', ')})`,
  RouteRenamed: ({ routeId, name }, words) => `renamed route ${words.route(routeId)} to ${nameText(name)}`,
  RouteDeleted: ({ routeId }, words) => `deleted route ${words.route(routeId)}`,
  RouterAdded: (event, words) => {
    const how = `with rank ${event.rank}${event.keepSource ? ', keeping the sender of packets' : ''}`;
    return `let ${routerText(event, words)} carry route ${words.route(event.routeId)}, ${how}`;
  },
  RouterRanked: (event, words) =>
    `set the rank of ${routerText(event, words)} for route ${words.route(event.routeId)} to ${event.rank}`,
  RouterRemoved: (event, words) =>
    `let ${routerText(event, words)} carry route ${words.route(event.routeId)} no more`,
  RouteOpened: ({ routeId, cidrId }, words) =>
    `opened route ${words.route(routeId)} to CIDR ${words.cidr(cidrId)}`,
  RouteClosed: ({ routeId, cidrId }, words) =>
    `closed route ${words.route(routeId)} to CIDR ${words.cidr(cidrId)}`,
};

/** What an event says, without who did it; one that undoes something says so. */
export const sentenceOf = (event: NetworkEvent, words: Words): string => {
  // The table fits this type, but the compiler cannot join the two unions.
  const sentence = (SENTENCES[event.type] as (event: NetworkEvent, words: Words) => string)(event, words);
  return `${sentence}${undoing(event)}`;
};

const undoing = ({ reverts, returnsTo }: NetworkEvent): string => {
  if (returnsTo !== undefined) return `, going back to position ${returnsTo}`;
  return reverts === undefined ? '' : `, undoing position ${reverts}`;
};

/** The present names of a network; times stay ISO 8601, UTC. */
export const wordsOf = (network: Network): Words => {
  const cidr = (id: Parameters<Words['cidr']>[0]): string => {
    const node = network.cidr(id);
    return node ? nameText(node.name) : String(id);
  };
  return {
    peer: (id) => {
      const peer = network.peer(id);
      return peer ? nameText(peer.name) : String(id);
    },
    cidr,
    route: (id) => {
      const route = network.route(id);
      return route ? nameText(route.name) : String(id);
    },
    association: (id: AssociationId) =>
      network.association(id)?.cidrIds.map(cidr).join(' and ') ?? `CIDRs (${id})`,
    ends: (id) => network.association(id)?.cidrIds,
    time: (time) => time,
  };
};
