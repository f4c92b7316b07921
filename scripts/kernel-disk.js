// The disk of a virtual machine: a bare Debian with its kernel and systemd, made once and kept in the user's cache folder.
//
// It is made in memory, in namespaces of its own, so that nothing of it stays when this program ends before it is done.
// @ts-check
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isolated, releases } from './bare-debian.js';
import { mirrorOfThisMachine, proxyEnvironment } from './host-network.js';

const CACHE = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'innernet-kernel');

/** What a server that was just installed has too: no Node, no wireguard-go. */
const packages = [
  ...['systemd-sysv', 'udev', 'dbus', 'kmod', 'linux-image-cloud-amd64', 'busybox-static'],
  ...['iproute2', 'wireguard-tools', 'nftables', 'iputils-ping'],
];

/** What an emulated processor takes minutes for, or what works now and then: a look at all hardware, log-ins, timers. */
const masked = [
  ...['systemd-udev-trigger.service', 'systemd-logind.service', 'systemd-pstore.service', 'getty.target'],
  ...['systemd-update-utmp.service', 'systemd-update-utmp-runlevel.service', 'e2scrub_reap.service'],
  ...[
    'apt-daily.timer',
    'apt-daily-upgrade.timer',
    'dpkg-db-backup.timer',
    'fstrim.timer',
    'e2scrub_all.timer',
  ],
];

/**
 * Runs the lines that the host sends through a port of the virtual machine: base64 comes in; exit code, stdout and stderr go
 * out, the latter two in base64.
 */
const AGENT = `#!/bin/sh
cd /root
modprobe -a virtio_console virtio_rng
until name=$(grep -lx agent /sys/class/virtio-ports/*/name); do sleep 0.2; done
exec <>"/dev/$(basename "$(dirname "$name")")" >&0
echo ready
while read -r line; do
  echo "$line" | base64 -d >/run/agent.line
  sh /run/agent.line >/run/agent.stdout 2>/run/agent.stderr </dev/null
  echo "$? .$(base64 -w0 /run/agent.stdout) .$(base64 -w0 /run/agent.stderr)"
done
`;

const AGENT_UNIT = `[Service]
ExecStart=/usr/local/sbin/agent
Environment=HOME=/root LC_ALL=C.UTF-8

[Install]
WantedBy=multi-user.target
`;

/** What the kernel starts first, from memory: it loads the driver of the disk and goes over to that. */
const FIRST = `#!/bin/busybox sh
busybox mount -t devtmpfs dev /dev
for module in /modules/*; do busybox insmod $module; done
until [ -b /dev/vda ]; do busybox sleep 0.1; done
busybox mount -t ext4 /dev/vda /root
exec busybox switch_root /root /sbin/init
`;

/** @type {Record<string, string>} */
const files = {
  'first-init': FIRST,
  'etc/hostname': 'machine\n',
  'etc/hosts': '127.0.0.1 localhost\n127.0.1.1 machine\n::1 localhost\n',
  'etc/fstab': '',
  'etc/dpkg/dpkg.cfg.d/haste': 'force-unsafe-io\n',
  'usr/local/sbin/agent': AGENT,
  'etc/systemd/system/agent.service': AGENT_UNIT,
};

/** Runs inside the root; Debian's own start from memory looks for every disk there is, which takes an emulator minutes. */
const MAKE_FIRST = `
set -e
mkdir -p /first/bin /first/dev /first/root /first/modules
cp /bin/busybox /first/bin/
number=100
for module in $(modprobe --set-version "$(ls /lib/modules)" --show-depends --all virtio_pci virtio_blk | sed -n "s/^insmod //p"); do
  number=$((number + 1))
  case $module in
    *.xz) busybox xzcat "$module" >/first/modules/$number.ko ;;
    *) cp "$module" /first/modules/$number.ko ;;
  esac
done
test -s /first/modules/101.ko
mv /first-init /first/init
chmod 755 /first/init
cd /first && find . | cpio --quiet -o -H newc >/boot/first.img
rm -r /first
systemctl enable agent.service
# As after a first boot: nothing is compiled again.
touch /usr
touch /etc/.updated /var/.updated
`;

/** $1 is the suite, $2 the folder to fill, in which `files` lies, $3 a mirror or nothing, $4 a line to run inside. */
const MAKE = `
set -e
umask 022
mount -t tmpfs -o mode=755 machine /mnt
debootstrap --variant=minbase --include=${packages.join(',')} "$1" /mnt $3
cp -r "$2/files/." /mnt
chmod 755 /mnt/usr/local/sbin/agent
for unit in ${masked.join(' ')}; do ln -sf /dev/null /mnt/etc/systemd/system/$unit; done
chroot /mnt sh -c "$4"
rm -f /mnt/var/cache/apt/archives/*.deb
mv /mnt/boot/first.img "$2/initrd"
cp /mnt/boot/vmlinuz-* "$2/vmlinuz"
mke2fs -q -t ext4 -d /mnt "$2/disk" 2G
`;

/** Another recipe makes another disk. @param {string} suite */
const fingerprint = (suite) =>
  createHash('sha256')
    .update(readFileSync(fileURLToPath(import.meta.url)))
    .update(suite)
    .digest('hex')
    .slice(0, 16);

/**
 * The folder with `disk`, `vmlinuz` and `initrd`, made where it is not there yet. Throws where that fails.
 * @param {import('./bare-debian.js').Release} release
 * @param {{ isFresh: boolean, signal: AbortSignal }} options `isFresh`: with the packages of today
 */
export const diskOf = async (release, { isFresh, signal }) => {
  const suite = releases[release];
  const kept = join(CACHE, `${suite}-${fingerprint(suite)}`);
  if (isFresh) rmSync(kept, { recursive: true, force: true });
  if (existsSync(kept)) return kept;
  mkdirSync(CACHE, { recursive: true });
  const folder = mkdtempSync(join(CACHE, 'made-'));
  try {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, 'files', path)), { recursive: true });
      writeFileSync(join(folder, 'files', path), text);
    }
    const argv = ['sh', '-c', MAKE, 'sh', suite, folder, mirrorOfThisMachine() ?? '', MAKE_FIRST];
    const env = { ...process.env, ...proxyEnvironment() };
    const code = await isolated(argv, { log: join(folder, 'log'), signal, env });
    if (code !== 0) throw new Error('the disk could not be made, see above');
    rmSync(join(folder, 'files'), { recursive: true });
    renameSync(folder, kept);
    return kept;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};
