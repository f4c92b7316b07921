// The proof in files: an exported log checked by our program and by fifty lines of Python, tampered with, imported.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ProcessLock } from '../../src/store/process-lock.ts';
import { type Ended, ServerProgram } from '../server/program.ts';

const server = new ServerProgram();
const path = (name: string): string => join(server.folder, name);

/** The verifiers of the docs, word for word: of an exported log, and of signed bodies. */
const PAGE = readFileSync('docs/log-format.md', 'utf8');
const [PYTHON = '', SIGNED_PYTHON = ''] = Array.from(
  PAGE.matchAll(/^```python\n(.*?)^```$/gms),
  ([, text]) => text,
);
/** The vectors of signed bodies. */
const SIGNED =
  Array.from(PAGE.matchAll(/^```json\n(.*?)^```$/gms), ([, text]) => text).find((text) =>
    text?.includes('"seed"'),
  ) ?? '';

const python = (file: string, ...heads: string[]): string => {
  writeFileSync(path('verify.py'), PYTHON);
  return execFileSync('python3', [path('verify.py'), file, ...heads], { encoding: 'utf8', stdio: 'pipe' });
};

const answers = async (...args: string[]): Promise<string> => {
  const { code, stdout, stderr } = await server.run(...args);
  expect([code, stderr]).toEqual([0, '']);
  return stdout;
};

const refuses = async (message: string, ...args: string[]): Promise<Ended> => {
  const ended = await server.run(...args);
  expect([ended.code, ended.stdout]).toEqual([1, '']);
  expect(ended.stderr).toContain(message);
  expect(ended.stderr).toMatch(/^innernet-server: hint: /m);
  return ended;
};

let lines: string[];
let early: string;
const write = (name: string, ...changed: string[]): string => {
  writeFileSync(path(name), `${changed.join('\n')}\n`);
  return path(name);
};

beforeAll(async () => {
  const made = await server.run(
    ...['new', '--no-relay', '--network-name', 'acme', '--network-cidr', '10.42.0.0/16'],
    ...['--external-endpoint', 'vpn.example.org:51820'],
  );
  expect(made.code).toBe(0);
  await answers('add-cidr', 'acme', '--name', 'humans', '--cidr', '10.42.1.0/24');
  early = (await answers('head', 'acme')).trim();
  await answers('add-cidr', 'acme', '--name', 'robots', '--cidr', '10.42.2.0/24');
  await answers('add-association', 'acme', 'humans', 'robots');
  lines = (await answers('export', 'acme')).trimEnd().split('\n');
  write('acme.ndjson', ...lines);
});
afterAll(() => server.remove());

const header = () => JSON.parse(lines[0] ?? '') as { position: number; hash: string; networkId: string };

