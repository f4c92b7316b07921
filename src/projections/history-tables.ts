/** Tables for history: which names things had since when, and which events concern them. */
import type { NetworkEvent } from '../events/schema.ts';
import { subjectOf, type Thing } from '../events/subject.ts';
import type { Projection, ReadModels } from '../store/projection.ts';
import type { AssociationId, CidrId, Position, RouteId } from '../values/id.ts';

type Pair = readonly [CidrId, CidrId];

const aCidr = (id: CidrId): Thing => ({ kind: 'cidr', id });

const noteEnds = (models: ReadModels, id: AssociationId, pair: Pair): void => {
  models
    .sql('INSERT OR REPLACE INTO ends (association_id, cidr_a, cidr_b) VALUES (?, ?, ?)')
    .run(id, ...pair);
};

const endsOf = (models: ReadModels, id: AssociationId): Pair | undefined =>
  models.sql('SELECT cidr_a, cidr_b FROM ends WHERE association_id = ?').raw().get(id) as Pair | undefined;

/** The router, or the CIDR that a route is opened to. */
const endsOfRoute = (event: NetworkEvent & { routeId: RouteId }): Thing[] => {
  if ('peerId' in event && event.peerId !== undefined) return [{ kind: 'peer', id: event.peerId }];
  return 'cidrId' in event && event.cidrId !== undefined ? [aCidr(event.cidrId)] : [];
};

/** Besides the subject; the CIDR of a new peer is found by its row: see sqlite-queries.ts. */
const othersIn = (models: ReadModels, event: NetworkEvent): Thing[] => {
  if (event.type === 'CidrAdded') return event.parentId === null ? [] : [aCidr(event.parentId)];
  if ('routeId' in event) return endsOfRoute(event);
  return 'associationId' in event ? (endsOf(models, event.associationId) ?? []).map(aCidr) : [];
};

const note = (models: ReadModels, event: NetworkEvent, position: Position): void => {
  if (event.type === 'AssociationAdded') noteEnds(models, event.associationId, event.cidrIds);
  const mention = ({ kind, id }: Thing): void => {
    models
      .sql('INSERT OR IGNORE INTO mentions (kind, id, position) VALUES (?, ?, ?)')
      .run(kind, id, position);
  };
  const subject = subjectOf(event);
  if (subject && 'name' in event)
    models
      .sql('INSERT INTO names (kind, id, from_position, name) VALUES (?, ?, ?, ?)')
      .run(subject.kind, subject.id, position, event.name);
  else if (subject) mention(subject);
  for (const thing of othersIn(models, event)) mention(thing);
};

export const history: Projection = {
  name: 'history',
  version: 2,
  tables: ['names', 'ends', 'mentions'],
  apply: (models, { from, events }) => {
    for (const [index, event] of events.entries()) note(models, event, from + 1 + index);
  },
};
