// The log in words and as JSON lines, from the first event on and as it grows, with the real program.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ServerProgram } from '../server/program.ts';

describe('innernet-server history', () => {
  let server: ServerProgram;

  beforeAll(async () => {
    server = new ServerProgram();
    const made = await server.run(
      ...['new', '--network-name', 'acme', '--network-cidr', '10.42.0.0/16'],
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
    expect(lines).toHaveLength(5);
    expect(lines[0]).toMatch(
      /^ +1 {2}\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}ann on the server created network acme$/,
    );
    expect(lines[4]).toMatch(/ann on the server added CIDR humans \(10\.42\.1\.0\/24\) to acme$/);
  });

  it('prints an object a line', async () => {
    const { stdout } = await server.run('history', 'acme', '--json');
    const entries = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(entries.map(({ position }) => position)).toEqual([1, 2, 3, 4, 5]);
    expect(entries[4]).toEqual({
      position: 5,
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

  it('names a network that is not there', async () => {
    const { code, stderr } = await server.run('history', 'nobody');
    expect([code, stderr]).toEqual([1, expect.stringContaining('there is no network nobody here')]);
  });
});
