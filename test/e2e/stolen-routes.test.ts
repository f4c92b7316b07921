// R26: another network claims addresses of ours. What is meant for a peer leaves by our device or not at all, as a capture
// at the other end sees it; the machine says so; and nothing of the guard is left afterwards.
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Lab, type Running } from '../lab.ts';
import { CLIENT, type Host, isConnected, reaches, reportOf, SERVER, until } from './small-network.ts';

const WORLDS = [
  {
    ...{ family: 4, range: '10.61.0.0/16', humans: '10.61.1.0/24', server: '10.61.0.1', bob: '10.61.1.2' },
    ...{ theirs: ['10.61.0.1/23', '10.61.1.2/32'], lease: '10.61.0.77/23', route: '10.61.0.0/23' },
  },
  {
    ...{ family: 6, range: 'fd61::/48', humans: 'fd61::1:0/112', server: 'fd61::1', bob: 'fd61::1:2' },
    ...{ theirs: ['fd61::1/64', 'fd61::1:2/128'], lease: 'fd61::77/64', route: 'fd61::/64' },
  },
] as const;

/** A network with two peers, and a LAN of somebody who has the addresses of its server and of bob. */
class World {
  readonly lab: Lab;
  readonly server: Host;
  readonly rogue: Host;
  readonly place: (typeof WORLDS)[number];
  ann!: Host;
  bob!: Host;

  private constructor(lab: Lab, server: Host, rogue: Host, place: (typeof WORLDS)[number]) {
    [this.lab, this.server, this.rogue, this.place] = [lab, server, rogue, place];
  }

  static async create(place: (typeof WORLDS)[number]): Promise<World> {
    const lab = await Lab.create();
    const world = new World(lab, await lab.host('server'), await lab.host('rogue'), place);
    const endpoint = `${world.server.address}:51820`;
    const { server } = world;
    await server.sure([
      ...[...SERVER, 'new', '--no-relay', '--network-name', 'acme', '--network-cidr', place.range],
      ...['--external-endpoint', endpoint],
    ]);
    await server.spawn([...SERVER, 'serve', 'acme']).line(/listening/);
    await server.sure([...SERVER, 'add-cidr', 'acme', '--name', 'humans', '--cidr', place.humans, '--yes']);
    world.ann = await world.enter('ann');
    world.bob = await world.enter('bob');
    await world.follow(world.bob);
    return world;
  }

  /** A new machine that has joined. */
  async enter(name: string): Promise<Host> {
    const [host, file] = [await this.lab.host(name), `/run/${name}.toml`];
    await this.server.sure([
      ...[...SERVER, 'add-peer', 'acme', '--name', name, '--cidr', 'humans', '--auto-ip', '--admin', 'false'],
      ...['--save-config', file, '--yes'],
    ]);
    await host.sure(['tee', file], { input: await this.server.sure(['cat', file]) });
    await host.sure([...CLIENT, 'install', file]);
    return host;
  }

  async follow(host: Host): Promise<Running> {
    const running = host.spawn([...CLIENT, 'up', '--daemon', 'acme']);
    await running.line(/up at/);
    return running;
  }

  /** The LAN, where the rogue waits for what is not meant for it. */
  async meetRogue(): Promise<void> {
    const { ann, rogue, place } = this;
    await ann.sure([
      'ip',
      'link',
      'add',
      'wlan0',
      'type',
      'veth',
      'peer',
      'name',
      'ap0',
      'netns',
      `${rogue.pid}`,
    ]);
    const nodad = place.family === 6 ? ' nodad' : '';
    const theirs = place.theirs.map((cidr) => `address add ${cidr} dev ap0${nodad}`);
    await rogue.sure(['ip', '-batch', '-'], { input: `link set ap0 up\n${theirs.join('\n')}\n` });
    // Neighbour discovery for addresses of the LAN is no packet of ours.
    const [ip, icmp] = place.family === 4 ? ['ip', 'icmp'] : ['ip6', 'icmpv6'];
    await rogue.sure(['nft', '-f', '-'], {
      input: `table netdev tap { chain seen { type filter hook ingress device "ap0" priority 0;
        ${ip} daddr ${place.range} meta l4proto { tcp, udp } counter
        ${ip} daddr ${place.range} ${icmp} type echo-request counter
      }; }`,
    });
    await ann.sure(['ip', 'link', 'set', 'wlan0', 'up']);
  }

