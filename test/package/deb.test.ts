// The Debian package on clean machines without Node, each under a systemd of its own: installed, lived with, removed.
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makePackage } from '../../scripts/package.js';
import { runtime } from '../../scripts/runtime.js';
import { answeredIn, BROKEN, missedDuring } from '../lab/pings.ts';
import { until } from '../lab/until.ts';
import { Machine } from './machine.ts';

const folder = mkdtempSync(join(tmpdir(), 'innernet-deb-'));
let server: Machine;
let peer: Machine;

/** Starts of both units at once; `PACKAGE_STARTS=200` is the long form. */
const STARTS = Number(process.env.PACKAGE_STARTS ?? 5);

beforeAll(async () => {
  const made = await makePackage(join(folder, 'made'), ['-Znone']);
  cpSync(made, join(folder, 'ours.deb'));
  // The compiler may take minutes the first time.
  [server, peer] = await Promise.all([Machine.boot('server', folder), Machine.boot('peer', folder)]);
  await Machine.connect(server, peer);
}, 1_200_000);
afterAll(async () => {
  await Promise.all([server?.halt(), peer?.halt()]);
  rmSync(folder, { recursive: true, force: true });
});

const install = (machine: Machine) => machine.sure('dpkg -i /mnt/ours.deb 2>&1');

/** Waits for a line of shell to succeed. */
const succeeds = (machine: Machine, line: string): Promise<void> =>
  until(line, async () => (await machine.exec(line)).code === 0, 60);

/** Pings the server every 50 ms while something is done; resolves to the most in a row that got no answer. */
const missedPings = async (act: () => Promise<void>): Promise<number> => {
  await peer.sure('ping -n -i 0.05 10.42.0.1 >/run/pings 2>&1 & echo $! >/run/pinging');
  try {
    return await missedDuring(answeredPings, act);
  } finally {
    await peer.sure('kill -INT $(cat /run/pinging)');
  }
};

const answeredPings = async (): Promise<number[]> => answeredIn(await peer.sure('cat /run/pings'));

/** The word by which a unit's comment gives the reason for what systemd-analyze names so. */
const reasonOf = (setting: string): string =>
  ({
    'SystemCallFilter=~@privileged': '@privileged',
    'User=/DynamicUser=': 'as root',
    'RootDirectory=/RootImage=': 'RootDirectory=',
    'CapabilityBoundingSet=~CAP_(DAC_*|FOWNER|IPC_OWNER)': 'DAC_OVERRIDE',
    'CapabilityBoundingSet=~CAP_(CHOWN|FSETID|SETFCAP)': 'CHOWN',
    'CapabilityBoundingSet=~CAP_SYS_PTRACE': 'SYS_PTRACE',
    'CapabilityBoundingSet=~CAP_NET_ADMIN': 'NET_ADMIN',
    'CapabilityBoundingSet=~CAP_NET_(BIND_SERVICE|BROADCAST|RAW)': 'NET_BIND_SERVICE',
    'RestrictAddressFamilies=~AF_NETLINK': 'AF_NETLINK',
    'RestrictAddressFamilies=~AF_UNIX': 'AF_UNIX',
    'RestrictAddressFamilies=~AF_(INET|INET6)': 'AF_INET6',
    'DeviceAllow=': 'tun',
  })[setting] ?? setting;

