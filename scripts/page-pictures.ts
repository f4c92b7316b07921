// Pictures of the page for docs/, of generated networks: npm run build, then node scripts/run.js scripts/page-pictures.ts [FOLDER] [NAME…]
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromium, type Page } from 'playwright-core';
import { stageOf } from '../test/page/stage.ts';
import { TOWNS, type Town } from '../test/page/towns.ts';
import { smallPng } from './small-png.ts';

type Shot = {
  name: string;
  town: keyof typeof TOWNS;
  scheme?: 'dark';
  size?: { width: number; height: number };
  /** What happens in the town before. */
  before?: (town: Town) => void;
  act?: (page: Page) => Promise<void>;
};

const key =
  (...keys: string[]) =>
  async (page: Page) => {
    for (const each of keys) await page.keyboard.press(each);
  };

const find =
  (...names: string[]) =>
  async (page: Page) => {
    for (const [index, name] of names.entries()) {
      await page.locator('#find').fill(name);
      await page.keyboard.press(index === 0 ? 'Enter' : 'Shift+Enter');
    }
    await page.locator('#find').fill('');
  };

const slide = (share: number) => async (page: Page) => {
  const slider = page.getByRole('slider');
  const most = Number(await slider.getAttribute('max'));
  await slider.fill(String(Math.round(most * share)));
};

const limit = (town: Town): void => {
  const tcp = { from: 'humans', protocol: 'tcp', ports: [[631, 631] as [number, number]] } as const;
  town.do({
    type: 'LimitAssociation',
    cidrs: ['humans', 'printers'],
    allow: [tcp, { ...tcp, protocol: 'icmp', ports: undefined }],
  });
  town.do({
    type: 'LimitAssociation',
    cidrs: ['humans', 'ci'],
    allow: ['humans', 'ci'].map((from) => ({ from, protocol: 'tcp', ports: [[22, 22] as [number, number]] })),
  });
};

const WIDE = { width: 1400, height: 800 };

const SHOTS: readonly Shot[] = [
  { name: 'map-10', town: 10, size: { width: 1100, height: 600 } },
  { name: 'map-10-dark', town: 10, scheme: 'dark', size: { width: 1100, height: 600 } },
  { name: 'map-500', town: 500 },
  { name: 'map-500-dark', town: 500, scheme: 'dark' },
  { name: 'reach-500', town: 500, act: find('office-1-m1') },
  { name: 'map-10000', town: 10000, size: WIDE },
  { name: 'map-10000-dark', town: 10000, scheme: 'dark', size: WIDE },
  { name: 'reach-10000', town: 10000, act: find('shops-1-m1') },
  { name: 'slider-500', town: 500, act: slide(0.93) },
  {
    name: 'compare-500',
    town: 500,
    act: async (page) => {
      await slide(0.985)(page);
      await page.keyboard.press('d');
      await page.getByRole('complementary', { name: 'two moments compared' }).waitFor();
    },
  },
  { name: 'matrix-500', town: 500, act: key('2') },
  { name: 'limits-10', town: 10, size: { width: 1100, height: 600 }, before: limit, act: key('Escape') },
  { name: 'list-500', town: 500, act: key('3') },
  { name: 'reach-10', town: 10, size: { width: 1100, height: 600 }, act: find('press') },
  { name: 'list-10', town: 10, size: { width: 1100, height: 600 }, act: key('3') },
  { name: 'matrix-10', town: 10, size: { width: 1100, height: 600 }, act: key('2') },
  { name: 'reach-500-dark', town: 500, scheme: 'dark', act: find('office-1-m1') },
  { name: 'history-500', town: 500, act: key('4') },
];

const small = async (png: Buffer): Promise<Buffer> => {
  const reader = await browser.newPage();
  const { rgba, width, height } = await reader.evaluate(async (data) => {
    const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
    const image = await createImageBitmap(new Blob([bytes]));
    const canvas = new OffscreenCanvas(image.width, image.height);
    const brush = canvas.getContext('2d');
    brush?.drawImage(image, 0, 0);
    const pixels = brush?.getImageData(0, 0, image.width, image.height).data ?? new Uint8ClampedArray();
    let text = '';
    for (let at = 0; at < pixels.length; at += 30_000)
      text += String.fromCharCode(...pixels.subarray(at, at + 30_000));
    return { rgba: btoa(text), width: image.width, height: image.height };
  }, png.toString('base64'));
  await reader.close();
  return smallPng(Buffer.from(rgba, 'base64'), width, height);
};

const [folder = 'docs/page', ...names] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium-headless-shell',
  args: ['--no-sandbox'],
});
try {
  for (const shot of SHOTS) {
    if (names.length > 0 && !names.includes(shot.name)) continue;
    const town = TOWNS[shot.town]();
    shot.before?.(town);
    const stage = await stageOf(town);
    const page = await browser.newPage({
      viewport: shot.size ?? { width: 1240, height: 720 },
      colorScheme: shot.scheme ?? 'light',
    });
    page.on('pageerror', (error) => {
      console.error(`${shot.name}: ${error.stack}`);
      process.exitCode = 1;
    });
    page.on(
      'console',
      (message) => message.type() === 'error' && console.error(`${shot.name}: ${message.text()}`),
    );
    try {
      await page.goto(stage.url);
      await page.getByRole('slider').waitFor();
      await page.locator('[data-state=direct], [role=treeitem]').first().waitFor();
      await shot.act?.(page);
      await page.evaluate(
        () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))),
      );
      writeFileSync(join(folder, `${shot.name}.png`), await small(await page.screenshot()));
      console.error(`page-pictures: ${join(folder, shot.name)}.png`);
    } finally {
      await page.close();
      await stage.close();
    }
  }
} finally {
  await browser.close();
}
