// History reads aloud: every type of event has its sentence, with names as they were at that moment.
import { expect, it } from 'vitest';
import { actorText } from '../../src/events/actor.ts';
import { EVENT_TYPES, type NetworkEvent } from '../../src/events/schema.ts';
import { History, type HistoryEntry } from '../../src/projections/history.ts';
import { replay } from '../../src/store/follow.ts';
import type { NewCommit } from '../../src/store/log.ts';
import type { SqliteLog } from '../../src/store/sqlite-log.ts';
import { type Hash, NO_HASH, type Position } from '../../src/values/id.ts';
import {
  acme,
  associated,
  associationId,
  cidr,
  endpoint,
  INVITE_EXPIRES,
  ids,
  keyOf,
  peerId,
  routeId,
} from '../acme.ts';
import { append, commitOf, tempLog } from '../store/temp-log.ts';

const by = (actor: Parameters<typeof actorText>[0], ...events: NetworkEvent[]): NewCommit => ({
  ...commitOf(events),
  actor: actorText(actor),
});

const ann = { kind: 'peer', peerId: ids.ann } as const;
const server = { kind: 'server' } as const;

const told = async (log: SqliteLog): Promise<{ entries: HistoryEntry[]; sentences: string[] }> => {
  const history = new History(log.queries, (time) => `<${time.slice(0, 16)}>`);
  const entries: HistoryEntry[] = [];
  await replay(log, 0, (commit) => void entries.push(...history.entriesOf(commit)));
  return { entries, sentences: entries.map((entry) => history.describe(entry)) };
};

