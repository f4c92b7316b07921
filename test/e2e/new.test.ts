// Making a network with the real program: both files or none, whatever happens on the way.
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { shellWord } from '../../src/domain/rejection.ts';
import { eventOf } from '../../src/events/upcast.ts';
import { READ_MODELS } from '../../src/projections/projections.ts';
import { readConf } from '../../src/server/disk/conf.ts';
import { openSqliteLog } from '../../src/store/sqlite-log.ts';
import { publicKeyOf } from '../../src/values/key-pair.ts';
import { ServerProgram } from '../server/program.ts';

const FLAGS = {
  '--network-name': 'acme',
  '--network-cidr': '10.42.0.0/16',
  '--external-endpoint': 'vpn.example.org:51820',
  '--listen-port': '51820',
};
const flags = (over: Partial<Record<keyof typeof FLAGS, string>> = {}): string[] =>
  Object.entries({ ...FLAGS, ...over }).flat();

let server: ServerProgram;
beforeEach(() => {
  server = new ServerProgram();
});
afterEach(() => server.remove());

const conf = () => join(server.configDir, 'acme.conf');
const log = () => join(server.dataDir, 'acme.events');

const eventsIn = async (file: string) => {
  const opened = await openSqliteLog({ file, readModels: READ_MODELS });
  try {
    return (await opened.read(0, 100)).map(eventOf);
  } finally {
    await opened.close();
  }
};

/** Conf and log belong together and hold a network of nobody but its server. */
const expectWhole = async (): Promise<void> => {
  const { privateKey } = readConf(conf());
  const events = await eventsIn(log());
  expect(events.map(({ type }) => type)).toEqual([
    'NetworkCreated',
    'ProofRequired',
    'CidrAdded',
    'CidrAdded',
    'PeerAdded',
    'RelaySet',
  ]);
  expect(events.at(-2)).toMatchObject({ publicKey: publicKeyOf(privateKey), ip: '10.42.0.1' });
};

const relayPortIn = ({ stdout }: { stdout: string }): number => JSON.parse(stdout).relayPort;

