/** The tree of CIDRs as it is now. */
import type { NetworkEvent } from '../events/schema.ts';
import type { Projection, ReadModels } from '../store/projection.ts';

const apply = (models: ReadModels, event: NetworkEvent): void => {
  if (!('cidrId' in event)) return;
  switch (event.type) {
    case 'CidrAdded':
      models
        .sql('INSERT OR REPLACE INTO cidrs (id, name, cidr) VALUES (?, ?, ?)')
        .run(event.cidrId, event.name, event.cidr);
      break;
    case 'CidrRenamed':
      models.sql('UPDATE cidrs SET name = ? WHERE id = ?').run(event.name, event.cidrId);
      break;
    case 'CidrDeleted':
      models.sql('DELETE FROM cidrs WHERE id = ?').run(event.cidrId);
      break;
    case 'CidrIsolated':
    case 'CidrUnisolated':
    case 'PeerAdded':
    case 'RouterAdded':
    case 'RouterRanked':
    case 'RouterRemoved':
    case 'RouteOpened':
    case 'RouteClosed':
      break;
    default:
      event satisfies never;
  }
};

export const topology: Projection = {
  name: 'topology',
  version: 1,
  tables: ['cidrs'],
  apply: (models, commit) => {
    for (const event of commit.events) apply(models, event);
  },
};