  /** What a lease, or a router advertisement, leaves on a machine; and its end. */
  async lease(verb: 'add' | 'del'): Promise<void> {
    const { family, lease, route } = this.place;
    const isAdded6 = family === 6 && verb === 'add';
    await this.ann.sure([
      'ip',
      'address',
      verb,
      lease,
      'dev',
      'wlan0',
      ...(isAdded6 ? ['nodad', 'noprefixroute'] : []),
    ]);
    if (isAdded6)
      await this.ann.sure([
        'ip',
        '-6',
        'route',
        'add',
        route,
        'dev',
        'wlan0',
        'proto',
        'ra',
        'metric',
        '100',
      ]);
    else await this.ann.exec(['ip', `-${family}`, 'route', 'flush', 'dev', 'wlan0', 'proto', 'ra']);
  }

  /** Packets for addresses of the network that have come to the rogue. */
  async stolen(): Promise<number> {
    const listed = await this.rogue.sure(['nft', 'list', 'table', 'netdev', 'tap']);
    return [...listed.matchAll(/packets (\d+)/g)].reduce((sum, [, count]) => sum + Number(count), 0);
  }

  /** Rules, routes and tables of a machine, but for those of a device that comes and goes. */
  async routing(): Promise<string> {
    const commands = 'ip -4 rule; ip -6 rule; ip -4 route show table all; ip -6 route show table all';
    const text = await this.ann.sure(['sh', '-c', `${commands}; nft list ruleset`]);
    return text.split('\n').sort().join('\n');
  }
}

const isGone = (text: string): boolean => !/lookup 17\d{8}|table 17\d{8}/.test(text);

