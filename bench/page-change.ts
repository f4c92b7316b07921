/** From a change, made as a verb on the server makes it, to the cell in a browser that shows it. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium, type Page } from 'playwright-core';
import { LocalPlane } from '../src/server/verbs/local-plane.ts';
import { answersOf } from '../src/ui/answers.ts';
import { openDoor } from '../src/ui/door.ts';
import { Idle } from '../src/ui/idle.ts';
import { Keys } from '../src/ui/keys.ts';
import { readPageFiles } from '../src/ui/page-files.ts';
import type { PeerId } from '../src/values/id.ts';
import { InterfaceName } from '../src/values/name.ts';
import { watch } from '../test/lab/browser.ts';
import { townFolders } from '../test/page/town-folders.ts';
import { TOWNS } from '../test/page/towns.ts';
import { alone, type Measured, type Row } from './figure.ts';
import { withFolder } from './scratch.ts';

const ROUNDS = 20;
const HOUR = 3_600_000;
const ACME = InterfaceName.parse('acme');

/** When the browser has drawn that a peer is cut off, or is not, in milliseconds since 1970. */
const drawnAt = (page: Page, peer: PeerId, isOff: boolean): Promise<number> =>
  page.evaluate(
    ([id, wanted]) =>
      new Promise<number>((resolve) => {
        const stop = globalThis.innernetPage.now.subscribe((shown) => {
          if (shown?.network.peer(id)?.isDisabled !== wanted) return;
          requestAnimationFrame(() => setTimeout(() => resolve(Date.now())));
          setTimeout(() => stop());
        });
      }),
    [peer, isOff] as const,
  );

const changes = async (page: Page, plane: LocalPlane): Promise<number[]> => {
  const { peers } = await plane.view();
  const peer = peers.find(({ isAdmin, isRedeemed, isDisabled }) => isRedeemed && !isAdmin && !isDisabled);
  if (!peer) throw new Error('the town has nobody to cut off');
  const taken: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const isOff = round % 2 === 0;
    const drawn = drawnAt(page, peer.id, isOff);
    const begin = Date.now();
    await plane.execute({ type: isOff ? 'DisablePeer' : 'EnablePeer', peer: peer.id });
    taken.push((await drawn) - begin);
  }
  return taken;
};

const measure = async (): Promise<Measured[]> =>
  withFolder(async (folder) => {
    const folders = await townFolders(folder, TOWNS[500]());
    const [shown, changed] = [await LocalPlane.open(ACME, folders), await LocalPlane.open(ACME, folders)];
    const program = { program: 'innernet-server', version: '', typed: 'innernet-server' } as const;
    const answers = await answersOf(shown, program, { ways: async () => [] });
    const files = await readPageFiles(pathToFileURL(`${join(process.cwd(), 'dist')}/`));
    const [keys, idle] = [new Keys(() => 0), new Idle(HOUR)];
    const door = await openDoor({ answers, files, keys, idle }, 0);
    const browser = await chromium.launch({
      executablePath: '/usr/bin/chromium-headless-shell',
      args: ['--no-sandbox'],
    });
    try {
      const page = await browser.newPage({ viewport: { width: 1400, height: 800 } });
      await watch(page);
      await page.goto(`http://127.0.0.1:${door.port}/#${keys.token(HOUR)}`);
      await page.getByRole('button', { name: 'previous commit' }).waitFor();
      const name = 'page of 500 peers: a change on the server to its cell';
      return [alone({ name, unit: 'ms' }, await changes(page, changed), 200)];
    } finally {
      await browser.close();
      idle.close();
      await door.close();
      await shown.close();
      await changed.close();
    }
  });

export const pageChange: Row = {
  name: 'page-change',
  what: 'a change made on the server until the cell of a page in a browser shows it',
  measure,
};
