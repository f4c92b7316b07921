// The main job on one machine, for real: hosts in network namespaces, the very programs, WireGuard between them.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { answeredIn, BROKEN, missedInARow } from '../test/lab/pings.ts';
import { scanned } from '../test/lab/scanner.ts';
import { type Host, Lab, type Running } from '../test/lab.ts';

const colour = process.stdout.isTTY && !process.env.NO_COLOR;
const paint = (code: number, text: string): string => (colour ? `\u001b[${code}m${text}\u001b[0m` : text);
const say = (text = ''): void => console.log(text);
const title = (text: string): void => say(`\n${paint(1, text)}`);
const indent = (text: string): string => text.trimEnd().replace(/^/gm, '    ');

/** Sent while the server is started again: three seconds of them. */
const PINGS = 60;

/** Thrown when a step of the story did not happen. */
class Missed extends Error {}

const must = (happened: boolean, what: string): void => {
  if (!happened) throw new Missed(what);
};

/** A machine at whose keyboard the story sits: it shows what is typed and what comes back. */
class Desk {
  readonly host: Host;
  readonly #folder: string;

  constructor(host: Host, folder: string) {
    this.host = host;
    this.#folder = folder;
  }

  /** Types a command line; throws unless it succeeds. */
  async type(line: string, { quiet = false } = {}): Promise<string> {
    say(`${paint(36, `${this.host.name}$`)} ${line}`);
    const { code, stdout, stderr } = await this.#run(line);
    if (code !== 0) throw new Missed(`${this.host.name}$ ${line}: exit ${code}\n${stdout}${stderr}`);
    if (!quiet && stdout.trim()) say(indent(stdout));
    return stdout;
  }

  /** Types a command line again until it succeeds: what it needs is being started. */
  async typeUntilDone(line: string): Promise<void> {
    say(`${paint(36, `${this.host.name}$`)} ${line}`);
    await until(line, async () => {
      const { code, stdout } = await this.#run(line);
      if (code === 0) say(indent(stdout));
      return code === 0;
    });
  }

