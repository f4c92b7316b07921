/**
 * The lab: real hosts in network namespaces, joined by bridges, with NAT routers and delays between them. It knows
 * no test runner. Needs root; everything is gone after `close()`, and also when this process dies.
 */
import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Holder } from './lab/holder.ts';
import { type Answer, Running, type RunOptions, run } from './lab/running.ts';

export type { Answer, Running, RunOptions };

type HostOptions = {
  /** Milliseconds that each frame from and to this host is held: two hosts with 20 are 40 apart, one way. */
  delayMs?: number;
};

/** What a router does with a packet from outside that nobody inside asked for. */
type Unsolicited = 'drop' | 'reject' | 'accept';

type LabOptions = {
  /** Added to what every program on every host gets (otherwise PATH, HOME and LANG only). */
  env?: Record<string, string>;
  /**
   * For more than thirty hosts that all talk to each other: the kernel has one table of neighbours for all namespaces,
   * with room for 1,024 (net.ipv4.neigh.default.gc_thresh3), and drops what a further one would need. So each host has
   * but one neighbour, the gateway, and IPv4 alone.
   */
  isCrowded?: boolean;
};

type RouterOptions = HostOptions & {
  unsolicited?: Unsolicited;
  /** `keep`: the outer port is the inner one if it is free; `random`: another for each destination. */
  ports?: 'keep' | 'random';
};

/** A bridge in the lab's own namespace, and the addresses on it. */
type Segment = {
  bridge: string;
  prefix4: string;
  prefix6?: string;
  gateway?: string;
  /** Whether hosts know the gateway alone, and reach each other through it. */
  isRouted?: boolean;
  used: number;
};

/** The lab's own address among its hosts. */
const GATEWAY = '203.0.113.1';

const here = dirname(fileURLToPath(import.meta.url));

/** Also found when this file was bundled to somewhere else in the repository. */
const delayProgram = (folder = here): string => {
  const path = join(folder, 'test/lab/delay-line.js');
  if (existsSync(path)) return path;
  if (dirname(folder) === folder) throw new Error('test/lab/delay-line.js is missing');
  return delayProgram(dirname(folder));
};

/** One machine: its own interfaces, /run, /etc, /var/lib and hosts file. */
export class Host {
  readonly name: string;
  /** Process id of the holder: `/proc/PID/ns/net` is the host's network. */
  readonly pid: number;
  /** IPv4 address on the underlay; IPv6 too where the segment has it (not behind a NAT). */
  address = '';
  address6: string | undefined;
  readonly #holder: Holder;
  readonly #env: NodeJS.ProcessEnv;

  constructor(name: string, holder: Holder, env: NodeJS.ProcessEnv) {
    this.name = name;
    this.pid = holder.pid;
    this.#holder = holder;
    this.#env = env;
  }

  /** Runs a program to its end, whatever its exit code. `timeout` in milliseconds, 30,000 unless told. */
  exec(argv: readonly string[], options: RunOptions = {}): Promise<Answer> {
    return run(this.#enter(argv), { ...this.#env, ...options.env }, options);
  }

  /** As `exec`, but throws, with all that was written, unless the exit code is 0; answers with stdout. */
  async sure(argv: readonly string[], options: RunOptions = {}): Promise<string> {
    const { code, stdout, stderr } = await this.exec(argv, options);
    if (code !== 0) throw new Error(`${this.name}: ${argv.join(' ')}: exit ${code}\n${stdout}${stderr}`);
    return stdout;
  }

  /** Starts a program and leaves it running. */
  spawn(argv: readonly string[], options: { env?: Record<string, string> } = {}): Running {
    return new Running(this.#enter(argv), { ...this.#env, ...options.env });
  }

  /** Starts a JavaScript module with a channel to it, over which structured values pass. */
  fork(module: string): ChildProcess {
    const [program, ...args] = this.#enter([process.execPath, module]);
    const stdio: StdioOptions = ['ignore', 'inherit', 'inherit', 'ipc'];
    return spawn(program, args, { env: this.#env, detached: true, stdio, serialization: 'advanced' });
  }

  #enter(argv: readonly string[]): [string, ...string[]] {
    return ['nsenter', ...this.#holder.entrance, ...argv];
  }
}

/** A NAT router: one foot in the internet, the other in a LAN of its own. */
export class Router extends Host {
  lan: Segment = { bridge: '', prefix4: '', used: 0 };
}

export class Lab {
  readonly #holders: Holder[];
  readonly #ground: Host;
  readonly #env: NodeJS.ProcessEnv;
  readonly #internet: Segment;
  /** Which bridge port of ours a host's cable is in. */
  readonly #ports = new Map<Host, string>();
  #delays: Running | undefined;
  #count = 0;

  private constructor(ground: Holder, env: NodeJS.ProcessEnv, isCrowded: boolean) {
    this.#holders = [ground];
    this.#env = env;
    const [way6, wayOut] = [{ prefix6: '2001:db8::' }, { gateway: GATEWAY, isRouted: true }];
    this.#internet = { bridge: 'internet', prefix4: '203.0.113', used: 9, ...(isCrowded ? wayOut : way6) };
    this.#ground = new Host('lab', ground, env);
  }

  static async create({ env = {}, isCrowded = false }: LabOptions = {}): Promise<Lab> {
    if (process.getuid?.() !== 0) throw new Error('the lab needs root to make network namespaces: use sudo');
    const { PATH, HOME, LANG } = process.env;
    const lab = new Lab(await Holder.start('lab'), { PATH, HOME, LANG, ...env }, isCrowded);
    await lab.#ip([
      'link add internet type bridge mcast_snooping 0',
      `addr add ${GATEWAY}/24 dev internet`,
      'link set internet up',
    ]);
    if (isCrowded) {
      // A redirect would tell hosts of the neighbours that they are not to have.
      const silent = ['all', 'internet'].map((device) => `net.ipv4.conf.${device}.send_redirects=0`);
      await lab.#ground.sure(['sysctl', '-qw', 'net.ipv4.ip_forward=1', ...silent]);
    }
    return lab;
  }

  /** A machine on the internet, or behind a router. */
  async host(name: string, { behind, ...options }: HostOptions & { behind?: Router } = {}): Promise<Host> {
    const host = await this.#start(name, Host);
    await this.#plug(host, behind ? behind.lan : this.#internet, options);
    return host;
  }

  /** A router that masquerades for a LAN of its own; hosts go `behind` it. */
  async router(name: string, { unsolicited = 'drop', ports = 'keep', ...options }: RouterOptions = {}) {
    const router = await this.#start(name, Router);
    await this.#plug(router, this.#internet, options);
    const number = this.#count;
    const prefix4 = `192.168.${number}`;
    router.lan = { bridge: `lan${number}`, prefix4, gateway: `${prefix4}.1`, used: 1 };
    await this.#ip([
      `link add ${router.lan.bridge} type bridge mcast_snooping 0`,
      `link set ${router.lan.bridge} up`,
      `link add l${number} type veth peer name lan0 netns ${router.pid}`,
      `link set l${number} master ${router.lan.bridge} up`,
    ]);
    await router.sure(['ip', '-batch', '-'], {
      input: `addr add ${router.lan.gateway}/24 dev lan0\nlink set lan0 up\n`,
    });
    await router.sure(['sysctl', '-qw', 'net.ipv4.ip_forward=1']);
    await router.sure(['nft', '-f', '-'], { input: natRules(unsolicited, ports) });
    return router;
  }