describe('an exported log', () => {
  it('is sound by our program and by the one in the docs, heads that were noted included', async () => {
    const { position, hash } = header();
    expect(position).toBe(8);
    expect(python(path('acme.ndjson'), early)).toBe(`sound 8 ${hash}\n`);
    expect(await answers('verify-export', path('acme.ndjson'), '--witness', early)).toMatch(
      /^acme is sound: all 8 records, up to 8:[0-9a-f-]+; 1 noted head is in it\n$/,
    );
    const now = (await answers('head', 'acme')).trim();
    expect(await answers('verify', 'acme', '--witness', early, '--witness', now)).toContain(
      '2 noted heads are in it',
    );
  });

  it('can be one document, too', async () => {
    const document = await answers('export', 'acme', '--json');
    expect(JSON.parse(document).records).toHaveLength(8);
    writeFileSync(path('acme.json'), document);
    const checked = await answers('verify-export', path('acme.json'), '--json');
    expect(JSON.parse(checked)).toMatchObject({ position: 8, hash: header().hash, records: 8 });
  });

  it('shows one event alone, and hides the others', async () => {
    const shown = await answers('export', 'acme', '--only', '8');
    expect(shown).not.toMatch(/humans|10\.42/);
    expect(shown).toContain('AssociationAdded');
    write('proof.ndjson', shown.trimEnd());
    expect(python(path('proof.ndjson'), early)).toBe(`sound 8 ${header().hash}\n`);
    expect(await answers('verify-export', path('proof.ndjson'))).toContain(
      '1 of 8 records, the others by their digests',
    );
  });

  it('holds no secret', async () => {
    const conf = readFileSync(join(server.configDir, 'acme.conf'), 'utf8');
    const key = /private-key = "(.+)"/.exec(conf)?.[1] ?? '';
    expect(key).toHaveLength(44);
    expect(lines.join('\n')).not.toContain(key);
  });

  const changedRecord = (at: number, change: (record: Record<string, unknown>) => void): string => {
    const record = JSON.parse(lines[at] ?? '');
    change(record);
    return JSON.stringify(record);
  };

  const tampered: [string, () => string[], string][] = [
    [
      'a body',
      () =>
        lines.with(
          6,
          changedRecord(6, (r) => Object.assign(r, { body: String(r.body).replace('humans', 'people') })),
        ),
      'position 6: its content does not match its digest',
    ],
    [
      'an actor',
      () =>
        lines.with(
          6,
          changedRecord(6, (r) => Object.assign(r, { actor: '{"kind":"server"}' })),
        ),
      'position 6: its content',
    ],
    [
      'a time',
      () =>
        lines.with(
          6,
          changedRecord(6, (r) => Object.assign(r, { recorded_at: '2020-01-01T00:00:00.000Z' })),
        ),
      'position 6: its content',
    ],
    [
      'a digest kept back',
      () =>
        lines.with(
          6,
          JSON.stringify({ position: 6, digest: '0'.repeat(64), hash: JSON.parse(lines[6] ?? '').hash }),
        ),
      'position 6: its hash',
    ],
    ['a record less', () => lines.toSpliced(6, 1), 'position 7: the one before it is 5'],
    [
      'two in another order',
      () => [...lines.slice(0, 6), lines[7] ?? '', lines[6] ?? '', ...lines.slice(8)],
      'position 7',
    ],
    ['an end', () => lines.slice(0, -1), 'position 7: the file ends here'],
    [
      'the network',
      () => lines.with(0, (lines[0] ?? '').replace(header().networkId, 'f'.repeat(64))),
      'position 1: it is the beginning of another network',
    ],
  ];

  it.each(tampered)(
    'tells that %s was changed, and so does the verifier of the docs',
    async (_what, change, message) => {
      const file = write('tampered.ndjson', ...change());
      await refuses(`the exported log is wrong at ${message}`, 'verify-export', file);
      expect(() => python(file)).toThrow();
    },
  );

  it('that was changed is not imported', async () => {
    const [, change, message] = tampered[0] as (typeof tampered)[number];
    await refuses(message, 'import', 'copy', write('tampered.ndjson', ...change()));
    expect(readdirSync(server.dataDir).filter((name) => name.startsWith('copy.events'))).toEqual([]);
  });

  it.each([
    ['no header', () => ['{"position":1}'], 'the header: format'],
    ['no JSON', () => ['acme'], 'no JSON document'],
    ['a line that is none', () => [...lines.slice(0, 3), '{"position":'], 'line 4 is not JSON'],
    ['a field that is missing', () => [...lines.slice(0, 3), '{"position":3}'], 'line 4'],
    [
      'a version to come',
      () => lines.with(0, (lines[0] ?? '').replace('"version":1', '"version":2')),
      'no JSON document',
    ],
    ['nothing', () => [''], 'no JSON document'],
  ])('that is malformed is refused: %s', async (_what, content, message) => {
    await refuses(message, 'verify-export', write('bad.ndjson', ...content()));
  });

  it('that is not there is refused', async () =>
    refuses('there is no such file', 'verify-export', path('nowhere')));
});

describe('a witness', () => {
  it('that contradicts is told apart from one that saw more', async () => {
    const other = `6:${'0'.repeat(32)}`;
    for (const asked of [
      ['verify', 'acme'],
      ['verify-export', path('acme.ndjson')],
    ] as const) {
      await refuses(
        'this is another history than the one that was noted: position 6',
        ...asked,
        '--witness',
        other,
      );
      await refuses(
        'the history ends at position 8, and position 9 was seen',
        ...asked,
        '--witness',
        `9:${'0'.repeat(32)}`,
      );
    }
    expect(() => python(path('acme.ndjson'), other)).toThrow();
  });

  it('is checked also where only the end of the log is', async () => {
    const { stdout } = await server.run('verify', 'acme', '--from', '7', '--witness', early);
    expect(stdout).toContain('records 8 to 8');
    await refuses('another history', 'verify', 'acme', '--from', '7', '--witness', `6:${'0'.repeat(32)}`);
  });

  it('that is none is wrong use', async () => {
    const { code, stderr } = await server.run('verify', 'acme', '--witness', '5:xyz');
    expect([code, stderr]).toEqual([2, expect.stringContaining('a noted head is POSITION:HASH')]);
  });
});