  /** Starts a program that goes on in the background. */
  start(line: string): Running {
    say(`${paint(36, `${this.host.name}$`)} ${line} &`);
    return this.host.spawn(['sh', '-c', `cd "$0" && exec ${line}`, this.#folder]);
  }

  #run(line: string) {
    return this.host.exec(['sh', '-c', `cd "$0" && ${line}`, this.#folder]);
  }
}

const PING = ['ping', '-n', '-c', '1', '-W', '1'];

const reaches = async (desk: Desk, ip: string): Promise<boolean> =>
  (await desk.host.exec([...PING, ip])).code === 0;

/** What press serves: paper and a shell. */
const LISTEN = `for (const port of [631, 22]) require('net').createServer((s) => s.end()).listen(port, () => console.log('ready'))`;

/** Whether TCP is answered at a port. */
const knocks = async (desk: Desk, ip: string, port: number): Promise<boolean> => {
  const knock = `require('net').connect(${port}, '${ip}').on('connect', () => process.exit(0)).on('error', () => process.exit(1));
setTimeout(() => process.exit(1), 1000)`;
  return (await desk.host.exec([process.execPath, '-e', knock])).code === 0;
};

/** Seconds that a step may take on a busy machine. */
const PATIENCE = 30;

/** Milliseconds until something is so, looked at again and again; throws when patience is over. */
const until = async (what: string, isSo: () => Promise<boolean>): Promise<number> => {
  const begin = performance.now();
  while (!(await isSo())) {
    if (performance.now() - begin > PATIENCE * 1000) throw new Missed(`${what}: not within ${PATIENCE} s`);
    await new Promise((done) => setTimeout(done, 5));
  }
  return performance.now() - begin;
};

/** A ping every 5 ms until one is answered: what it took, in milliseconds. */
const firstPing = async (desk: Desk, ip: string): Promise<number> => {
  const begin = performance.now();
  await desk.host.sure(['ping', '-n', '-i', '0.005', '-c', '1', '-w', String(PATIENCE), ip], {
    timeout: 2 * PATIENCE * 1000,
  });
  return performance.now() - begin;
};

const milliseconds = (value: number): string => paint(32, `${value.toFixed(0)} ms`);

/** Whether a machine's WireGuard knows an address. */
const knows = async (desk: Desk, ip: string): Promise<boolean> =>
  (await desk.host.sure(['wg', 'show', 'acme', 'allowed-ips'])).includes(`${ip}/32`);

const ADDRESS = {
  ann: '10.61.1.1',
  bob: '10.61.1.2',
  press: '10.61.2.1',
  guest: '10.61.3.1',
  cleo: '10.61.1.3',
  dora: '10.61.1.4',
  kiosk: '10.61.2.2',
};
type Name = keyof typeof ADDRESS;

/** Who is behind a router of its own, which gives each destination another port. */
const BEHIND: Partial<Record<Name, string>> = { dora: 'hotel', kiosk: 'fair' };

class Story {
  readonly #lab: Lab;
  readonly #folder: string;
  readonly #desks = new Map<string, Desk>();
  #serving: Running | undefined;
  /** Where in the log bob was cut off. */
  #disabled = 0;

  constructor(lab: Lab, folder: string) {
    this.#lab = lab;
    this.#folder = folder;
  }

  async tell(): Promise<void> {
    await this.tellUntilCutOff();
    await this.#restart();
    await this.#history();
    await this.#questions();
    await this.#undo();
  }

  /** The rest can be asked and done on the page. */
  async tellUntilCutOff(): Promise<void> {
    await this.#create();
    await this.#firstAdmin();
    await this.#others();
    await this.#association();
    await this.#newcomer();
    await this.#behindRouters();
    await this.#phone();
    await this.#cutOff();
  }

  /** The server's own files are shown from this machine's loopback, so that its browser reaches the page. */
  async showPage(path: string): Promise<ChildProcess> {
    const { host } = await this.#desk('server');
    const argv = [`--mount=/proc/${host.pid}/ns/mnt`, 'innernet-server', 'ui', 'acme', '--no-open'];
    title('Look at it: this address works once, Ctrl-C ends the network');
    return spawn('nsenter', argv, { stdio: 'inherit', env: { ...process.env, PATH: path } });
  }

  async #desk(name: string): Promise<Desk> {
    const known = this.#desks.get(name);
    if (known) return known;
    const router = BEHIND[name as Name];
    const behind =
      router === undefined ? {} : { behind: await this.#lab.router(router, { ports: 'random' }) };
    const desk = new Desk(await this.#lab.host(name, behind), this.#folder);
    this.#desks.set(name, desk);
    return desk;
  }

  async #serve(): Promise<void> {
    const server = await this.#desk('server');
    this.#serving = server.start('innernet-server serve acme');
    say(indent(await this.#serving.line(/listening/)));
  }

  async #create(): Promise<void> {
    title('A network is created on a server');
    const server = await this.#desk('server');
    await server.type(
      `innernet-server new --network-name acme --network-cidr 10.61.0.0/16 --external-endpoint ${server.host.address}:51820 --listen-port 51820`,
    );
    await this.#serve();
    for (const [name, cidr] of [
      ['humans', '10.61.1.0/24'],
      ['machines', '10.61.2.0/24'],
      ['guests', '10.61.3.0/24'],
    ]) {
      await server.type(`innernet-server add-cidr acme ${name} ${cidr}`);
    }
  }

  async #firstAdmin(): Promise<void> {
    title('Its first admin joins by an invitation made on the server');
    const server = await this.#desk('server');
    await server.type('innernet-server add-peer acme ann --cidr humans --admin true');
    await this.#join('ann');
  }

  async #join(name: Name): Promise<void> {
    const desk = await this.#desk(name);
    const begin = performance.now();
    await desk.type(`inn install ${name}.toml --default-name --delete-invite`);
    await firstPing(desk, '10.61.0.1');
    say(indent(`invitation to first answered ping: ${milliseconds(performance.now() - begin)}`));
    const daemon = desk.start('inn up --daemon acme');
    await daemon.line(/live|level|up/i);
  }

  async #invite(name: Name, cidr: string): Promise<void> {
    const ann = await this.#desk('ann');
    await ann.type(`inn add-peer acme ${name} --cidr ${cidr} --invite-expires 1d`);
    await this.#join(name);
  }

  async #others(): Promise<void> {
    title('The admin invites the others from her own machine');
    await this.#invite('bob', 'humans');
    await this.#invite('press', 'machines');
    await this.#invite('guest', 'guests');
    const ann = await this.#desk('ann');
    const took = await firstPing(ann, ADDRESS.bob);
    say(indent(`ann reaches bob, in the same CIDR: ${milliseconds(took)}`));
  }

