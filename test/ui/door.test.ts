// The loopback server over a real log: what it answers with a key, what without, and each action from dry run to commit.
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import jsqr from 'jsqr';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parseConf } from '../../src/protocol/conf.ts';
import type {
  Committed,
  Drawing,
  FirstAnswer,
  News,
  PageRefusal,
  Prepared,
} from '../../src/protocol/page.ts';
import { LocalPlane } from '../../src/server/verbs/local-plane.ts';
import { answersOf } from '../../src/ui/answers.ts';
import { type OpenDoor, openDoor } from '../../src/ui/door.ts';
import { Idle } from '../../src/ui/idle.ts';
import { Keys } from '../../src/ui/keys.ts';
import { PrivateKey } from '../../src/values/key.ts';
import { publicKeyOf } from '../../src/values/key-pair.ts';
import { ACME, acmeFolders } from '../server/acme-folders.ts';

/** Its types say that the function is in `default`, its module is the function. */
const jsQr = jsqr as unknown as typeof jsqr.default;

const FILES = new Map([['/', { type: 'text/html', body: Buffer.from('<!doctype html>') }]]);

type Reply = { status: number; headers: Record<string, unknown>; text: string };

class Called {
  readonly port: number;
  readonly origin: string;
  readonly keys: Keys;
  readonly plane: LocalPlane;
  key = '';

  constructor({ port, origin }: OpenDoor, keys: Keys, plane: LocalPlane) {
    this.port = port;
    this.origin = origin;
    this.keys = keys;
    this.plane = plane;
  }

  headers(): Record<string, string> {
    const origin = `http://127.0.0.1:${this.port}`;
    return { origin, 'sec-fetch-site': 'same-origin', authorization: `Bearer ${this.key}` };
  }

  async call(path: string, body: unknown = {}, headers: Record<string, string> = {}): Promise<Reply> {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    return this.send('POST', path, { ...this.headers(), ...headers }, text);
  }

  async send(method: string, path: string, headers: Record<string, string>, body = ''): Promise<Reply> {
    const call = request({ port: this.port, host: '127.0.0.1', method, path, headers });
    call.end(body);
    const [response] = await once(call, 'response');
    let text = '';
    for await (const chunk of response) text += chunk;
    return { status: response.statusCode, headers: response.headers, text };
  }

  async json<T>(path: string, body: unknown = {}): Promise<T> {
    const { status, text } = await this.call(path, body);
    expect({ status, text: status === 200 ? '' : text }).toEqual({ status: 200, text: '' });
    return JSON.parse(text) as T;
  }

  async enter(): Promise<this> {
    const { text } = await this.call('/enter', { token: this.keys.token(60_000) });
    this.key = JSON.parse(text).key;
    return this;
  }
}

const opened = async (now = () => 0): Promise<Called> => {
  const { folders } = await acmeFolders();
  const plane = await LocalPlane.open(ACME, folders);
  onTestFinished(() => plane.close());
  const program = { program: 'innernet-server', version: '1.2.3', typed: 'innernet-server' } as const;
  const answers = await answersOf(plane, program, { ways: async () => [] });
  const [keys, idle] = [new Keys(now), new Idle(3_600_000)];
  const door = await openDoor({ answers, files: FILES, keys, idle }, 0);
  onTestFinished(async () => {
    idle.close();
    await door.close();
  });
  return new Called(door, keys, plane);
};

