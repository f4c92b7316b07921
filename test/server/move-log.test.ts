// A network's log moves into PostgreSQL and back, with the built program: same head, same answers, nothing half done.
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { openLog } from '../../src/projections/open-log.ts';
import { Cluster } from '../store/postgres/cluster.ts';
import { type Ended, ServerProgram } from './program.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 }); // several programs each, on a machine that may be busy

let cluster: Cluster;
let made: ServerProgram;
let server: ServerProgram;

const done = ({ code, stdout, stderr }: Ended): string => {
  if (code !== 0) throw new Error(stderr);
  return stdout;
};

beforeAll(async () => {
  cluster = await Cluster.start();
  made = new ServerProgram();
  done(
    await made.run(
      ...['new', '--no-relay', '--network-name', 'acme', '--network-cidr', '10.42.0.0/16', '--yes'],
      ...['--external-endpoint', 'vpn.example.org:51820'],
    ),
  );
  done(await made.run('add-cidr', 'acme', '--name', 'humans', '--cidr', '10.42.1.0/24', '--yes'));
});
afterAll(async () => {
  made?.remove();
  await cluster?.stop();
});

/** A further machine with these folders. */
const machine = (from: ServerProgram): ServerProgram => {
  const copy = new ServerProgram();
  cpSync(from.folder, copy.folder, { recursive: true });
  onTestFinished(() => copy.remove());
  return copy;
};
beforeEach(() => {
  server = machine(made);
});

const confOf = ({ configDir }: ServerProgram) => join(configDir, 'acme.conf');
const logOf = ({ dataDir }: ServerProgram) => join(dataDir, 'acme.events');
const headOf = async (program: ServerProgram) =>
  JSON.parse(done(await program.run('head', 'acme', '--json')));
const rename = (program: ServerProgram, from: string, to: string) =>
  program.run('rename-cidr', 'acme', '--name', from, '--new-name', to, '--yes');

/** Every answer that the log keeps. */
const answersIn = async (program: ServerProgram) => {
  const log = await openLog({ file: logOf(program) });
  const answers = [];
  for (const { actor, commandId } of await log.read(0, 1_000))
    answers.push(await log.commitOf(actor, commandId));
  await log.close();
  return answers;
};

