/** One row for every peer that ever was, as it is now. */
import type { EventOf, NetworkEvent } from '../events/schema.ts';
import type { Projection, ReadModels } from '../store/projection.ts';
import { type PeerId, SERVER_PEER } from '../values/id.ts';

const add = (models: ReadModels, event: EventOf<'PeerAdded'>): void => {
  models
    .sql(`
      INSERT OR REPLACE INTO peers
        (id, name, ip, cidr_id, public_key, is_admin, is_disabled, is_redeemed, invite_expires, endpoint)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
    .run(
      event.peerId,
      event.name,
      event.ip,
      event.cidrId,
      event.publicKey,
      Number(event.isAdmin),
      Number(event.disabled ?? false),
      Number(event.redeemed ?? false),
      event.inviteExpires,
      event.endpoint ?? null,
    );
};

type Update = [id: PeerId, columns: string, ...values: (string | number | null)[]];

const updateOf = (event: NetworkEvent): Update | undefined => {
  switch (event.type) {
    case 'InvitationRedeemed':
      return [event.peerId, 'public_key = ?, is_redeemed = 1', event.publicKey];
    case 'InvitationReissued': {
      const { peerId, publicKey, inviteExpires } = event;
      return [peerId, 'public_key = ?, invite_expires = ?', publicKey, inviteExpires];
    }
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
    case 'AdminGranted':
      return [event.peerId, 'is_admin = 1'];
    case 'AdminRevoked':
      return [event.peerId, 'is_admin = 0'];
    case 'EndpointOverrideSet':
      return [event.peerId, 'endpoint = ?', event.endpoint];
    case 'EndpointOverrideCleared':
      return [event.peerId, 'endpoint = NULL'];
    case 'ServerEndpointChanged':
      return [SERVER_PEER, 'endpoint = ?', event.endpoint];
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
