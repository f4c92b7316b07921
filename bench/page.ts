/** The page in a browser: its bytes, the time to its first picture and to a stop of its slider, and its memory. */
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { type Browser, chromium, type Page } from 'playwright-core';
import { stageOf } from '../test/page/stage.ts';
import { TOWNS } from '../test/page/towns.ts';
import { alone, type Measured, type Row } from './figure.ts';

const FILES = ['dist/page.html', 'dist/page.js', 'dist/page-style.css'];
const OPENED = 5;
const STOPS = 30;
const MEGABYTE = 1e6;

/** Milliseconds from the navigation until the picture stands, by the browser's own clock. */
const firstPicture = async (page: Page, url: string): Promise<number> => {
  await page.goto('about:blank');
  await page.goto(url);
  return page.evaluate(
    () =>
      new Promise<number>((resolve) => {
        const look = (): void => {
          const isDrawn =
            document.querySelector('.picture canvas') && document.querySelector('.picture .block');
          if (isDrawn) requestAnimationFrame(() => setTimeout(() => resolve(performance.now())));
          else requestAnimationFrame(look);
        };
        look();
      }),
  );
};

/** Milliseconds from a move of the slider until its frame is painted, at places all over the log. */
const stops = (page: Page): Promise<number[]> =>
  page.evaluate(async (count) => {
    const slider = document.querySelector<HTMLInputElement>('input[type=range]');
    if (!slider) throw new Error('the page has no slider');
    const taken: number[] = [];
    for (let at = 0; at < count; at += 1) {
      const begin = performance.now();
      slider.value = String(Math.floor((Number(slider.max) * ((at * 37) % 100)) / 100));
      slider.dispatchEvent(new Event('input', { bubbles: true }));
      await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
      taken.push(performance.now() - begin);
    }
    return taken;
  }, STOPS);

const heap = async (page: Page): Promise<number> => {
  const session = await page.context().newCDPSession(page);
  await session.send('HeapProfiler.enable');
  await session.send('HeapProfiler.collectGarbage');
  const { usedSize } = await session.send('Runtime.getHeapUsage');
  return usedSize / MEGABYTE;
};

const inTown = async (browser: Browser, peers: keyof typeof TOWNS): Promise<Measured[]> => {
  const stage = await stageOf(TOWNS[peers]());
  const page = await browser.newPage({ viewport: { width: 1400, height: 800 } });
  try {
    const firsts: number[] = [];
    for (let round = 0; round < OPENED; round += 1) firsts.push(await firstPicture(page, stage.url));
    await page.getByRole('button', { name: 'previous commit' }).waitFor();
    return [
      alone({ name: `page of ${peers} peers: first picture`, unit: 'ms' }, firsts, 1500),
      alone({ name: `page of ${peers} peers: a stop of the slider`, unit: 'ms' }, await stops(page), 100),
      alone({ name: `page of ${peers} peers: heap`, unit: 'MB' }, [await heap(page)], 150),
    ];
  } finally {
    await page.close();
    await stage.close();
  }
};

const measure = async (say: (progress: string) => void): Promise<Measured[]> => {
  const bytes = FILES.reduce((sum, file) => sum + gzipSync(readFileSync(file), { level: 9 }).length, 0);
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium-headless-shell',
    args: ['--no-sandbox'],
  });
  try {
    const measured = [alone({ name: 'page: all of it, gzip', unit: 'kB' }, [bytes / 1000], 60)];
    for (const peers of [500, 10_000] as const) {
      say(`a page of ${peers} peers`);
      measured.push(...(await inTown(browser, peers)));
    }
    return measured;
  } finally {
    await browser.close();
  }
};

export const page: Row = {
  name: 'page',
  what: 'the page in a browser: bytes, first picture, a stop of the slider, memory',
  measure,
};
