// Debian's browser, on a host of the lab or on this machine, and a page of ours in it.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { pageFiles } from '../../scripts/build.js';
import type { Page as Seen } from '../../src/page/page.ts';

declare global {
  /** Only in a page that is watched. */
  var innernetPage: Seen;
}

const BROWSER = '/usr/bin/chromium-headless-shell';

/** Names that the browser finds on this machine, as after a rebinding. */
const REBOUND = 'MAP cakes.example 127.0.0.1';

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  `--host-resolver-rules=${REBOUND}`,
  // Newer browsers keep pages off private addresses by themselves: that is not what is tried here.
  '--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests,PrivateNetworkAccessSendPreflights',
];

export type OpenBrowser = { browser: Browser; close: () => Promise<void> };

/** `pid`: of a process in whose network it runs. */
export const openBrowser = async (pid?: number): Promise<OpenBrowser> => {
  const folder = mkdtempSync(join(tmpdir(), 'innernet-page-'));
  const program = join(folder, 'browser');
  const entrance = pid === undefined ? '' : `nsenter --net=/proc/${pid}/ns/net `;
  writeFileSync(program, `#!/bin/sh\nexec ${entrance}${BROWSER} "$@"\n`, { mode: 0o755 });
  try {
    const browser = await chromium.launch({ executablePath: program, args: FLAGS, timeout: 60_000 });
    return {
      browser,
      close: async () => {
        await browser.close();
        rmSync(folder, { recursive: true, force: true });
      },
    };
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
};

export type Visit = {
  page: Page;
  context: BrowserContext;
  /** What the browser's rules of content stopped, and what went wrong in the page. */
  violations: string[];
  /** Where the page asked. */
  asked: string[];
};

let watchedScript: Promise<string> | undefined;

const buildWatched = async (): Promise<string> => {
  const { outputFiles } = await pageFiles('dist', 'test/page/watched.ts');
  const script = outputFiles.find(({ path }) => path.endsWith('page.js'));
  return Buffer.from(script?.contents ?? []).toString();
};

/** From now on pages have the script that hands out what they draw from, in the place of the published one. */
export const watch = async (tab: BrowserContext | Page): Promise<void> => {
  watchedScript ??= buildWatched();
  const body = await watchedScript;
  await tab.route('**/page.js', (route) => route.fulfill({ body, contentType: 'text/javascript' }));
};

/** Opens an address in a tab with a storage of its own. */
export const visit = async (
  { browser }: OpenBrowser,
  url: string,
  { isWatched = false } = {},
): Promise<Visit> => {
  const context = await browser.newContext();
  if (isWatched) await watch(context);
  const page = await context.newPage();
  const [violations, asked]: [string[], string[]] = [[], []];
  page.on('pageerror', (error) => violations.push(`error: ${error.message}`));
  page.on('console', (message) => {
    if (/Content Security Policy|TrustedHTML/i.test(message.text())) violations.push(message.text());
  });
  page.on('request', (request) => asked.push(new URL(request.url()).origin));
  await page.goto(url, { timeout: 60_000 });
  return { page, context, violations, asked };
};

/** The page has its first answer and the log, or the newest part of one that is too long. */
export const isRead = async ({ page }: Pick<Visit, 'page'>): Promise<void> => {
  await page.waitForFunction(
    () => (document.querySelector('footer .at')?.textContent ?? '').trim().length > 'now'.length,
    undefined,
    { timeout: 60_000 },
  );
};
