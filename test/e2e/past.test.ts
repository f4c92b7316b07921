// The log as a tool, as an administrator types it on the server's machine: answers, exit codes, nothing changed.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Ended, ServerProgram } from '../server/program.ts';

const server = new ServerProgram();
const run = (...args: string[]): Promise<Ended> => server.run(...args);

/** What a change that cuts somebody off says while nobody serves the network. */
const UNTOLD = /^(innernet-server: warning: nobody serves acme: .*\n.*hint: .*\n)?$/;

const answers = async (...args: string[]): Promise<string> => {
  const { code, stdout, stderr } = await run(...args);
  expect([code, stderr]).toEqual([0, expect.stringMatching(UNTOLD)]);
  return stdout;
};

const json = async (...args: string[]) => JSON.parse(await answers(...args, '--json'));

const head = async (): Promise<number> => (await json('head', 'acme')).position;

beforeAll(async () => {
  const made = await run(
    ...['new', '--no-relay', '--network-name', 'acme', '--network-cidr', '10.42.0.0/16'],
    ...['--external-endpoint', 'vpn.example.org:51820'],
  );
  expect(made.code).toBe(0);
  await answers('add-cidr', 'acme', '--name', 'humans', '--cidr', '10.42.1.0/24'); // 6
  await answers('add-cidr', 'acme', '--name', 'robots', '--cidr', '10.42.2.0/24'); // 7
  const file = join(server.folder, 'bob.toml');
  await run('add-peer', 'acme', '--name', 'bob', '--cidr', 'humans', '--save-config', file); // 8
  await answers('add-association', 'acme', 'humans', 'robots'); // 9
});
afterAll(() => server.remove());

describe('a dry run', () => {
  it('of each verb says what would be recorded, and records nothing', async () => {
    const before = await head();
    for (const line of [
      'add-cidr acme --name labs --cidr 10.42.3.0/24',
      'rename-cidr acme --name robots --new-name machines',
      'add-peer acme --name eve --cidr robots',
      'reissue-invitation acme --name bob',
      'revoke-invitation acme --name bob',
      'rename-peer acme --name bob --new-name bert',
      'disable-peer acme --name bob',
      'delete-peer acme --name bob',
      'grant-admin acme --name bob',
      'delete-association acme humans robots',
      'set-endpoint acme -e vpn.example.net:51820',
      'waive-proof acme --name bob',
      'waive-proof acme',
    ]) {
      const rehearsal = await json(...line.split(' '), '--dry-run');
      expect([line, rehearsal]).toMatchObject([line, { dryRun: true, position: before }]);
      expect([line, rehearsal.events]).toEqual([line, [expect.anything()]]);
    }
    expect(await head()).toBe(before);
  });

  it('in words', async () => {
    const said = await answers('disable-peer', 'acme', '--name', 'bob', '--dry-run');
    expect(said).toBe('nothing was changed; this would be recorded\n  disabled peer bob\n');
  });

  it('of a new network makes none', async () => {
    const flags = [
      '--network-name',
      'next',
      '--network-cidr',
      '10.44.0.0/16',
      '--external-endpoint',
      'vpn.example.org:1',
    ];
    expect(await answers('new', '--no-relay', ...flags, '--dry-run')).toContain('  created network next\n');
    expect((await json('new', '--no-relay', ...flags, '--dry-run')).events).toHaveLength(5);
    expect(existsSync(join(server.configDir, 'next.conf'))).toBe(false);
  });

  it('makes no file', async () => {
    await answers(
      'add-peer',
      'acme',
      '--name',
      'eve',
      '--cidr',
      'robots',
      '--dry-run',
      '--save-config',
      join(server.folder, 'eve.toml'),
    );
    expect(existsSync(join(server.folder, 'eve.toml'))).toBe(false);
  });

  it('is refused as the command itself would be', async () => {
    const { code, stderr } = await run(
      'add-cidr',
      'acme',
      '--name',
      'humans',
      '--cidr',
      '10.42.3.0/24',
      '--dry-run',
    );
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining('the name "humans" is taken by another CIDR'),
    ]);
  });
});

it('a refusal says who made it so, and when', async () => {
  const { stderr } = await run('add-association', 'acme', 'humans', 'robots');
  expect(stderr).toMatch(
    /hint: they were associated by ann on the server at \d{4}-\d\d-\d\d \d\d:\d\d \(position 9\); nothing needs to be done/,
  );
});