describe('innernet-server new', () => {
  it('writes conf and log, for the owner alone', async () => {
    const { code, stdout, stderr } = await server.run('new', ...flags());
    expect([code, stdout]).toEqual([0, 'created the network acme: 10.42.0.0/16, this server at 10.42.0.1\n']);
    expect(stderr).toMatch(/let UDP port 51820 through .*\nand UDP port 518\d\d: there it relays for peers/);
    expect(readFileSync(conf(), 'utf8')).toMatch(
      /^private-key = ".{43}="\nlisten-port = 51820\naddress = "10.42.0.1"\nnetwork-cidr-prefix = 16\n$/,
    );
    for (const [path, mode] of [
      [conf(), 0o600],
      [log(), 0o600],
      [server.configDir, 0o700],
      [server.dataDir, 0o700],
    ] as const)
      expect((statSync(path).mode & 0o777).toString(8)).toBe(mode.toString(8));
    await expectWhole();
  });

  it('makes an IPv6 network, and answers in JSON', async () => {
    const { stdout } = await server.run('new', ...flags({ '--network-cidr': 'fdac:42::/48' }), '--json');
    expect(JSON.parse(stdout)).toMatchObject({
      name: 'acme',
      cidr: 'fdac:42::/48',
      address: 'fdac:42::1',
      listenPort: 51820,
      relayPort: expect.any(Number),
      position: 6,
    });
  });

  it('warns of an endpoint that is private, and of a port that another network or its relay has', async () => {
    const endpoint = { '--external-endpoint': '192.168.7.1:51820' };
    const first = await server.run('new', ...flags(endpoint), '--json');
    expect([first.code, first.stderr]).toEqual([
      0,
      expect.stringMatching(/^innernet-server: warning: 192\.168\.7\.1 is a private address: only .* LAN/),
    ]);
    const make = (name: string, range: string, port: number) => {
      const over = { '--network-name': name, '--network-cidr': range, '--listen-port': String(port) };
      return server.run('new', ...flags(over), '--json');
    };
    const second = await make('beta', '10.43.0.0/16', 51_820);
    expect([second.code, second.stderr]).toEqual([
      0,
      expect.stringMatching(/^innernet-server: warning: the network acme on this machine has UDP port 51820/),
    ]);
    const third = await make('gamma', '10.44.0.0/16', relayPortIn(first));
    expect(third.stderr).toContain(
      `warning: the relay of the network acme on this machine has UDP port ${relayPortIn(first)}: only one of the two`,
    );
    expect(new Set([first, second, third].map(relayPortIn)).size).toBe(3);
  });

  it('relays at the first UDP port from 51821 that nothing has, or not at all', async () => {
    const holder = createSocket('udp4');
    try {
      await new Promise<void>((resolve) => {
        holder.once('error', () => resolve()); // somebody else has it
        holder.bind(51_821, resolve);
      });
      const relayOf = async (...more: string[]): Promise<number[]> => {
        const { stdout } = await server.run('new', ...flags(), '--dry-run', '--json', ...more);
        const { events } = JSON.parse(stdout) as { events: { type: string; port?: number }[] };
        return events.flatMap(({ type, port = 0 }) => (type === 'RelaySet' ? [port] : []));
      };
      const [port = 0] = await relayOf();
      expect(port).toBeGreaterThan(51_821);
      expect((await relayOf('--listen-port', String(port)))[0]).toBeGreaterThan(port);
      expect(await relayOf('--no-relay')).toEqual([]);
    } finally {
      holder.close();
    }
  });

  it.each(['8.8.8.0/24', '2001:db8:7::/48'])(
    'takes the range %s where that is said to be meant',
    async (range) => {
      const { code, stdout } = await server.run(
        'new',
        ...flags({ '--network-cidr': range }),
        '--allow-range',
      );
      expect([code, stdout]).toEqual([0, expect.stringContaining(`created the network acme: ${range}`)]);
    },
  );

  it('refuses to overwrite', async () => {
    await server.run('new', ...flags());
    const before = [readFileSync(conf(), 'utf8'), readFileSync(log())];
    const { code, stderr } = await server.run('new', ...flags());
    expect(code).toBe(1);
    expect(stderr).toContain('error: the network acme exists already');
    expect(stderr).toContain('hint: start it: innernet-server serve acme');
    expect([readFileSync(conf(), 'utf8'), readFileSync(log())]).toEqual(before);
  });

  it("leaves another server's database alone", async () => {
    mkdirSync(server.dataDir, { recursive: true });
    writeFileSync(join(server.dataDir, 'acme.db'), 'not ours');
    const { code, stderr } = await server.run('new', ...flags());
    expect([code, stderr]).toEqual([1, expect.stringContaining("is a network of innernet 2.0's server")]);
    expect(existsSync(conf())).toBe(false);
  });

  it.each([
    [{ '--network-name': 'a-name-of-16-char' }, 2, 'at most 15 characters'],
    [{ '--network-name': 'Acme' }, 2, 'lower-case letters'],
    [{ '--network-cidr': '10.42.0.1/16' }, 2, 'has host bits set; the block is 10.42.0.0/16'],
    [{ '--network-cidr': '10.42.0.0' }, 2, 'not a CIDR block'],
    [{ '--network-cidr': '10.42.0.0/32' }, 1, 'has no room'],
    [{ '--network-cidr': '0.0.0.0/0' }, 1, 'covers every address'],
    [{ '--network-cidr': '127.0.0.0/8' }, 1, 'overlaps 127.0.0.0/8, which is for loopback'],
    [{ '--network-cidr': '224.0.0.0/24' }, 1, 'overlaps 224.0.0.0/4, which is for multicast'],
    [{ '--network-cidr': 'fe80::/64' }, 1, 'overlaps fe80::/10, which is for link-local addresses'],
    [{ '--network-cidr': '::ffff:a00:0/104' }, 1, 'overlaps ::ffff:0:0/96, which is for IPv4 addresses'],
    [{ '--network-cidr': '8.8.8.0/24' }, 1, 'the range 8.8.8.0/24 is not private'],
    [{ '--network-cidr': '172.32.0.0/16' }, 1, 'if it is yours: --allow-range'],
    [{ '--network-cidr': '10.0.0.0/7' }, 1, 'is not private'],
    [{ '--network-cidr': '2001:db8:7::/48' }, 1, 'is not private'],
    [{ '--external-endpoint': 'vpn.example.org' }, 2, 'is not an endpoint'],
    [{ '--external-endpoint': '0.0.0.0:51820' }, 1, 'cannot be reached'],
    [{ '--listen-port': '0' }, 2, 'from 1 to 65535'],
    [{ '--network-name': 'lo' }, 1, 'has a network device lo already'],
  ])('refuses %j and makes nothing', async (over, expected, words) => {
    const { code, stderr } = await server.run('new', ...flags(over));
    expect([code, stderr]).toEqual([expected, expect.stringContaining(words)]);
    expect(existsSync(server.configDir) || existsSync(server.dataDir)).toBe(false);
  });

  it('says so where nothing can be written', async () => {
    mkdirSync(server.dataDir, { recursive: true });
    mkdirSync(join(server.dataDir, 'acme.lock'));
    const { code, stderr } = await server.run('new', ...flags());
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/cannot write .*acme\.lock.*\n.*hint: .*df -h/),
    ]);
    expect(existsSync(conf())).toBe(false);
  });

  it('names the missing flag where there is no terminal', async () => {
    const { code, stderr } = await server.run('new', '--network-name', 'acme');
    expect([code, stderr]).toEqual([2, expect.stringContaining('--network-cidr is missing')]);
  });

  it('asks on a terminal', async () => {
    const line = [process.execPath, ...server.command('new')].map(shellWord).join(' ');
    const child = spawn('script', ['-qec', line, '/dev/null'], { env: { ...process.env, TERM: 'xterm' } });
    let shown = '';
    const answers: [RegExp, string][] = [
      [/Network name:/, 'acme\r'],
      [/Network CIDR:/, '10.42.0.0/16\r'],
      [/External endpoint:/, 'vpn.example.org:51820\r'],
      [/Listen port:/, '\r'],
      [/First group of peers \(CIDR 10\.42\.1\.0\/24; - for none\):/, '\r'],
      [/Create the network acme/, 'y\r'],
    ];
    child.stdout.on('data', (data) => {
      shown += data;
      if (answers[0]?.[0].test(shown)) {
        const answer = answers.shift()![1];
        shown = '';
        child.stdin.write(answer);
      }
    });
    const code = await new Promise((resolve) => child.once('close', resolve));
    expect([code, answers]).toEqual([0, []]);
    const first = { type: 'CidrAdded', name: 'people', cidr: '10.42.1.0/24', parentId: 1 };
    expect((await eventsIn(log())).at(-2)).toMatchObject(first);
  });

  it('adds a CIDR for the first peers with the network, or neither', async () => {
    const refused = await server.run('new', ...flags(), '--first-cidr', 'acme');
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('"acme"')]);
    expect(existsSync(conf())).toBe(false);
    const { code, stderr } = await server.run('new', ...flags(), '--first-cidr', 'staff');
    expect([code, stderr]).toEqual([0, expect.stringContaining('add-peer acme --cidr staff')]);
    const invited = await server.run('add-peer', 'acme', 'ann', '--cidr', 'staff', '--save-config', '-');
    expect([invited.code, invited.stderr]).toEqual([0, expect.stringContaining('10.42.1.1')]);
  });

  /** Resolves when the program has made the file, or has ended without. */
  const appears = async (path: string, child: ReturnType<ServerProgram['start']>): Promise<void> => {
    while (!existsSync(path) && child.exitCode === null) await setTimeout(0);
  };

  it('starts over where one was killed before the conf was there, and keeps what was made', async () => {
    let unfinished = 0;
    for (let round = 0; round < 6; round++) {
      const child = server.start('new', ...flags());
      const closed = new Promise((resolve) => child.once('close', resolve));
      await appears(log(), child);
      await setTimeout(round);
      child.kill('SIGKILL');
      await closed;
      const isMade = existsSync(conf());
      if (!isMade && existsSync(log())) unfinished++;
      const { code } = await server.run('new', ...flags());
      expect(code).toBe(isMade ? 1 : 0);
      await expectWhole();
      rmSync(server.configDir, { recursive: true });
      rmSync(server.dataDir, { recursive: true });
    }
    expect(unfinished).toBeGreaterThan(0); // otherwise nothing was tried
  });

  it('does not take a log for unfinished that holds more than its creation', async () => {
    await server.run('new', ...flags());
    await server.run('add-cidr', 'acme', '--name', 'humans', '--cidr', '10.42.1.0/24', '--yes');
    rmSync(conf());
    const before = readFileSync(log());
    const { code, stderr } = await server.run('new', ...flags());
    expect([code, stderr]).toEqual([1, expect.stringContaining('its conf')]);
    expect(readFileSync(log())).toEqual(before);
    expect(readdirSync(server.configDir)).toEqual([]);
  });
});