describe('the door', () => {
  it('gives the page to whoever visits, with headers that bind it', async () => {
    const called = await opened();
    const visit = { 'sec-fetch-site': 'none', 'sec-fetch-dest': 'document' };
    const { status, headers, text } = await called.send('GET', '/', visit);
    expect({ status, text }).toEqual({ status: 200, text: '<!doctype html>' });
    expect(headers).toMatchObject({
      'cross-origin-opener-policy': 'same-origin',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
      'x-frame-options': 'DENY',
    });
    expect(headers['content-security-policy']).toContain("default-src 'none'");
    expect(headers['set-cookie']).toBeUndefined();
  });

  it('has a name of its own in each run', async () => {
    const [one, other] = [await opened(), await opened()];
    expect(one.origin).toMatch(/^http:\/\/[0-9a-f]{16}\.localhost:\d+$/);
    expect(new URL(other.origin).hostname).not.toBe(new URL(one.origin).hostname);
    const visit = { 'sec-fetch-site': 'none', 'sec-fetch-dest': 'document' };
    const status = async ({ origin }: Called) =>
      (await one.send('GET', '/', { ...visit, host: new URL(origin).host })).status;
    expect(await Promise.all([one, other].map(status))).toEqual([200, 403]);
  });

  it('answers nothing without a key, and nothing to others with one', async () => {
    const called = await opened();
    expect(await called.call('/first')).toMatchObject({ status: 401, text: '' });
    await called.enter();
    expect(await called.call('/first')).toMatchObject({ status: 200 });
    for (const headers of [
      { host: 'cakes.example' },
      { origin: 'http://cakes.example' },
      { 'sec-fetch-site': 'cross-site' },
    ])
      expect(await called.call('/first', {}, headers)).toMatchObject({ status: 403, text: '' });
    const wrong = { authorization: `Bearer ${'A'.repeat(43)}` };
    expect(await called.call('/first', {}, wrong)).toMatchObject({ status: 401, text: '' });
    expect(await called.send('GET', '/first', called.headers())).toMatchObject({ status: 404 });
  });

  it('takes a token once, and not too late', async () => {
    let now = 0;
    const called = await opened(() => now);
    const [token, late] = [called.keys.token(60_000), called.keys.token(60_000)];
    expect(await called.call('/enter', { token })).toMatchObject({ status: 200 });
    expect(await called.call('/enter', { token })).toMatchObject({ status: 401, text: '' });
    now = 60_001;
    expect(await called.call('/enter', { token: late })).toMatchObject({ status: 401, text: '' });
    expect(await called.call('/enter', { token: 'guessed' })).toMatchObject({ status: 401, text: '' });
  });

  it('understands only what it knows', async () => {
    const called = await (await opened()).enter();
    for (const body of ['{', JSON.stringify({ intent: { do: 'burn' } }), `"${'x'.repeat(17_000)}"`])
      expect(await called.call('/prepare', body)).toMatchObject({ status: 400 });
    expect(JSON.parse((await called.call('/ask', {})).text)).toEqual({
      sentence: 'the program does not understand this request',
    });
    expect(await called.call('/nothing')).toMatchObject({ status: 404 });
  });

  it('takes a caller without a key that hangs up half-way for no fault of its own', async () => {
    const faults: unknown[] = [];
    const refusalOf = (error: unknown): PageRefusal => {
      faults.push(error);
      return { sentence: 'internal error' };
    };
    const [keys, idle] = [new Keys(() => 0), new Idle(60_000)];
    const door = await openDoor({ answers: { refusalOf } as never, files: FILES, keys, idle }, 0);
    onTestFinished(async () => {
      idle.close();
      await door.close();
    });
    const head = `POST /enter HTTP/1.1\r\nhost: 127.0.0.1:${door.port}\r\nsec-fetch-site: same-origin\r\n`;
    const caller = connect(door.port, '127.0.0.1').resume();
    caller.end(`${head}content-length: 100\r\n\r\n{"token":`);
    await once(caller, 'close');
    const next = new Called(door, keys, {} as never);
    expect(await next.call('/enter', { token: 'guessed' })).toMatchObject({ status: 401 });
    expect(faults).toEqual([]);
  });

  it('says that its port is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void other.close());
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const inside = { answers: {} as never, files: FILES, keys: new Keys(() => 0), idle: new Idle(60_000) };
    onTestFinished(() => inside.idle.close());
    await expect(openDoor(inside, port)).rejects.toThrow(`port ${port} of 127.0.0.1 is taken`);
  });
});

/** What another library reads of a code, drawn as a browser would, four dots a module. */
const scanned = (code: Drawing | undefined): string | undefined => {
  if (!code) return undefined;
  const dots = code.side * 4;
  const pixels = new Uint8ClampedArray(dots * dots * 4).fill(255);
  for (const [, x, y, length] of code.path.matchAll(/M(\d+) (\d+)h(\d+)v1h-\d+z/g))
    for (let row = Number(y) * 4; row < Number(y) * 4 + 4; row++)
      for (let at = Number(x) * 4; at < (Number(x) + Number(length)) * 4; at++)
        pixels.fill(0, (row * dots + at) * 4, (row * dots + at) * 4 + 3);
  return jsQr(pixels, dots, dots)?.data;
};

