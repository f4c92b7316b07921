// Private keys are where they have to be and nowhere else: whatever the programs write, start or say is searched for them.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { shellWord } from '../../src/domain/rejection.ts';
import { type Host, Lab, type Running } from '../lab.ts';
import { CLIENT, SERVER, until } from './small-network.ts';

const folder = mkdtempSync(join(tmpdir(), 'innernet-keys-'));
/** Where programs that stay are at home, so that a crash leaves there what it leaves. */
const crashes = join(folder, 'crashes');
const faulty = join(folder, 'faulty.mjs');
/** Everything that any program said, and what it started, by name. */
const written = new Map<string, string>();
const keys = new Set<string>();
let lab: Lab;
let server: Host;
let ann: Host;
let bob: Host;
const daemons = new Map<string, Running>();

/** A key in each spelling that a program could use. */
const spellings = (key: string): string[] => {
  const bytes = Buffer.from(key, 'base64');
  return [key, key.slice(0, -1), bytes.toString('hex'), bytes.toString('base64url'), encodeURIComponent(key)];
};

let runs = 0;
const traces = new Map<string, string>();

/**
 * Notes arguments and environment of all that a program starts. The watch stands beside it, since what carries a
 * tunnel outlives its program.
 */
const watched = (what: string): string[] => {
  const trace = join(folder, `trace${++runs}`);
  traces.set(`${what}: started`, trace);
  return ['strace', '-D', '-f', '-q', '-v', '-s', '100000', '-e', 'trace=execve', '-o', trace];
};

/** As somebody has it who hunts a crash: all that may be written is. */
const DUMPING = 'ulimit -c "$(ulimit -H -c)"';
const REPORTING = [
  '--abort-on-uncaught-exception --report-uncaught-exception --report-on-fatalerror --report-on-signal',
  `"--report-directory=${crashes}" --import=${pathToFileURL(faulty).href}`,
].join(' ');

