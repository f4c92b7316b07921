// A session's age does not depend on what the machine's clock is set to.
import { expect, it } from 'vitest';
import { SessionTimes } from '../../src/client/tunnels/session-times.ts';
import { type DeviceState, isLive } from '../../src/wireguard/device.ts';
import { key } from './sight.ts';

const WALL = Date.parse('2026-11-22T12:00:00.000Z');
const HOUR = 3_600_000;
const bob = key(5);

const device = (latestHandshake: number | undefined): DeviceState => ({
  publicKey: key(1),
  listenPort: 51_820,
  peers: new Map([
    [
      bob,
      {
        ...{ publicKey: bob, allowedIps: [], endpoint: undefined, keepalive: 25 },
        ...{ latestHandshake, rxBytes: 0, txBytes: 0 },
      },
    ],
  ]),
});

/** Looks at a device at moments of the monotonic clock, while the machine's clock is ahead of it by so much. */
const looks = (...moments: { now: number; ahead?: number; stamp: number | undefined }[]): boolean => {
  const times = new SessionTimes({ now: 0, wall: WALL });
  let lives = false;
  for (const { now, ahead = 0, stamp } of moments) {
    const state = times.steady(device(stamp), { now, wall: WALL + now + ahead });
    const peer = state.peers.get(bob);
    lives = peer !== undefined && isLive(peer, times.wall(now));
  }
  return lives;
};

it.each([5 * HOUR, -5 * HOUR])('a session that stands goes on when the clock jumps by %i ms', (ahead) => {
  const stamp = WALL + 1_000;
  expect(looks({ now: 2_000, stamp }, { now: 60_000, ahead, stamp })).toBe(true);
  expect(looks({ now: 2_000, stamp }, { now: 182_000, ahead, stamp })).toBe(false);
});

it.each([5 * HOUR, -5 * HOUR])('a handshake after a jump by %i ms counts from when it was seen', (ahead) => {
  const stamp = WALL + 50_000 + ahead;
  const before = { now: 2_000, stamp: WALL };
  expect(looks(before, { now: 60_000, ahead, stamp })).toBe(true);
  expect(looks(before, { now: 60_000, ahead, stamp }, { now: 200_000, ahead, stamp })).toBe(true);
  expect(looks(before, { now: 60_000, ahead, stamp }, { now: 232_000, ahead, stamp })).toBe(false);
});

it('at the first look the stamp is believed, but not that it is yet to come', () => {
  expect(looks({ now: 0, stamp: WALL - 200_000 })).toBe(false);
  expect(looks({ now: 0, stamp: WALL - 100_000 })).toBe(true);
  const stamp = WALL + 3 * HOUR;
  expect(looks({ now: 0, stamp }, { now: 181_000, stamp })).toBe(false);
  expect(looks({ now: 0, stamp: undefined })).toBe(false);
});

it('without a jump a handshake is told as the device tells it', () => {
  const times = new SessionTimes({ now: 0, wall: WALL });
  const at = (now: number, stamp: number) =>
    times.steady(device(stamp), { now, wall: WALL + now }).peers.get(bob)?.latestHandshake;
  expect(at(1_000, WALL - 5_000)).toBe(WALL - 5_000);
  expect(at(61_000, WALL + 31_000)).toBe(WALL + 31_000);
});