  /** Pulls the host's cable out, or puts it back; its interface stays up and notices nothing. */
  async cable(host: Host, state: 'out' | 'in'): Promise<void> {
    await this.#ip([`link set ${this.#ports.get(host)} ${state === 'in' ? 'up' : 'down'}`]);
  }

  /** Takes the host to another network: its address changes. */
  async move(host: Host, behind?: Router): Promise<void> {
    await host.sure(['ip', 'link', 'del', 'eth0']);
    await this.#plug(host, behind ? behind.lan : this.#internet, {});
  }

  /** Ends every process of every host; namespaces, devices and files go with them. */
  async close(): Promise<void> {
    await Promise.all(this.#holders.splice(0).map((holder) => holder.close()));
  }

  async #start<H extends Host>(
    name: string,
    kind: new (name: string, holder: Holder, env: NodeJS.ProcessEnv) => H,
  ): Promise<H> {
    const holder = await Holder.start(name);
    this.#holders.push(holder);
    return new kind(name, holder, this.#env);
  }

  async #plug(host: Host, segment: Segment, { delayMs = 0 }: HostOptions): Promise<void> {
    const number = ++this.#count;
    const bridge = delayMs > 0 ? await this.#delayed(segment.bridge, number, delayMs) : segment.bridge;
    const own = ++segment.used;
    host.address = `${segment.prefix4}.${own}`;
    host.address6 = segment.prefix6 && `${segment.prefix6}${own.toString(16)}`;
    this.#ports.set(host, `v${number}`);
    await this.#ip([
      `link add v${number} type veth peer name eth0 netns ${host.pid}`,
      `link set v${number} master ${bridge} up`,
    ]);
    const lines = [`addr add ${host.address}/${segment.isRouted ? 32 : 24} dev eth0`, 'link set eth0 up'];
    if (host.address6) lines.push(`addr add ${host.address6}/64 dev eth0 nodad`);
    if (segment.gateway) lines.push(`route add default via ${segment.gateway} dev eth0 onlink`);
    await host.sure(['ip', '-batch', '-'], { input: `${lines.join('\n')}\n` });
  }

  /** A bridge whose only way to the given one takes a while. */
  async #delayed(bridge: string, number: number, delayMs: number): Promise<string> {
    const [near, far, own] = [`d${number}n`, `d${number}f`, `d${number}`];
    this.#delays ??= this.#ground.spawn([process.execPath, delayProgram()], {
      env: { UV_THREADPOOL_SIZE: '128' },
    });
    this.#delays.write(`${JSON.stringify({ near, far, delayMs })}\n`);
    await this.#delays.line(new RegExp(`^${near}$`));
    await this.#ip([
      `link add ${own} type bridge mcast_snooping 0`,
      `link set ${own} up`,
      `link set ${near} master ${bridge} up`,
      `link set ${far} master ${own} up`,
    ]);
    return own;
  }

  async #ip(lines: readonly string[]): Promise<void> {
    await this.#ground.sure(['ip', '-batch', '-'], { input: `${lines.join('\n')}\n` });
  }
}

/**
 * Three kinds of routers: `drop` and `reject` keep no memory of what came unasked; `accept` does (conntrack
 * confirms the packet for the router itself), so that a later packet of the same pair from inside gets another port.
 */
const natRules = (unsolicited: Unsolicited, ports: 'keep' | 'random'): string => `
table ip nat {
  chain post {
    type nat hook postrouting priority srcnat;
    oifname "eth0" masquerade ${ports === 'random' ? 'fully-random' : ''}
  }
}
table ip filter {
  chain input {
    type filter hook input priority filter;
    iifname "eth0" meta l4proto udp ct state new ${unsolicited}
  }
}
`;
