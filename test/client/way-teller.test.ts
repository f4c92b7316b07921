// What a client tells of its ways while an admin looks: everything first, then changes, and nothing afterwards.
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { WayTeller } from '../../src/client/sync/way-teller.ts';
import type { WayReport } from '../../src/client/tunnels/device-keeper.ts';
import type { ClientFrame } from '../../src/protocol/frames.ts';
import { peerId } from '../acme.ts';

const unknown = { reason: null, since: null, roundTripMs: null };
const direct = (id: number): WayReport => ({ ...unknown, id: peerId(id), way: 'direct', relay: null });
const relayed = (id: number): WayReport => ({
  ...unknown,
  id: peerId(id),
  way: 'relayed',
  relay: peerId(1),
  reason: 'both routers change ports',
});

let ways: WayReport[];
let sent: ClientFrame[];
let teller: WayTeller;
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
  sent = [];
  teller = new WayTeller(
    () => ways,
    (frame) => sent.push(frame),
  );
});
afterEach(() => {
  teller.close();
  vi.useRealTimers();
});

const rowsSent = (): unknown[][] => sent.map((frame) => (frame.kind === 'ways' ? frame.peers : []));

const sentAfter = (milliseconds: number): unknown[][] => {
  sent = [];
  vi.advanceTimersByTime(milliseconds);
  return rowsSent();
};

it('is everything at once, then what changes, once', () => {
  ways = [direct(2), relayed(3)];
  teller.begin(60);
  expect(rowsSent()).toEqual([
    [
      { id: 2, way: 'direct' },
      { id: 3, way: 'relayed', relay: 1, reason: 'both routers change ports' },
    ],
  ]);
  expect(sentAfter(5_000)).toEqual([]);
  ways = [direct(2), direct(3)];
  expect(sentAfter(3_000)).toEqual([[{ id: 3, way: 'direct' }]]);
  ways = [direct(3)];
  expect(sentAfter(3_000)).toEqual([[{ id: 2, way: 'none' }]]);
});

it('is an empty list where no tunnel stands, so that nobody waits', () => {
  ways = [];
  teller.begin(60);
  expect(rowsSent()).toEqual([[]]);
});

it('is everything again when the look begins again, and nothing once it is over', () => {
  ways = [direct(2)];
  teller.begin(60);
  sent = [];
  teller.begin(60);
  expect(rowsSent()).toEqual([[{ id: 2, way: 'direct' }]]);
  sentAfter(58_500);
  ways = [direct(2), direct(3)];
  expect(sentAfter(1_000)).toEqual([[{ id: 3, way: 'direct' }]]);
  sentAfter(60_000);
  ways = [];
  expect(sentAfter(600_000)).toEqual([]);
});

it('goes into frames that the server takes', () => {
  ways = Array.from({ length: 201 }, (_, index) => direct(index + 2));
  teller.begin(60);
  expect(rowsSent().map(({ length }) => length)).toEqual([100, 100, 1]);
});