describe('innernet-server move-log', () => {
  it('moves the log there and back: verbs go on, on several machines, and nothing is lost', async () => {
    const [head, answers] = [await headOf(server), await answersIn(server)];
    const conf = readFileSync(confOf(server), 'utf8');
    const address = await cluster.database();
    const dry = JSON.parse(done(await server.run('move-log', 'acme', address, '--dry-run', '--json')));
    expect(dry).toMatchObject({ network: 'acme', dryRun: true });
    expect(dry.changes).toHaveLength(3);
    expect(readFileSync(confOf(server), 'utf8')).toBe(conf);

    expect(done(await server.run('move-log', 'acme', address, '--yes'))).toBe(
      `the log of acme is in ${address}, up to position ${head.position}\n`,
    );
    expect(readFileSync(confOf(server), 'utf8')).toBe(`${conf}\n[log]\npostgres = "${address}"\n`);
    expect(await headOf(server)).toEqual(head);

    // A second machine has the conf alone, and fetches the rest.
    const second = machine(server);
    rmSync(second.dataDir, { recursive: true });
    mkdirSync(second.dataDir, { mode: 0o700 });
    done(await rename(second, 'humans', 'people'));
    done(await rename(server, 'people', 'persons'));
    done(await rename(second, 'persons', 'folk'));
    expect((await headOf(second)).position).toBe(head.position + 3);

    const back = await server.run('move-log', 'acme', '--to-file', '--yes', '--json');
    expect(JSON.parse(done(back))).toMatchObject({ position: head.position + 3 });
    expect(readFileSync(confOf(server), 'utf8')).toBe(conf);
    expect((await answersIn(server)).slice(0, answers.length)).toEqual(answers);
    expect(JSON.parse(done(await server.run('verify', 'acme', '--json'))).position).toBe(head.position + 3);
    done(await rename(server, 'folk', 'humans'));
    const late = await rename(second, 'folk', 'people');
    expect(late.stderr).toContain('has gone back from the database to a file: nothing was written');

    // And there once more: what is there already is its beginning.
    done(await server.run('move-log', 'acme', address, '--yes'));
    expect((await headOf(server)).position).toBe(head.position + 4);
    done(await rename(second, 'humans', 'people'));
  });

  it('shows what the copy has while the database is away, and changes nothing', async () => {
    const own = await Cluster.start();
    onTestFinished(() => own.stop());
    done(await server.run('move-log', 'acme', await own.database(), '--yes'));
    await own.kill('SIGQUIT');
    const list = await server.run('list-cidrs', 'acme', '--json');
    expect(done(list)).toContain('humans');
    expect(list.stderr).toContain('as this machine knows it, up to position');
    const refused = await rename(server, 'humans', 'people');
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(
      /error: the log's database does not answer: 127.0.0.1:\d+: nobody listens there/,
    );
    for (const verb of [['history'], ['state'], ['verify']])
      done(await server.run(...verb, 'acme', '--json'));
    const restored = await server.run('restored', 'acme', '--yes');
    expect(restored.stderr).toContain('the log of acme is in PostgreSQL');
  });

  it('leaves everything as it was where the database cannot be used', async () => {
    const before = [readFileSync(confOf(server), 'utf8'), await headOf(server)];
    const address = await cluster.database();
    await cluster.sql(
      `CREATE ROLE guest LOGIN; REVOKE CREATE ON SCHEMA public FROM PUBLIC`,
      address.split('/').at(-1) ?? '',
    );
    const newer = await cluster.database();
    await cluster.sql(
      'CREATE TABLE innernet_schema (version integer); INSERT INTO innernet_schema VALUES (9)',
      newer.split('/').at(-1) ?? '',
    );
    const cases: [string, RegExp][] = [
      ['mysql://root@db/x', /does not begin with postgres:\/\//],
      ['postgres://db.example.org/innernet', /names no user/],
      ['postgres://ann:secret@127.0.0.1/innernet', /a password on a command line can be read by all users/],
      ['postgres://ann@db.example.org/innernet?sslmode=disable', /could read or change the log/],
      [address.replace('/log', '/nowhere'), /has no database "nowhere/],
      [address.replace(/:\d+\//, ':1/'), /127\.0\.0\.1:1: nobody listens there/],
      [`${address}?sslmode=verify-full`, /does not encrypt, and what leaves this machine must be/],
      [address.replace('innernet@', 'guest@'), /does not allow it: permission denied for schema public/],
      [newer, /schema version 9 of innernet, and this program knows 1 at most/],
    ];
    for (const [to, sentence] of cases) {
      const { code, stdout, stderr } = await server.run('move-log', 'acme', to, '--yes');
      expect([code, stdout], to).toEqual([1, '']);
      expect(stderr, to).toMatch(sentence);
      expect(stderr, to).toMatch(/^innernet-server: hint: /m);
      expect(stderr).not.toContain('secret');
    }
    expect([readFileSync(confOf(server), 'utf8'), await headOf(server)]).toEqual(before);
    done(await rename(server, 'humans', 'people'));
  });

  it('refuses a database with another network of that name', async () => {
    const address = await cluster.database();
    done(await server.run('move-log', 'acme', address, '--yes'));
    const other = new ServerProgram();
    onTestFinished(() => other.remove());
    done(
      await other.run(
        ...['new', '--no-relay', '--network-name', 'acme', '--network-cidr', '10.43.0.0/16', '--yes'],
        ...['--external-endpoint', 'vpn.example.org:51820'],
      ),
    );
    const { stderr } = await other.run('move-log', 'acme', address, '--yes');
    expect(stderr).toContain('the database holds another network that is called acme');
    writeFileSync(confOf(other), `\n[log]\npostgres = "${address}"\n`, { flag: 'a' });
    expect((await rename(other, 'acme', 'x')).stderr).toContain(
      'is the log itself, and the conf says that the log is in PostgreSQL',
    );
    rmSync(logOf(other));
    rmSync(join(other.dataDir, 'acme.witness'));
    expect((await other.run('serve', 'acme')).stderr).toContain('the address of the server differs');
    expect(existsSync(logOf(other))).toBe(true);
  });

  it.each(['the copying', 'the mark', 'the conf'])(
    'can be said again after it was killed at %s',
    async (where) => {
      const address = await cluster.database();
      const head = await headOf(server);
      const hung = { 'the copying': 'innernet_commits', 'the mark': '', 'the conf': '' }[where] ?? '';
      const child = server.start('move-log', 'acme', address, '--yes');
      const gone = new Promise((resolve) => child.once('exit', resolve));
      await new Promise((resolve) => setTimeout(resolve, hung ? 700 : where === 'the mark' ? 900 : 1_100));
      child.kill('SIGKILL');
      await gone;
      done(await server.run('move-log', 'acme', address, '--yes'));
      expect(await headOf(server)).toEqual(head);
      done(await rename(server, 'humans', 'people'));
    },
  );
});