describe('installed', () => {
  it('it takes the place of the packages of innernet itself', async () => {
    const theirs = join(folder, 'theirs');
    mkdirSync(join(theirs, 'DEBIAN'), { recursive: true });
    const lines = [
      'Package: innernet',
      'Version: 2.0.0',
      'Architecture: all',
      'Maintainer: nobody',
      'Description: x',
    ];
    writeFileSync(join(theirs, 'DEBIAN/control'), `${lines.join('\n')}\n`);
    await peer.sure(
      'cp -r /mnt/theirs /run && dpkg-deb --build /run/theirs /run/theirs.deb && dpkg -i /run/theirs.deb',
    );
    await install(peer);
    const states = await peer.exec(`dpkg-query -f '\${Package}: \${Status}\\n' -W innernet innernet-live`);
    expect(states.stdout).toContain('innernet-live: install ok installed');
    expect(states.stdout).not.toContain('innernet: install ok installed');
  });

  it('the programs run where there is no Node', async () => {
    await install(server);
    expect((await server.exec('command -v node')).code).not.toBe(0);
    for (const program of ['innernet', 'inn', 'innernet-server'])
      expect(await server.sure(`${program} --version`)).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect(await server.sure('/usr/lib/innernet/node --version')).toBe(`v${runtime().version}\n`);
  });

  it('every file belongs to root, as dpkg has it noted', async () => {
    expect(await server.sure('dpkg --verify innernet-live')).toBe('');
    expect(await server.sure('find /usr/lib/innernet ! -user root -o ! -group root')).toBe('');
    expect(await server.sure('find /usr/lib/innernet -type f -perm /022')).toBe('');
  });

  it('units, manual pages and completions are in their places', async () => {
    const units =
      'innernet@acme.service innernet-server@acme.service innernet.target innernet-backup@acme.service innernet-backup@acme.timer innernet-notify@acme.service innernet-standby@acme.service';
    expect(await server.exec(`cd /usr/lib/systemd/system && systemd-analyze verify ${units}`)).toEqual({
      ...{ code: 0, stdout: '', stderr: '' },
    });
    for (const page of ['innernet', 'inn', 'innernet-server'])
      expect(await server.sure(`man -w ${page}`)).toContain('/usr/share/man/man8/');
    for (const path of [
      ...['bash-completion/completions/innernet', 'bash-completion/completions/inn'],
      ...['zsh/vendor-completions/_innernet-server', 'fish/vendor_completions.d/inn.fish'],
    ])
      await server.sure(`test -s /usr/share/${path}`);
    await server.sure(`bash -c '. /usr/share/bash-completion/completions/inn && complete -p inn'`);
  });
});

