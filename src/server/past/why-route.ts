/** Why a peer can or cannot use a route, with the events behind each reason. */
import type { Network } from '../../domain/network.ts';
import type { Peer } from '../../domain/peer.ts';
import { goneRoute, type Mark, whyRouteOf } from '../../domain/why-route.ts';
import { eventOf } from '../../events/upcast.ts';
import type { AnswerTo, Place, Told } from '../../protocol/past.ts';
import type { EventLog } from '../../store/log.ts';
import type { ToldRecord } from '../../store/queries.ts';
import type { Position, RouteId } from '../../values/id.ts';
import { briefOf } from './rehearsal.ts';

/** A route has few events; of more, the newest decide. */
const MAX_RECORDS = 1_000;

/** Newest first. */
const recordsOf = (log: EventLog, id: RouteId, until: Position): ToldRecord[] =>
  log.queries.records(
    { about: [{ kind: 'route', id }] },
    { after: 0, until, limit: MAX_RECORDS, reverse: true },
  );

const isMarked = (record: ToldRecord, { type, ...ids }: Mark): boolean => {
  if (record.type !== type) return false;
  const body: { [field: string]: unknown } = eventOf({ ...record, position: record.position });
  return Object.entries(ids).every(([field, id]) => body[field] === id);
};

/** Its name and blocks, also of one that is gone. */
const wasOf = (network: Network, id: RouteId, records: readonly ToldRecord[]) => {
  const route = network.route(id);
  if (route) return { id, name: route.name, blocks: [...route.blocks] };
  const events = records.map((record) => eventOf(record));
  const added = events.find((event) => event.type === 'RouteAdded');
  const named = events.find((event) => event.type === 'RouteAdded' || event.type === 'RouteRenamed');
  return { id, name: named?.name ?? String(id), blocks: added?.blocks ?? [] };
};

type Judged = { network: Network; place: Place; peer: Peer; id: RouteId };

/** Of a route that there is or was, at a place of the log. */
export const judgedRoute = (
  log: EventLog,
  { network, place, peer, id }: Judged,
  tell: (record: ToldRecord) => Told,
): AnswerTo<'whyRoute'> => {
  const records = recordsOf(log, id, place.position);
  const route = network.route(id);
  const was = wasOf(network, id, records);
  const { isUsable, routers, reasons } = route ? whyRouteOf(network, peer, route) : goneRoute(was.name);
  return {
    isUsable,
    at: place,
    peer: briefOf(peer),
    route: was,
    routers: routers.map(({ peerId, name, rank, isSeen }) => ({ id: peerId, name, rank, isSeen })),
    reasons: reasons.map(({ marks, ...reason }) => ({
      ...reason,
      events: marks
        .flatMap((mark) => records.find((record) => isMarked(record, mark)) ?? [])
        .sort((left, right) => left.position - right.position)
        .map(tell),
    })),
  };
};