describe('an action', () => {
  let called: Called;
  const prepare = (intent: object) => called.json<Prepared>('/prepare', { intent });
  const commit = (intent: object, at: number, confirmed = false) =>
    called.json<Committed>('/commit', { intent, at, confirmed });
  const refused = async (path: string, body: object): Promise<PageRefusal> => {
    const { status, text } = await called.call(path, body);
    expect(status).toBe(422);
    return JSON.parse(text);
  };

  it('is shown by a dry run, then committed as it was shown', async () => {
    called = await (await opened()).enter();
    const { about, state } = await called.json<FirstAnswer>('/first');
    expect(about).toMatchObject({ program: 'innernet-server', local: 'acme', self: 1, isAdmin: true });
    const intent = { do: 'disable', peer: 'bob' };
    const shown = await prepare(intent);
    expect(shown).toMatchObject({
      commandLine: 'innernet-server disable-peer acme bob',
      position: state.position,
      sentences: ['disabled peer bob'],
      events: [{ type: 'PeerDisabled' }],
    });
    expect((await called.plane.view()).position).toBe(state.position);
    const done = await commit(intent, shown.position);
    expect(done).toMatchObject({ position: state.position + 1, isNothing: false, isUntold: true });
    expect((await called.plane.view()).peers.find(({ name }) => name === 'bob')?.isDisabled).toBe(true);
  });

  it('that was shown before another is shown again', async () => {
    called = await (await opened()).enter();
    const intent = { do: 'associate', cidrs: ['humans', 'machines'] };
    const { position } = await prepare(intent);
    await called.plane.execute({ type: 'DisablePeer', peer: 'oven' });
    expect(await refused('/commit', { intent, at: position })).toMatchObject({ code: 'PlanOutdated' });
    const again = await prepare(intent);
    expect(await commit(intent, again.position)).toMatchObject({ isNothing: false });
  });

  it('is undone by its commit, and with all since', async () => {
    called = await (await opened()).enter();
    const before = (await called.plane.view()).position;
    const { position } = await called.plane.execute({ type: 'DisablePeer', peer: 'bob' });
    await called.plane.execute({ type: 'RenamePeer', peer: 'oven', name: 'kiln' as never });
    const undo = { do: 'undo', position };
    const shown = await prepare(undo);
    expect(shown).toMatchObject({ obstacles: [], events: [{ type: 'PeerEnabled', reverts: position }] });
    await commit(undo, shown.position);
    const since = { do: 'undo-since', position: before };
    await commit(since, (await prepare(since)).position);
    const { peers } = await called.plane.view();
    expect(peers.find(({ name }) => name === 'oven')).toBeDefined();
    expect(peers.find(({ name }) => name === 'bob')?.isDisabled).toBe(false);
  });

  it('on the last admin is shown with a warning', async () => {
    called = await (await opened()).enter();
    const intent = { do: 'revoke-admin', peer: 'ann' };
    const shown = await prepare(intent);
    expect(shown.warning).toContain('last admin');
    expect(await refused('/commit', { intent, at: shown.position })).toMatchObject({ code: 'LastAdmin' });
    expect(await commit(intent, shown.position, true)).toMatchObject({ isNothing: false });
  });

  it('that is refused says why, and what to type', async () => {
    called = await (await opened()).enter();
    const refusal = await refused('/prepare', { intent: { do: 'rename-peer', peer: 'bab', name: 'rob' } });
    expect(refusal).toMatchObject({ code: 'UnknownPeer', commandLine: 'innernet-server list-peers acme' });
    expect(refusal.hint).toContain('perhaps "bob" was meant');
  });

  it('invites: the invitation goes to the page alone, once', async () => {
    called = await (await opened()).enter();
    const intent = { do: 'invite', name: 'zoe', cidr: 'machines' };
    const { position, sentences } = await prepare(intent);
    expect(sentences[0]).toMatch(/^added peer zoe \(10\.42\.\d+\.\d+\) to machines/);
    const { download } = await commit(intent, position);
    expect(download?.name).toBe('zoe.toml');
    const conf = parseConf(download?.text ?? '', 'zoe.toml');
    const zoe = (await called.plane.view()).peers.find(({ name }) => name === 'zoe');
    expect(conf.address).toBe(`${zoe?.ip}/16`);
  });

  it('limits an association, as it is typed, and lifts that again', async () => {
    called = await (await opened()).enter();
    const cidrs = ['humans', 'machines'];
    const associate = { do: 'associate', cidrs };
    await commit(associate, (await prepare(associate)).position);
    const limit = { do: 'limit-association', cidrs, allow: ['tcp/631', ''] };
    const shown = await prepare(limit);
    expect(shown.commandLine).toBe(
      'innernet-server limit-association acme humans machines --allow humans:tcp/631',
    );
    await commit(limit, shown.position);
    const allowed = async () => (await called.plane.view()).associations.at(-1)?.allow;
    expect(await allowed()).toEqual([{ from: expect.any(Number), protocol: 'tcp', ports: [[631, 631]] }]);
    const wrong = { ...limit, allow: ['tcp/0', ''] };
    expect(await refused('/prepare', { intent: wrong })).toMatchObject({
      sentence: expect.stringContaining('tcp/0'),
    });
    const lift = { do: 'unlimit-association', cidrs };
    await commit(lift, (await prepare(lift)).position);
    expect(await allowed()).toBeUndefined();
  });

  it('lets a phone in: its file and its code go to the page alone, and another key ends them', async () => {
    called = await (await opened()).enter();
    const add = { do: 'add-phone', name: 'zoe-phone', cidr: 'machines' };
    const shown = await prepare(add);
    expect([shown.sentences[0], shown.warning]).toEqual([
      expect.stringContaining('zoe-phone'),
      expect.stringContaining('can read it'),
    ]);
    const { download } = await commit(add, shown.position, true);
    const phone = async () => (await called.plane.view()).peers.find(({ name }) => name === 'zoe-phone');
    const keyOf = (text = '') => publicKeyOf(PrivateKey.parse(/PrivateKey = (\S+)/.exec(text)?.[1]));
    expect(download).toMatchObject({
      name: 'zoe-phone.conf',
      text: expect.stringContaining(`${(await phone())?.ip}/32`),
    });
    expect(keyOf(download?.text)).toBe((await phone())?.publicKey);
    expect(scanned(download?.code)).toBe(download?.text);
    const rekey = { do: 'rekey-phone', peer: 'zoe-phone' };
    const again = await commit(rekey, (await prepare(rekey)).position, true);
    expect(keyOf(again.download?.text)).toBe((await phone())?.publicKey);
    expect(keyOf(again.download?.text)).not.toBe(keyOf(download?.text));
    expect(await refused('/prepare', { intent: { do: 'rekey-phone', peer: 'bob' } })).toMatchObject({
      sentence: expect.stringContaining('bob'),
    });
  });
});