describe.each(WORLDS)("R26: a foreign LAN has the server's address, IPv$family", (place) => {
  const IP = ['ip', `-${place.family}`] as const;
  const isClosed = async (): Promise<boolean> =>
    /unreachable .* table 17/.test(await world.ann.sure([...IP, 'route', 'show', 'table', 'all']));
  let world: World;
  let before: string;
  beforeAll(async () => {
    world = await World.create(place);
    await world.meetRogue();
    await world.ann.sure([...CLIENT, 'down', 'acme']);
    await until('wlan0 is settled', async () => (await world.routing()).includes('local fe80'));
    await until('no address is tentative any more', async () => {
      const shown = await world.ann.sure(['ip', '-6', 'address', 'show', 'tentative']);
      return shown.trim() === '';
    });
    before = await world.routing();
  });
  afterAll(() => world.lab.close());

  it('before up: it goes on, guarded, and says so', async () => {
    const { ann } = world;
    await world.lease('add');
    const { code, stderr } = await ann.exec([...CLIENT, 'up', 'acme']);
    expect([code, stderr]).toEqual([
      0,
      expect.stringContaining(`acme: ALARM: the route ${place.route} of wlan0`),
    ]);
    expect(await reaches(ann, place.server, 5)).toBe(true);
    expect(await reaches(ann, place.bob, 5)).toBe(true);
    expect(await world.stolen()).toBe(0);
    expect(await ann.sure([...CLIENT, 'show', 'acme'])).toMatch(
      /ALARM: the route .* of wlan0.* would take addresses .* away: nothing of the network goes there/,
    );
    const doctor = await ann.exec([...CLIENT, 'doctor', 'acme', '--json']);
    const overlap = JSON.parse(doctor.stdout).find(({ step }: { step: string }) => step === 'overlap');
    expect([doctor.code, overlap.grade]).toEqual([1, 'failed']);
    await world.lease('del');
  });

  it('while the daemon runs: it notices, nothing of the network leaves there, the server stays', async () => {
    const { ann } = world;
    const daemon = await world.follow(ann);
    await until('ann is connected', () => isConnected(ann));
    await world.lease('add');
    expect(await reaches(ann, place.bob, 5)).toBe(true);
    await daemon.line(/ALARM: .*wlan0/);
    expect(await reaches(ann, place.server, 5)).toBe(true);
    await until('ann is connected again', () => isConnected(ann));
    await sleep(3_000); // two looks of the address watch, and what follows them
    const { peers, ...shown } = await reportOf(ann);
    expect([shown.isConnected, peers.map(({ name }) => name).sort()]).toEqual([
      true,
      ['ann', 'bob', 'innernet-server'],
    ]);
    expect(await world.stolen()).toBe(0);
  });

  it('without the device nothing leaves; what somebody took away is put back by the look of each minute', {
    timeout: 90_000,
  }, async () => {
    const { ann } = world;
    await ann.sure(['ip', 'link', 'delete', 'acme']);
    await reaches(ann, place.bob);
    expect(await world.stolen()).toBe(0);
    const isUp = async () => {
      const { code, stdout } = await ann.exec([...CLIENT, 'show', 'acme', '--json']);
      return code === 0 && JSON.parse(stdout)[0].isUp; // it fails while the device is made again
    };
    await until('the device is back', isUp, 70);
    await ann.sure([...IP, 'rule', 'del', 'priority', '50']);
    await until('the rule is back', async () => (await ann.sure([...IP, 'rule'])).includes('50:'), 70);
    await until('bob is reached', () => reaches(ann, place.bob));
  });

  it('a daemon that is killed leaves nothing that keeps another program from the range', async () => {
    const { ann } = world;
    await ann.sure([...CLIENT, 'down', 'acme']);
    const daemon = await world.follow(ann);
    await until('it is closed', isClosed);
    daemon.kill('SIGKILL');
    await daemon.ended;
    await until('it is open', async () => !(await isClosed()));
    expect(await reaches(ann, place.bob, 5)).toBe(true);
    await ann.sure(['ip', 'link', 'delete', 'acme']);
    expect(await ann.sure(['ip', 'route', 'get', place.bob])).toContain('dev wlan0');
  });

  it('down leaves the machine as it was', async () => {
    await world.ann.sure([...CLIENT, 'up', 'acme']);
    expect(isGone(await world.routing())).toBe(false);
    await world.ann.sure([...CLIENT, 'down', 'acme']);
    await world.lease('del');
    expect(await world.routing()).toBe(before);
  });

  it.runIf(place.family === 6)('a router that advertises such a prefix: the same', async () => {
    const { ann, rogue } = world;
    const advertisement = fileURLToPath(new URL('../lab/router-advertisement.js', import.meta.url));
    await ann.sure([...CLIENT, 'up', 'acme']);
    const before = await world.stolen(); // what the kernel refused while nothing guarded the range
    await until('ann has taken it', async () => {
      await rogue.sure([process.execPath, advertisement, 'ap0', place.route.replace('/64', '')]);
      return /fd61::\w+:/.test(await ann.sure([...IP, 'address', 'show', 'dev', 'wlan0', '-tentative']));
    });
    expect(await ann.sure([...IP, 'route', 'show', place.route])).toContain('dev wlan0');
    expect(await reaches(ann, place.bob, 5)).toBe(true);
    expect(await reaches(ann, place.server, 5)).toBe(true);
    expect(await world.stolen()).toBe(before);
    await ann.sure([...CLIENT, 'down', 'acme']);
    expect(await ann.sure([...IP, 'route', 'get', place.bob])).toContain('dev wlan0');
    await ann.sure([...IP, 'address', 'flush', 'dev', 'wlan0', 'scope', 'global']);
    await ann.exec([...IP, 'route', 'del', place.route, 'dev', 'wlan0']);
  });

  it('--no-routing is the way out: the machine routes as its user says', async () => {
    const { ann } = world;
    await ann.sure([...CLIENT, 'up', 'acme']);
    await ann.sure([...CLIENT, '--no-routing', 'up', 'acme']);
    expect(isGone(await world.routing())).toBe(true);
    await world.lease('add');
    expect(await reaches(ann, place.bob)).toBe(true);
    expect(await world.stolen()).toBeGreaterThan(0);
    await ann.sure([...CLIENT, 'down', 'acme']);
  });
});
