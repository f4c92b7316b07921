// The news of one tab: a tab that does not read keeps little waiting, and is cut.
import { expect, it, onTestFinished } from 'vitest';
import type { News } from '../../src/protocol/page.ts';
import { Follower } from '../../src/ui/news.ts';

const TOLD = 5_000;

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
