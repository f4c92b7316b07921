// A router is silent when own traffic to it gets no answer, neither from WireGuard nor from its program.
import { expect, it } from 'vitest';
import { Silences } from '../../src/client/tunnels/silences.ts';
import type { PublicKey } from '../../src/values/key.ts';
import type { DeviceState, PeerState } from '../../src/wireguard/device.ts';
import { key } from './sight.ts';

const press = key(5);
const counts = (rxBytes: number, txBytes: number): DeviceState => ({
  publicKey: undefined,
  listenPort: 0,
  peers: new Map<PublicKey, PeerState>([[press, { publicKey: press, rxBytes, txBytes } as PeerState]]),
});

const watching = (): { silences: Silences; look: (now: number, rx: number, tx: number) => PublicKey[] } => {
  const silences = new Silences();
  silences.watch(new Set([press]), 0);
  silences.tick(counts(0, 0), 0, () => 1500);
  return { silences, look: (now, rx, tx) => silences.tick(counts(rx, tx), now, () => 1500) };
};

it('traffic without an answer is asked about after a second, and counts as silence after the patience', () => {
  const { silences, look } = watching();
  expect(look(250, 0, 1000)).toEqual([]);
  expect(silences.nextDue).toBe(500);
  expect(look(1000, 0, 2000)).toEqual([]);
  expect(look(1250, 0, 3000)).toEqual([press]);
  expect(look(1300, 0, 3000)).toEqual([]);
  expect(look(1450, 0, 3000)).toEqual([press]);
  expect(silences.isSilent(press)).toBe(false);
  look(1750, 0, 3000);
  expect(silences.isSilent(press)).toBe(true);
});

it('a byte of it ends the silence, and so does its program', () => {
  const { silences, look } = watching();
  look(250, 0, 1000);
  look(1750, 0, 2000);
  expect(silences.isSilent(press)).toBe(true);
  look(2000, 92, 2000);
  expect(silences.isSilent(press)).toBe(false);
  look(2250, 92, 3000);
  silences.hear(press);
  look(3800, 92, 3000);
  expect(silences.isSilent(press)).toBe(false);
});

it('a keepalive is no traffic, and an idle router is looked at seldom', () => {
  const { silences, look } = watching();
  look(250, 0, 32);
  look(9000, 0, 32);
  expect(silences.isSilent(press)).toBe(false);
  expect(silences.nextDue).toBe(11_000);
});

it('a peer that is made again counts from zero', () => {
  const { silences, look } = watching();
  look(250, 5000, 9000);
  expect(look(500, 0, 148)).toEqual([]);
  look(2500, 0, 148);
  expect(silences.isSilent(press)).toBe(true);
});

it('who is no router any more is not looked at', () => {
  const { silences } = watching();
  silences.watch(new Set(), 5);
  expect(silences.nextDue).toBe(Number.POSITIVE_INFINITY);
});