  async #association(): Promise<void> {
    title('Who may talk is decided by associations, live');
    const ann = await this.#desk('ann');
    must(!(await reaches(ann, ADDRESS.press)), 'ann must not reach press yet');
    say(indent('ann pings press, in another CIDR: no answer, as it should be'));
    const begin = performance.now();
    const pinging = firstPing(ann, ADDRESS.press);
    await ann.type('inn add-association acme humans machines');
    await pinging;
    say(indent(`command typed to first answered ping: ${milliseconds(performance.now() - begin)}`));
  }

  async #newcomer(): Promise<void> {
    title('A new peer appears on running machines');
    const press = await this.#desk('press');
    must(!(await knows(press, ADDRESS.cleo)), 'press must not know cleo yet');
    await this.#invite('cleo', 'humans');
    must(await knows(press, ADDRESS.cleo), 'press must know cleo once she has joined');
    say(indent(`press pings cleo: ${milliseconds(await firstPing(press, ADDRESS.cleo))}`));
    await press.type('inn show acme --short');
  }

  async #behindRouters(): Promise<void> {
    title('Two behind routers that change ports find no direct way: the server relays, and reads nothing');
    await this.#invite('kiosk', 'machines');
    await this.#invite('dora', 'humans');
    const dora = await this.#desk('dora');
    say(indent(`dora pings kiosk: ${milliseconds(await firstPing(dora, ADDRESS.kiosk))}`));
    await dora.typeUntilDone(
      'inn show acme | grep -A 4 "peer: kiosk" | grep -B 3 "way: relayed by innernet-server"',
    );
  }

  async #phone(): Promise<void> {
    title('A phone scans a code, and reaches the printer on one port only; the server filters');
    const [ann, press, phone] = [
      await this.#desk('ann'),
      await this.#desk('press'),
      await this.#desk('phone'),
    ];
    await press.host.spawn([process.execPath, '-e', LISTEN]).line(/ready/);
    await ann.type('inn add-association acme guests machines --allow guests:tcp/631');
    const file = scanned(await ann.type('inn add-phone acme ann-phone --cidr guests --qr'));
    must(file !== undefined, 'the code must be read');
    const begin = performance.now();
    await phone.host.sure(['sh', '-c', 'umask 077; cat > "$0/ann-phone.conf"', this.#folder], {
      input: file ?? '',
    });
    await phone.host.sure(['wg-quick', 'up', join(this.#folder, 'ann-phone.conf')], {
      env: { WG_QUICK_USERSPACE_IMPLEMENTATION: 'wireguard-go' },
    });
    await until('the phone prints', () => knocks(phone, ADDRESS.press, 631));
    say(indent(`scanned to first answer of press at tcp 631: ${milliseconds(performance.now() - begin)}`));
    must(!(await knocks(phone, ADDRESS.press, 22)), 'the phone must not reach another port');
    must(!(await reaches(phone, ADDRESS.press)), 'the phone must not ping press');
    say(indent('at tcp 22, and to a ping: no answer, as it should be'));
  }

  async #cutOff(): Promise<void> {
    title('A peer is cut off everywhere');
    const ann = await this.#desk('ann');
    const holders = await Promise.all(['ann', 'press', 'cleo', 'server'].map((name) => this.#desk(name)));
    const begin = performance.now();
    const gone = Promise.all(
      holders.map(async (desk) => {
        await until(`bob gone from ${desk.host.name}`, async () => !(await knows(desk, ADDRESS.bob)));
        return performance.now() - begin;
      }),
    );
    await ann.type('inn disable-peer acme bob');
    const slowest = Math.max(...(await gone));
    say(indent(`command typed to gone from every machine and the server: ${milliseconds(slowest)}`));
    must(!(await reaches(await this.#desk('bob'), ADDRESS.ann)), 'bob must not reach ann any more');
    say(indent('bob pings ann: no answer'));
  }

  async #restart(): Promise<void> {
    title('The server is killed and started again; tunnels never stop');
    const ann = await this.#desk('ann');
    const ping = ann.host.spawn(['ping', '-n', '-i', '0.05', '-c', String(PINGS), ADDRESS.press]);
    await new Promise((done) => setTimeout(done, 500));
    await this.#serving?.stop('SIGKILL');
    say(indent('the server process is gone (SIGKILL)'));
    await this.#serve();
    await ping.ended;
    const report = ping.lines.find((line) => line.includes('packet loss')) ?? '';
    say(indent(`ann pings press meanwhile: ${report}`));
    const missed = missedInARow([...answeredIn(ping.lines.join('\n')), PINGS + 1]);
    must(missed < BROKEN, 'tunnels must stand while the server restarts');
    await ann.typeUntilDone('inn add-cidr acme labs 10.61.4.0/24');
  }

  async #history(): Promise<void> {
    title('The log remembers all of it');
    const server = await this.#desk('server');
    const history = await server.type('innernet-server history acme');
    for (const word of ['ann', 'bob', 'press', 'guest', 'cleo', 'humans', 'machines']) {
      must(history.includes(word), `history must mention ${word}`);
    }
    this.#disabled = Number(/^ *(\d+) .* disabled peer bob/m.exec(history)?.[1]);
    must(this.#disabled > 0, 'history must say at which position bob was disabled');
  }

  async #questions(): Promise<void> {
    title('Ask it: who may talk, since when, who decided it, and what has changed');
    const ann = await this.#desk('ann');
    must((await ann.type('inn why acme ann press')).startsWith('yes: '), 'why must say yes');
    await ann.type(`inn diff acme ${this.#disabled - 1}`);
  }

  async #undo(): Promise<void> {
    title('Take it back: first see what that would do');
    const [ann, bob] = [await this.#desk('ann'), await this.#desk('bob')];
    await ann.type(`inn revert acme ${this.#disabled} --dry-run`);
    const begin = performance.now();
    await ann.type(`inn revert acme ${this.#disabled} --yes`);
    await firstPing(bob, ADDRESS.ann);
    say(
      indent(`bob reaches ann again: ${milliseconds(performance.now() - begin)} after the command was typed`),
    );
  }
}

/** The programs as a person has them: by name, in PATH. */
const programs = (folder: string): string => {
  const bin = join(folder, 'bin');
  for (const [name, file] of [
    ['innernet', 'innernet.js'],
    ['inn', 'innernet.js'],
    ['innernet-server', 'innernet-server.js'],
  ] as const) {
    symlinkSync(resolve('dist', file), join(bin, name));
  }
  return bin;
};

const main = async (): Promise<number> => {
  const folder = mkdtempSync(join(tmpdir(), 'innernet-demo-'));
  chmodSync(folder, 0o755);
  mkdirSync(join(folder, 'bin'));
  const path = `${programs(folder)}:${process.env.PATH}`;
  const lab = await Lab.create({ env: { PATH: path } });
  let page: ChildProcess | undefined;
  let ending: Promise<void> | undefined;
  const end = (): Promise<void> => {
    page?.kill('SIGTERM');
    ending ??= lab.close().finally(() => rmSync(folder, { recursive: true, force: true }));
    return ending;
  };
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    process.once(signal, () => {
      void end().then(() => process.exit(code));
    });
  }
  const begin = performance.now();
  try {
    const story = new Story(lab, folder);
    if (process.argv.includes('--ui')) {
      await story.tellUntilCutOff();
      page = await story.showPage(path);
      await once(page, 'exit');
      return 0;
    }
    await story.tell();
    say(
      `\n${paint(1, 'Done')} in ${((performance.now() - begin) / 1000).toFixed(1)} s; nothing is left behind.`,
    );
    return 0;
  } catch (error) {
    if (ending !== undefined) return 130;
    console.error(`\ndemo: error: ${error instanceof Missed ? error.message : (error as Error).stack}`);
    return 1;
  } finally {
    await end();
  }
};

process.exitCode = await main();
