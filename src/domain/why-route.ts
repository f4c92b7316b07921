/** Why a peer can or cannot use a route, according to the log, and the commands that would help. */
import type { EventType } from '../events/schema.ts';
import { type CidrId, type PeerId, SERVER_PEER } from '../values/id.ts';
import { lineage } from './lineage.ts';
import { nameText } from './name-text.ts';
import type { Network } from './network.ts';
import type { Peer } from './peer.ts';
import { shellOperands, shellWord } from './rejection.ts';
import type { Route } from './route-table.ts';
import { type Carrier, routersOf } from './routes.ts';
import { viewOf } from './views.ts';
import { shownTo } from './visibility.ts';
import { joinable } from './why.ts';

/** The last event of this type that names the route, and these. */
export type Mark = { type: EventType; cidrId?: CidrId; peerId?: PeerId };

export type RouteReason = {
  code:
    | 'RouteOpen'
    | 'RouterSeen'
    | 'PeerAway'
    | 'UsesNoRoutes'
    | 'RouteGone'
    | 'RouteClosed'
    | 'NoRouter'
    | 'RouterUnseen';
  sentence: string;
  marks: Mark[];
  /** Nearest first, without program and network. */
  verbs: string[];
};

export type WhyRoute = {
  isUsable: boolean;
  /** Those that the log lets carry it, the least rank first. */
  routers: (Carrier & { name: string; isSeen: boolean })[];
  reasons: RouteReason[];
};

const MAX_VERBS = 3;

const reason = (
  code: RouteReason['code'],
  sentence: string,
  { marks = [], verbs = [] }: { marks?: Mark[]; verbs?: string[] } = {},
): RouteReason => ({ code, sentence, marks, verbs });

/** Who asks for it: the program of a peer that has joined, and is let in. */
const userTrouble = ({ id, name, isRedeemed, isDisabled, via }: Peer): RouteReason[] => {
  const who = nameText(name);
  if (!isRedeemed) return [reason('PeerAway', `${who} is invited and has not joined yet`)];
  if (isDisabled)
    return [reason('PeerAway', `${who} is disabled`, { verbs: [`enable-peer --name ${shellWord(name)}`] })];
  if (via !== undefined)
    return [reason('UsesNoRoutes', `${who} is a phone: its router passes no packets beyond the network`)];
  return id === SERVER_PEER
    ? [reason('UsesNoRoutes', `the server's own machine uses no routes in this version`)]
    : [];
};

const openings = (network: Network, peer: Peer, route: Route): RouteReason[] =>
  [...lineage(network, peer.cidrId)]
    .filter((id) => route.openTo.includes(id))
    .map((cidrId) => {
      const node = network.cidr(cidrId);
      const where = node ? `${nameText(node.name)} (${node.cidr})` : String(cidrId);
      return reason(
        'RouteOpen',
        `${nameText(route.name)} is open to ${where}, where ${nameText(peer.name)} is`,
        {
          marks: [{ type: 'RouteOpened', cidrId }],
        },
      );
    });

const closed = (network: Network, peer: Peer, route: Route): RouteReason => {
  const names = [...lineage(network, peer.cidrId)].flatMap((id) => network.cidr(id)?.name ?? []);
  const [own = '', ...around] = names;
  const sentence = `${nameText(route.name)} is open neither to ${nameText(own)}, where ${nameText(peer.name)} is, nor to a CIDR around it`;
  return reason(
    'RouteClosed',
    around.length > 0 ? sentence : sentence.replace('open neither', 'not open').replace(/, nor.*/, ''),
    {
      marks: [{ type: 'RouteClosed' }],
      verbs: names.slice(0, MAX_VERBS).map((name) => `open-route ${shellOperands(route.name, name)}`),
    },
  );
};

