/** One row for every peer that ever was, as it is now. */
import type { Database } from 'better-sqlite3';
import type { EventOf, NetworkEvent } from '../events/schema.ts';
import type { Projection, ReadModels } from '../store/projection.ts';
import type { Endpoint } from '../values/endpoint.ts';
import { type CidrId, type PeerId, SERVER_PEER } from '../values/id.ts';
import type { Ip } from '../values/ip.ts';
import type { PublicKey } from '../values/key.ts';
import type { Timestamp } from '../values/time.ts';

/** `invited`: not joined yet, perhaps past its end but not ended by an event; the last three are gone for good. */
export type PeerState = 'invited' | 'redeemed' | 'disabled' | 'deleted' | 'expired' | 'revoked';

export type PeerRow = {
  id: PeerId;
  name: string;
  ip: Ip;
  cidrId: CidrId;
  /** Undefined when its CIDR is gone. */
  cidrName: string | undefined;
  /** Until redeemed: the invitation's temporary key. */
  publicKey: PublicKey;
  isAdmin: boolean;
  isDisabled: boolean;
  isRedeemed: boolean;
  inviteExpires: Timestamp | null;
  /** The endpoint that the peer insists on; for the server's peer, where the server is reached. */
  endpoint: Endpoint | null;
  state: PeerState;
};

const add = (models: ReadModels, event: EventOf<'PeerAdded'>): void => {
  models
    .sql(`
      INSERT OR REPLACE INTO {peers}
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

/** The columns of one row that an event changes, and what they are set to. */
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
  models.sql(`UPDATE {peers} SET ${columns} WHERE id = ?`).run(...values, id);
};

export const peers: Projection = {
  name: 'peers',
  version: 1,
  tables: ['peers'],
  apply: (models, commit) => {
    for (const event of commit.events) apply(models, event);
  },
};

const STATE = `CASE
  WHEN ended IS NOT NULL THEN ended WHEN is_disabled THEN 'disabled' WHEN is_redeemed THEN 'redeemed'
  ELSE 'invited' END`;

const SELECT = `
  SELECT peers.id, peers.name, ip, cidr_id AS cidrId, cidrs.name AS cidrName, public_key AS publicKey,
    is_admin AS isAdmin, is_disabled AS isDisabled, is_redeemed AS isRedeemed,
    invite_expires AS inviteExpires, endpoint, ${STATE} AS state
  FROM peers LEFT JOIN cidrs ON cidrs.id = peers.cidr_id`;

type Raw = Omit<PeerRow, 'cidrName' | 'isAdmin' | 'isDisabled' | 'isRedeemed'> & {
  cidrName: string | null;
  isAdmin: number;
  isDisabled: number;
  isRedeemed: number;
};

const rowsWhere = (db: Database, condition: string): PeerRow[] =>
  db
    .prepare<[], Raw>(`${SELECT} WHERE ${condition} ORDER BY peers.id`)
    .all()
    .map((raw) => ({
      ...raw,
      cidrName: raw.cidrName ?? undefined,
      isAdmin: raw.isAdmin === 1,
      isDisabled: raw.isDisabled === 1,
      isRedeemed: raw.isRedeemed === 1,
    }));

/** The peers that there are, invited and disabled ones too, by id. */
export const listPeers = (db: Database): PeerRow[] => rowsWhere(db, 'ended IS NULL');

/** Those and the ones that are gone: deleted, or with an invitation that expired or was revoked. */
export const listAllPeers = (db: Database): PeerRow[] => rowsWhere(db, 'true');