describe('the stream', () => {
  /** News one by one, until the test is over. */
  const stream = async (called: Called, after: number): Promise<() => Promise<News>> => {
    const call = request({
      port: called.port,
      host: '127.0.0.1',
      method: 'POST',
      path: '/follow',
      headers: called.headers(),
    });
    onTestFinished(() => void call.destroy());
    call.end(JSON.stringify({ after }));
    const [response] = await once(call, 'response');
    response.on('error', () => {});
    const news: News[] = [];
    let [rest, wake] = ['', () => {}];
    response.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      news.push(...lines.map((line) => JSON.parse(line)));
      wake();
    });
    return async () => {
      while (news.length === 0)
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      return news.shift()!;
    };
  };
  const entriesOf = async (next: () => Promise<News>): Promise<News & { kind: 'entries' }> => {
    for (;;) {
      const item = await next();
      if (item.kind === 'entries') return item;
    }
  };

  it('of the past ends where the log ends', async () => {
    const called = await (await opened()).enter();
    const { position } = await called.plane.view();
    const { text } = await called.call('/past', { after: 0, until: Number.MAX_SAFE_INTEGER });
    const ends = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).end);
    expect(ends).toEqual([position]);
  });

  it('tells each tab what is new, from where it is', async () => {
    const called = await (await opened()).enter();
    const { position } = await called.plane.view();
    const first = await stream(called, position);
    await called.plane.execute({ type: 'DisablePeer', peer: 'bob' });
    expect(await entriesOf(first)).toMatchObject({ entries: [{ type: 'PeerDisabled' }], end: position + 1 });
    const second = await stream(called, position - 1);
    expect((await entriesOf(second)).entries.map((entry) => entry.position)).toEqual([
      position,
      position + 1,
    ]);
    await called.plane.execute({ type: 'EnablePeer', peer: 'bob' });
    for (const tab of [first, second])
      expect(await entriesOf(tab)).toMatchObject({ entries: [{ type: 'PeerEnabled' }], end: position + 2 });
  });
});
