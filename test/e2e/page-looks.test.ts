// The page's picture in a real browser, of generated networks: for keys alone, for screen readers, and with names that would be HTML.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { watch } from '../lab/browser.ts';
import { stageOf } from '../page/stage.ts';
import { TOWNS, type Town } from '../page/towns.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

type Seen = { page: Page; errors: string[]; close: () => Promise<void> };

let browser: Browser;
beforeAll(async () => {
  browser = await chromium.launch({
    executablePath: '/usr/bin/chromium-headless-shell',
    args: ['--no-sandbox'],
  });
});
afterAll(() => browser?.close());

const open = async (town: Town, colorScheme: 'light' | 'dark', isWatched: boolean): Promise<Seen> => {
  const stage = await stageOf(town);
  const page = await browser.newPage({ viewport: { width: 1200, height: 700 }, colorScheme });
  page.setDefaultTimeout(60_000);
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(String(error.stack)));
  page.on('dialog', (dialog) => {
    errors.push(`a dialog of the browser: ${dialog.message()}`);
    void dialog.dismiss();
  });
  if (isWatched) await watch(page);
  await page.goto(stage.url);
  await page.getByRole('button', { name: 'previous commit' }).waitFor();
  const close = async (): Promise<void> => {
    await page.close();
    await stage.close();
  };
  return { page, errors, close };
};

const inside = async (
  town: Town,
  scheme: 'light' | 'dark',
  story: (page: Page) => Promise<void>,
  isWatched = false,
) => {
  const { page, errors, close } = await open(town, scheme, isWatched);
  try {
    await story(page);
    expect(errors).toEqual([]);
  } finally {
    await close();
  }
};

const press = async (page: Page, ...keys: string[]): Promise<void> => {
  for (const key of keys) await page.keyboard.press(key);
};

/** In the order of the tree. */
const chosen = (page: Page): Promise<string[]> =>
  page.locator('[role=treeitem][aria-selected=true]').evaluateAll((rows) =>
    rows.map((row) => {
      const [name] = [...row.childNodes].map((node) => node.textContent?.trim()).filter(Boolean);
      return name ?? '';
    }),
  );

const moment = async (page: Page): Promise<number | 'now'> => {
  const slider = page.getByRole('slider');
  const value = await slider.inputValue();
  return value === (await slider.getAttribute('max')) ? 'now' : Number(value);
};

const violations = async (page: Page): Promise<string[]> => {
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(AXE);
  return page.evaluate(async () => {
    type Found = { violations: { id: string; nodes: { html: string }[] }[] };
    const { axe } = globalThis as unknown as { axe: { run: (what: Document) => Promise<Found> } };
    const { violations: found } = await axe.run(document);
    return found.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
  });
};

it.each(['light', 'dark'] as const)('axe finds nothing in any view, %s', async (scheme) => {
  await inside(TOWNS[10](), scheme, async (page) => {
    for (const [key, what] of [
      ['1', '.picture canvas'],
      ['2', '.matrix td'],
      ['3', '.list td'],
      ['4', '.history li'],
    ] as const) {
      await press(page, key);
      await page.locator(what).first().waitFor();
      expect(await violations(page)).toEqual([]);
    }
    await press(page, '1', '?');
    await page.getByRole('dialog', { name: 'keys' }).waitFor();
    expect(await violations(page)).toEqual([]);
    await press(page, 'Escape', 'a');
    await page.getByRole('dialog', { name: 'add a machine' }).waitFor();
    expect(await violations(page)).toEqual([]);
    await press(page, 'Escape', '[', '[', 'd');
    await page.getByRole('complementary', { name: 'two moments compared' }).waitFor();
    expect(await violations(page)).toEqual([]);
  });
});

it('all of it goes by keys alone', async () => {
  await inside(TOWNS[10](), 'light', async (page) => {
    await press(page, '/');
    await page.keyboard.type('pres');
    await page.getByRole('option', { name: 'press' }).waitFor();
    await press(page, 'Enter', 'Escape');
    await expect.poll(() => chosen(page)).toEqual(['press']);
    await page.getByRole('heading', { name: 'can talk with 6 peers' }).waitFor();

    // Tab leads into the tree, where what was found is the place to go on from.
    await page.getByRole('tree').focus();
    await press(page, 'ArrowDown', 'Shift+Enter');
    await expect.poll(() => chosen(page)).toEqual(['press', 'label']);
    await press(page, 'Home', 'End', 'Enter');
    await expect.poll(() => chosen(page)).toEqual(['mallory']);
    await press(page, 'ArrowLeft', 'Enter', 'z');
    await expect.poll(() => chosen(page)).toEqual(['guests']);
    await page.getByText('only guests').waitFor();
    await press(page, 'ArrowLeft');
    expect(await page.locator('[role=treeitem][data-peer]', { hasText: 'mallory' }).count()).toBe(0);

    await press(page, 'Escape');
    await expect.poll(() => chosen(page)).toEqual([]);
    await press(page, 'Escape');
    await page.getByText('only guests').waitFor({ state: 'detached' });
    await press(page, '[', '[');
    await expect.poll(() => moment(page)).toBe(21);
    await press(page, 'd');
    await page.getByRole('heading', { name: /→ now$/ }).waitFor();
    await press(page, 'd', ']', 'n');
    await expect.poll(() => moment(page)).toBe('now');

    await press(page, '2');
    await page.locator('.matrix td button').first().focus();
    await press(page, 'ArrowRight', 'ArrowDown', 'ArrowRight', 'Enter');
    await page.getByRole('heading', { name: 'humans – printers' }).waitFor();
    await page.getByText('associated: their peers can talk').waitFor();
  });
});

