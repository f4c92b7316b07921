/** One row for every peer that ever was, as it is now. */
import type { EventOf, NetworkEvent } from '../events/schema.ts';
import type { Projection, ReadModels } from '../store/projection.ts';
import type { PeerId } from '../values/id.ts';

const add = (models: ReadModels, event: EventOf<'PeerAdded'>): void => {
  models
    .sql(`
      INSERT OR REPLACE INTO peers
        (id, name, ip, cidr_id, public_key, is_disabled)
      VALUES (?, ?, ?, ?, ?, ?)`)
    .run(event.peerId, event.name, event.ip, event.cidrId, event.publicKey, Number(event.disabled ?? false));
};

type Update = [id: PeerId, columns: string, ...values: string[]];

const updateOf = (event: NetworkEvent): Update | undefined => {
  switch (event.type) {
    case 'InvitationRedeemed':
    case 'InvitationReissued':
      return [event.peerId, 'public_key = ?', event.publicKey];
    case 'InvitationRevoked':
      return [event.peerId, `ended = 'revoked'`];
    case 'InvitationExpired':
      return [event.peerId, `ended = 'expired'`];
    case 'PeerDeleted':
      return [event.peerId, `ended = 'deleted'`];
    case 'PeerRenamed':
      return [event.peerId, 'name = ?', event.name];
    case 'PeerDisabled':
    case 'PeerExpired':
      return [event.peerId, 'is_disabled = 1'];
    case 'PeerEnabled':
      return [event.peerId, 'is_disabled = 0'];
    case 'PeerAdded':
    case 'NetworkCreated':
    case 'NetworkImported':
    case 'LogRestored':
    case 'CidrAdded':
    case 'CidrRenamed':
    case 'CidrDeleted':
    case 'AssociationAdded':
    case 'AssociationDeleted':
    case 'RelaySet':
    case 'RelayCleared':
    case 'ProofRequired':
    case 'ProofWaived':
    case 'PeerProved':
    case 'PeerExpirySet':
    case 'DefaultExpirySet':
    case 'AdminGranted':
    case 'AdminRevoked':
    case 'EndpointOverrideSet':
    case 'EndpointOverrideCleared':
    case 'ServerEndpointChanged':
      return undefined;
  }
};

const apply = (models: ReadModels, event: NetworkEvent): void => {
  if (event.type === 'PeerAdded') add(models, event);
  const update = updateOf(event);
  if (!update) return;
  const [id, columns, ...values] = update;
  models.sql(`UPDATE peers SET ${columns} WHERE id = ?`).run(...values, id);
};

export const peers: Projection = {
  name: 'peers',
  version: 1,
  tables: ['peers'],
  apply: (models, commit) => {
    for (const event of commit.events) apply(models, event);
  },
};
