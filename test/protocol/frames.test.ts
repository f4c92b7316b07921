// What the two programs say to each other: frames, rows and commands, parsed as either side does.
import { describe, expect, it } from 'vitest';
import { CommandRequest, Outcome } from '../../src/protocol/commands.ts';
import { ClientFrame, Delta, MAX_CANDIDATES, ServerFrame, Snapshot } from '../../src/protocol/frames.ts';
import { Refusal } from '../../src/protocol/refusal.ts';
import { cidrRow, PeerRow, peerRow } from '../../src/protocol/rows.ts';
import { NO_HASH } from '../../src/values/id.ts';
import { acme, acme6, ids, keyOf } from '../acme.ts';
import { networkOf } from '../given.ts';

const ann = peerRow(networkOf(acme.network).peer(ids.ann)!);
const bakers = cidrRow(networkOf(acme.network).cidr(ids.bakers)!);

const delta = {
  kind: 'delta',
  from: 7,
  position: 9,
  hash: NO_HASH,
  digests: [NO_HASH, NO_HASH],
  peers: { changed: [ann], removed: [ids.bob] },
  cidrs: { changed: [bakers], removed: [] },
};

/** One of each kind, as they stand on the wire. */
const FROM_SERVER = [
  { kind: 'welcome', network: NO_HASH, position: 9, hash: NO_HASH, heartbeat: 20, boot: 'b', sequence: 3 },
  delta,
  { kind: 'fetch', position: 9, hash: NO_HASH },
  {
    kind: 'endpoints',
    boot: 'b',
    sequence: 4,
    peers: [{ id: 2, endpoint: '1.2.3.4:51820', candidates: ['[fd00::1]:51820'] }],
  },
  {
    kind: 'relays',
    changed: [{ id: 1, endpoints: ['203.0.113.10:51821', '[2001:db8::1]:51821'], mailbox: keyOf('mailbox') }],
    removed: [7],
  },
  { kind: 'indices', peer: 2, mine: 0xffff_ffff, theirs: null },
  { kind: 'look', for: 60 },
  {
    kind: 'relay',
    port: 51821,
    isFirst: true,
    isLast: false,
    changed: [
      {
        ...{ id: 2, key: keyOf('ann'), mailbox: keyOf('mailbox'), group: 4 },
        ...{ host: '198.51.100.7', openAt: null },
      },
    ],
    removed: [7],
    seen: [[4, 4]],
    unseen: [[4, 5]],
  },
  { kind: 'revoked', reason: 'disabled' },
];

const FROM_CLIENT = [
  { kind: 'applied', position: 9, held: 0 },
  { kind: 'candidates', endpoints: ['192.168.1.9:51820'] },
  { kind: 'indices-of', peer: 2 },
  { kind: 'ways', peers: [{ id: 2, way: 'relayed', relay: 1, reason: 'both routers change ports' }] },
  { kind: 'ways', peers: [{ id: 3, way: 'none' }] },
  { kind: 'consents', port: 51821 },
  { kind: 'consents', port: null },
  { kind: 'open', ids: [2], closed: [3] },
];

describe.each([
  ['the server', ServerFrame, FROM_SERVER],
  ['a client', ClientFrame, FROM_CLIENT],
] as const)('a frame from %s', (_, schema, frames) => {
  it.each(frames.map((frame) => [frame.kind, frame] as const))(
    '%s goes over the wire unchanged',
    (_kind, frame) => expect(schema.parse(JSON.parse(JSON.stringify(frame)))).toEqual(frame),
  );

  it('may have fields that a later version knows', () => {
    for (const frame of frames) expect(schema.parse({ ...frame, later: { more: [] } })).toEqual(frame);
  });

  it('never leaves out a list: nothing is inferred from what is missing', () => {
    for (const frame of frames)
      for (const field of Object.keys(frame)) {
        const { [field]: _left, ...rest } = frame as { [field: string]: unknown };
        expect(schema.safeParse(rest).success).toBe(false);
      }
  });

  it.each([null, [], 'delta', {}, { kind: 'news' }, { kind: 'toString' }])('is not %j', (frame) =>
    expect(schema.safeParse(frame).success).toBe(false),
  );
});

