// A peer's machine with the real programs: joining, living with the network, and being killed at any moment.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BROKEN } from '../lab/pings.ts';
import type { Running } from '../lab.ts';
import {
  CLIENT,
  follow,
  type Host,
  isConnected,
  missedPings,
  onDevice,
  reaches,
  reportOf,
  SmallNetwork,
  until,
} from './small-network.ts';

let network: SmallNetwork;
let ann: Host;
let bob: Host;
let annFollows: Running;
let bobFollows: Running;

beforeAll(async () => {
  network = await SmallNetwork.create();
  ann = (await network.join('ann')).host;
  bob = (await network.join('bob')).host;
  annFollows = await follow(ann);
  bobFollows = await follow(bob);
});
afterAll(() => network.close());

const sh = (host: Host, script: string) => host.exec(['sh', '-c', script]);

describe('install', () => {
  it('joins: conf, pins and names are there, the tunnel is up, nothing else is left', async () => {
    const { host } = await network.join('cleo');
    expect(await reaches(host, '10.42.0.1')).toBe(true);
    expect(
      (await sh(host, 'cd /; ls etc/innernet var/lib/innernet')).stdout.split('\n').filter(Boolean),
    ).toEqual([
      'etc/innernet:',
      'acme.conf',
      'acme.signing',
      'var/lib/innernet:',
      'acme.journal',
      'acme.json',
      'acme.proved',
    ]);
    expect((await sh(host, 'stat -c %a /etc/innernet /etc/innernet/acme.conf')).stdout).toBe('700\n600\n');
    expect((await sh(host, 'cat /etc/hosts')).stdout).toContain('10.42.1.1 ann.acme.wg');
    // All networks of a machine take turns at its hosts file, and programs tell each other the server's time.
    expect((await sh(host, 'ls -A /run/innernet')).stdout).toBe('acme.moment\nhosts.lock\n');
  });

  it('refuses a second time, and a name that is taken', async () => {
    const again = await ann.exec([...CLIENT, 'install', await network.invite('twice'), '--name', 'acme']);
    expect([again.code, again.stderr]).toEqual([
      1,
      expect.stringMatching(/the name acme is taken[\s\S]*hint: .*--name/),
    ]);
    expect(await reaches(ann, '10.42.0.1')).toBe(true);
  });

  it('a used or ended invitation: says what may be the matter, and leaves nothing behind', async () => {
    const { invitation } = await network.join('dora');
    const thief = await network.lab.host('thief');
    const late = await network.lab.host('late');
    const ended = '2026-06-15T12:00:00.000Z';
    const text = await sh(late, `sed 's/^expires = .*/expires = "${ended}"/' ${invitation}`);
    const [{ code, stderr }, ofEnded] = await Promise.all([
      thief.exec([...CLIENT, 'install', invitation]),
      late.exec([...CLIENT, 'install', '-'], { input: text.stdout }),
    ]);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^innernet: error: .*the invitation was used or revoked, or the server is down; it expires at 20/m,
    );
    expect([stderr.match(/ error: /g), stderr]).toEqual([[' error: '], expect.stringMatching(/ hint: /)]);
    expect(ofEnded.code).toBe(1);
    expect(ofEnded.stderr).toMatch(/^innernet: warning: .* the invitation ended at 2026-06-15 \d\d:\d\d\n/);
    expect(ofEnded.stderr).toMatch(
      /error: the invitation ended at 2026-06-15 \d\d:\d\d, and no answer came[\s\S]*reissue-invitation/,
    );
    expect((await thief.exec(['ip', 'link', 'show', 'acme'])).code).not.toBe(0);
    expect((await sh(thief, 'ls -A /etc/innernet')).stdout).toBe('');
    await thief.sure([...CLIENT, 'install', await network.invite('honest')]);
  });

  it.each([
    ['the key is saved', '[ -e /etc/innernet/acme.pending ]'],
    ['the device is there', 'ip link show acme >/dev/null 2>&1'],
    ['the server has answered', 'wg show acme latest-handshakes 2>/dev/null | grep -qv "[[:space:]]0$"'],
    ['the conf is written', '[ -e /etc/innernet/acme.conf ]'],
    ['the pins are written', '[ -s /var/lib/innernet/acme.journal ] || [ -s /var/lib/innernet/acme.json ]'],
  ])('R18: killed when %s, it joins the next time', async (what, condition) => {
    const name = `k${what.replace(/[^a-z]/g, '').slice(0, 30)}`;
    const invitation = await network.invite(name);
    const host = await network.lab.host(name.slice(0, 12));
    const command = [...CLIENT, 'install', invitation].join(' ');
    await sh(host, `${command} & pid=$!; until ${condition}; do :; done; kill -9 $pid`);
    await host.sure([...CLIENT, 'install', invitation]);
    expect(await reaches(host, '10.42.0.1')).toBe(true);
    expect((await sh(host, 'ls -A /etc/innernet')).stdout).toBe('acme.conf\nacme.signing\n');
  });

  // The first answer tells what time it is at the server: only the second is to the redemption.
  it('R18: the answer to the redemption is lost: it joins the next time', async () => {
    const invitation = await network.invite('lost');
    const host = await network.lab.host('lost');
    await host.sure(['nft', '-f', '-'], {
      input:
        'table inet lost { chain in { type filter hook input priority 0; iifname "acme" tcp sport 51820 tcp flags & psh == psh limit rate over 1/day burst 1 packets drop; }; }\n',
    });
    const installing = host.spawn([...CLIENT, 'install', invitation]);
    await until('the invitation is redeemed', () => network.isRedeemed('lost'));
    installing.kill('SIGKILL');
    await installing.ended;
    await host.sure(['nft', 'delete', 'table', 'inet', 'lost']);
    await host.sure([...CLIENT, 'install', invitation]);
    expect(await reaches(host, '10.42.0.1')).toBe(true);
  });
});

