// The Debian package on a kernel with WireGuard of its own, booted with systemd: joined, cut off, stopped, booted again, removed.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makePackage } from '../../scripts/package.js';
import { VirtualMachine } from './virtual-machine.ts';

const folder = mkdtempSync(join(tmpdir(), 'innernet-kernel-'));
const packages = join(folder, 'packages');
let machine: VirtualMachine;

/** A file system with the package as it is, and as a version that comes after it. */
const makePackages = async (): Promise<void> => {
  mkdirSync(join(folder, 'root'));
  renameSync(await makePackage(join(folder, 'made'), ['-Znone']), join(folder, 'root/ours.deb'));
  const again = `dpkg-deb -R root/ours.deb again && sed -i 's/^Version: .*/&+newer/' again/DEBIAN/control
    dpkg-deb --root-owner-group -Znone -b again root/newer.deb && mke2fs -q -t ext4 -d root packages 400M`;
  execFileSync('sh', ['-ec', again], { cwd: folder });
};

beforeAll(async () => {
  await makePackages();
  const options = { folder: process.env.KERNEL_DISK ?? '', packages, console: join(folder, 'console') };
  machine = await VirtualMachine.boot(options);
}, 1_200_000);
afterAll(async () => {
  await machine?.halt();
  rmSync(folder, { recursive: true, force: true });
});

/** Two hosts on the machine's own LAN, made before any network at each boot, and their units inside. */
const NEIGHBOURS = `cat >/usr/local/sbin/neighbours <<'END'
set -e
ip link add lan0 type bridge
ip address add 203.0.113.10/24 dev lan0
ip link set lan0 up
for host in ann:11 bob:12; do
  name=\${host%:*}
  ip netns add $name
  ip link add to-$name type veth peer name eth0 netns $name
  ip link set to-$name master lan0 up
  ip -n $name link set lo up
  ip -n $name address add 203.0.113.\${host#*:}/24 dev eth0
  ip -n $name link set eth0 up
done
END
cat >/etc/systemd/system/neighbours.service <<'END'
[Unit]
Before=network-online.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh /usr/local/sbin/neighbours

[Install]
WantedBy=multi-user.target network-online.target
END
for name in ann bob; do
  mkdir -p /etc/systemd/system/innernet@$name.service.d
  printf '[Unit]\\nAfter=neighbours.service\\n[Service]\\nNetworkNamespacePath=/run/netns/%s\\n' $name \\
    >/etc/systemd/system/innernet@$name.service.d/netns.conf
done
echo net.ipv4.ip_forward=1 >/etc/sysctl.d/forwards.conf
echo 1 >/proc/sys/net/ipv4/ip_forward
systemctl daemon-reload
systemctl enable --now neighbours`;

const UNITS = 'innernet-server@acme innernet@ann innernet@bob';

/** The devices, each of the kernel, with their numbers: one that was made again has another. */
const DEVICES = `for where in '' '-n ann' '-n bob'; do ip $where -oneline link show type wireguard; done | grep -o '^[0-9]*: [a-z]*'`;

/** The programs of the package that run. */
const RUNNING = `readlink /proc/[0-9]*/exe | grep -c /usr/lib/innernet/node || true`;

/** On a very slow machine systemd gives up a start that takes too long, and tries again. */
const unitsAreActive = () => machine.until(`! systemctl is-active ${UNITS} | grep -qvx active`);

/** What ann gets answers from: the server by its name, and bob. */
const annReaches = (host: string): string => `ip netns exec ann ping -n -c 1 -W 5 ${host}`;
const SERVER = 'innernet-server.ann.wg';
const BOB = '10.42.1.2';

const bobsKey = (): Promise<string> => machine.sure('ip netns exec bob wg show bob public-key');