describe('revert', () => {
  it('undoes a commit, and undoes that again, each as an event that says so', async () => {
    expect(await answers('revert', 'acme', '9', '--yes')).toBe('undid position 9\n');
    const undone = await head();
    expect(await answers('revert', 'acme', String(undone), '--yes')).toBe(`undid position ${undone}\n`);
    const { stdout } = await run('history', 'acme', '--since', '9', '--json');
    const events = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(events).toMatchObject([
      { type: 'AssociationDeleted', data: { reverts: 9 } },
      { type: 'AssociationAdded', data: { reverts: undone } },
    ]);
  });

  it('goes back to a position', async () => {
    await answers('rename-cidr', 'acme', '--name', 'robots', '--new-name', 'machines');
    await answers('delete-association', 'acme', 'humans', 'machines');
    const plan = await json('revert', 'acme', '--to', '9', '--dry-run');
    expect(plan.commands.map(({ type }: { type: string }) => type).sort()).toEqual([
      'AddAssociation',
      'RenameCidr',
    ]);
    expect(await answers('revert', 'acme', '--to', '9', '--yes')).toBe('went back to position 9\n');
    const [then, now] = [await json('state', 'acme', '--at', '9'), await json('state', 'acme')];
    expect(now.cidrs).toEqual(then.cidrs);
    expect(now.associations.map(({ cidrIds }: { cidrIds: number[] }) => cidrIds)).toEqual(
      then.associations.map(({ cidrIds }: { cidrIds: number[] }) => cidrIds),
    );
  });

  it('asks before it does, and does nothing where nobody can be asked', async () => {
    const before = await head();
    const { code, stderr } = await run('revert', 'acme', '9');
    expect([code, stderr]).toEqual([2, expect.stringContaining('Say --yes: there is no terminal to ask on')]);
    expect(await head()).toBe(before);
  });

  it('says what cannot be undone, and undoes the rest only if told so', async () => {
    const from = await head();
    await answers('grant-admin', 'acme', '--name', 'bob');
    await answers('revoke-invitation', 'acme', '--name', 'bob');
    await answers('rename-cidr', 'acme', '--name', 'robots', '--new-name', 'machines');
    const { code, stderr } = await run('revert', 'acme', '--to', String(from), '--yes');
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining(
        'the invitation of bob is over, and its key is never taken again: nothing was changed',
      ),
    ]);
    expect(stderr).toContain('--possible undoes the rest');
    expect(await answers('revert', 'acme', '--to', String(from), '--yes', '--possible')).toBe(
      `went back to position ${from}\n`,
    );
    expect((await json('state', 'acme')).cidrs.map(({ name }: { name: string }) => name)).toContain('robots');
  });
});

describe('why', () => {
  it('ends with 3 where they cannot talk, and with 1 where there is no answer', async () => {
    const no = await run('why', 'acme', 'bob', 'peer:innernet-server', '--at', '9');
    expect([no.code, no.stderr]).toEqual([3, '']);
    expect(no.stdout).toMatch(
      /^no: bob and innernet-server cannot talk, and never could\n {2}bob is invited and has not joined yet\n/,
    );
    expect((await run('why', 'acme', 'bob', 'nobody')).code).toBe(1);
    expect((await run('why', 'acme', 'bob')).code).toBe(2);
  });
});

describe('history', () => {
  it('filters and turns round', async () => {
    const lines = (
      await answers(
        'history',
        'acme',
        '--about',
        'robots',
        '--reverse',
        '--limit',
        '2',
        '--until',
        '9',
        '--utc',
      )
    )
      .trimEnd()
      .split('\n');
    expect(lines.map((line) => line.replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ/, 'TIME'))).toEqual([
      '     9  TIME  ann on the server associated humans and robots',
      '     7  TIME  ann on the server added CIDR robots (10.42.2.0/24) to acme',
    ]);
  });

  it('goes on after a restart where it was, without a gap or a repeat', async () => {
    const seen: number[] = [];
    for (const name of ['a', 'b', 'c']) {
      const child = server.start(
        'history',
        'acme',
        '--follow',
        '--json',
        '--since',
        String(seen.at(-1) ?? 0),
      );
      let text = '';
      child.stdout.on('data', (data) => {
        text += data;
      });
      await answers('add-cidr', 'acme', '--name', name, '--cidr', `10.42.1${name.charCodeAt(0)}.0/24`);
      const last = await head();
      await expect.poll(() => text, { timeout: 10_000 }).toContain(`"position":${last},`);
      child.kill('SIGTERM');
      await new Promise((resolve) => child.once('close', resolve));
      seen.push(
        ...text
          .trimEnd()
          .split('\n')
          .map((line) => JSON.parse(line).position),
      );
    }
    expect(seen).toEqual(Array.from({ length: await head() }, (_, index) => index + 1));
  });

  it('knows what cannot be', async () => {
    const wrong = async (...args: string[]): Promise<number | null> => {
      const { code, stdout, stderr } = await run('history', 'acme', ...args);
      expect([stdout, stderr]).toEqual(['', expect.stringMatching(/error: .+\n.*hint: /)]);
      return code;
    };
    expect(await wrong('--since', 'the dawn of time')).toBe(2);
    expect(await wrong('--since', '8', '--until', '5')).toBe(2);
    expect(await wrong('--follow', '--reverse')).toBe(2);
    expect(await wrong('--since', '999')).toBe(1);
    expect(await wrong('--about', 'nobody')).toBe(1);
    const before = await run('history', 'acme', '--until', '2001-01-01');
    expect([before.code, before.stdout]).toEqual([0, '']);
  });
});