describe('import', () => {
  it('makes the same log, which goes on', async () => {
    expect(await answers('import', 'again', path('acme.ndjson'), '--json')).toContain(header().hash);
    expect((await answers('export', 'again')).trimEnd().split('\n')).toEqual(lines);
    expect(await answers('verify', 'again')).toContain('again is sound: records 1 to 8');
    const history = (await answers('history', 'again')).split('\n');
    expect(history[7]).toMatch(/ann on the server associated humans and robots$/);
  });

  it('refuses where there is a log, or a conf of another network', async () => {
    await refuses('acme has a log already', 'import', 'acme', path('acme.ndjson'));
    await server.run(
      ...['new', '--no-relay', '--network-name', 'other', '--network-cidr', '10.43.0.0/16'],
      ...['--external-endpoint', 'vpn.example.org:51821', '--listen-port', '51821'],
    );
    const log = join(server.dataDir, 'other.events');
    for (const end of ['', '-wal', '-shm']) if (existsSync(log + end)) execFileSync('rm', [log + end]);
    execFileSync('rm', ['-f', join(server.dataDir, 'other.witness')]);
    await refuses('the exported log is that of another network', 'import', 'other', path('acme.ndjson'));
    expect(existsSync(log)).toBe(false);
  });

  it('refuses a file with records kept back', async () => {
    write('part.ndjson', (await answers('export', 'acme', '--only', '6')).trimEnd());
    await refuses('position 1 is kept back in this file', 'import', 'part', path('part.ndjson'));
  });
});

describe('verify and rebuild', () => {
  const changeBehind = (sql: string): void => {
    const db = new Database(join(server.dataDir, 'again.events'));
    db.exec(sql);
    db.close();
  };

  it('a read model that is not what the log makes is made again', async () => {
    changeBehind(`UPDATE cidrs SET name = 'elsewhere' WHERE name = 'robots'`);
    const lock = ProcessLock.take(join(server.dataDir, 'again'), 'a server of again');
    await refuses('a server of again is running already', 'rebuild', 'again');
    lock.release();
    expect(await answers('rebuild', 'again')).toBe(
      'made the read models of again anew from 8 records: topology, peers, history\n',
    );
    const db = new Database(join(server.dataDir, 'again.events'), { readonly: true });
    expect(db.prepare('SELECT name FROM cidrs').pluck().all()).toContain('robots');
    db.close();
  });

  it('a record that was changed is found, and named', async () => {
    changeBehind(
      `DROP TRIGGER events_are_not_updated; UPDATE events SET recorded_at = '2020-01-01T00:00:00.000Z' WHERE position = 7`,
    );
    await refuses(
      'the log is damaged at position 7: its content does not match its digest',
      'verify',
      'again',
    );
  });

  it('a log that lost its end is found by its witness', async () => {
    changeBehind(`DROP TRIGGER events_are_not_deleted; DELETE FROM events WHERE position = 8`);
    await refuses('the log ends before its witness', 'verify', 'again');
  });
});

describe('signed bodies', () => {
  const check = (vectors: string): string => {
    writeFileSync(path('signed.py'), SIGNED_PYTHON);
    return execFileSync('python3', [path('signed.py')], { input: vectors, encoding: 'utf8', stdio: 'pipe' });
  };

  it('are checked by Python and OpenSSL as the page says', () => {
    expect(check(SIGNED)).toBe('signed 2\n');
  });

  it.each([
    ['a body', '10.42.130.0/24', '10.42.131.0/24'],
    ['a type', 'CidrIsolated', 'CidrUnisolated'],
    ['the time', '"issued\\":1795348803000', '"issued\\":1795348803001'],
    ['the last count', '"last\\":2', '"last\\":1'],
  ])('with %s changed are not', (_, old, other) => {
    expect(SIGNED).toContain(old);
    expect(() => check(SIGNED.replace(old, other))).toThrow('not signed');
  });
});