/** Whether all answers came, while something was done, to pings each second from ann to the server and to bob. */
const withPings = async (act: () => Promise<void>): Promise<void> => {
  for (const host of ['10.42.0.1', BOB])
    await machine.sure(`ip netns exec ann ping -n ${host} >/run/pings-${host} 2>&1 & echo $! >>/run/pinging`);
  await act();
  await machine.sure('kill -INT $(cat /run/pinging); rm /run/pinging');
  for (const host of ['10.42.0.1', BOB]) await machine.until(`grep -q packets /run/pings-${host}`);
  const said = await machine.sure('grep -h packets /run/pings-*');
  const counts = [...said.matchAll(/^(\d+) packets transmitted, (\d+) received/gm)];
  expect(counts).toHaveLength(2);
  for (const [, sent, received] of counts) {
    expect(Number(sent)).toBeGreaterThan(1);
    // The last one may be on its way.
    expect(Number(received), said).toBeGreaterThanOrEqual(Number(sent) - 1);
  }
};

describe('a machine that booted with its own kernel', () => {
  it('has WireGuard, systemd as its first process, and no other way to carry tunnels', async () => {
    const words = '. /etc/os-release; echo "$PRETTY_NAME ($(cat /etc/debian_version)), Linux $(uname -r)"';
    console.log(
      `machine: ${(await machine.sure(words)).trim()}, ${(await machine.sure('systemctl --version | head -n 1')).trim()}`,
    );
    expect(await machine.sure('cat /proc/1/comm')).toBe('systemd\n');
    expect(await machine.sure('modinfo -F filename wireguard')).toContain('wireguard.ko');
    expect((await machine.exec('command -v wireguard-go || command -v node')).code).not.toBe(0);
  });

  it('takes the package', async () => {
    await machine.sure('dpkg -i /mnt/ours.deb 2>&1');
    expect(await machine.sure('innernet --version')).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it('serves a network by its unit, over a device of the kernel', async () => {
    await machine.sure(NEIGHBOURS);
    await machine.sure(
      'innernet-server new --network-name acme --network-cidr 10.42.0.0/16 --external-endpoint 203.0.113.10:51820 --listen-port 51820',
    );
    await machine.sure('systemctl enable --now innernet-server@acme');
    expect(await machine.sure('ip -d link show dev acme')).toContain(' wireguard ');
    expect(await machine.sure('wg show acme listen-port')).toBe('51820\n');
    expect(await machine.sure('systemctl is-active innernet-server@acme')).toBe('active\n');
    expect(await machine.sure('journalctl -o cat -u innernet-server@acme')).not.toMatch(/userspace|error/);
  });

  it('lets peers join over it, whose units keep them there', async () => {
    await machine.sure('innernet-server add-cidr acme --name humans --cidr 10.42.1.0/24 --yes');
    for (const name of ['ann', 'bob']) {
      await machine.sure(
        `innernet-server add-peer acme --name ${name} --cidr humans --auto-ip --admin false --yes`,
      );
      // On a very slow machine the server may need longer than the program has patience.
      await machine.until(
        `ip netns exec ${name} inn install ${name}.toml --name ${name} --delete-invite --allow-overlap`,
      );
      await machine.sure(`systemctl enable --now innernet@${name}`);
    }
    await machine.until(annReaches(SERVER));
    await machine.until(annReaches(BOB));
    expect((await machine.sure(DEVICES)).match(/acme|ann|bob/g)).toEqual(['acme', 'ann', 'bob']);
    expect(await machine.sure('ip netns exec ann wg show ann dump')).toContain('203.0.113.12:');
  });

  it('writes the names of peers from within the unit, and leaves those of others', async () => {
    const hosts = await machine.sure('cat /etc/hosts');
    expect(hosts).toContain('127.0.1.1 machine');
    expect(hosts).toMatch(/^10\.42\.1\.2 bob\.ann\.wg$/m);
    expect(hosts).toMatch(/^10\.42\.1\.1 ann\.bob\.wg$/m);
  });

  it("forwards nothing of a network, by the kernel's own nftables, and guards its range", async () => {
    expect(await machine.sure('nft list table inet innernet-acme')).toContain('drop');
    expect(await machine.sure('ip -n ann rule show')).toContain('to 10.42.0.0/16');
  });

  it('has nothing that doctor finds wrong', async () => {
    // A slow machine's server may answer too late once.
    await machine.until('ip netns exec ann inn doctor ann');
  });
});

describe('changes, live', () => {
  it('a peer that is disabled is gone from every device, and comes back when it is enabled', async () => {
    const key = (await bobsKey()).trim();
    const keys = `ip netns exec ann wg show ann peers; wg show acme peers`;
    expect((await machine.sure(keys)).split('\n').filter((line) => line === key)).toHaveLength(2);
    await machine.sure('innernet-server disable-peer acme --name bob --yes');
    await machine.until(`! (${keys}) | grep -qF '${key}'`);
    expect((await machine.exec('ip netns exec ann ping -n -c 1 -W 2 10.42.1.2')).code).not.toBe(0);
    await machine.sure('innernet-server enable-peer acme --name bob --yes');
    await machine.until(annReaches(BOB));
  });
});

describe('tunnels without programs', () => {
  it('stay when the units are stopped, and when they start again', async () => {
    const before = await machine.sure(DEVICES);
    await withPings(async () => {
      await machine.sure(`systemctl stop ${UNITS}`);
      expect(await machine.sure(RUNNING)).toBe('0\n');
      await machine.sure(annReaches(BOB));
      await machine.sure(`systemctl start ${UNITS}`);
    });
    expect(await machine.sure(DEVICES)).toBe(before);
  });

  it('are there again after a reboot, with everything else', async () => {
    await machine.reboot();
    await unitsAreActive();
    await machine.until(annReaches(SERVER));
    await machine.until(annReaches(BOB));
    expect((await machine.sure(DEVICES)).match(/acme|ann|bob/g)).toEqual(['acme', 'ann', 'bob']);
    expect(await machine.sure('nft list table inet innernet-acme')).toContain('drop');
    expect(await machine.sure('systemctl --failed --plain --no-legend')).toBe('');
  });

  it('are taken down by `down`, the device with them', async () => {
    await machine.sure('ip netns exec bob inn down bob');
    expect((await machine.exec('ip -n bob link show dev bob')).code).not.toBe(0);
    await machine.until('test "$(systemctl is-active innernet@bob)" = inactive');
    await machine.sure('systemctl start innernet@bob');
    await machine.until(annReaches(BOB));
  });
});

describe('another version, and the end', () => {
  it('an upgrade starts the programs again under tunnels that stay', async () => {
    const before = await machine.sure(DEVICES);
    const pids = await machine.sure(`systemctl show -P MainPID ${UNITS}`);
    await withPings(async () => {
      await machine.sure('dpkg -i /mnt/newer.deb 2>&1');
    });
    expect(await machine.sure(`dpkg-query -f '\${Version}' -W innernet-live`)).toContain('+newer');
    await unitsAreActive();
    const now = (await machine.sure(`systemctl show -P MainPID ${UNITS}`)).split('\n');
    expect(now.filter((pid) => pid !== '' && (pids.split('\n').includes(pid) || pid === '0'))).toEqual([]);
    expect(await machine.sure(DEVICES)).toBe(before);
  });

  it('removed, the package leaves tunnels, keys and logs', async () => {
    const before = await machine.sure(DEVICES);
    await withPings(async () => {
      await machine.sure('dpkg -r innernet-live 2>&1');
    });
    expect(await machine.sure(DEVICES)).toBe(before);
    expect(await machine.sure(RUNNING)).toBe('0\n');
    await machine.sure(
      'test -s /etc/innernet-server/acme.conf && test -s /var/lib/innernet-server/acme.events',
    );
    await machine.sure('test -s /etc/innernet/ann.conf && test ! -e /usr/bin/innernet');
  });
});
