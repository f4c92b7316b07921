// The page in a real browser: on the server, on an admin's machine and on a peer's; and what others on loopback get of it.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { NetworkEvent } from '../../src/events/schema.ts';
import { READ_MODELS } from '../../src/projections/projections.ts';
import { type Intent, MAX_FOLDED_EVENTS } from '../../src/protocol/page.ts';
import type { Folders } from '../../src/server/disk/files.ts';
import { openSqliteLog } from '../../src/store/sqlite-log.ts';
import { acme, ids } from '../acme.ts';
import { isRead, type OpenBrowser, openBrowser, type Visit, visit } from '../lab/browser.ts';
import { nobodyOn } from '../lab/nobody.ts';
import { Running, run } from '../lab/running.ts';
import { townFolders } from '../page/town-folders.ts';
import { TOWNS } from '../page/towns.ts';
import { acmeFolders } from '../server/acme-folders.ts';
import { append, commitOf, tempFolder } from '../store/temp-log.ts';
import { CLIENT, follow, type Host, SERVER, SmallNetwork } from './small-network.ts';

let network: SmallNetwork;
let ann: Host;
let bob: Host;
const folder = mkdtempSync(join(tmpdir(), 'innernet-page-'));
const browsers: OpenBrowser[] = [];
const browserOn = async (host?: Host): Promise<OpenBrowser> => {
  const browser = await openBrowser(host?.pid);
  browsers.push(browser);
  return browser;
};

/** Starts the page's program; answers with the address that works once. */
const ui = async (host: Host, program: readonly string[], ...more: string[]): Promise<string> => {
  const running = host.spawn([...program, 'ui', 'acme', '--no-open', ...more]);
  return (await running.line(/^http:/)).trim();
};

/** Waits for something on the page. */
const shows = async (seen: Visit, selector: string): Promise<void> => {
  await seen.page.waitForSelector(selector, { state: 'attached', timeout: 60_000 });
};

/** Prepares an action, and commits what is shown. */
const act = async ({ page }: Visit, intent: Intent) =>
  page.evaluate(async (wish) => {
    const { innernetPage: shown } = globalThis;
    const stage = (...stages: string[]): Promise<void> =>
      new Promise((resolve) => {
        shown.act.subscribe((now) => {
          if (now && stages.includes(now.stage)) setTimeout(resolve);
        });
      });
    shown.prepare(wish);
    await stage('shown', 'refused');
    shown.confirm();
    await stage('done', 'refused');
    const { stage: end, refusal, prepared, download } = shown.act.value ?? {};
    shown.cancel();
    return { end, refusal, commandLine: prepared?.commandLine, download };
  }, intent);

/** A program's own request: $1 the address, $2 its headers. */
const ASK = `
const [, url, headers] = process.argv;
const { host, port, pathname: path } = new URL(url);
const to = { host: '127.0.0.1', port, path, method: 'POST', headers: { host, ...JSON.parse(headers) } };
const call = require('node:http').request(to, async (response) => {
  let text = '';
  for await (const chunk of response) text += chunk;
  process.stdout.write(response.statusCode + ' ' + JSON.stringify(text));
});
call.end('{}');
`;

/** Another program's page on another port of loopback; under our name it is the same site to a browser. */
const SITE = `
const server = require('node:http').createServer((_, response) => {
  response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><body></body>');
});
server.listen(0, '127.0.0.1', () => console.log('http://127.0.0.1:' + server.address().port + '/'));
`;

/** What listens at a port after a page's program has ended, and plants a worker that answers in its place from then on. */
const IMPOSTOR = `
const worker = \`
self.addEventListener('install', () => self.skipWaiting());
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));
self.addEventListener('fetch', (event) => event.respondWith(new Response('planted', { headers: { 'content-type': 'text/html' } })));
\`;
const page = '<!doctype html><script>navigator.serviceWorker.register("/worker.js")</script>';
const server = require('node:http').createServer(({ url }, response) => {
  const isWorker = url === '/worker.js';
  response.writeHead(200, { 'content-type': isWorker ? 'text/javascript' : 'text/html' }).end(isWorker ? worker : page);
});
server.listen(0, '127.0.0.1', () => console.log('http://127.0.0.1:' + server.address().port + '/'));
`;

