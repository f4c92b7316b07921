// The news of one tab: a tab that does not read keeps little waiting, and is cut.
import { expect, it, onTestFinished } from 'vitest';
import type { News } from '../../src/protocol/page.ts';
import { Follower } from '../../src/ui/news.ts';

const TOLD = 5_000;

it('tells an admin how the tunnels of each machine stand, but for those to the server', async () => {
  const peers = [1, 2, 3, 4].map((id) => ({ id, isRedeemed: id !== 4, isDisabled: false }));
  const asked: number[][] = [];
  const ways = async (ids: number[]) => {
    asked.push(ids);
    return [
      { from: 2, to: 1, way: 'direct' },
      { from: 2, to: 3, way: 'relayed', relay: 1 },
      { from: 3, to: 2, way: 'relayed', relay: 1 },
      { from: 3, to: 5, way: 'direct' },
    ];
  };
  const follower = new Follower({
    plane: { ask: () => new Promise(() => {}), view: async () => ({ peers }), ways } as never,
    isAdmin: () => true,
    whole: () => Promise.reject(new Error('not asked')),
    ways: async () => [],
    refusalOf: () => ({ sentence: 'not refused' }),
  });
  const end = new AbortController();
  onTestFinished(() => end.abort());
  for await (const item of follower.stream(0, end.signal)) {
    if (item.kind !== 'seen') continue;
    expect(item.told).toEqual([
      { peerId: 2, direct: 0, relayed: 1 },
      { peerId: 3, direct: 1, relayed: 1 },
    ]);
    break;
  }
  expect(asked).toEqual([[2, 3]]);
});

it('cuts the stream of a tab that does not read', async () => {
  let position = 0;
  let allTold = (): void => {};
  const isTold = new Promise<void>((resolve) => {
    allTold = resolve;
  });
  const ask = async ({ wait, until }: { wait?: boolean; until?: number }) => {
    if (!wait) return { entries: [], end: until };
    if (position === TOLD) {
      allTold();
      await new Promise(() => {});
    }
    position += 1;
    return { entries: [{ position }], end: position };
  };
  const follower = new Follower({
    plane: { ask, view: async () => ({ peers: [] }) } as never,
    isAdmin: () => true,
    whole: () => Promise.reject(new Error('not asked')),
    ways: async () => [],
    refusalOf: () => ({ sentence: 'not refused' }),
  });
  const end = new AbortController();
  onTestFinished(() => end.abort());
  const stream = follower.stream(0, end.signal);
  for (let read = 0; read < 2; read += 1) await stream.next();
  await isTold;
  const news: News[] = [];
  for await (const item of stream) if (news.push(item) === 100) break;
  expect(news).toEqual([]);
});
