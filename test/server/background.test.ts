// A refusal says what the log knows of why it stands so: each kind over a real log.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Rejected, type Rejection } from '../../src/domain/rejection.ts';
import { type Actor, actorText } from '../../src/events/actor.ts';
import type { NetworkEvent } from '../../src/events/schema.ts';
import { READ_MODELS } from '../../src/projections/projections.ts';
import { explained } from '../../src/server/past/explained.ts';
import { LogPast } from '../../src/server/past/past.ts';
import type { NewCommit } from '../../src/store/log.ts';
import { openSqliteLog, type SqliteLog } from '../../src/store/sqlite-log.ts';
import type { Timestamp } from '../../src/values/time.ts';
import { acme, associated, associationId, cidr, ids, keyOf, peerId } from '../acme.ts';
import { append, commitOf } from '../store/temp-log.ts';

const by = (actor: Actor, ...events: NetworkEvent[]): NewCommit => ({
  ...commitOf(events),
  actor: actorText(actor),
});
const ann: Actor = { kind: 'peer', peerId: ids.ann };
const rita: Actor = { kind: 'operator', uid: 0, user: 'rita' };

let log: SqliteLog;
let past: LogPast;
beforeAll(async () => {
  const file = join(mkdtempSync(join(tmpdir(), 'innernet-background-')), 'acme.events');
  log = await openSqliteLog({ file, readModels: READ_MODELS, mode: 'create' });
  past = new LogPast(log);
  await append(
    log,
    by(rita, ...acme.ranges), // 1–8
    by(rita, ...acme.ann, ...acme.ryo, ...acme.bob, ...acme.oven), // 9–16
    by(rita, acme.eve), // 17
    by(ann, { type: 'PeerDisabled', peerId: ids.bob }), // 18
    by(rita, { type: 'PeerDeleted', peerId: ids.oven }), // 19
    by(ann, { type: 'PeerRenamed', peerId: ids.ryo, name: 'rio' }), // 20
    by(ann, associated(ids.humans, ids.machines)), // 21
    by(rita, associated(ids.engineers, ids.machines, 2)), // 22
    by(ann, { type: 'AssociationDeleted', associationId: associationId(1) }), // 23
    by(ann, { type: 'CidrRenamed', cidrId: ids.bakers, name: 'cooks' }), // 24
    by(rita, {
      type: 'CidrAdded',
      cidrId: 7 as never,
      name: 'shed',
      cidr: cidr('10.42.9.0/24'),
      parentId: ids.root,
    }), // 25
    by(ann, { type: 'CidrDeleted', cidrId: 7 as never }), // 26
    by({ kind: 'server' }, { type: 'InvitationExpired', peerId: ids.eve }), // 27
    by(ann, { type: 'PeerExpirySet', peerId: ids.bob, expires: NOON as Timestamp }), // 28
  );
});
afterAll(async () => {
  await log.close();
  rmSync(dirname(log.file), { recursive: true });
});

const NOON = '2026-11-22T12:00:00.000Z';

/** What is added to a refusal on its way. */
const said = async (rejection: Rejection): Promise<string | undefined> => {
  const refused = await explained(past, async () => {
    throw new Rejected(rejection);
  }).catch((error: Rejected) => error);
  return (refused as Rejected).background;
};

const ip = acme.at('bakers', 1);
const tells = (rejection: Rejection, background: string | undefined) =>
  it(`${rejection.code}: ${background ?? 'nothing'}`, async () =>
    expect(await said(rejection)).toBe(background));

tells(
  { code: 'PeerNameTaken', name: 'bob', ip },
  `bob was added by rita on the server at ${NOON} (position 13), disabled by ann at ${NOON} (position 18)`,
);
tells({ code: 'IpTaken', ip, by: 'ann' }, `ann was added by rita on the server at ${NOON} (position 9)`);
tells(
  { code: 'IpRetired', ip: acme.at('machines', 1) },
  `it was oven's, who was deleted by rita on the server at ${NOON} (position 19)`,
);
tells(
  { code: 'KeyTaken', key: keyOf('ryo') },
  `rio was added by rita on the server at ${NOON} (position 11)`,
);
tells(
  { code: 'KeyRetired', key: keyOf('oven') },
  `it was oven's, who was deleted by rita on the server at ${NOON} (position 19)`,
);
tells(
  { code: 'PeerHasEnded', name: 'bob', ended: NOON as Timestamp },
  `its end was set by ann at ${NOON} (position 28)`,
);
tells({ code: 'PeerIsDisabled', name: 'bob' }, `it was disabled by ann at ${NOON} (position 18)`);
tells(
  { code: 'AlreadyRedeemed', name: 'bob' },
  `it was redeemed by rita on the server at ${NOON} (position 14)`,
);
tells({ code: 'UnknownPeer', peer: 'ryo' }, `ryo is called rio: renamed by ann at ${NOON} (position 20)`);
tells(
  { code: 'UnknownPeer', peer: 'oven' },
  `oven was deleted by rita on the server at ${NOON} (position 19)`,
);
tells(
  { code: 'UnknownPeer', peer: 'eve' },
  `eve was ended, as its invitation was not used, by the server at ${NOON} (position 27)`,
);
tells({ code: 'UnknownPeer', peer: 'mallory' }, undefined);
tells({ code: 'UnknownPeer', peer: peerId(99) }, undefined);
tells(
  { code: 'UnknownCidr', cidr: 'bakers' },
  `bakers is called cooks: renamed by ann at ${NOON} (position 24)`,
);
tells({ code: 'UnknownCidr', cidr: 'shed' }, `shed was deleted by ann at ${NOON} (position 26)`);
tells(
  { code: 'CidrNameTaken', name: 'humans' },
  `humans was added by rita on the server at ${NOON} (position 5)`,
);
tells(
  { code: 'CidrHasAssociations', name: 'engineers', with: 'machines' },
  `they were associated by rita on the server at ${NOON} (position 22)`,
);
tells(
  { code: 'AssociationExists', names: ['machines', 'engineers'] },
  `they were associated by rita on the server at ${NOON} (position 22)`,
);
tells(
  { code: 'UnknownAssociation', names: ['humans', 'machines'] },
  `their association was ended by ann at ${NOON} (position 23)`,
);
tells({ code: 'ServerIsFixed', what: 'peer' }, undefined);
