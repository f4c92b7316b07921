// The page's way to its program: it goes on with the program that it entered by, and believes no other on that port.
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { Door, Gone } from '../../src/page/door.ts';
import { COUNTERSIGN_HEADER, PAGE_PATHS } from '../../src/protocol/page.ts';
import { openDoor } from '../../src/ui/door.ts';
import { Idle } from '../../src/ui/idle.ts';
import { Keys } from '../../src/ui/keys.ts';

const ANSWERS = { first: async () => ({ from: 'ours' }), refusalOf: () => ({ sentence: 'refused' }) };

/** What a browser gives to a page at this address; what the page stores. */
const inBrowser = (port: number, token: string): Map<string, string> => {
  const stored = new Map<string, string>();
  const { fetch } = globalThis;
  vi.stubGlobal('location', { hash: `#${token}`, pathname: '/' });
  vi.stubGlobal('history', { replaceState: () => {} });
  vi.stubGlobal('sessionStorage', {
    getItem: (name: string) => stored.get(name) ?? null,
    setItem: (name: string, value: string) => void stored.set(name, value),
  });
  vi.stubGlobal('fetch', (path: string, { headers, ...init }: RequestInit) =>
    fetch(`http://127.0.0.1:${port}${path}`, {
      ...init,
      headers: { ...(headers as object), 'sec-fetch-site': 'same-origin', connection: 'close' },
    }),
  );
  onTestFinished(() => void vi.unstubAllGlobals());
  return stored;
};

const entered = async () => {
  const [keys, idle] = [new Keys(() => 0), new Idle(60_000)];
  onTestFinished(() => idle.close());
  const program = await openDoor({ answers: ANSWERS as never, files: new Map(), keys, idle }, 0);
  onTestFinished(() => program.close().catch(() => {}));
  const stored = inBrowser(program.port, keys.token(60_000));
  return { program, stored, door: await Door.enter() };
};

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  let text = '';
  for await (const part of request) text += part;
  return text;
};

/** Answers everything, as if it knew the tab; tells what it heard. */
const impostorOn = async (port: number, headers: Record<string, string>): Promise<string[]> => {
  const heard: string[] = [];
  const impostor = createServer(async (request, response) => {
    heard.push(JSON.stringify(request.headers) + (await bodyOf(request)));
    response.writeHead(200, headers).end('{"kind":"beat"}\n');
  }).listen(port, '127.0.0.1');
  onTestFinished(() => void impostor.close());
  await once(impostor, 'listening');
  return heard;
};

describe('the page', () => {
  it('goes on with its own program, after a reload too', async () => {
    const { door } = await entered();
    expect(await door.call(PAGE_PATHS.first)).toEqual({ from: 'ours' });
    location.hash = '';
    expect(await (await Door.enter()).call(PAGE_PATHS.first)).toEqual({ from: 'ours' });
    await expect(door.call(PAGE_PATHS.ask, { question: 1 })).rejects.toThrow('does not understand');
  });

  for (const headers of [{}, { [COUNTERSIGN_HEADER]: 'A'.repeat(43) }])
    it(`believes nobody else there, who says ${JSON.stringify(headers)}`, async () => {
      const { program, stored, door } = await entered();
      await program.close();
      const heard = await impostorOn(program.port, headers);
      await expect(door.call(PAGE_PATHS.first)).rejects.toThrow(Gone);
      const lines = door.lines(PAGE_PATHS.follow, { after: 0 }, new AbortController().signal);
      await expect(lines.next()).rejects.toThrow(Gone);
      const countersign = stored.get('innernet-countersign') ?? '';
      expect(countersign).toHaveLength(43);
      expect(heard).toHaveLength(2);
      expect(heard.join()).not.toContain(countersign);
    });
});
