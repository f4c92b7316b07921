// What a machine adds to the rules when it is asked about its own way to a peer.
import { expect, it } from 'vitest';
import { waysIn } from '../../src/client/verbs/own.ts';
import { realityIn } from '../../src/client/verbs/reality.ts';

type Known = Parameters<typeof realityIn>[0];

const peer = (name: string, more: Partial<Known['peers'][number]> = {}): Known['peers'][number] => ({
  id: 1,
  name,
  ip: '10.42.1.1',
  cidrId: 3,
  cidr: 'humans',
  publicKey: 'key',
  isAdmin: false,
  isSelf: false,
  isServer: false,
  isConnected: false,
  endpoint: '192.0.2.1:51820',
  isOverridden: false,
  unreached: null,
  path: null,
  limits: null,
  expires: null,
  latestHandshake: null,
  rxBytes: 0,
  txBytes: 0,
  ...more,
});

const known = (more: Partial<Known> = {}): Known => ({
  isUp: true,
  isFollowed: true,
  isShutOut: false,
  isServerSilent: false,
  serverHeard: null,
  held: [],
  position: 12,
  peers: [peer('ann', { isSelf: true }), peer('bob')],
  ...more,
});

const says = (what: string, more: Partial<Known>, ...sentences: string[]) =>
  it(what, () => expect(realityIn(known(more), ['bob', 'ann'])).toEqual(sentences));

says('no handshake', {}, 'there was no handshake with bob yet');
says(
  'no endpoint',
  { peers: [peer('ann', { isSelf: true }), peer('bob', { endpoint: null })] },
  'there was no handshake with bob yet',
  'no endpoint of bob is known',
);
says(
  'an old handshake',
  { peers: [peer('ann', { isSelf: true }), peer('bob', { latestHandshake: '2026-11-22T12:00:00.000Z' })] },
  'the last handshake with bob was at 2026-11-22T12:00:00.000Z: it is offline, or nothing gets through',
);
says(
  'a session',
  {
    peers: [
      peer('ann', { isSelf: true }),
      peer('bob', { isConnected: true, latestHandshake: '2026-11-22T12:00:00.000Z' }),
    ],
  },
  'a session with bob stands, the last handshake was at 2026-11-22T12:00:00.000Z',
);
says(
  'held back by a pin',
  {
    peers: [peer('ann', { isSelf: true })],
    held: [
      {
        name: 'bob',
        ip: '10.42.1.2',
        publicKey: 'k',
        rule: 'KeyChanged',
        reason: 'its key is another one',
        isPinned: true,
      },
    ],
  },
  'bob is held back (KeyChanged): its key is another one',
  'bob is not among the peers that this machine has, which stand at position 12',
);
says(
  'disabled',
  { isShutOut: true },
  'the server says that this machine is disabled or deleted',
  'there was no handshake with bob yet',
);
says('down', { isUp: false }, 'the network is down here: innernet up', 'there was no handshake with bob yet');

it('of two other peers it knows nothing', () => expect(realityIn(known(), ['bob', 'eve'])).toEqual([]));

it('tells the page which way each of its tunnels takes', () => {
  const path = (kind: 'direct' | 'relayed') => ({ kind, relay: null, reason: null, since: '' }) as never;
  const peers = [
    peer('ann', { id: 2, isSelf: true, isConnected: true }),
    peer('bob', { id: 3, isConnected: true }),
    peer('cleo', { id: 4, isConnected: true, path: path('relayed') }),
    peer('dora', { id: 5, isConnected: true, path: path('direct') }),
    peer('eve', { id: 6 }),
    peer('finn', { id: 7, unreached: 'its router lets nothing in' }),
  ];
  expect(waysIn(peers)).toEqual([
    { peerId: 3, way: 'direct' },
    { peerId: 4, way: 'relayed' },
    { peerId: 5, way: 'direct' },
    { peerId: 6, way: 'silent' },
    { peerId: 7, way: 'trying' },
  ]);
});