/** In that page: what it can get of ours, even with a stolen key. */
const tryAll = async ({ origin, key }: { origin: string; key: string | null }) => {
  const outcome = (work: Promise<unknown>): Promise<string> =>
    work.then(
      () => 'heard',
      () => 'failed',
    );
  const loaded = (element: HTMLElement): Promise<void> =>
    new Promise((resolve, reject) => {
      element.onload = () => resolve();
      element.onerror = () => reject(new Error('blocked'));
      document.body.append(element);
    });
  const authorization = `Bearer ${key}`;
  const call = fetch(`${origin}/first`, { method: 'POST', headers: { authorization }, body: '{}' });
  const simple = fetch(`${origin}/first`, { method: 'POST', mode: 'no-cors', body: '{}' });
  const script = Object.assign(document.createElement('script'), { src: `${origin}/page.js` });
  const style = Object.assign(document.createElement('link'), {
    rel: 'stylesheet',
    href: `${origin}/page-style.css`,
  });
  await loaded(Object.assign(document.createElement('iframe'), { src: `${origin}/` })).catch(() => {});
  return {
    call: await outcome(call),
    simple: await outcome(simple),
    script: await outcome(loaded(script)),
    style: await outcome(loaded(style)),
  };
};

const PATIENCE = { timeout: 120_000 };
const WATCHED = { isWatched: true };

let onServer: Visit;
let onAnns: Visit;

