// Each field of a peer arrives wherever peers are shown, compared and kept: the next one cannot be forgotten halfway.
import { describe, expect, it } from 'vitest';
import { Mirror } from '../../src/client/memory/mirror.ts';
import { formatState, parseState } from '../../src/client/memory/state-file.ts';
import {
  type EachField,
  looksSame,
  Peer,
  SHOWN_FIELDS,
  type ShownPeer,
  shownOf,
} from '../../src/domain/peer.ts';
import { sha256 } from '../../src/machine/sha256.ts';
import { SigningSecret } from '../../src/machine/signing.ts';
import type { Endpoint } from '../../src/values/endpoint.ts';
import { cidrId, endpoint, INVITE_EXPIRES, ip, peerId } from '../acme.ts';
import { ground, key, own, row, server } from '../client/sight.ts';

const bob: Peer = {
  ...row(4, '10.42.1.4', 4),
  isDisabled: false,
  isRedeemed: true,
  inviteExpires: null,
};

/** Another value of each field. */
const others: EachField<Peer, unknown> = {
  id: peerId(5),
  name: 'robert',
  ip: ip('10.42.1.5'),
  cidrId: cidrId(4),
  publicKey: key(5),
  isAdmin: true,
  endpoint: endpoint('198.51.100.7:51820'),
  isVouchedFor: true,
  expires: INVITE_EXPIRES,
  via: peerId(1),
  isDisabled: true,
  isRedeemed: false,
  inviteExpires: INVITE_EXPIRES,
  isProofWaived: true,
  hasProved: true,
  limits: true,
  relayPort: 51821,
  relayEndpoint: endpoint('198.51.100.7:51821'),
  isStandby: true,
  signingKey: new SigningSecret(new Uint8Array(32).fill(5)).publicKey,
};

const changed = (field: keyof Peer): Peer => Peer.parse({ ...bob, [field]: others[field] });

/** What makes a peer another one on a device. */
const IDENTITY: readonly string[] = ['id', 'ip', 'publicKey'];

/** Counts when a row comes in, and never later. */
const NOT_KEPT = 'isVouchedFor';

const mirrorOf = (...rows: ShownPeer[]): Mirror => {
  const mirror = new Mirror(ground, sha256);
  const none = { cidrs: { changed: [], removed: [] }, held: [], released: [] };
  mirror.take({ peers: { changed: [server, own, ...rows], removed: [] }, ...none });
  return mirror;
};

describe('what other peers are shown of a peer', () => {
  it.each(SHOWN_FIELDS)('has its %s, and differs when that does', (field) => {
    const after = changed(field);
    expect(shownOf(after)[field]).toBe(others[field]);
    expect(looksSame(bob, after)).toBe(false);
  });

  it.each(Object.keys(Peer.shape).filter((field) => !SHOWN_FIELDS.includes(field as keyof ShownPeer)))(
    'has not its %s, and does not differ when that does',
    (field) => {
      const after = changed(field as keyof Peer);
      expect(shownOf(after)).not.toHaveProperty(field);
      expect(looksSame(bob, after)).toBe(true);
    },
  );

  it('is written as before', () => {
    expect(JSON.stringify(shownOf(bob))).toBe(
      `{"id":4,"name":"peer-4","ip":"10.42.1.4","cidrId":3,"publicKey":"${key(4)}","isAdmin":false,"endpoint":null}`,
    );
  });
});

describe('a client', () => {
  it.each(SHOWN_FIELDS.filter((field) => !IDENTITY.includes(field)))('tells that %s changed', (field) => {
    const [before, after] = [shownOf(bob), shownOf(changed(field))];
    const mirror = mirrorOf(before);
    const none = { cidrs: { changed: [], removed: [] }, held: [], released: [] };
    const changes = mirror.take({ peers: { changed: [after], removed: [] }, ...none });
    expect(changes.changed).toEqual([{ before, after }]);
  });

  it.each(SHOWN_FIELDS.filter((field) => field !== NOT_KEPT))('keeps %s in NET.json', (field) => {
    const shown = shownOf(changed(field));
    const text = formatState({
      mirror: mirrorOf(shown),
      endpoints: new Map(),
      relays: new Map(),
      offers: new Map(),
    });
    const kept = parseState(text, 'acme.json', ground, sha256);
    expect(kept.mirror.peer(shown.id)).toEqual(shown);
  });

  it('writes NET.json as before', () => {
    const insists = shownOf({ ...bob, endpoint: 'bob.example.org:51820' as Endpoint });
    const text = formatState({
      mirror: mirrorOf(insists),
      endpoints: new Map(),
      relays: new Map(),
      offers: new Map(),
    });
    const expected = {
      id: 4,
      name: 'peer-4',
      ip: '10.42.1.4',
      cidr_id: 3,
      public_key: key(4),
      endpoint: 'bob.example.org:51820',
      persistent_keepalive_interval: 25,
      is_admin: false,
      is_disabled: false,
      is_redeemed: true,
      invite_expires: null,
      candidates: [],
      override: 'bob.example.org:51820',
      unmet: true,
    };
    expect(JSON.stringify(JSON.parse(text).peers.at(-1))).toBe(JSON.stringify(expected));
  });
});
