// The handshakes that a starting server begins: with whom, how fast, and when it leaves off.
import { expect, it } from 'vitest';
import { BATCH, FirstHandshakes } from '../../src/server/device/first-handshakes.ts';
import type { SocketAddress } from '../../src/values/endpoint.ts';
import type { PublicKey } from '../../src/values/key.ts';
import type { DeviceState, PeerState, Step } from '../../src/wireguard/device.ts';
import { keyOf, peerId } from '../acme.ts';

const NOW = Date.parse('2026-01-01T12:00:00Z');
const there = () => true;
const at = (number: number) => `203.0.113.${number}:51820` as SocketAddress;
const known = (owner: string, number: number, endpoint: SocketAddress | null = at(number)) => ({
  ...{ id: peerId(number), publicKey: keyOf(owner) },
  endpoint,
});

const onDevice = (...peers: (Partial<PeerState> & { publicKey: PublicKey })[]): DeviceState => ({
  publicKey: keyOf('server'),
  listenPort: 51_820,
  peers: new Map(
    peers.map((peer) => [
      peer.publicKey,
      {
        allowedIps: [],
        endpoint: undefined,
        keepalive: 0,
        latestHandshake: undefined,
        rxBytes: 0,
        txBytes: 0,
        ...peer,
      },
    ]),
  ),
});

const set = (steps: Step[]) => steps.map((step) => [step.kind, 'keepalive' in step && step.keepalive]);

it('begins with those of whom an endpoint is known and no session stands', () => {
  const has = onDevice(
    { publicKey: keyOf('ann'), latestHandshake: NOW - 10_000, endpoint: at(1) },
    { publicKey: keyOf('bob'), latestHandshake: NOW - 3_600_000, endpoint: at(2) },
  );
  const peers = [known('ann', 1), known('bob', 2, null), known('cleo', 3), known('dora', 4, null)];
  const first = new FirstHandshakes(peers, has, NOW);
  const steps = first.next(0, there);
  expect(steps).toEqual([
    { kind: 'set', publicKey: keyOf('bob'), keepalive: 1 },
    { kind: 'set', publicKey: keyOf('cleo'), keepalive: 1 },
  ]);
});

it('ends with the answer, which a session of before is not, and tells of it once', () => {
  const old = { publicKey: keyOf('bob'), latestHandshake: NOW - 3_600_000, endpoint: at(2) };
  const first = new FirstHandshakes([known('bob', 2)], onDevice(old), NOW);
  first.next(0, there);
  expect(first.hear(onDevice(old), 50)).toEqual({ met: [], steps: [] });
  const { met, steps } = first.hear(onDevice({ ...old, latestHandshake: NOW + 60 }), 100);
  expect([met, set(steps)]).toEqual([[2], [['set', 0]]]);
  expect(first.hear(onDevice({ ...old, latestHandshake: NOW + 60 }), 150)).toEqual({ met: [], steps: [] });
});

it('leaves off after a minute and a half, as WireGuard does', () => {
  const silent = { publicKey: keyOf('bob'), endpoint: at(2), keepalive: 1 };
  const first = new FirstHandshakes([known('bob', 2)], onDevice(), NOW);
  first.next(0, there);
  expect(first.hear(onDevice(silent), 89_000).steps).toEqual([]);
  expect(set(first.hear(onDevice(silent), 90_000).steps)).toEqual([['set', 0]]);
});

it('goes in batches', () => {
  const many = Array.from({ length: 2 * BATCH + 1 }, (_, n) => ({
    ...{ id: peerId(n + 1), publicKey: `${n}` as PublicKey },
    endpoint: at(1),
  }));
  const first = new FirstHandshakes(many, onDevice(), NOW);
  const counts = [0, 1, 2].map((n) => first.next(n, there).length);
  expect([counts, first.isBegun]).toEqual([[BATCH, BATCH, 1], true]);
});

it('brings nobody back who has left since', () => {
  const first = new FirstHandshakes([known('ann', 1), known('bob', 2)], onDevice(), NOW);
  expect(first.next(0, (id) => id !== 1)).toHaveLength(1);
  expect(first.hear(onDevice(), 90_000).steps).toEqual([]); // bob is gone from the device: a step would make him
});

it('takes back what a killed server had begun, and nothing that somebody else set', () => {
  const first = new FirstHandshakes([known('ann', 1)], onDevice(), NOW);
  const has = (keepalive: number) => ({
    ...onDevice({ publicKey: keyOf('bob'), keepalive }).peers.get(keyOf('bob'))!,
  });
  expect(first.keepaliveOf(keyOf('bob'), has(1))).toBe(0);
  expect(first.keepaliveOf(keyOf('bob'), has(25))).toBeUndefined();
  first.next(0, there);
  expect(first.keepaliveOf(keyOf('ann'), undefined)).toBe(1);
});