describe('under systemd', () => {
  it('a network is served and joined by the units alone', async () => {
    await server.sure(
      'innernet-server new --network-name acme --network-cidr 10.42.0.0/16 --external-endpoint 203.0.113.10:51820',
    );
    await server.sure('systemctl enable --now innernet-server@acme');
    await server.sure('innernet-server add-cidr acme --name humans --cidr 10.42.1.0/24 --yes');
    await server.sure(
      'innernet-server add-peer acme --name ann --cidr humans --auto-ip --yes --save-config /mnt/ann.toml',
    );
    await peer.sure('inn install /mnt/ann.toml --default-name --delete-invite');
    await peer.sure('systemctl enable --now innernet@acme');
    await succeeds(peer, 'ping -n -c 1 -W 1 10.42.0.1');
    expect(await server.sure('systemctl show -P StatusText innernet-server@acme')).toMatch(
      /^serving acme on /,
    );
    await succeeds(
      peer,
      'systemctl show -P StatusText innernet@acme | grep -q "acme: up, connected to the server"',
    );
    expect(await peer.sure('cat /etc/hosts')).toContain('10.42.0.1 innernet-server.acme.wg');
    expect(await server.sure('journalctl -o cat -u innernet-server@acme')).toContain(
      'listening on 10.42.0.1:51820',
    );
    expect(readdirSync(folder)).not.toContain('ann.toml');
  });

  it('the units may keep the range: its rule and routes on the peer, its table on the server', async () => {
    await succeeds(peer, 'ip -4 rule | grep -q "^50:.*10.42.0.0/16"');
    await succeeds(peer, 'ip -4 route show table all | grep -q "^unreachable 10.42.0.0/16"');
    await succeeds(server, 'nft list tables | grep -q "table inet innernet-acme"');
  });

  it('the timer of backups is set, and what it starts writes a copy that can be put back', async () => {
    await server.sure('systemctl enable --now innernet-backup@acme.timer');
    expect(await server.sure('systemctl show -P NextElapseUSecRealtime innernet-backup@acme.timer')).toMatch(
      /\d/,
    );
    await server.sure('systemctl start innernet-backup@acme.service');
    const copies = 'find /var/backups/innernet-server -name "acme-*.events" -perm 0600';
    const [copy = '', ...more] = (await server.sure(copies)).trim().split('\n');
    expect([copy, more]).toEqual([expect.stringMatching(/acme-\d{4}-\d\d-\d\dT\d{6}Z\.events$/), []]);
    await server.sure(`innernet-server restore acme ${copy} --dry-run`);
    await server.sure('systemctl disable --now innernet-backup@acme.timer');
  });

  it('the unit of notify runs a program of ours for each change, and waits for one', async () => {
    const program = '/etc/innernet-server/acme.notify';
    await server.sure('systemctl start innernet-notify@acme');
    expect(await server.sure('systemctl show -P ActiveState innernet-notify@acme')).toBe('inactive\n');
    await server.sure(
      `printf '#!/bin/sh\\ncat >>$STATE_DIRECTORY/told\\n' >${program} && chmod 755 ${program}`,
    );
    await server.sure('systemctl enable --now innernet-notify@acme');
    await succeeds(server, 'test -s /var/lib/innernet-server/acme.notified');
    await server.sure('innernet-server add-cidr acme --name robots --cidr 10.42.9.0/24 --yes');
    await succeeds(server, 'grep -q robots /var/lib/innernet-notify/told');
    await server.sure('systemctl disable --now innernet-notify@acme');
  });

  it('a unit may do what it says, with a reason for whatever systemd counts as an exposure', async () => {
    const said: string[] = [];
    for (const [machine, unit, most] of [
      [server, 'innernet-server@acme', 2.7],
      [peer, 'innernet@acme', 2.4],
    ] as const) {
      const text = await machine.sure(`systemctl cat ${unit}`);
      const reasons = text
        .split('\n')
        .filter((line) => line.startsWith('#'))
        .join('\n');
      const analysis = await machine.sure(`systemd-analyze security --no-pager ${unit}`);
      const exposed = [...analysis.matchAll(/^✗ (\S+)/gm)].map(([, setting = '']) => setting);
      expect(exposed.length).toBeGreaterThan(5);
      for (const setting of exposed) expect(reasons, setting).toContain(reasonOf(setting));
      const level = Number(/exposure level for \S+: ([\d.]+)/.exec(analysis)?.[1]);
      said.push(`${unit} ${level}`);
      expect(level, unit).toBeLessThanOrEqual(most);
    }
    console.log(`systemd-analyze security: ${said.join(', ')}`);
  });

  it('a unit writes nothing but its own folders and /etc, and gives systemd no orders', async () => {
    for (const [machine, unit] of [
      [server, 'innernet-server@acme'],
      [peer, 'innernet@acme'],
    ] as const) {
      const inside = `nsenter -t $(systemctl show -P MainPID ${unit}) -m sh -c`;
      const tried = await machine.exec(
        `${inside} 'for f in /run/x /usr/x /var/lib/x /root/x; do touch $f && echo $f; done; ls /dev'`,
      );
      const seen = tried.stdout.split('\n');
      expect(seen.filter((line) => line.startsWith('/'))).toEqual([]);
      expect(seen).toContain('null');
      expect(seen).not.toContain('mem');
      await machine.sure(
        `${inside} 'touch /run/innernet/x && rm /run/innernet/x && touch /etc/x && rm /etc/x'`,
      );
      expect((await machine.exec(`${inside} 'systemctl list-units'`)).code).not.toBe(0);
      expect(await machine.sure('stat -c %a /run/innernet /run/wireguard')).toBe('700\n700\n');
    }
  });

  it("the server's unit may let the relay forward by one interface, and change nothing else of the kernel", async () => {
    const inside = 'nsenter -t $(systemctl show -P MainPID innernet-server@acme) -m sh -c';
    const forwarding = '/proc/sys/net/ipv4/conf/eth0/forwarding';
    await server.sure(`${inside} 'echo 1 >${forwarding}'`);
    expect(await server.sure(`cat ${forwarding}`)).toBe('1\n');
    await server.sure(`${inside} 'echo 0 >${forwarding}'`);
    for (const other of ['net/ipv4/ip_forward', 'net/ipv4/tcp_syncookies', 'kernel/hostname'])
      expect((await server.exec(`${inside} 'echo 0 >/proc/sys/${other}'`)).code, other).not.toBe(0);
  });

  it(
    'both programs started at once on one machine lose nobody his names, again and again',
    async () => {
      await peer.sure(
        'innernet-server new --network-name beta --network-cidr 10.43.0.0/16 --external-endpoint 203.0.113.20:51821 --listen-port 51821',
      );
      await peer.sure(`cat >/run/starts <<'END'
for round in $(seq ${STARTS}); do
  echo '127.0.0.1 localhost' >/etc/hosts
  systemctl restart innernet@acme innernet-server@beta & started=$!
  for n in $(seq 30); do echo "192.0.2.9 t$n.theirs" >>/etc/hosts; sleep 0.03; done
  wait $started || exit 1
  for look in $(seq 100); do
    grep -q ' innernet-server.acme.wg' /etc/hosts && grep -q ' innernet-server.beta.wg' /etc/hosts && break
    sleep 0.1
  done
  names=$(grep -c ' innernet-server.' /etc/hosts) theirs=$(grep -c '.theirs' /etc/hosts)
  [ "$names $theirs" = '2 30' ] || { echo "round $round: $names names, $theirs of another program"; exit 1; }
done
END`);
      const { code, stdout, stderr } = await peer.exec('sh /run/starts', STARTS * 30_000);
      expect([code, stdout, stderr]).toEqual([0, '', '']);
      await peer.sure('systemctl stop innernet-server@beta && innernet-server uninstall beta --yes');
    },
    STARTS * 30_000 + 60_000,
  );

  it('a start anew of either daemon, and of all of them, leaves the tunnels standing', async () => {
    const missed = await missedPings(async () => {
      await server.sure('systemctl restart innernet-server@acme');
      await peer.sure('systemctl restart innernet@acme');
      await server.sure('systemctl restart innernet.target');
      await peer.sure('systemctl stop innernet@acme && systemctl start innernet@acme');
    });
    expect(missed).toBeLessThan(BROKEN);
  });

  it('a killed daemon is started again under tunnels that stand', async () => {
    for (const [machine, unit] of [
      [server, 'innernet-server@acme'],
      [peer, 'innernet@acme'],
    ] as const) {
      const missed = await missedPings(async () => {
        await machine.sure(`systemctl kill --kill-who=main --signal=KILL ${unit}`);
        await succeeds(
          machine,
          `test $(systemctl show -P NRestarts ${unit}) -ge 1 && systemctl is-active ${unit}`,
        );
      });
      expect(missed, unit).toBeLessThan(BROKEN);
    }
  });

  it('a daemon that hangs is noticed by the watchdog', async () => {
    const drop = '/run/systemd/system/innernet-server@acme.service.d';
    await server.sure(`mkdir -p ${drop} && printf '[Service]\nWatchdogSec=3\n' >${drop}/watchdog.conf`);
    await server.sure('systemctl daemon-reload && systemctl restart innernet-server@acme');
    const missed = await missedPings(async () => {
      await server.sure('kill -STOP $(systemctl show -P MainPID innernet-server@acme)');
      await succeeds(server, 'journalctl -o cat -u innernet-server@acme | grep -q "Watchdog timeout"');
      await succeeds(server, 'systemctl is-active innernet-server@acme');
    });
    expect(missed).toBeLessThan(BROKEN);
  });

  it('a daemon that is told to end by its own program is not started again', async () => {
    await peer.sure('inn down acme');
    await succeeds(peer, 'test "$(systemctl is-active innernet@acme)" = inactive');
    await peer.sure('systemctl start innernet@acme');
    await succeeds(peer, 'ping -n -c 1 -W 1 10.42.0.1');
  });
});

describe('another version, and the end', () => {
  it('an upgrade starts the daemons anew under tunnels that stay', async () => {
    const before = await server.sure('systemctl show -P MainPID innernet-server@acme');
    const missed = await missedPings(async () => {
      await install(server);
      await install(peer);
    });
    expect(missed).toBeLessThan(BROKEN);
    expect(await server.sure('systemctl show -P MainPID innernet-server@acme')).not.toBe(before);
    expect(await server.sure('systemctl is-active innernet-server@acme')).toBe('active\n');
  });

  it('removed, it stops the daemons, and leaves tunnels, keys and logs', async () => {
    const missed = await missedPings(async () => {
      await server.sure('dpkg -r innernet-live 2>&1');
      await peer.sure('dpkg --purge innernet-live 2>&1');
    });
    expect(missed).toBeLessThan(BROKEN);
    expect(await server.sure('ls /usr/lib/innernet /usr/bin/innernet* 2>&1; true')).not.toContain('node\n');
    await server.sure(
      'test -s /etc/innernet-server/acme.conf && test -s /var/lib/innernet-server/acme.events',
    );
    await peer.sure('test -s /etc/innernet/acme.conf');
  });
});