/** Nobody is named, or all who are cannot now. */
const withoutRouter = (network: Network, { name, routers }: Route): RouteReason => {
  const disabled = routers.flatMap(({ peerId }) =>
    peerId === undefined ? [] : (network.peer(peerId) ?? []),
  );
  const names = disabled.map((peer) => nameText(peer.name));
  if (names.length > 0)
    return reason('NoRouter', `${names.join(' and ')}, which should carry ${nameText(name)}, is disabled`, {
      marks: disabled.map(({ id: peerId }) => ({ type: 'RouterAdded', peerId })),
      verbs: disabled.slice(0, MAX_VERBS).map((peer) => `enable-peer --name ${shellWord(peer.name)}`),
    });
  const whose =
    routers.length > 0 ? 'the CIDRs that should carry it hold no peer that can' : 'it has no router';
  return reason('NoRouter', `nobody carries ${nameText(name)}: ${whose}`, {
    marks: [{ type: 'RouterRemoved' }],
    verbs: [`add-router ${shellOperands(name)}`],
  });
};

const unseen = (network: Network, user: Peer, route: Route, router: Peer): RouteReason => {
  const pairs = joinable(network, [user, router]).slice(0, MAX_VERBS - 1);
  const joins = pairs
    .filter(([left, right]) => !network.associationBetween(left.id, right.id))
    .map(([left, right]) => `add-association ${shellOperands(left.name, right.name)}`);
  return reason(
    'RouterUnseen',
    `${nameText(user.name)} does not see ${nameText(router.name)}, which carries ${nameText(route.name)}`,
    { verbs: [...joins, `why ${shellOperands(user.name, router.name)}`] },
  );
};

const seen = (user: Peer, route: Route, router: Peer, marks: Mark[]): RouteReason => {
  const who =
    router.id === user.id
      ? `${nameText(user.name)} carries ${nameText(route.name)} itself`
      : `${nameText(router.name)} carries ${nameText(route.name)}, and ${nameText(user.name)} sees it`;
  return reason('RouterSeen', who, { marks });
};

/** The event that made the peer a router, by its own name or by a CIDR around it. */
const marksOf = (network: Network, { routers }: Route, router: Peer): Mark[] => {
  const around = [...lineage(network, router.cidrId)];
  const own = routers.find(
    ({ peerId, cidrId }) => peerId === router.id || (cidrId !== undefined && around.includes(cidrId)),
  );
  if (!own) return [];
  const { peerId, cidrId } = own;
  return [{ type: 'RouterAdded', ...(peerId === undefined ? { ...(cidrId && { cidrId }) } : { peerId }) }];
};

/** Judges a peer and a route that is there. */
export const whyRouteOf = (network: Network, user: Peer, route: Route): WhyRoute => {
  const isSeen = shownTo(network, viewOf(network, user, 'limits'));
  const carriers = routersOf(network, route);
  const peers = carriers.flatMap(({ peerId }) => network.peer(peerId) ?? []);
  const visible = peers.filter((peer) => isSeen(peer));
  const opened = openings(network, user, route);
  const no = [
    ...userTrouble(user),
    ...(opened.length === 0 ? [closed(network, user, route)] : []),
    ...(peers.length === 0 ? [withoutRouter(network, route)] : []),
    ...(peers.length > 0 && visible.length === 0
      ? peers.slice(0, MAX_VERBS).map((router) => unseen(network, user, route, router))
      : []),
  ];
  const yes = [
    ...opened,
    ...visible.map((router) => seen(user, route, router, marksOf(network, route, router))),
  ];
  return {
    isUsable: no.length === 0,
    routers: carriers.map((carrier) => {
      const peer = network.peer(carrier.peerId);
      return { ...carrier, name: peer?.name ?? '', isSeen: isSeen(peer) };
    }),
    reasons: no.length === 0 ? yes : no,
  };
};

/** Of a route that was deleted. */
export const goneRoute = (name: string): WhyRoute => ({
  isUsable: false,
  routers: [],
  reasons: [
    reason('RouteGone', `the route ${nameText(name)} was deleted`, { marks: [{ type: 'RouteDeleted' }] }),
  ],
});