/** The whole vocabulary, by people and programs of every kind. */
const story: NewCommit[] = [
  commitOf(acme.created),
  by({ kind: 'operator', uid: 0 }, acme.humans),
  by({ kind: 'operator', uid: 1000 }, acme.engineers, acme.bakers, acme.machines),
  commitOf(acme.ann.slice(0, 1)),
  by(ann, ...acme.ann.slice(1)),
  by(ann, acme.eve, ...acme.bob.slice(0, 1)),
  by({ kind: 'peer', peerId: ids.bob }, ...acme.bob.slice(1)),
  by(ann, associated(ids.engineers, ids.bakers, 1)),
  by(
    ann,
    {
      type: 'AssociationLimited',
      associationId: associationId(1),
      allow: [
        {
          from: ids.engineers,
          protocol: 'tcp',
          ports: [
            [9100, 9110],
            [631, 631],
          ],
        },
        { from: ids.engineers, protocol: 'icmp' },
      ],
    },
    { type: 'AssociationUnlimited', associationId: associationId(1) },
    { type: 'CidrIsolated', cidrId: ids.bakers },
    { type: 'CidrUnisolated', cidrId: ids.bakers },
  ),
  by(
    server,
    { type: 'PeerEnforces', peerId: ids.bob, limits: true },
    { type: 'PeerEnforces', peerId: ids.bob, limits: false },
    { type: 'PeerEnforces', peerId: ids.bob, limits: null },
  ),
  by(ann, { type: 'CidrRenamed', cidrId: ids.bakers, name: 'cooks' }),
  by(ann, { type: 'AssociationDeleted', associationId: associationId(1) }),
  by(
    ann,
    { type: 'PeerRenamed', peerId: ids.bob, name: 'bobby' },
    { type: 'PeerDisabled', peerId: ids.bob },
    { type: 'PeerEnabled', peerId: ids.bob },
    { type: 'AdminGranted', peerId: ids.bob },
    { type: 'AdminRevoked', peerId: ids.bob },
  ),
  by(
    ann,
    { type: 'EndpointOverrideSet', peerId: ids.bob, endpoint: endpoint('192.0.2.7:1000') },
    { type: 'EndpointOverrideCleared', peerId: ids.bob },
    { type: 'ServerEndpointChanged', endpoint: endpoint('vpn.example.net:51821') },
    { type: 'RelaySet', peerId: ids.server, port: 51821 },
    { type: 'RelaySet', peerId: ids.server, port: 4000, endpoint: endpoint('192.0.2.7:4001') },
    { type: 'RelayCleared', peerId: ids.server },
  ),
  by(
    ann,
    { type: 'StandbyNamed', peerId: ids.bob },
    { type: 'StandbyDismissed', peerId: ids.bob },
    { type: 'QuestionKeySet', publicKey: keyOf('question') },
    { type: 'ServerPromoted', peerId: ids.bob, epoch: 1 },
  ),
  by(ann, { type: 'PeerRenamed', peerId: ids.ann, name: 'anna' }),
  by(ann, { type: 'PeerExpirySet', peerId: ids.bob, expires: INVITE_EXPIRES }),
  by(ann, { type: 'PeerExpirySet', peerId: ids.bob, expires: null }),
  by(server, { type: 'PeerExpired', peerId: ids.bob }),
  by(ann, { type: 'DefaultExpirySet', seconds: 90 * 86_400 }, { type: 'DefaultExpirySet', seconds: null }),
  by(ann, { type: 'PeerDeleted', peerId: ids.bob }),
  by(
    ann,
    { type: 'RouteAdded', routeId: routeId(1), name: 'office', blocks: [cidr('192.168.50.0/24')] },
    { type: 'RouterAdded', routeId: routeId(1), peerId: ids.server, rank: 0, keepSource: true },
    { type: 'RouterAdded', routeId: routeId(1), cidrId: ids.machines, rank: 2 },
    { type: 'RouteOpened', routeId: routeId(1), cidrId: ids.humans },
    { type: 'RouteRenamed', routeId: routeId(1), name: 'bureau' },
    { type: 'RouterRanked', routeId: routeId(1), peerId: ids.server, rank: 3 },
    { type: 'RouterRemoved', routeId: routeId(1), cidrId: ids.machines },
    { type: 'RouteClosed', routeId: routeId(1), cidrId: ids.humans },
    { type: 'RouteDeleted', routeId: routeId(1) },
  ),
  by(
    ann,
    { type: 'PlainPeerDeclared', peerId: ids.eve, via: ids.server },
    { type: 'PlainPeerRouted', peerId: ids.eve, via: ids.ann },
    { type: 'PlainPeerRekeyed', peerId: ids.eve, publicKey: keyOf("eve's second phone") },
  ),
  by(ann, {
    type: 'InvitationReissued',
    peerId: ids.eve,
    publicKey: keyOf("eve's second invitation"),
    inviteExpires: null,
  }),
  by(server, { type: 'InvitationExpired', peerId: ids.eve }),
  by(ann, { ...acme.eve, peerId: peerId(7), name: 'eva' }, { type: 'InvitationRevoked', peerId: peerId(7) }),
  by(ann, { type: 'CidrDeleted', cidrId: ids.machines }),
  by(ann, { type: 'ProofRequired' }, { type: 'ProofWaived', peerId: ids.eve }, { type: 'ProofWaived' }),
  by(ann, { type: 'ProofRequired', peerId: ids.eve }),
  by(server, { type: 'PeerProved', peerId: ids.ann }),
  by(ann, { type: 'InvitationRedeemed', peerId: ids.ryo, publicKey: keyOf('ryo'), proved: true }),
  commitOf([{ type: 'LogRestored', lostPosition: 99 as Position, lostHash: NO_HASH as Hash }]),
  commitOf([{ type: 'NetworkImported', name: 'acme', source: { program: 'innernet-server', version: 2 } }]),
];