describe('a delta', () => {
  const withPeer = (more: object) => ({ ...delta, peers: { changed: [{ ...ann, ...more }], removed: [] } });

  it.each([
    ['a key in another spelling', { publicKey: `${ann.publicKey.slice(0, 42)}B=` }],
    ['a key of small order', { publicKey: `${'A'.repeat(43)}=` }],
    ['an address that is none', { ip: '10.42.0.1/16' }],
    ['an id that is none', { id: 0 }],
    ['an endpoint that is none', { endpoint: 'vpn.example.org' }],
    ['an unknown endpoint left out', { endpoint: undefined }],
  ])('has no peer with %s', (_, more) => expect(Delta.safeParse(withPeer(more)).success).toBe(false));

  it('has whole numbers that are exact', () => {
    for (const position of [1.5, -1, 2 ** 53, '9'])
      expect(Delta.safeParse({ ...delta, position }).success).toBe(false);
  });
});

it('a client names a limited number of candidates, each an address', () => {
  const candidates = (endpoints: string[]) =>
    ClientFrame.safeParse({ kind: 'candidates', endpoints }).success;
  const many = Array.from({ length: MAX_CANDIDATES + 1 }, (_, n) => `10.0.0.${n}:1`);
  expect(candidates(many.slice(1))).toBe(true);
  expect(candidates(many)).toBe(false);
  expect(candidates(['vpn.example.org:51820'])).toBe(false);
});

describe.each([acme, acme6])('IPv$family rows', ({ network }) => {
  const state = networkOf(network);

  it('tell of a peer what others may see, and neither invitation nor state', () => {
    for (const peer of state.peers()) {
      const row = peerRow(peer);
      expect(PeerRow.parse(row)).toEqual(row);
      expect(Object.keys(row).sort()).toEqual(
        ['id', 'name', 'ip', 'cidrId', 'publicKey', 'isAdmin', 'endpoint'].sort(),
      );
    }
  });

  it('make a snapshot that is read back as it was', () => {
    const snapshot = {
      network: NO_HASH,
      position: 9,
      hash: NO_HASH,
      from: 9,
      digests: [],
      peers: [...state.peers()].map(peerRow),
      cidrs: [...state.cidrs()].map(cidrRow),
    };
    expect(Snapshot.parse(JSON.parse(JSON.stringify(snapshot)))).toEqual(snapshot);
  });
});

describe('a command from afar', () => {
  const request = (command: object, id = '01JDA0000000000000000000AA') =>
    CommandRequest.safeParse({ id, command }).success;

  it('is an admin’s intent under an id of its own', () => {
    expect(request({ type: 'GrantAdmin', peer: 'bob' })).toBe(true);
    expect(request({ type: 'GrantAdmin', peer: 'bob' }, '')).toBe(false);
    expect(request({ type: 'GrantAdmin', peer: 'bob' }, 'x'.repeat(65))).toBe(false);
  });

  it('is never one that only the server or an invited peer gives', () => {
    expect(request({ type: 'ExpireInvitations' })).toBe(false);
    expect(request({ type: 'RedeemInvitation', publicKey: keyOf('eve') })).toBe(false);
  });

  it('is answered with what it did', () => {
    const outcome = { position: 9, hash: NO_HASH, events: acme.network };
    expect(Outcome.parse(JSON.parse(JSON.stringify(outcome)))).toEqual(outcome);
  });

  it('or with why not', () => {
    const refusal = { code: 'LastAdmin', error: '"ann" is the last admin', facts: { name: 'ann' } };
    expect(Refusal.parse(JSON.parse(JSON.stringify(refusal)))).toEqual(refusal);
  });
});
