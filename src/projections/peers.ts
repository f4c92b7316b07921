/** One row for every peer that ever was, as it is now. */
import type { EventOf, EventType, NetworkEvent } from '../events/schema.ts';
import { subjectOf } from '../events/subject.ts';
import type { Projection, ReadModels } from '../store/projection.ts';

const add = (models: ReadModels, event: EventOf<'PeerAdded'>): void => {
  models
    .sql(`
      INSERT OR REPLACE INTO peers (id, name, ip, cidr_id, public_key, is_disabled)
      VALUES (?, ?, ?, ?, ?, ?)`)
    .run(event.peerId, event.name, event.ip, event.cidrId, event.publicKey, Number(event.disabled ?? false));
};

/** By the types whose body holds no new value of a column. */
const SETS: { readonly [T in EventType]?: string } = {
  PeerDisabled: 'is_disabled = 1',
  PeerExpired: 'is_disabled = 1',
  PeerEnabled: 'is_disabled = 0',
  PeerDeleted: `ended = 'deleted'`,
  InvitationExpired: `ended = 'expired'`,
  InvitationRevoked: `ended = 'revoked'`,
};

const apply = (models: ReadModels, event: NetworkEvent): void => {
  const subject = subjectOf(event);
  if (subject?.kind !== 'peer') return;
  if (event.type === 'PeerAdded') {
    add(models, event);
    return;
  }
  const set = (column: string, ...values: string[]): void => {
    models.sql(`UPDATE peers SET ${column} WHERE id = ?`).run(...values, subject.id);
  };
  if ('name' in event) set('name = ?', event.name);
  if ('publicKey' in event) set('public_key = ?', event.publicKey);
  const column = SETS[event.type];
  if (column) set(column);
};

export const peers: Projection = {
  name: 'peers',
  version: 1,
  tables: ['peers'],
  apply: (models, commit) => {
    for (const event of commit.events) apply(models, event);
  },
};
