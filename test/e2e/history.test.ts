// The log in words and as JSON lines, from the first event on and as it grows, with the real program.
import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { READ_MODELS } from '../../src/projections/projections.ts';
import { openSqliteLog } from '../../src/store/sqlite-log.ts';
import { CidrId } from '../../src/values/id.ts';
import { ServerProgram } from '../server/program.ts';
import { append, commitOf } from '../store/temp-log.ts';

describe('innernet-server history', () => {
  let server: ServerProgram;

  beforeAll(async () => {
    server = new ServerProgram();
    const made = await server.run(
      ...['new', '--no-relay', '--network-name', 'acme', '--network-cidr', '10.42.0.0/16'],
      ...['--external-endpoint', 'vpn.example.org:51820'],
    );
    expect(made.code).toBe(0);
    await server.run('add-cidr', 'acme', '--name', 'humans', '--cidr', '10.42.1.0/24', '--yes');
  });
  afterAll(() => server.remove());

  it('tells who did what when, a line each', async () => {
    const { code, stdout, stderr } = await server.run('history', 'acme');
    expect([code, stderr]).toEqual([0, '']);
    const lines = stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(6);
    expect(lines[0]).toMatch(
      /^ +1 {2}\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}ann on the server created network acme$/,
    );
    expect(lines[1]).toMatch(/ann on the server required proofs by key of every peer$/);
    expect(lines[5]).toMatch(/ann on the server added CIDR humans \(10\.42\.1\.0\/24\) to acme$/);
  });

  it('prints an object a line', async () => {
    const { stdout } = await server.run('history', 'acme', '--json');
    const entries = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(entries.map(({ position }) => position)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(entries[5]).toEqual({
      position: 6,
      id: expect.stringMatching(/^[0-9A-Z]{26}$/),
      commandId: expect.any(String),
      recordedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      actor: expect.objectContaining({ kind: 'operator', name: 'ann' }),
      type: 'CidrAdded',
      data: { cidrId: 3, name: 'humans', cidr: '10.42.1.0/24', parentId: 1 },
      hash: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  });

  it('goes on with what another process appends, until it is stopped', async () => {
    const child = server.start('history', 'acme', '--follow');
    let text = '';
    child.stdout.on('data', (data) => {
      text += data;
    });
    await expect.poll(() => text, { timeout: 10_000 }).toMatch(/humans/);
    await server.run('rename-cidr', 'acme', '--name', 'humans', '--new-name', 'people', '--yes');
    await expect.poll(() => text, { timeout: 10_000 }).toMatch(/renamed CIDR humans to people\n$/);
    child.kill('SIGINT');
    expect(await new Promise((resolve) => child.once('close', resolve))).toBe(0);
  });

  it('tells times in the zone of whoever reads, or in UTC', async () => {
    const india = { TZ: 'Asia/Kolkata' }; // 5:30 ahead all year round
    const times = async (...flags: string[]): Promise<number[]> => {
      const { stdout } = await server.runWith(india, 'history', 'acme', '--limit', '5', ...flags);
      return [...stdout.matchAll(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g)].map(([text]) => Date.parse(`${text}Z`));
    };
    const [there, utc] = [await times(), await times('--utc')];
    const { stdout } = await server.run('history', 'acme', '--limit', '5', '--json');
    const recorded = stdout
      .trimEnd()
      .split('\n')
      .map((line) => Math.floor(Date.parse(JSON.parse(line).recordedAt) / 1000) * 1000);
    expect(utc).toEqual(recorded);
    expect(there.map((time, index) => time - (utc[index] ?? 0))).toEqual(Array(5).fill(5.5 * 3_600_000));
  });

  it('goes through a pager in colours on a terminal, and plainly everywhere else', async () => {
    const env = { PAGER: "sed 's/^/paged: /'" };
    const paged = await server.atTerminal({ ...env, NO_COLOR: '1' }, 'history', 'acme');
    expect(paged).toMatch(/^(paged: +\d+ .*\r\n){5,}$/);
    expect(await server.atTerminal({ PAGER: 'cat' }, 'history', 'acme')).toContain('\u001b[32m');
    const { stdout } = await server.runWith(env, 'history', 'acme');
    expect([stdout, stdout.includes('\u001b')]).toEqual([expect.stringMatching(/^ +1 {2}\d/), false]);
  });

  it('is quiet when its reader has seen enough', async () => {
    const child = server.start('history', 'acme');
    child.stdout.destroy();
    let complaints = '';
    child.stderr.on('data', (data) => {
      complaints += data;
    });
    expect(await new Promise((resolve) => child.once('close', resolve))).toBe(0);
    expect(complaints).toBe('');
  });

  describe('of 20,000 events, into a pipe', () => {
    const COUNT = 20_000;
    const file = () => join(server.dataDir, 'acme.events');

    beforeAll(async () => {
      const log = await openSqliteLog({ file: file(), readModels: READ_MODELS });
      for (let { position } = await log.head(); position < COUNT; position += 1000) {
        const events = Array.from({ length: 1000 }, (_, index) => ({
          ...{ type: 'CidrRenamed' as const, cidrId: CidrId.parse(3) },
          name: `${'people-'.repeat(6)}${position + index}`,
        }));
        await append(log, commitOf(events));
      }
      await log.close();
    });

    /** Of a running process: its greatest memory in kB, or the bytes that it has read. */
    const number = (pid: number | undefined, file: string, key: string): number =>
      Number(new RegExp(`${key}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/${file}`, 'utf8'))?.[1]);

    it('reads no further than somebody takes, and keeps its memory flat', async () => {
      const short = server.start('history', 'acme', '--follow', '--json', '--limit', '2000');
      let least = 0;
      short.stdout.on('data', () => {
        least = number(short.pid, 'status', 'VmHWM');
      });
      await once(short, 'close');
      const child = server.start('history', 'acme', '--json');
      await once(child.stdout, 'readable');
      let read = 0;
      await vi.waitUntil(
        () => {
          const before = read;
          read = number(child.pid, 'io', 'rchar');
          return before === read;
        },
        { timeout: 20_000, interval: 500 },
      );
      expect(read).toBeLessThan(statSync(file()).size / 2);
      let [lines, most] = [0, 0];
      for await (const chunk of child.stdout) {
        lines += String(chunk).split('\n').length - 1;
        if (lines < COUNT - 2000) most = number(child.pid, 'status', 'VmHWM');
      }
      expect(lines).toBeGreaterThanOrEqual(COUNT);
      expect(most).toBeLessThan(least + 48 * 1024);
    });

    it('gives the same lines however it is asked for', async () => {
      const { stdout } = await server.run('history', 'acme', '--json', '--reverse', '--limit', '1500');
      const lines = stdout.trimEnd().split('\n');
      const first = JSON.parse(lines[0] ?? '');
      expect([lines.length, Object.keys(first)]).toEqual([
        1500,
        ['position', 'id', 'commandId', 'recordedAt', 'actor', 'type', 'data', 'hash'],
      ]);
      expect(lines[0]).toBe(JSON.stringify(first));
    });
  });

  it('names a network that is not there', async () => {
    const { code, stderr } = await server.run('history', 'nobody');
    expect([code, stderr]).toEqual([1, expect.stringContaining('there is no network nobody here')]);
  });
});