describe('a running peer', () => {
  it('R20: sees peers come, be renamed and go, at once and down to the last one', async () => {
    const { host } = await network.join('eve');
    await until('bob knows eve', async () => (await reportOf(bob)).peers.some(({ name }) => name === 'eve'));
    const shown = (await reportOf(bob)).peers.find(({ name }) => name === 'eve');
    expect(shown).toMatchObject({ cidr: 'humans' });
    const ip = shown?.ip ?? '';
    expect(await reaches(bob, ip)).toBe(true);
    expect(await reaches(host, '10.42.1.2')).toBe(true);
    await network.admin('rename-peer', 'acme', '--name', 'eve', '--new-name', 'eva');
    await until('the name changes', async () =>
      (await sh(bob, 'cat /etc/hosts')).stdout.includes('eva.acme.wg'),
    );
    await network.admin('disable-peer', 'acme', '--name', 'eva');
    await until('she is gone', async () => !(await onDevice(bob)).includes(ip));
    expect(await reaches(bob, ip)).toBe(false);
    await until(
      'her name too',
      async () => !(await sh(bob, 'cat /etc/hosts')).stdout.includes('eva.acme.wg'),
    );
  });

  it.each(['disable-peer', 'delete-peer'])(
    'that ends itself by %s is told so before it is cut off',
    async (verb) => {
      const name = verb.slice(0, verb.indexOf('-'));
      const { host } = await network.join(name);
      await network.admin('grant-admin', 'acme', '--name', name);
      const key = (await host.sure(['wg', 'show', 'acme', 'public-key'])).trim();
      expect(await host.sure([...CLIENT, verb, 'acme', '--name', name, '--yes'])).toMatch(
        /^(disabled|deleted)/,
      );
      const keys = () => network.server.sure(['wg', 'show', 'acme', 'peers']);
      await until('the server has let go of it', async () => !(await keys()).includes(key));
    },
  );

  it('R15: tunnels stand while the server is away, also through a kill of our own process and a cold start', async () => {
    await until('there is a tunnel', () => reaches(bob, '10.42.1.1'));
    const missed = await missedPings(bob, '10.42.1.1', async () => {
      await network.stopServing('SIGKILL');
      bobFollows.kill('SIGKILL');
      await bobFollows.ended;
      bobFollows = bob.spawn([...CLIENT, 'up', '--daemon', 'acme']);
      await bobFollows.line(/up at/);
    });
    expect(missed).toBeLessThan(BROKEN);
    await bob.sure([...CLIENT, 'down', 'acme']);
    await bobFollows.ended;
    expect((await reportOf(bob)).isUp).toBe(false);
    bobFollows = bob.spawn([...CLIENT, 'up', '--daemon', 'acme']);
    await bobFollows.line(/up at/);
    await until('the tunnel is back without the server', () => reaches(bob, '10.42.1.1'));
    await network.serve();
    for (const host of [ann, bob]) await until(`${host.name} is connected`, () => isConnected(host), 60);
  });

  it('stops at a signal and leaves its tunnels up', async () => {
    const missed = await missedPings(ann, '10.42.1.2', async () => {
      annFollows.kill('SIGTERM');
      expect(await annFollows.ended).toMatchObject({ code: 0 });
      expect(annFollows.lines.join('\n')).toMatch(/its tunnels stay up until: innernet down acme/);
      annFollows = await follow(ann);
    });
    expect(missed).toBeLessThan(BROKEN);
  });

  it('is the only one, and answers for the network', async () => {
    const second = await ann.exec([...CLIENT, 'up', '--daemon', 'acme']);
    expect([second.code, second.stderr]).toEqual([
      1,
      expect.stringContaining('another innernet follows acme'),
    ]);
    await ann.sure([...CLIENT, 'fetch', 'acme']);
    await ann.sure([...CLIENT, 'up', 'acme']);
  });

  it('R24: repairs what somebody else did to the device when it is started again', async () => {
    const key = (await ann.sure(['wg', 'show', 'acme', 'peers'])).split('\n')[0] ?? '';
    annFollows.kill('SIGTERM');
    await annFollows.ended;
    await ann.sure(['wg', 'set', 'acme', 'peer', key, 'allowed-ips', '']);
    await ann.sure(['ip', 'address', 'flush', 'dev', 'acme']);
    annFollows = await follow(ann);
    expect(await reaches(ann, '10.42.0.1')).toBe(true);
    expect((await onDevice(ann)).includes('10.42.1.2')).toBe(true);
  });

  it('shut out, it lets go of everybody and keeps its pins; enabled, it comes back by itself', async () => {
    const others = (await onDevice(bob)).length;
    expect(others).toBeGreaterThan(1);
    await network.admin('disable-peer', 'acme', '--name', 'bob');
    await until('bob has let go', async () => (await onDevice(bob)).join() === '10.42.0.1');
    expect(await reaches(ann, '10.42.1.2')).toBe(false);
    expect(await bob.sure([...CLIENT, 'show', 'acme'])).toContain('shut out');
    const up = await bob.exec([...CLIENT, 'up', 'acme']);
    expect([up.code, up.stderr]).toEqual([
      1,
      expect.stringMatching(/shut out of the network[\s\S]*hint: ask an admin/),
    ]);
    const rename = await bob.exec([...CLIENT, 'rename-peer', 'acme', 'ann', '--new-name', 'anna']);
    expect([rename.code, rename.stderr]).toEqual([
      1,
      expect.stringMatching(
        /this machine was disabled or deleted in acme\n[\s\S]*hint: ask an admin .*enable-peer/,
      ),
    ]);
    const doctor = await bob.exec([...CLIENT, 'doctor', 'acme']);
    expect([doctor.code, doctor.stdout]).toEqual([
      1,
      expect.stringMatching(/^FAILED +handshake +this machine was disabled or deleted in acme$/m),
    ]);
    const { stdout } = await sh(bob, 'cat /var/lib/innernet/acme.json /var/lib/innernet/acme.journal');
    expect(stdout).toContain('"ann"');
    await network.admin('enable-peer', 'acme', '--name', 'bob');
    // Much sooner than it would ask by itself: WireGuard's own retry is answered again, within seconds.
    await until('bob is back', () => isConnected(bob), 40);
    await until('and reaches ann', () => reaches(bob, '10.42.1.1'));
  });
});

describe('without a network', () => {
  it.each([
    [['up', 'nope'], /the network nope is not installed/],
    [['fetch', 'nope'], /the network nope is not installed/],
    [['down', 'nope'], /the network nope is not installed/],
    [['install', '/nowhere.toml'], /there is no invitation \/nowhere.toml/],
    [['forget-pin', 'acme', 'nobody'], /no key is pinned for "nobody"/],
  ])('%j: a sentence and a hint', async (argv, sentence) => {
    const { code, stderr } = await ann.exec([...CLIENT, ...argv]);
    expect(code).toBe(1);
    expect(stderr).toMatch(sentence);
    expect(stderr).toMatch(/innernet: hint: /);
  });
});
