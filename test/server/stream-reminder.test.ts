// Who has shaken hands with a server that began it, and opened no stream, is told so; who has one, or is a phone, is not.
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Peer } from '../../src/domain/peer.ts';
import { StreamReminder } from '../../src/server/stream/stream-reminder.ts';
import type { PeerId } from '../../src/values/id.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const told = (peer: Partial<Peer>, hasStream: () => boolean, look = () => {}): string[] => {
  const said: string[] = [];
  const talk = { look, send: (to: string, text: string) => void said.push(`${to} ${text}`), close: () => {} };
  const reminder = new StreamReminder({ talk, peer: () => peer as Peer, hasStream });
  reminder.met(2 as PeerId);
  vi.advanceTimersByTime(10_000);
  reminder.close();
  return said;
};

it('says it at once, and again while there is none, since a datagram may be lost', () => {
  const ann = { ip: '10.42.1.1' } as Partial<Peer>;
  expect(told(ann, () => false)).toEqual(Array(3).fill('10.42.1.1 {"do":"no-stream"}'));
  const answers = [false, true, true];
  expect(told(ann, () => answers.shift() ?? true)).toHaveLength(1);
});

it('says nothing to who has a stream, nor without a socket', () => {
  const ann = { ip: '10.42.1.1' } as Partial<Peer>;
  expect(told(ann, () => true)).toEqual([]);
  const broken = () => {
    throw new Error('no device');
  };
  expect(told(ann, () => false, broken)).toEqual([]);
});