it('tells every type of event in one sentence', async () => {
  const log = await tempLog();
  await append(log, ...story);
  const { entries, sentences } = await told(log);
  expect(sentences).toEqual([
    'ann on the server created network acme',
    'ann on the server added CIDR acme (10.42.0.0/16)',
    'ann on the server added CIDR innernet-server (10.42.0.1/32) to acme',
    `ann on the server added admin peer innernet-server (10.42.0.1) to innernet-server, key ${keyOf('server').slice(0, 10)}…`,
    'root on the server added CIDR humans (10.42.128.0/17) to acme',
    'uid 1000 on the server added CIDR engineers (10.42.128.0/24) to humans',
    'uid 1000 on the server added CIDR bakers (10.42.129.0/24) to humans',
    'uid 1000 on the server added CIDR machines (10.42.1.0/24) to acme',
    'ann on the server added admin peer ann (10.42.128.1) to engineers, invitation without end',
    `ann redeemed the invitation of peer ann, key ${keyOf('ann').slice(0, 10)}…`,
    'ann added peer eve (10.42.129.2) to bakers, invitation until <2026-11-22T13:00>',
    'ann added peer bob (10.42.129.1) to bakers, invitation without end',
    `bob redeemed the invitation of peer bob, key ${keyOf('bob').slice(0, 10)}…`,
    'ann associated engineers and bakers',
    'ann limited engineers and bakers: engineers may open tcp 631, 9100-9110 and ping; bakers may open nothing',
    'ann opened all of the association of engineers and bakers',
    'ann isolated the peers of CIDR bakers from each other',
    'ann let the peers of CIDR bakers see each other again',
    'the server saw that peer bob can limit ports',
    'the server saw that peer bob cannot limit ports: its machine has no nft',
    'the server saw that peer bob cannot limit ports: its program is an older one',
    'ann renamed CIDR bakers to cooks',
    'ann ended the association of engineers and cooks',
    'ann renamed peer bob to bobby',
    'ann disabled peer bobby',
    'ann enabled peer bobby',
    'ann made peer bobby an admin',
    'ann took the admin right from peer bobby',
    'ann set the endpoint of peer bobby to 192.0.2.7:1000',
    'ann cleared the endpoint that was set for peer bobby',
    "ann set the server's external endpoint to vpn.example.net:51821",
    'ann made peer innernet-server a relay at UDP port 51821',
    'ann made peer innernet-server a relay at UDP port 4000, reached at 192.0.2.7:4001',
    'ann made peer innernet-server a relay no more',
    'ann named peer bobby a standby: it follows the whole log, and may take over',
    'ann dismissed peer bobby as a standby',
    `ann made the key by which a standby asks whether the server still stands, ${keyOf('question').slice(0, 10)}…`,
    'ann let the machine of peer bobby take over as the server (epoch 1)',
    'ann renamed peer ann to anna',
    'anna set the end of peer bobby to <2026-11-22T13:00>',
    'anna set the end of peer bobby to never',
    'the server cut off peer bobby: its time is over',
    'anna set the end of new peers to 90d after they are added',
    'anna set the end of new peers to never',
    'anna deleted peer bobby',
    'anna added route office (192.168.50.0/24)',
    'anna let peer innernet-server carry route office, with rank 0, keeping the sender of packets',
    'anna let each peer of CIDR machines carry route office, with rank 2',
    'anna opened route office to CIDR humans',
    'anna renamed route office to bureau',
    'anna set the rank of peer innernet-server for route bureau to 3',
    'anna let each peer of CIDR machines carry route bureau no more',
    'anna closed route bureau to CIDR humans',
    'anna deleted route bureau',
    'anna made peer eve a plain one, such as a phone: innernet-server passes its packets',
    'anna let anna pass the packets of plain peer eve',
    `anna gave plain peer eve another key, ${keyOf("eve's second phone").slice(0, 10)}…`,
    'anna issued a new invitation to peer eve, without end',
    'the server ended the invitation of peer eve: it expired',
    'anna added peer eva (10.42.129.2) to cooks, invitation until <2026-11-22T13:00>',
    'anna revoked the invitation of peer eva',
    'anna deleted CIDR machines',
    'anna required proofs by key of every peer',
    'anna waived proofs by key of peer eve',
    'anna waived proofs by key of every peer',
    'anna required proofs by key of peer eve',
    'the server saw the key of peer anna prove itself',
    `anna redeemed the invitation of peer 3, key ${keyOf('ryo').slice(0, 10)}…, proved`,
    'ann on the server put a backup back; what came after it, up to 99, is lost',
    'ann on the server took over network acme from innernet-server (schema version 2)',
  ]);
  expect(new Set(entries.map(({ type }) => type))).toEqual(new Set(EVENT_TYPES));
});