it('the ways of tunnels: of all by their own words, and of one that is chosen, with why', async () => {
  await inside(TOWNS[10](), 'light', async (page) => {
    const row = (name: string) => page.locator('[role=treeitem][data-peer]', { hasText: name });
    const stateOf = (name: string) => row(name).getAttribute('data-state');
    await expect.poll(() => stateOf('build-1')).toBe('direct');
    await row('ann').click();
    await page.getByRole('heading', { name: 'tunnels now: 2 direct, 1 relayed' }).waitFor();
    await page.getByText('by innernet-server: press').waitFor();
    expect(await Promise.all(['press', 'ryo', 'mallory'].map(stateOf))).toEqual([
      'relayed',
      'direct',
      'disabled',
    ]);
    await press(page, '3');
    await page.getByRole('row', { name: /ryo.*3 direct/ }).waitFor();
    await press(page, 'Escape', '1', 'Escape');
    await expect.poll(() => stateOf('press')).toBe('direct');
  });
});

/** Which peer a click finds at each of many places over the beds. */
const peersAt = (page: Page): Promise<[string, number][]> =>
  page.evaluate(async () => {
    const frames = async (count: number): Promise<void> => {
      if (count === 0) return;
      await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
      await frames(count - 1);
    };
    await frames(3);
    const { innernetPage } = globalThis;
    const picture = document.querySelector('.picture');
    if (!picture) throw new Error('there is no picture');
    const { left, top, width } = picture.getBoundingClientRect();
    const found: [string, number][] = [];
    for (let x = 4; x < width; x += 14)
      for (let y = 80; y < 160; y += 14) {
        picture.dispatchEvent(
          new MouseEvent('click', { clientX: left + x, clientY: top + y, bubbles: true }),
        );
        const [thing] = innernetPage.selection.value;
        if (thing?.kind === 'peer') found.push([`${x} ${y}`, thing.id]);
      }
    innernetPage.choose();
    return found;
  });

it('nobody moves while the slider runs, also not past those who are gone by now', async () => {
  const town = TOWNS[500]();
  town.do({ type: 'DeletePeer', peer: 'office-1-m2' });
  for (const [peer, name] of [
    ['ci-1-m1', 'pond'],
    ['pond', 'lake'],
    ['lake', 'sea'],
  ])
    town.do({ type: 'RenamePeer', peer, name });
  await inside(
    town,
    'light',
    async (page) => {
      const slider = page.getByRole('slider');
      const most = Number(await slider.getAttribute('max'));
      const seen = new Map<string, number>();
      // First a moment at which the one that is gone was gone already, then some at which it was there.
      for (const position of [most - 1, most - 20, most - 100, most - 300, most - 5]) {
        await slider.fill(String(position));
        // A place may still be empty, or no longer full; it is never another's.
        for (const [place, id] of await peersAt(page)) {
          expect(`${id} at ${place}`).toBe(`${seen.get(place) ?? id} at ${place}`);
          seen.set(place, id);
        }
      }
      expect(new Set(seen.values()).size).toBeGreaterThan(60);
    },
    true,
  );
});

it('a name that would be HTML is text, and one with control characters is written out', async () => {
  const town = TOWNS[10]();
  const names = ['<img src=x onerror=alert(1)>', 'a\u202ename\u0007'];
  for (const [index, name] of names.entries()) {
    const peerId = [...town.network.peers()].find((peer) => peer.name === ['bob', 'ryo'][index])?.id as never;
    town.happen({ type: 'PeerRenamed', peerId, name: name as never });
  }
  await inside(town, 'light', async (page) => {
    const tree = page.getByRole('tree');
    await tree.getByText('"<img src=x onerror=alert(1)>"').waitFor();
    await tree.getByText('"a\\u{202e}name\\u{7}"').waitFor();
    for (const key of ['2', '3', '4', '1']) {
      await press(page, key);
      expect(await page.locator('img').count()).toBe(0);
    }
    await press(page, '4');
    expect(await page.locator('.history').innerText()).toContain('<img src=x onerror=alert(1)>');
  });
});

it('an action that is refused says why, and does nothing before it is confirmed', async () => {
  await inside(TOWNS[10](), 'light', async (page) => {
    await press(page, 'a');
    await page.getByLabel('name').fill('oven');
    await press(page, 'Enter');
    const dialog = page.getByRole('dialog', { name: 'add a machine' });
    await dialog.getByText('this network stands still').waitFor();
    expect(await dialog.getByRole('button', { name: 'confirm' }).count()).toBe(0);
    await press(page, 'Escape');
    await dialog.waitFor({ state: 'detached' });
  });
});