beforeAll(async () => {
  network = await SmallNetwork.create();
  const invitation = join(folder, 'ann.toml');
  const terms = ['--auto-ip', '--admin', 'true', '--invite-expires', '1d', '--save-config', invitation];
  await network.admin('add-peer', 'acme', '--name', 'ann', '--cidr', 'humans', ...terms);
  await network.admin('add-cidr', 'acme', '--name', 'machines', '--cidr', '10.42.2.0/24');
  ann = await network.lab.host('ann');
  await ann.sure([...CLIENT, 'install', invitation]);
  await follow(ann);
  ({ host: bob } = await network.join('bob'));
  onServer = await visit(await browserOn(network.server), await ui(network.server, SERVER), WATCHED);
  onAnns = await visit(await browserOn(ann), await ui(ann, CLIENT), WATCHED);
  await Promise.all([isRead(onServer), isRead(onAnns)]);
}, 240_000);
afterAll(async () => {
  await Promise.all(browsers.map((browser) => browser.close()));
  await network?.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('the network in a browser', { timeout: 240_000 }, () => {
  it('adds a machine, which joins by the invitation from the page, and every page shows that', async () => {
    const added = await act(onAnns, { do: 'invite', name: 'zoe', cidr: 'humans' } as Intent);
    expect(added).toMatchObject({
      end: 'done',
      commandLine: 'innernet add-peer acme zoe --cidr humans --auto-ip --admin false',
      download: { name: 'zoe.toml' },
    });
    await shows(onServer, '[data-peer="4"][data-state="invited"]');
    const zoe = await network.lab.host('zoe');
    const invitation = join(folder, 'zoe.toml');
    writeFileSync(invitation, added.download?.text ?? '');
    await zoe.sure([...CLIENT, 'install', invitation]);
    for (const seen of [onServer, onAnns]) await shows(seen, '[data-peer="4"]:not([data-state="invited"])');
  });

  it('shows in one browser at once what is disabled in another', async () => {
    expect(await act(onAnns, { do: 'disable', peer: 'zoe' })).toMatchObject({ end: 'done' });
    for (const seen of [onServer, onAnns]) await shows(seen, '[data-peer="4"][data-state="disabled"]');
    const refused = await act(onServer, { do: 'rename-peer', peer: 'zoe', name: 'ann' } as Intent);
    expect(refused).toMatchObject({ end: 'refused', refusal: { code: 'PeerNameTaken' } });
    const why = await onServer.page.evaluate(async () => {
      const shown = globalThis.innernetPage;
      shown.choose({ kind: 'peer', id: 2 as never });
      shown.choose({ kind: 'peer', id: 4 as never }, { also: true });
      return new Promise((resolve) => {
        shown.why.subscribe((now) => now?.state === 'told' && resolve(now.answer.reasons[0]?.sentence));
      });
    });
    expect(why).toBe('zoe is disabled');
  });

  it('shows any moment as "state --at" does', async () => {
    const { position: head } = JSON.parse(
      await network.server.sure([...SERVER, 'head', 'acme', '--json']),
    ) as { position: number };
    for (const at of [1, 4, 7, head - 5, head - 1].filter((position) => position > 0)) {
      const told = JSON.parse(
        await network.server.sure([...SERVER, 'state', 'acme', '--at', String(at), '--json']),
      );
      const seen = await onAnns.page.evaluate((moment) => {
        const shown = globalThis.innernetPage;
        shown.goTo(moment as never);
        const { network: now, position, time } = shown.shown.value ?? {};
        const [peers, cidrs] = [[...(now?.peers() ?? [])], [...(now?.cidrs() ?? [])]];
        return { position, time, peers, cidrs, associations: [...(now?.associations() ?? [])] };
      }, at);
      const { position, time, peers, cidrs, associations } = told;
      expect(seen).toEqual({ position, time, peers, cidrs, associations });
    }
    await onAnns.page.evaluate(() => globalThis.innernetPage.goTo('now'));
  });

  it('shows a peer that is no admin what it sees itself', async () => {
    const onBobs = await visit(await browserOn(bob), await ui(bob, CLIENT), WATCHED);
    await isRead(onBobs);
    const seen = await onBobs.page.evaluate(() => {
      const { about, now, history } = globalThis.innernetPage;
      const names = [...(now.value?.network.peers() ?? [])].map(({ name }) => name).sort();
      return {
        isAdmin: about.value?.isAdmin,
        self: about.value?.self,
        names,
        told: history.value.entries.length,
      };
    });
    expect(seen).toMatchObject({ isAdmin: false, self: 3, names: ['ann', 'bob', 'innernet-server'] });
    expect(seen.told).toBeGreaterThan(0);
    expect(await act(onBobs, { do: 'disable', peer: 'ann' })).toMatchObject({ end: 'refused' });
    await act(onAnns, { do: 'enable', peer: 'zoe' });
    await shows(onBobs, '[data-peer="4"]');
    expect(onBobs.violations).toEqual([]);
  });

  it('shows an admin by which way two others meet, by their own words', async () => {
    await ann.sure(['ping', '-n', '-c', '1', '-W', '30', 'bob.acme.wg']);
    await onAnns.page.getByRole('treeitem', { name: /^ann / }).click();
    await onAnns.page.getByRole('heading', { name: /^tunnels now: \d+ direct$/ }).waitFor(PATIENCE);
    await onAnns.page.getByRole('treeitem', { name: /^bob / }).click({ modifiers: ['Shift'] });
    await onAnns.page.getByText('observed: ann reaches bob directly').waitFor(PATIENCE);
    await onAnns.page.keyboard.press('Escape');
  });

  it('says that the server is away, and comes back by itself', async () => {
    const says = (text: string) =>
      onAnns.page.getByRole('status').filter({ hasText: text }).waitFor(PATIENCE);
    const trouble = onAnns.page.locator('.trouble');
    await network.stopServing();
    await says('away');
    expect(await trouble.innerText()).toMatch(/\S+ \S+ \S+/);
    await network.serve();
    await says('live');
    await trouble.waitFor({ ...PATIENCE, state: 'detached' });
    await act(onServer, { do: 'disable', peer: 'bob' });
    await shows(onAnns, '[data-peer="3"][data-state="disabled"]');
  });
});

describe('others on loopback', { timeout: 240_000 }, () => {
  let url: URL;
  beforeAll(async () => {
    url = new URL(await ui(network.server, SERVER));
  });

  it('get nothing: another user, another site, a rebound name, a frame, a token used twice', async () => {
    const { node } = await nobodyOn(network.server, 'package.json');
    const other = [...node, '-e', ASK, `${url.origin}/first`];
    expect(await network.server.sure([...other, '{}'])).toBe('403 ""');
    expect(await network.server.sure([...other, '{"sec-fetch-site":"same-origin"}'])).toBe('401 ""');

    const browser = browsers[0]!;
    const first = await visit(browser, url.href);
    await isRead(first);
    expect(new URL(first.page.url()).hash).toBe('');
    const second = await visit(browser, url.href);
    await second.page.waitForFunction(() => /start it again/.test(document.body.innerText), undefined, {
      timeout: 60_000,
    });
    expect(second.asked.length).toBeGreaterThan(0);
    await first.page.reload();
    await isRead(first);

    const rebound = await browser.browser.newPage();
    const answer = await rebound.goto(`http://cakes.example:${url.port}/`);
    expect({ status: answer?.status(), text: await answer?.text() }).toEqual({ status: 403, text: '' });

    const key = await first.page.evaluate(() => sessionStorage.getItem('innernet-key'));
    const site = network.server.spawn([process.execPath, '-e', SITE]);
    const { port } = new URL((await site.line(/^http:/)).trim());
    const elsewhere = await visit(browser, `http://${url.hostname}:${port}/`);
    const tried = await elsewhere.page.evaluate(tryAll, { origin: url.origin, key });
    expect(tried).toEqual({ call: 'failed', simple: 'failed', style: 'failed', script: 'failed' });
    const frames = elsewhere.page.frames().slice(1);
    expect(frames).toHaveLength(1);
    for (const frame of frames) expect(await frame.locator('#page').count()).toBe(0);
  });

  it('a worker that an impostor planted at the port of an earlier run meets no later one', async () => {
    const impostor = network.server.spawn([process.execPath, '-e', IMPOSTOR]);
    const { port } = new URL((await impostor.line(/^http:/)).trim());
    const earlier = `http://3f9c2b7d01a4e586.localhost:${port}/`;
    const { context, page } = await visit(browsers[0]!, earlier);
    await page.waitForFunction(() => navigator.serviceWorker.controller !== null, undefined, {
      timeout: 60_000,
    });
    await impostor.stop('SIGKILL');

    const address = await ui(network.server, SERVER, '--port', port);
    // It is there, and would answer for us.
    await page.goto(earlier);
    expect(await page.innerText('body')).toBe('planted');
    const ours = await context.newPage();
    await ours.goto(address);
    await isRead({ page: ours });
    expect(await ours.evaluate(() => navigator.serviceWorker.controller)).toBeNull();
  });

  it('and the pages ask nobody else, and break no rule of content', () => {
    for (const { violations, asked, page } of [onServer, onAnns]) {
      expect(violations).toEqual([]);
      expect(new Set(asked)).toEqual(new Set([new URL(page.url()).origin]));
    }
  });
});

const uiWords = ({ configDir, dataDir }: Folders, name: string) =>
  [...SERVER, '-c', configDir, '-d', dataDir, 'ui', name, '--no-open'] as const;

/** Starts the page's program on a server's folders, without a network. */
const showOn = async (folders: Folders): Promise<{ running: Running; url: string }> => {
  const running = new Running(uiWords(folders, 'acme'), process.env);
  onTestFinished(async () => {
    await running.stop('SIGTERM');
  });
  return { running, url: (await running.line(/^http:/)).trim() };
};

const uiOn = async (folders: Folders): Promise<string> => (await showOn(folders)).url;

it('says in words that a port is taken, that there is no such network, and that its program has ended', {
  timeout: 240_000,
}, async () => {
  const { folders } = await acmeFolders();
  const { running, url } = await showOn(folders);
  const seen = await visit(await browserOn(), url);
  await isRead(seen);
  const { port } = new URL(url);
  const refusal = (name: string) =>
    run([...uiWords(folders, name), '--port', port], process.env, { timeout: 60_000 });
  expect(await refusal('acme')).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/port \d+ of \S+ is taken\n.*hint: leave --port out/),
  });
  expect(await refusal('nope')).toMatchObject({ code: 1, stderr: expect.stringMatching(/nope.*\n.*hint: /) });
  await running.stop('SIGTERM');
  await seen.page.getByText('the program that showed this page has ended').waitFor(PATIENCE);
  await seen.page.getByRole('status').filter({ hasText: 'ended' }).waitFor(PATIENCE);
});

