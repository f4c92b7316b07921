// A holder: the process that keeps a network and mount namespace alive, and empties it when we are gone.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

/**
 * Own /run, own upper layers over /etc and /var/lib (all in memory), so that the same paths serve every host
 * and nothing reaches the machine. Then it waits: the end of its stdin, also by our death, is the signal to
 * kill whatever runs in its network namespace and to go.
 */
const SCRIPT = `
set -e
if [ /proc/$$/ns/net -ef /proc/$PPID/ns/net ] || [ /proc/$$/ns/net -ef /proc/1/ns/net ]; then
  echo 'not in a namespace of its own' >&2; exit 1
fi
umask 022 # an upper layer's folder is what /etc itself is seen as
mount -t tmpfs -o mode=755 lab /run
for place in etc var/lib; do
  mkdir -p "/run/.lab/$place/upper" "/run/.lab/$place/work"
  mount -t overlay lab \\
    -o "lowerdir=/$place,upperdir=/run/.lab/$place/upper,workdir=/run/.lab/$place/work" "/$place"
done
mount -t sysfs lab /sys
rm -rf /etc/innernet /etc/innernet-server /var/lib/innernet /var/lib/innernet-server
printf '127.0.0.1 localhost\\n::1 localhost\\n127.0.1.1 %s\\n' "$1" >/etc/hosts
ip link set lo up
echo ready
read -r _ || true
found=yes
while [ "$found" ]; do
  found=
  for process in /proc/[0-9]*; do
    id=\${process#/proc/}
    if [ "$id" != $$ ] && [ "$process/ns/net" -ef "/proc/$$/ns/net" ]; then
      case $(cat "$process/stat" 2>/dev/null) in *') Z '*) continue ;; esac
      kill -9 "$id" 2>/dev/null && found=yes
    fi
  done
done
`;

export class Holder {
  readonly pid: number;
  readonly #process: ChildProcess;

  private constructor(child: ChildProcess, pid: number) {
    this.#process = child;
    this.pid = pid;
  }

  /** Resolves when the namespaces stand. */
  static async start(name: string): Promise<Holder> {
    const argv = ['--net', '--mount', '--propagation', 'private', 'sh', '-c', SCRIPT, 'sh', name];
    // A session of its own: Ctrl-C on our terminal must not take the cleaner away before it has cleaned.
    const child = spawn('unshare', argv, { detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
    const stderr: string[] = [];
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk.toString()));
    const first = await Promise.race([once(child.stdout, 'data').then(String), once(child, 'close')]);
    if (child.pid !== undefined && first === 'ready\n') return new Holder(child, child.pid);
    child.stdin.end();
    throw new Error(`the lab could not make namespaces for ${name}: ${stderr.join('').trim()}`);
  }

  /** The arguments of `nsenter` that lead into the namespaces; the folder stays the current one. */
  get entrance(): string[] {
    const ns = `/proc/${this.pid}/ns`;
    return [`--net=${ns}/net`, `--mount=${ns}/mnt`, `--wdns=${process.cwd()}`, '--'];
  }

  /** Kills everything inside; resolves when the holder has gone, the namespaces with it. */
  async close(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const gone = once(this.#process, 'exit');
    this.#process.stdin?.end();
    await gone;
  }
}
