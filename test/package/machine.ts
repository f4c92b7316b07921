// A machine with a systemd of its own: this machine's root under a layer in memory, without Node and without us.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type Answer, run } from '../lab/running.ts';

const repository = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/**
 * $1 is a name, $2 a folder that becomes /mnt, $3 the repository, which is out of sight inside. As for any container,
 * /sys and /proc/sys are read-only, so that nothing is done to this machine's kernel, but for the settings of its own
 * interfaces. It ends with its stdin.
 */
const SCRIPT = `
set -e
group=/sys/fs/cgroup; [ -e $group/cgroup.controllers ] || group=$group/unified
mkdir -p "$group/innernet-$1" # one that was killed has left it
leave() { find "$group/innernet-$1" -depth -type d -exec rmdir {} + ; }
trap 'leave "$1"' EXIT
sh -c 'echo $$ >"$0/cgroup.procs"; exec unshare --fork --kill-child=KILL --pid --mount --net --uts --ipc --cgroup \\
  --propagation private sh -c "$1" sh "$2" "$3" "$4"' "$group/innernet-$1" "$BOOT" "$1" "$2" "$3" &
unshare=$!
until grep -qs systemd /proc/$(pgrep -P $unshare)/comm; do
  kill -0 $unshare; sleep 0.05
done
echo "pid $(pgrep -P $unshare)"
read -r _ || true
kill -9 $unshare
wait $unshare || true
for i in $(seq 200); do leave "$1" 2>/dev/null && break; sleep 0.05; done
trap - EXIT
`;

const BOOT = `
set -e
hostname "$1"
mount -t tmpfs machine /srv
mkdir -p /srv/upper /srv/work /srv/root
mount -t overlay machine -o "lowerdir=/,upperdir=/srv/upper,workdir=/srv/work" /srv/root
cd /srv/root
mount -t proc proc proc
mount --bind proc/sys proc/sys
for family in 4 6; do mount --bind proc/sys/net/ipv$family/conf proc/sys/net/ipv$family/conf; done
mount -o remount,ro,bind proc/sys
mount -t sysfs -o ro sys sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
for place in run tmp var/log "\${3#/}"; do mkdir -p "$place"; mount -t tmpfs -o mode=1777 machine $place; done
chmod 755 run
mount -t tmpfs -o mode=755 machine dev
mkdir dev/net dev/shm dev/pts
for node in null zero full random urandom tty net/tun; do touch dev/$node; mount --bind /dev/$node dev/$node; done
mount -t tmpfs -o mode=1777 machine dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
touch dev/console
mount --bind "$2" mnt
rm -f usr/bin/node usr/local/bin/node
rm -rf etc/innernet etc/innernet-server var/lib/innernet var/lib/innernet-server
rm -f etc/machine-id
tr -d - </proc/sys/kernel/random/uuid >etc/machine-id
for unit in networking systemd-networkd-wait-online NetworkManager-wait-online systemd-logind; do
  ln -sf /dev/null etc/systemd/system/$unit.service
done
ip link set lo up
mkdir -p srv/old
pivot_root . srv/old
umount -l /srv/old
exec env -i container=other PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \\
  /lib/systemd/systemd --unit=basic.target </dev/null >/dev/null 2>&1
`;

export class Machine {
  readonly #holder: ChildProcess;
  readonly #pid: number;

  private constructor(holder: ChildProcess, pid: number) {
    this.#holder = holder;
    this.#pid = pid;
  }

  /** Boots a machine; `folder` is its /mnt. Resolves when its systemd answers. */
  static async boot(name: string, folder: string): Promise<Machine> {
    const holder = spawn('sh', ['-c', SCRIPT, 'sh', name, folder, repository], {
      env: { PATH: process.env.PATH, BOOT },
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const stderr: string[] = [];
    holder.stderr.on('data', (text) => stderr.push(String(text)));
    const first = await Promise.race([once(holder.stdout, 'data').then(String), once(holder, 'close')]);
    const pid = /^pid (\d+)$/m.exec(String(first))?.[1];
    if (pid === undefined) throw new Error(`the machine ${name} did not boot: ${stderr.join('')}`);
    const machine = new Machine(holder, Number(pid));
    await machine.exec('until systemctl list-units >/dev/null 2>&1; do sleep 0.1; done');
    return machine;
  }

  /** Joins two machines by a cable. */
  static async connect(one: Machine, other: Machine): Promise<void> {
    await one.sure(
      `ip link add eth0 type veth peer name eth1 && ip address add 203.0.113.10/24 dev eth0 && ip link set eth0 up`,
    );
    await run(
      ['nsenter', `--net=/proc/${one.#pid}/ns/net`, 'ip', 'link', 'set', 'eth1', 'netns', `${other.#pid}`],
      process.env,
      {},
    );
    await other.sure('ip address add 203.0.113.20/24 dev eth1 && ip link set eth1 up');
  }

  /** Runs a line of shell as root inside, whatever its exit code. */
  exec(line: string, timeout = 60_000): Promise<Answer> {
    const enter = ['-t', `${this.#pid}`, '-m', '-p', '-n', '-u', '-i', '-C', '--wdns=/root', '--'];
    const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root', LC_ALL: 'C.UTF-8', TERM: 'dumb' };
    return run(['nsenter', ...enter, 'sh', '-c', line], env, { timeout });
  }

  /** As `exec`, but throws unless the exit code is 0; answers with stdout. */
  async sure(line: string, timeout?: number): Promise<string> {
    const { code, stdout, stderr } = await this.exec(line, timeout);
    if (code !== 0) throw new Error(`${line}: exit ${code}\n${stdout}${stderr}`);
    return stdout;
  }

  /** Ends it with all that runs on it; nothing of it stays. */
  async halt(): Promise<void> {
    const gone = once(this.#holder, 'exit');
    this.#holder.stdin?.end();
    await gone;
  }
}