it('shows at fifty random stops of its slider what the program answers for that moment', {
  timeout: 240_000,
}, async () => {
  const seen = await visit(
    await browserOn(),
    await uiOn(await townFolders(tempFolder(), TOWNS[500]())),
    WATCHED,
  );
  await isRead(seen);
  const differing = await seen.page.evaluate(async (count) => {
    const slider = document.querySelector<HTMLInputElement>('input[type=range]')!;
    const headers = {
      'content-type': 'application/json',
      authorization: `Bearer ${sessionStorage.getItem('innernet-key')}`,
    };
    const canonical = (value: unknown): string =>
      JSON.stringify(value, (_, part) =>
        part !== null && typeof part === 'object' && !Array.isArray(part)
          ? Object.fromEntries(Object.entries(part).sort(([one], [other]) => (one < other ? -1 : 1)))
          : part,
      );
    const wrong: unknown[] = [];
    const stops = new Set<number>();
    while (stops.size < count) stops.add(1 + Math.floor(Math.random() * (Number(slider.max) - 1)));
    for (const stop of stops) {
      slider.value = String(stop);
      slider.dispatchEvent(new Event('input', { bubbles: true }));
      const { network, position: at, time } = globalThis.innernetPage.shown.value!;
      const body = JSON.stringify({ question: { ask: 'state', at } });
      const told = await (await fetch('/ask', { method: 'POST', headers, body })).json();
      const own = [time, [...network.peers()], [...network.cidrs()], [...network.associations()]];
      const its = [told.time, told.peers, told.cidrs, told.associations];
      if (at < stop || canonical(own) !== canonical(its)) wrong.push({ stop, at, own, its });
    }
    return wrong;
  }, 50);
  expect(differing).toEqual([]);
});

