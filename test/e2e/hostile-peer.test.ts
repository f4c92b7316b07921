// A peer that has joined, is no admin, and tries everything against the server through its tunnel: nobody else notices.
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Caller } from '../lab/caller.ts';
import { follow, type Host, OBEYED, reportOf, SERVER, SmallNetwork, until } from './small-network.ts';

const API = '10.42.0.1:51820';
const EVE = '10.42.1.2';
/** What a terminal would obey, a hosts file would break at, and what looks like something else. */
const TRICKS = [
  '\u001b]0;owned\u0007',
  '\u001b[2J',
  'a\nb',
  'x 10.42.1.1',
  'аnn',
  'ann\u202e',
  'a\u0000b',
  '..',
  '-',
];
const METRICS = '/run/acme.metrics';

let network: SmallNetwork;
let bob: Host;
let eve: Host;
let caller: Caller;
let way: { address: string; server: string; key: string };

beforeAll(async () => {
  network = await SmallNetwork.create();
  // Its calls are made by hand, as an old client's are: without proofs.
  await network.admin('waive-proof', 'acme');
  await network.stopServing('SIGTERM');
  await network.serve('-vv', '--metrics', METRICS);
  bob = (await network.join('bob')).host;
  await follow(bob);
  eve = (await network.join('eve')).host;
  const key = (await eve.sure(['wg', 'show', 'acme', 'peers'])).split('\n')[0] ?? '';
  way = {
    address: EVE,
    server: API,
    key: serverKeyIn(await eve.sure(['cat', '/etc/innernet/acme.conf'])) ?? key,
  };
  caller = new Caller(eve);
});
afterAll(() => network.close());

const serverKeyIn = (conf: string): string | undefined => /^public-key = "(.+)"$/m.exec(conf)?.[1];

const head = (line: string, ...more: string[]): string =>
  [line, `Host: ${API}`, `X-Innernet-Server-Key: ${way.key}`, ...more, '', ''].join('\r\n');

const limits = async (): Promise<Map<string, number>> => {
  const script = `require('http').get({ socketPath: '${METRICS}', path: '/metrics' }, (r) => r.pipe(process.stdout))`;
  const text = await network.server.sure([process.execPath, '-e', script]);
  return new Map(
    [...text.matchAll(/^innernet_limits_exceeded_total\{limit="(\w+)"\} (\d+)$/gm)].map(
      ([, limit, count]) => [limit ?? '', Number(count)],
    ),
  );
};

const position = async (): Promise<number> => {
  const shown = JSON.parse(await network.server.sure([...SERVER, 'head', 'acme', '--json']));
  return shown.position;
};

let renamed = 0;

/** A change of the operator's reaches bob while `attack` goes on. */
const unnoticed = async <T>(attack: Promise<T>): Promise<T> => {
  let isOver = false;
  void attack
    .catch(() => {})
    .finally(() => {
      isOver = true;
    });
  do {
    const [from, to] = renamed++ % 2 === 0 ? ['humans', 'people'] : ['people', 'humans'];
    await network.admin('rename-cidr', 'acme', '--name', from, '--new-name', to);
    await until('bob hears of it', async () => {
      const { cidrs } = (await reportOf(bob)) as unknown as { cidrs: { name: string }[] };
      return cidrs.some(({ name }) => name === to);
    });
    await setTimeout(200);
  } while (!isOver);
  return attack;
};

afterEach(() => caller.release());

/** Lets the limit of calls a second refill, where its answer would hide another. */
const mayCall = () => setTimeout(1100);

/** Says it again while eve asks more often than a peer may. */
const inTurn = async <A>(call: () => Promise<A>, isTooOften: (answer: A) => boolean): Promise<A> => {
  for (;;) {
    const answer = await call();
    if (!isTooOften(answer)) return answer;
    await setTimeout(50);
  }
};
const ask = (call: Parameters<Caller['ask']>[0]) =>
  inTurn(
    () => caller.ask(call),
    ({ status }) => status === 429,
  );