const nameOf = (host: Host, argv: readonly string[]): string =>
  `${++runs} ${host.name}: ${argv.slice(1).join(' ')}`.replace(/\S*\/dist\//, '');

/** Runs a program to its end. */
const type = async (host: Host, argv: readonly string[]): Promise<void> => {
  const what = nameOf(host, argv);
  const [out, error] = [join(folder, `out${runs}`), join(folder, `error${runs}`)];
  const script = `${DUMPING}; exec "$@" >${shellWord(out)} 2>${shellWord(error)}`;
  await host.exec(['sh', '-c', script, 'sh', ...watched(what), ...argv], { timeout: 60_000 });
  written.set(what, readFileSync(out, 'utf8') + readFileSync(error, 'utf8'));
};

const start = async (host: Host, argv: readonly string[], pattern: RegExp): Promise<void> => {
  const what = nameOf(host, argv);
  const script = `${DUMPING}; cd ${shellWord(crashes)}; exec "$@"`;
  const env = { NODE_OPTIONS: REPORTING };
  const running = host.spawn(['sh', '-c', script, 'sh', ...watched(what), ...argv], { env });
  await running.line(pattern);
  daemons.set(what, running);
};

const privateKeysIn = (text: string): string[] =>
  [...text.matchAll(/^private-key = "([^"]+)"/gm)].map(([, key = '']) => key);

/** The key that a conf holds at this moment. */
const note = async (host: Host, path: string): Promise<void> => {
  const found = privateKeysIn(await host.sure(['cat', path]));
  expect(found, path).toHaveLength(1);
  for (const key of found) keys.add(key);
};

/** Files on a host, other than those allowed to hold a key, in which one is. */
const filesWithKeys = async (host: Host, allowed: readonly string[]): Promise<string[]> => {
  const patterns = [...keys].flatMap(spellings).join('\n');
  const places = ['/etc', '/var/lib', '/var/log', '/var/tmp', '/run', folder];
  const { stdout } = await host.exec(
    [
      'sh',
      '-c',
      `cat > /run/.patterns; grep -rlsaF --devices=skip -f /run/.patterns ${places.join(' ')}; rm /run/.patterns`,
    ],
    { input: patterns },
  );
  return stdout
    .split('\n')
    .filter(
      (file) =>
        file !== '' && file !== '/run/.patterns' && !file.startsWith('/run/.lab') && !allowed.includes(file),
    );
};

/** Arguments and environment of everything that runs on a host. */
const processesOf = (host: Host): Promise<string> =>
  host.sure([
    'sh',
    '-c',
    'for p in $(ps -eo pid=); do [ /proc/$p/ns/net -ef /proc/self/ns/net ] && cat /proc/$p/cmdline /proc/$p/environ; done 2>/dev/null; true',
  ]);

const SERVER_CONF = '/etc/innernet-server/acme.conf';
const CLIENT_CONF = '/etc/innernet/acme.conf';
const invitationOf = (name: string): string => join(folder, `${name}.toml`);

beforeAll(async () => {
  mkdirSync(crashes);
  writeFileSync(faulty, "process.on('SIGUSR1', () => { throw new Error('a fault of the program'); });\n");
  lab = await Lab.create();
  [server, ann, bob] = [await lab.host('server'), await lab.host('ann'), await lab.host('bob')];
  const block = ['--network-name', 'acme', '--network-cidr', '10.42.0.0/16', '--listen-port', '51820'];
  await type(server, [
    ...SERVER,
    '-vv',
    'new',
    '--no-relay',
    ...block,
    '--external-endpoint',
    `${server.address}:51820`,
    '--yes',
  ]);
  await note(server, SERVER_CONF);
  const humans = ['--name', 'humans', '--cidr', '10.42.1.0/24', '--parent', 'acme'];
  await type(server, [...SERVER, 'add-cidr', 'acme', ...humans, '--yes']);
  await start(server, [...SERVER, 'serve', 'acme', '-vv'], /listening/);
  for (const [host, program] of [
    [ann, SERVER],
    [bob, CLIENT],
  ] as const) {
    const { name } = host;
    const terms = ['--auto-ip', '--admin', String(host === ann), '--invite-expires', '1d', '--save-config'];
    const add = [
      '-v',
      'add-peer',
      'acme',
      '--name',
      name,
      '--cidr',
      'humans',
      ...terms,
      invitationOf(name),
      '--yes',
    ];
    await type(program === SERVER ? server : ann, [...program, ...add]);
    await note(host, invitationOf(name));
    await type(host, [...CLIENT, '-vv', 'install', invitationOf(name)]);
    await note(host, CLIENT_CONF);
    await start(host, [...CLIENT, '-vv', 'up', '--daemon', 'acme'], /up at/);
  }
}, 240_000);
afterAll(async () => {
  await lab.close();
  rmSync(folder, { recursive: true, force: true });
});

it('after everything that programs do, keys are in the confs and the invitations alone', {
  timeout: 300_000,
}, async () => {
  expect(keys.size).toBe(5);
  for (const verb of [
    ['show', '-v'],
    ['show', '--json'],
    ['show', '--tree'],
    ['doctor', '--json'],
    ['list-peers', '--json'],
    ['history', '--json'],
    ['why', 'ann', 'bob'],
    ['verify'],
  ]) {
    const [name = '', ...flags] = verb;
    const operands = flags.filter((flag) => !flag.startsWith('-'));
    await type(ann, [
      ...CLIENT,
      '-v',
      name,
      'acme',
      ...operands,
      ...flags.filter((flag) => flag.startsWith('--')),
    ]);
  }
  for (const verb of ['list-peers', 'list-cidrs', 'history'])
    await type(server, [...SERVER, '-v', verb, 'acme', '--json']);
  await type(server, [...SERVER, '-v', 'backup', 'acme', join(folder, 'backup')]);
  await type(server, [...SERVER, '-v', 'export', 'acme', '--output', join(folder, 'export')]);
  await type(server, [...SERVER, '-v', 'verify', 'acme']);
  await type(ann, [...CLIENT, '-v', 'set-listen-port', 'acme', '--listen-port', '40000', '--yes']);
  await type(ann, [...CLIENT, '-v', 'fetch', 'acme']);
  for (const host of [server, ann, bob]) written.set(`${host.name}: processes`, await processesOf(host));
  await type(ann, [...CLIENT, '-v', 'disable-peer', 'acme', '--name', 'bob', '--yes']);
  const allowed = [SERVER_CONF, CLIENT_CONF, invitationOf('ann'), invitationOf('bob')];
  expect(await filesWithKeys(server, [])).toContain(SERVER_CONF); // the search finds what there is
  for (const host of [server, ann, bob])
    expect([host.name, await filesWithKeys(host, allowed)]).toEqual([host.name, []]);
});

it('a conf that is broken at the very key is complained of without it', { timeout: 120_000 }, async () => {
  const broken: [string, string][] = [
    ['an open quote', 's/^(private-key = "[^"]*)"/\\1/'],
    ['no quotes', 's/^private-key = "([^"]*)"/private-key = \\1/'],
    ['a longer key', 's/^(private-key = "[^"]*)=/\\1AA=/'],
    ['twice', 's/^(private-key = .*)$/\\1\\n\\1/'],
    ['a list', 's/^private-key = (.*)$/private-key = [\\1]/'],
    ['as the port', 's/^private-key = (.*)$/listen-port = \\1/'],
    ['as the address', '/^address = /d; s/^private-key = (.*)$/private-key = \\1\\naddress = \\1/'],
    [
      'in the address',
      '/^address = /d; s/^private-key = "(.*)"$/private-key = "\\1"\\naddress = "10.42.0.1\\1"/',
    ],
  ];
  for (const [host, conf, program, verb] of [
    [bob, CLIENT_CONF, CLIENT, 'up'],
    [server, SERVER_CONF, SERVER, 'serve'],
  ] as const) {
    await host.sure(['cp', conf, '/run/good.conf']);
    for (const [, script] of broken) {
      await host.sure(['sed', '-E', '-i', script, conf]);
      await type(host, [...program, '-vv', verb, 'acme']);
      await host.sure(['cp', '/run/good.conf', conf]);
    }
    await host.sure(['rm', '/run/good.conf']);
  }
  await bob.sure(['sh', '-c', `sed 's/"$/AA"/' ${shellWord(invitationOf('bob'))} > /run/broken.toml`]);
  await type(bob, [...CLIENT, '-vv', 'install', '/run/broken.toml', '--name', 'other']);
});

/** Limits on core dumps, in bytes, of what runs on a host: of ours, and of what carries the tunnels. */
const coreLimits = (host: Host, pattern: string): Promise<string> =>
  host.sure([
    'sh',
    '-c',
    `for p in $(pgrep -f '${pattern}'); do [ /proc/$p/ns/net -ef /proc/self/ns/net ] && sed -n 's/^Max core file size *//p' /proc/$p/limits; done | grep -o '^[0-9a-z]* *[0-9a-z]*' | sort -u`,
  ]);

it('a crash leaves a report if one is asked for, and no core dump', async () => {
  for (const host of [server, ann, bob])
    for (const pattern of ['^[^ ]*node .*acme', '^[^ ]*wireguard-go'])
      expect([host.name, pattern, await coreLimits(host, pattern)]).toEqual([
        host.name,
        pattern,
        expect.stringMatching(/^1 +1\n$/),
      ]);
  for (const daemon of daemons.values()) daemon.kill('SIGUSR2');
  await until('all have reported', async () => readdirSync(crashes).length >= daemons.size);
  const [serving, ...following] = [...daemons.values()];
  serving?.kill('SIGUSR1');
  for (const daemon of following) daemon.kill('SIGABRT');
  await until('they have ended', async () => [...daemons.values()].every((daemon) => !daemon.running));
  expect(serving?.lines.join('\n')).toContain('a fault of the program');
  const left = readdirSync(crashes);
  expect(left.filter((name) => !/^report\..*\.json$/.test(name))).toEqual([]);
  for (const name of left) written.set(name, readFileSync(join(crashes, name), 'utf8'));
});

it('and nothing that was said or started, to the end and beyond, names one', async () => {
  for (const [what, { lines }] of daemons) written.set(what, lines.join('\n'));
  for (const [what, trace] of traces) written.set(what, readFileSync(trace, 'utf8'));
  expect(written.size).toBeGreaterThan(40);
  const leaks = [...written].flatMap(([what, text]) =>
    [...keys].flatMap(spellings).some((spelling) => text.includes(spelling)) ? [what] : [],
  );
  expect(leaks).toEqual([]);
});
