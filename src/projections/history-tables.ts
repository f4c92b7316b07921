/** Tables for history: which names things had since when, and which events concern them. */
import type { NetworkEvent } from '../events/schema.ts';
import type { Projection, ReadModels } from '../store/projection.ts';
import type { Thing } from '../store/queries.ts';
import { type AssociationId, type CidrId, type PeerId, type Position, SERVER_PEER } from '../values/id.ts';

const aPeer = (id: PeerId): Thing => ({ kind: 'peer', id });
const aCidr = (id: CidrId): Thing => ({ kind: 'cidr', id });

const endsOf = (models: ReadModels, id: AssociationId): [CidrId, CidrId] | undefined =>
  models.sql('SELECT cidr_a, cidr_b FROM ends WHERE association_id = ?').raw().get(id) as
    | [CidrId, CidrId]
    | undefined;

/** Subjects of an event besides those that it names and the CIDR of a new peer: see sqlite-queries.ts. */
const concerns = (event: NetworkEvent, models: ReadModels): Thing[] => {
  switch (event.type) {
    case 'NetworkCreated':
    case 'NetworkImported':
    case 'LogRestored':
    case 'DefaultExpirySet':
    case 'CidrRenamed':
    case 'PeerAdded':
    case 'PeerRenamed':
      return [];
    case 'CidrAdded':
      return event.parentId === null ? [] : [aCidr(event.parentId)];
    case 'CidrDeleted':
      return [aCidr(event.cidrId)];
    case 'InvitationRedeemed':
    case 'InvitationReissued':
    case 'InvitationRevoked':
    case 'InvitationExpired':
    case 'PeerDisabled':
    case 'PeerEnabled':
    case 'PeerExpirySet':
    case 'PeerExpired':
    case 'PeerDeleted':
    case 'AdminGranted':
    case 'AdminRevoked':
    case 'EndpointOverrideSet':
    case 'EndpointOverrideCleared':
    case 'RelaySet':
    case 'RelayCleared':
    case 'PeerProved':
      return [aPeer(event.peerId)];
    case 'AssociationAdded':
      return [{ kind: 'association', id: event.associationId }, ...event.cidrIds.map(aCidr)];
    case 'AssociationDeleted': {
      const ends = endsOf(models, event.associationId) ?? [];
      return [{ kind: 'association', id: event.associationId }, ...ends.map(aCidr)];
    }
    case 'ServerEndpointChanged':
      return [aPeer(SERVER_PEER)];
    case 'ProofRequired':
    case 'ProofWaived':
      return event.peerId === undefined ? [] : [aPeer(event.peerId)];
  }
};

const noteName = (models: ReadModels, thing: Thing, position: Position, name: string): void => {
  models
    .sql('INSERT INTO names (kind, id, from_position, name) VALUES (?, ?, ?, ?)')
    .run(thing.kind, thing.id, position, name);
};

type Naming = Extract<NetworkEvent, { name: string }>;

const namedBy = (event: Naming): Thing | undefined => {
  switch (event.type) {
    case 'CidrAdded':
    case 'CidrRenamed':
      return aCidr(event.cidrId);
    case 'PeerAdded':
    case 'PeerRenamed':
      return aPeer(event.peerId);
    case 'NetworkCreated':
    case 'NetworkImported':
      return undefined;
  }
};

const noteNames = (models: ReadModels, event: NetworkEvent, position: Position): void => {
  const named = 'name' in event ? namedBy(event) : undefined;
  if (named && 'name' in event) noteName(models, named, position, event.name);
  if (event.type === 'AssociationAdded') {
    models
      .sql('INSERT OR REPLACE INTO ends (association_id, cidr_a, cidr_b) VALUES (?, ?, ?)')
      .run(event.associationId, ...event.cidrIds);
  }
};

export const history: Projection = {
  name: 'history',
  version: 2,
  tables: ['names', 'ends', 'mentions'],
  apply: (models, { from, events }) => {
    const mention = models.sql('INSERT OR IGNORE INTO mentions (kind, id, position) VALUES (?, ?, ?)');
    events.forEach((event, index) => {
      const position = from + 1 + index;
      noteNames(models, event, position);
      for (const { kind, id } of concerns(event, models)) mention.run(kind, id, position);
    });
  },
};
