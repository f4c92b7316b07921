/** The tree of CIDRs, the associations between them, and which CIDR's peers see which. */
import type { Database } from 'better-sqlite3';
import type { NetworkEvent } from '../events/schema.ts';
import type { Projection, ReadModels } from '../store/projection.ts';
import type { AssociationId, CidrId } from '../values/id.ts';
import type { Cidr } from '../values/ip.ts';

export type CidrRow = { id: CidrId; name: string; cidr: Cidr; parentId: CidrId | null };
export type AssociationRow = { id: AssociationId; cidrIds: readonly [CidrId, CidrId] };

const apply = (models: ReadModels, event: NetworkEvent): void => {
  switch (event.type) {
    case 'CidrAdded':
      models
        .sql('INSERT OR REPLACE INTO {cidrs} (id, name, cidr, parent_id) VALUES (?, ?, ?, ?)')
        .run(event.cidrId, event.name, event.cidr, event.parentId);
      break;
    case 'CidrRenamed':
      models.sql('UPDATE {cidrs} SET name = ? WHERE id = ?').run(event.name, event.cidrId);
      break;
    case 'CidrDeleted':
      models.sql('DELETE FROM {cidrs} WHERE id = ?').run(event.cidrId);
      break;
    case 'AssociationAdded':
      models
        .sql('INSERT OR REPLACE INTO {associations} (id, cidr_a, cidr_b) VALUES (?, ?, ?)')
        .run(event.associationId, ...event.cidrIds);
      break;
    case 'AssociationDeleted':
      models.sql('DELETE FROM {associations} WHERE id = ?').run(event.associationId);
      break;
    case 'NetworkCreated':
    case 'NetworkImported':
    case 'LogRestored':
    case 'PeerAdded':
    case 'InvitationRedeemed':
    case 'InvitationReissued':
    case 'InvitationRevoked':
    case 'InvitationExpired':
    case 'PeerRenamed':
    case 'PeerDisabled':
    case 'PeerEnabled':
    case 'PeerExpirySet':
    case 'PeerExpired':
    case 'DefaultExpirySet':
    case 'PeerDeleted':
    case 'AdminGranted':
    case 'AdminRevoked':
    case 'EndpointOverrideSet':
    case 'EndpointOverrideCleared':
    case 'ServerEndpointChanged':
    case 'ProofRequired':
    case 'ProofWaived':
    case 'PeerProved':
      break;
    default:
      event satisfies never;
  }
};

export const topology: Projection = {
  name: 'topology',
  version: 1,
  tables: ['cidrs', 'associations'],
  apply: (models, commit) => {
    for (const event of commit.events) apply(models, event);
  },
};

/** All CIDRs, by id. */
export const listCidrs = (db: Database): CidrRow[] =>
  db.prepare<[], CidrRow>('SELECT id, name, cidr, parent_id AS parentId FROM cidrs ORDER BY id').all();

/** All associations, by id. */
export const listAssociations = (db: Database): AssociationRow[] =>
  db
    .prepare<[], [AssociationId, CidrId, CidrId]>('SELECT id, cidr_a, cidr_b FROM associations ORDER BY id')
    .raw()
    .all()
    .map(([id, a, b]) => ({ id, cidrIds: [a, b] }));

/**
 * A peer sees the peers of its own CIDR and of that one's descendants, those of the server's CIDR (2), and those
 * of every CIDR, descendants included, that is associated with its own or with an ancestor of it.
 */
const SIGHT = `
  WITH RECURSIVE
    inside(ancestor, id) AS (
      SELECT id, id FROM cidrs
      UNION
      SELECT inside.ancestor, cidrs.id FROM inside JOIN cidrs ON cidrs.parent_id = inside.id
    ),
    opened(a, b) AS (
      SELECT cidr_a, cidr_b FROM associations UNION SELECT cidr_b, cidr_a FROM associations
    )
  SELECT ancestor AS viewer, id AS seen FROM inside
  UNION SELECT id, 2 FROM cidrs
  UNION
  SELECT mine.id, theirs.id FROM opened
  JOIN inside AS mine ON mine.ancestor = opened.a
  JOIN inside AS theirs ON theirs.ancestor = opened.b
  ORDER BY 1, 2`;

/** Each CIDR with all those whose peers its own peers see. */
export const listSight = (db: Database): { viewer: CidrId; seen: CidrId }[] =>
  db.prepare<[], { viewer: CidrId; seen: CidrId }>(SIGHT).all();