it('asks for each moment of a log that is longer than it folds, and says so', {
  timeout: 240_000,
}, async () => {
  const { folders, files } = await acmeFolders();
  const log = await openSqliteLog({ file: files.log, readModels: READ_MODELS, mode: 'open' });
  const renamed = (count: number): NetworkEvent[] =>
    Array.from({ length: count }, (_, index) => ({
      type: 'PeerRenamed',
      peerId: ids.bob,
      name: index % 2 === 0 ? 'rob' : 'bob',
    }));
  for (let length = 0; length < MAX_FOLDED_EVENTS; length += 5_000)
    await append(log, commitOf(renamed(5_000)));
  const { head } = await append(log, commitOf(renamed(1)));
  const [begin, last] = [acme.network.length, head.position];
  await log.close();
  const seen = await visit(await browserOn(), await uiOn(folders), WATCHED);
  await isRead(seen);
  const told = await seen.page.evaluate(async (early) => {
    const page = globalThis.innernetPage;
    const { isWhole, sentence, entries } = page.history.value;
    const settled = (isSo: () => boolean): Promise<void> =>
      new Promise((resolve) => {
        const look = (): unknown => (isSo() ? resolve() : setTimeout(look, 20));
        look();
      });
    page.goTo(early as never);
    await settled(() => page.moment.value === early);
    const names = [...(page.shown.value?.network.peers() ?? [])].map(({ name }) => name);
    page.compare(early as never, 'now');
    await settled(() => page.comparison.value !== undefined);
    const changed = page.comparison.value?.difference.peers.changed.map(({ after }) => after.name);
    page.loadOlder();
    await settled(() => page.history.value.entries.length > entries.length);
    return {
      isWhole,
      sentence,
      newest: entries.at(-1)?.position,
      names,
      changed,
      trouble: page.trouble.value,
    };
  }, begin);
  expect(told).toMatchObject({ isWhole: false, newest: last, changed: ['rob'] });
  expect(told.sentence).toMatch(/^this log holds \d+ events, more than the page reads \(50000\)/);
  expect(told.names).toContain('bob');
  expect(told.trouble).toBeUndefined();
});
