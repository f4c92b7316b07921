// What long-lived programs held in memory and open over time, and whether that stayed flat.
import { existsSync, readFileSync } from 'node:fs';

/** One look at a program from within; memory in bytes. */
export type Look = {
  at: number;
  pid: number;
  rss: number;
  heap: number;
  fds: number;
  timers: number;
  handles: number;
  listeners: number;
};

/** What is watched, with how much more of it there may be at the end: a share, and so much besides. */
const WATCHED = [
  { what: 'rss', share: 0.15, besides: 16e6 },
  { what: 'heap', share: 0.1, besides: 3e6 },
  { what: 'fds', share: 0, besides: 8 },
  { what: 'timers', share: 0, besides: 6 },
  { what: 'handles', share: 0, besides: 8 },
  { what: 'listeners', share: 0, besides: 0 },
] as const satisfies readonly { what: keyof Look; share: number; besides: number }[];

type Watched = (typeof WATCHED)[number]['what'];

/** Fewer looks tell nothing about a slope. */
const FEWEST = 8;

/** The looks at one life of a program: a new process begins a new life, and its first moments do not count. */
export const livesIn = (file: string): Look[][] => {
  if (!existsSync(file)) return [];
  const lives = new Map<number, Look[]>();
  for (const line of readFileSync(file, 'utf8').trim().split('\n')) {
    if (line === '') continue;
    const look = JSON.parse(line) as Look;
    lives.set(look.pid, [...(lives.get(look.pid) ?? []), look]);
  }
  return [...lives.values()];
};

const median = (looks: readonly Look[], what: Watched): number => {
  const sorted = looks.map((look) => look[what]).sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? 0;
};

/** What rose between the second quarter of a life and its last one, in words; nothing where all stayed flat. */
export const risesIn = (life: readonly Look[]): string[] => {
  if (life.length < FEWEST) return [];
  const quarter = life.length >> 2;
  const [before, after] = [life.slice(quarter, 2 * quarter), life.slice(-quarter)];
  return WATCHED.flatMap(({ what, share, besides }) => {
    const [was, is] = [median(before, what), median(after, what)];
    return is > was * (1 + share) + besides ? [`${what} rose from ${was} to ${is}`] : [];
  });
};

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);

/** A table of at most `rows` looks, evenly spread. */
export const tableOf = (life: readonly Look[], rows = 8): string[] => {
  const [first] = life;
  if (!first) return [];
  const step = Math.max(1, (life.length - 1) / Math.max(1, rows - 1));
  const picked = new Set(Array.from({ length: rows }, (_, row) => Math.round(row * step)));
  return life
    .filter((_, index) => picked.has(index))
    .map(({ at, rss, heap, fds, timers, handles, listeners }) => {
      const minutes = ((at - first.at) / 60_000).toFixed(1).padStart(6);
      const memory = `rss ${megabytes(rss).padStart(6)} MB  heap ${megabytes(heap).padStart(5)} MB`;
      return `${minutes} min  ${memory}  fds ${fds}  timers ${timers}  handles ${handles}  listeners ${listeners}`;
    });
};