const raw = (call: Parameters<Caller['raw']>[0]) =>
  inTurn(
    () => caller.raw(call),
    ({ text }) => text.startsWith('HTTP/1.1 429'),
  );

const ADMIN_PATHS = [
  'peers',
  'peers/2',
  'cidrs',
  'cidrs/3',
  'associations',
  'associations/1',
  'commands',
  'network',
  'look',
  'undo',
];

/** How many routes the sources open to admins. */
const adminRoutes = (): number => {
  const folder = 'src/server/http';
  const sources = readdirSync(folder).map((file) => readFileSync(`${folder}/${file}`, 'utf8'));
  return sources.join('').split(/route\(\s*app,\s*'admin',/).length - 1;
};

it('finds no admin route open, whatever it sends', async () => {
  const before = await position();
  let closed = 0;
  for (const path of ADMIN_PATHS)
    for (const method of ['GET', 'POST', 'PUT', 'DELETE']) {
      const body = { id: 'x', command: { type: 'GrantAdmin', peer: 'eve' }, name: 'x', is_admin: true };
      const call = { ...way, method, path: `/v1/admin/${path}`, ...(method === 'GET' ? {} : { body }) };
      const { status, text } = await ask(call);
      expect(text).toBe('');
      expect([401, 404]).toContain(status);
      if (status === 401) closed += 1;
    }
  expect(closed).toBe(adminRoutes());
  expect(await position()).toBe(before);
});

it('cannot redeem again, nor speak for another', async () => {
  const before = await position();
  const key = 'bm90IGEga2V5IG9mIGFueWJvZHkgYXQgYWxsLCBpdCdzPQ==';
  for (const publicKey of [key, way.key]) {
    const body = { public_key: publicKey };
    const answer = await ask({ ...way, method: 'POST', path: '/v1/user/redeem', body });
    expect(answer.status).toBeGreaterThanOrEqual(400);
  }
  await eve.sure(['ip', 'address', 'add', '10.42.1.1/32', 'dev', 'acme']);
  const borrowed = { ...way, address: '10.42.1.1', bytes: head('GET /v1/user/state HTTP/1.1') };
  expect((await caller.raw({ ...borrowed, patience: 2000 })).text).toBe('');
  await eve.sure(['ip', 'address', 'del', '10.42.1.1/32', 'dev', 'acme']);
  expect(await position()).toBe(before);
});

it('has nothing of what it says reach a terminal, a log or a hosts file as it is', async () => {
  const before = await position();
  for (const trick of TRICKS) {
    const calls = [
      { method: 'PUT', path: '/v1/user/candidates', body: [trick, `${trick}:1`] },
      { method: 'PUT', path: '/v1/user/endpoint', body: { option: 'Set', content: `${trick}:51820` } },
      { method: 'POST', path: '/v1/user/redeem', body: { public_key: trick } },
    ];
    for (const call of calls)
      expect([trick, call.path, (await ask({ ...way, ...call })).status >= 400]).toEqual([
        trick,
        call.path,
        true,
      ]);
    const path = `/v1/user/${encodeURIComponent(trick)}`;
    await raw({
      ...way,
      bytes: head(`GET ${path} HTTP/1.1`, `User-Agent: ${trick}`, 'Connection: close'),
    });
    await raw({ ...way, bytes: head(`GET /v1/\u001b[31m${trick}`, 'Connection: close') });
  }
  expect(await position()).toBe(before);
  const written = [...network.said, ...(await reportedBy(bob)), await bob.sure(['cat', '/etc/hosts'])].join(
    '\n',
  );
  expect(written).not.toMatch(OBEYED);
});

const reportedBy = async (host: Host): Promise<string[]> => [JSON.stringify(await reportOf(host))];

describe('is held to limits that others do not feel:', () => {
  it('calls', async () => {
    const flood = Promise.all(
      Array.from({ length: 4 }, () =>
        caller.raw({ ...way, bytes: head('GET /v1/user/state HTTP/1.1').repeat(500), patience: 4000 }),
      ),
    );
    const answers = (await unnoticed(flood)).map(({ text }) => text).join('');
    const count = (status: number): number => answers.split(`HTTP/1.1 ${status} `).length - 1;
    expect(count(429)).toBeGreaterThan(500);
    expect(count(200)).toBeLessThan(20 + 20 * 5);
    expect((await limits()).get('calls')).toBeGreaterThan(500);
  });

  it('connections', async () => {
    const left = await unnoticed(
      caller.crowd({ ...way, count: 2000, bytes: head('GET /'), patience: 3000, most: 4 }),
    );
    expect(left).toBeLessThanOrEqual(4);
    expect((await limits()).get('silence')).toBeGreaterThan(100);
  });

  it('requests that never end', async () => {
    const bytes = head('POST /v1/user/redeem HTTP/1.1', 'Content-Length: 100').concat('{');
    const left = await unnoticed(caller.crowd({ ...way, count: 4, bytes, patience: 13_000, most: 0 }));
    expect(left).toBe(0);
    expect((await limits()).get('malformed')).toBeGreaterThan(0);
  });

  it('heads', async () => {
    const ofSize = (bytes: number) => head('GET /v1/user/state HTTP/1.1', `X: ${'x'.repeat(bytes)}`);
    const { text, isEnded } = await unnoticed(caller.raw({ ...way, bytes: ofSize(16 * 1024) }));
    expect([text.slice(0, 12), isEnded]).toEqual(['HTTP/1.1 431', true]);
    // Of a giant much is unread when the server ends the connection: the reset may overtake the answer.
    const giant = await unnoticed(caller.raw({ ...way, bytes: ofSize(1024 * 1024) }));
    expect([['', 'HTTP/1.1 431'], giant.isEnded]).toEqual([
      expect.arrayContaining([giant.text.slice(0, 12)]),
      true,
    ]);
  });

  it('frames', async () => {
    const applied = JSON.stringify({ kind: 'applied', position: 1, held: 0 });
    await unnoticed(caller.shout({ ...way, text: applied, times: 20_000 }));
    expect((await limits()).get('frames')).toBeGreaterThan(0);
    expect(await unnoticed(caller.shout({ ...way, text: 'x'.repeat(17 * 1024), times: 1 }))).toBe(1009);
    for (const frame of ['{"kind":"delta"}', '{"kind":"revoked","reason":"disabled"}', '[]', 'x'])
      expect(await caller.shout({ ...way, text: frame, times: 1 })).toBe(4003);
  });

  it('endpoints', async () => {
    await mayCall();
    const statuses: number[] = [];
    for (let port = 1; port <= 12; port += 1) {
      const body = { option: 'Set', content: `198.51.100.7:${port}` };
      statuses.push((await caller.ask({ ...way, method: 'PUT', path: '/v1/user/endpoint', body })).status);
      await setTimeout(60);
    }
    expect(statuses.filter((status) => status === 204)).toHaveLength(10);
    expect(statuses.slice(10)).toEqual([429, 429]);
  });
});

const statusesIn = (text: string): string =>
  [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status).join();

it('smuggles no request: each of a connection is judged by itself, and a body is no request', async () => {
  const before = await position();
  const inner = head('DELETE /v1/admin/peers/3 HTTP/1.1');
  const outer = head('PUT /v1/user/candidates HTTP/1.1', `Content-Length: ${inner.length}`) + inner;
  await mayCall();
  const { text } = await caller.raw({ ...way, bytes: outer + head('GET /v1/admin/peers HTTP/1.1') });
  expect(['400', '400,401']).toContain(statusesIn(text));
  const both = head('PUT /v1/user/candidates HTTP/1.1', 'Content-Length: 4', 'Transfer-Encoding: chunked');
  const answer = await raw({ ...way, bytes: `${both}0\r\n\r\n${inner}` });
  expect(statusesIn(answer.text)).toBe('400');
  expect(await position()).toBe(before);
});

it('was named to the operator once for each limit, however often it exceeded them', () => {
  const warnings = network.said.filter((line) => line.includes(`warning: ${EVE}`));
  expect(warnings.length).toBeGreaterThanOrEqual(5);
  expect(new Set(warnings).size).toBe(warnings.length);
});
