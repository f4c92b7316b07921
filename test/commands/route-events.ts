// Random events about routes, as no rule has judged them: each combination that a log may hold.
import type { Network } from '../../src/domain/network.ts';
import type { NetworkEvent } from '../../src/events/schema.ts';
import type { CidrId, RouteId } from '../../src/values/id.ts';
import type { Cidr } from '../../src/values/ip.ts';
import type { Throw } from '../commands.ts';

const BLOCKS = ['192.168.50.0/24', '192.168.60.0/24', '0.0.0.0/0'] as Cidr[];

const pick = <T>(list: readonly T[], number = 0): T | undefined => list[number % Math.max(1, list.length)];

/** What must come before a CIDR goes: nothing is open to it, and it is no router. */
const before = (network: Network, cidrId: CidrId): NetworkEvent[] =>
  [...network.routes()].flatMap(({ id: routeId, openTo, routers }): NetworkEvent[] => [
    ...(openTo.includes(cidrId) ? [{ type: 'RouteClosed' as const, routeId, cidrId }] : []),
    ...(routers.some((router) => router.cidrId === cidrId)
      ? [{ type: 'RouterRemoved' as const, routeId, cidrId }]
      : []),
  ]);

/** For about every third throw. */
const thrown = (network: Network, { picks, mischief }: Throw): NetworkEvent[] => {
  const [a = 0, b = 0, c = 0] = picks.slice(4);
  const [route, cidr] = [pick([...network.routes()], a), pick([...network.cidrs()], b)];
  const peer = pick([...network.peers()], c);
  if (mischief % 3 > 0 || !cidr || !peer) return [];
  const routeId = network.nextIds.route;
  const name = `route-${routeId}`;
  if (!route || network.routeCount < 3)
    return [
      { type: 'RouteAdded', routeId, name, blocks: [BLOCKS[a % BLOCKS.length] as Cidr] },
      { type: 'RouteOpened', routeId, cidrId: cidr.id },
      { type: 'RouterAdded', routeId, peerId: peer.id, rank: 0 },
    ];
  return [eventOf(route.id, { cidrId: cidr.id, peerId: peer.id, number: c })];
};

const eventOf = (
  routeId: RouteId,
  {
    cidrId,
    peerId,
    number,
  }: { cidrId: CidrId; peerId: NonNullable<ReturnType<Network['peer']>>['id']; number: number },
): NetworkEvent => {
  const events: NetworkEvent[] = [
    { type: 'RouteOpened', routeId, cidrId },
    { type: 'RouteOpened', routeId, cidrId },
    { type: 'RouteClosed', routeId, cidrId },
    { type: 'RouterAdded', routeId, peerId, rank: number % 3 },
    { type: 'RouterAdded', routeId, cidrId, rank: number % 3 },
    { type: 'RouterRanked', routeId, peerId, rank: number % 4 },
    { type: 'RouterRemoved', routeId, peerId },
    { type: 'RouterRemoved', routeId, cidrId },
    { type: 'RouteRenamed', routeId, name: `renamed-${routeId}-${number}` },
    { type: 'RouteDeleted', routeId },
  ];
  return events[number % events.length] as NetworkEvent;
};

/** The events of a commit, with some about routes among them. */
export const withRoutes = (
  network: Network,
  events: readonly NetworkEvent[],
  dice: Throw,
): NetworkEvent[] => {
  const gone = events.flatMap((event) => (event.type === 'CidrDeleted' ? before(network, event.cidrId) : []));
  const isWhole = gone.length > 0 || events.some(({ type }) => /Deleted|Created|Imported/.test(type));
  if (isWhole || events.length === 1) return [...gone, ...events];
  return [...thrown(network, dice), ...events];
};

/** Events about routes alone. */
export const routesAlone = thrown;