it('gives entries with exactly what is promised', async () => {
  const log = await tempLog();
  await append(log, ...story);
  const { entries } = await told(log);
  const record = (await log.read(9, 1))[0];
  expect(entries[9]).toEqual({
    position: 10,
    id: record?.id,
    commandId: record?.commandId,
    recordedAt: '2026-11-22T12:00:00.000Z',
    actor: { kind: 'peer', peerId: ids.ann, name: 'ann' },
    type: 'InvitationRedeemed',
    data: { peerId: ids.ann, publicKey: keyOf('ann') },
    hash: record?.hash,
  });
  const actors = entries.map(({ actor }) => actor);
  expect(actors[0]).toEqual({ kind: 'operator', uid: 0, user: 'ann', name: 'ann' });
  expect(actors[4]).toEqual({ kind: 'operator', uid: 0 });
  expect(actors.at(-12)).toEqual({ kind: 'server' });
});

it('learns new names while it goes on', async () => {
  const log = await tempLog();
  const history = new History(log.queries);
  const sentences: string[] = [];
  let position = 0;
  for (const commit of story.slice(0, 21)) {
    await append(log, commit);
    const tell = (entry: HistoryEntry) => sentences.push(history.describe(entry));
    position = await replay(log, position, (recorded) => history.entriesOf(recorded).forEach(tell));
  }
  expect(sentences.slice(-2)).toEqual(['anna set the end of new peers to never', 'anna deleted peer bobby']);
});

it('writes moments in local time unless told otherwise', async () => {
  const log = await tempLog();
  await append(log, commitOf(acme.created), commitOf([acme.eve]));
  const history = new History(log.queries);
  const [record] = await log.read(4, 1);
  const sentence = record ? history.describe(history.entryOf(record)) : '';
  expect(sentence).toMatch(/invitation until 2026-11-2\d \d\d:\d\d$/);
});

it('lets nothing through that could move a cursor or turn text around', async () => {
  const log = await tempLog();
  const evil = 'a\u001b[2Jb\u202ec\n"d\\';
  await append(
    log,
    commitOf([{ type: 'NetworkImported', name: evil, source: { program: evil, version: 0 } }]),
  );
  await append(
    log,
    commitOf([{ type: 'CidrAdded', cidrId: ids.root, name: evil, cidr: acme.range, parentId: null }]),
  );
  await append(log, by({ kind: 'operator', uid: 0, user: evil }, { type: 'CidrDeleted', cidrId: ids.root }));
  const { sentences } = await told(log);
  const safe = '"a\\u{1b}[2Jb\\u{202e}c\\u{a}\\"d\\\\"';
  expect(sentences[0]).toContain(safe);
  expect(sentences[2]).toBe(`${safe} on the server deleted CIDR ${safe}`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
  for (const sentence of sentences) expect(sentence).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/);
});

it('does not need to know who somebody was', async () => {
  const log = await tempLog();
  await append(log, by({ kind: 'peer', peerId: peerId(40) }, { type: 'PeerDisabled', peerId: peerId(41) }));
  await append(log, by(server, { type: 'AssociationDeleted', associationId: associationId(9) }));
  expect((await told(log)).sentences).toEqual([
    'peer 40 disabled peer 41',
    'the server ended the association of CIDRs (association 9)',
  ]);
});
