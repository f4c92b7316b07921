// A bare Debian in a folder: made by debootstrap, entered by pivot_root in namespaces of its own.
//
// Mounts are made in those namespaces alone. They end with the program that runs there, and that ends with us.
// @ts-check
import { spawn, spawnSync } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { proxyEnvironment, share } from './host-network.js';

/** @typedef {'12' | '13' | 'sid'} Release */

/** What Debian calls the releases that are tried. */
/** @type {Record<Release, string>} */
export const releases = { 12: 'bookworm', 13: 'trixie', sid: 'sid' };

/** @typedef {{ log: string, signal: AbortSignal, env?: Record<string, string | undefined> }} Options */

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** $1 is the root, $2 a line of shell that is run inside. */
const ENTER = `
set -e
mount --bind "$1" "$1"
cd "$1"
hostname debian
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t tmpfs -o mode=755 debian run
mount -t tmpfs -o mode=755 debian dev
mkdir dev/net dev/shm dev/pts
for node in null zero full random urandom tty net/tun; do touch dev/$node; mount --bind /dev/$node dev/$node; done
mount -t tmpfs -o mode=1777 debian dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ln -s fd/0 dev/stdin; ln -s fd/1 dev/stdout; ln -s fd/2 dev/stderr
pivot_root . mnt
cd /root
umount -l /mnt
exec sh -c "$2"
`;

/**
 * Runs a program in mount and process namespaces; what it says goes to stdout and to the log.
 * @param {string[]} argv
 * @param {Options} options
 * @returns {Promise<number>} its exit code
 */
export const isolated = (argv, { log, ...options }) =>
  new Promise((resolve) => {
    const own = [
      '--mount',
      '--pid',
      '--uts',
      '--ipc',
      '--fork',
      '--kill-child=KILL',
      '--propagation',
      'private',
    ];
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', 'unshare', ...own, ...argv], {
      ...options,
      killSignal: 'SIGKILL',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (/** @type {Buffer} */ chunk) => {
        process.stdout.write(chunk);
        appendFileSync(log, chunk);
      });
    child.on('error', ({ name, message }) => name === 'AbortError' || appendFileSync(log, `${message}\n`));
    child.on('close', (code) => resolve(code ?? 1));
  });

const INSTALL_NODE = `export DEBIAN_FRONTEND=noninteractive
apt-get update -qq && apt-get install -y -qq --no-install-recommends nodejs npm`;

/** On Debian 12 its own is too old: the one of npm's registry, and the npm that belongs to it. */
const NODE_OF_THE_REGISTRY = { [`node-linux-${process.arch}@20`]: '', 'npm@10': 'lib/node_modules/npm' };

/**
 * @param {string} root
 * @param {string} name of a package, with its version
 * @param {string} place below /usr/local
 */
const unpack = (root, name, place) => {
  const folder = mkdtempSync(join(root, 'tmp/package-'));
  const packed = spawnSync('npm', ['pack', name, '--silent', '--pack-destination', folder], {
    encoding: 'utf8',
  });
  const target = join(root, 'usr/local', place);
  mkdirSync(target, { recursive: true });
  const archive = join(folder, packed.stdout.trim());
  const { status } = spawnSync('tar', [
    '-xzf',
    archive,
    '-C',
    target,
    '--strip-components=1',
    '--no-same-owner',
  ]);
  rmSync(folder, { recursive: true });
  if (status !== 0) throw new Error(`${name} could not be had from npm's registry: ${packed.stderr}`);
};

/** @param {string} root */
const putNodeOfTheRegistry = (root) => {
  for (const [name, place] of Object.entries(NODE_OF_THE_REGISTRY)) unpack(root, name, place);
  for (const name of ['npm', 'npx'])
    symlinkSync(`../lib/node_modules/npm/bin/${name}-cli.js`, join(root, 'usr/local/bin', name));
};

/**
 * What an installer of Debian writes too, and two lines that serve a root which is thrown away.
 * @param {string} root
 * @param {Release} release
 */
const configure = (root, release) => {
  writeFileSync(join(root, 'etc/hostname'), 'debian\n');
  writeFileSync(join(root, 'etc/hosts'), '127.0.0.1 localhost\n127.0.1.1 debian\n::1 localhost\n');
  writeFileSync(join(root, 'etc/dpkg/dpkg.cfg.d/haste'), 'force-unsafe-io\n');
  // A mirror may stand still for longer than what says which packages a release has, and moves every day, is valid.
  if (release === 'sid')
    writeFileSync(join(root, 'etc/apt/apt.conf.d/90patience'), 'Acquire::Check-Valid-Until "false";\n');
};

/** A root in which commands can be run; it knows nothing of what they are. */
export class BareDebian {
  /** @type {string} */
  root;
  /** @type {Record<string, string>} */
  #env;

  /**
   * A root that is there already.
   * @param {string} root
   */
  constructor(root) {
    this.root = root;
    this.#env = { HOME: '/root', PATH, TERM: 'dumb', ...share(root) };
  }

  /**
   * Makes one, with Node and npm and nothing else.
   * @param {string} root
   * @param {Release} release
   * @param {string | undefined} mirror debootstrap's own unless it is told
   * @param {Options} options
   */
  static async make(root, release, mirror, options) {
    const argv = ['debootstrap', '--variant=minbase', releases[release], root, ...(mirror ? [mirror] : [])];
    const env = { ...process.env, ...proxyEnvironment() };
    if ((await isolated(argv, { ...options, env })) !== 0) throw new Error('debootstrap failed, see above');
    configure(root, release);
    const debian = new BareDebian(root);
    if (release === '12') putNodeOfTheRegistry(root);
    else if ((await debian.run(INSTALL_NODE, options)) !== 0)
      throw new Error('Node could not be installed, see above');
    return debian;
  }

  /**
   * Runs a line of shell inside, as root does who has just logged in.
   * @param {string} line
   * @param {Options} options
   */
  run(line, options) {
    return isolated(['sh', '-c', ENTER, 'sh', this.root, line], { ...options, env: this.#env });
  }
}
