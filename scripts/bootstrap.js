// Makes a fresh Debian machine ready, then runs the command given: node scripts/bootstrap.js node scripts/test.js
//
// Installs what is missing, says so first, and does nothing the second time. Plain JavaScript and Node's own
// modules only, because nothing else is there yet.
// @ts-check
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** A Debian package and a program by which we know that it is there. */
const systemPackages = {
  'wireguard-go': 'wireguard-go',
  'wireguard-tools': 'wg',
  iproute2: 'ip',
  nftables: 'nft',
  'iputils-ping': 'ping',
  ethtool: 'ethtool',
  procps: 'sysctl',
  strace: 'strace',
  'util-linux': 'nsenter',
};

/** What single tests want: a browser for what a page can do, a witness of packets, other hands for signatures. A demo need not wait for these. */
const testPackages = {
  'chromium-headless-shell': 'chromium-headless-shell',
  openssl: 'openssl',
  postgresql: 'postgres',
  tcpdump: 'tcpdump',
};

/** Debian keeps the server's programs of each version in a folder of its own. */
const postgresRoot = '/usr/lib/postgresql';

/** Read by Debian's scripts for PostgreSQL: the tests start a server of their own, and no other is to run. */
const noCluster = '/etc/postgresql-common/createcluster.d/innernet-tests.conf';

/** What `npm run test:debian` makes a root with. */
const debianPackages = { debootstrap: 'debootstrap', gpgv: 'gpgv', git: 'git' };

/** What `npm run test:kernel` makes a virtual machine with. */
const kernelPackages = {
  debootstrap: 'debootstrap',
  gpgv: 'gpgv',
  e2fsprogs: 'mke2fs',
  'qemu-system-x86': 'qemu-system-x86_64',
};

/** What only `npm run torture` wants: another clock for a program of ours. */
const torturePackages = { faketime: 'faketime' };

/** What better-sqlite3 is compiled with where there is no prebuilt one. */
const compilerPackages = { 'build-essential': 'g++', python3: 'python3' };

/** @param {string} sentence */
function say(sentence) {
  console.error(`bootstrap: ${sentence}`);
}

/**
 * @param {string} sentence
 * @returns {never}
 */
function stop(sentence) {
  say(sentence);
  process.exit(1);
}

/** Debian keeps ip, nft and sysctl in folders that not everybody's PATH names. */
const searchPath = [...(process.env.PATH ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin'];

const postgresFolders = () =>
  existsSync(postgresRoot)
    ? readdirSync(postgresRoot).map((version) => join(postgresRoot, version, 'bin'))
    : [];

/** @param {string} program */
function isInstalled(program) {
  const folders = program === 'postgres' ? postgresFolders() : searchPath;
  return folders.some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** @param {Record<string, string>} packages */
function missing(packages) {
  return Object.entries(packages).flatMap(([name, program]) => (isInstalled(program) ? [] : [name]));
}

/**
 * Runs one step of the set-up; its output goes to stderr, because stdout is for the command's answer.
 * @param {string} program
 * @param {string[]} args
 * @param {Record<string, string>} [env]
 * @returns {boolean} whether it succeeded
 */
function run(program, args, env = {}) {
  const options = { cwd: root, env: { ...process.env, ...env } };
  const { status, error } = spawnSync(program, args, { ...options, stdio: ['ignore', 2, 2] });
  if (error) stop(`${program} could not be started: ${error.message}`);
  return status === 0;
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19))
    stop(`Node 20.19 or newer is needed and this is ${process.versions.node}; see https://nodejs.org`);
}

function checkRoot() {
  if (process.getuid?.() === 0) return;
  const verb = process.env.npm_lifecycle_event;
  const command = !verb || verb === 'test' ? 'npm test' : `npm run ${verb}`;
  stop(`this makes network namespaces and WireGuard devices, which only root may; run: sudo ${command}`);
}

/** @param {string[]} names */
function installSystemPackages(names) {
  if (names.length === 0) return;
  const list = names.join(' ');
  if (!isInstalled('apt-get'))
    stop(`there is no apt-get here; install what brings these, then try again: ${list}`);
  say(`installing Debian packages: ${list}`);
  if (names.includes('postgresql')) keepFromCluster();
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  const installed =
    run('apt-get', ['update', '-qq'], env) &&
    run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...names], env);
  if (!installed) stop(`apt-get could not install them, see above; try: apt-get install ${list}`);
}

/** Otherwise Debian makes a cluster while it installs, starts it, and starts it again with the machine. */
function keepFromCluster() {
  mkdirSync(dirname(noCluster), { recursive: true });
  writeFileSync(noCluster, 'create_main_cluster = false\n');
}

const lockfile = join(root, 'package-lock.json');
const stamp = join(root, 'node_modules', '.bootstrap');

/** What the installed packages depend on: the lockfile, and the Node that native ones were built for. */
function fingerprint() {
  const hash = createHash('sha256').update(readFileSync(lockfile)).digest('hex');
  return `${hash} ${process.platform}-${process.arch}-${process.versions.modules}\n`;
}

/** Whether the native database module is there and fits this Node. */
function databaseLoads() {
  const script = `new (require('better-sqlite3'))(':memory:').close()`;
  return spawnSync(process.execPath, ['-e', script], { cwd: root }).status === 0;
}

/** Without a stamp somebody may have called npm: what it wrote must then be newer than the lockfile. */
function npmPackagesAreCurrent() {
  if (existsSync(stamp)) return readFileSync(stamp, 'utf8') === fingerprint();
  const installed = join(root, 'node_modules', '.package-lock.json');
  return (
    existsSync(installed) && statSync(installed).mtimeMs >= statSync(lockfile).mtimeMs && databaseLoads()
  );
}

/** node-gyp downloads headers unless it is told where those of this very Node are. */
function headersOfThisNode() {
  const prefix = dirname(dirname(process.execPath));
  const { stdout } = spawnSync('npm', ['config', 'get', 'nodedir'], { cwd: root, encoding: 'utf8' });
  const isConfigured = !['', 'undefined', 'null'].includes((stdout ?? '').trim());
  return isConfigured || !existsSync(join(prefix, 'include/node/node.h'))
    ? {}
    : { npm_config_nodedir: prefix };
}

/** The database module is downloaded ready-made or, where that fails, compiled: only then is a compiler needed. */
function installNpmPackages() {
  say('installing npm packages (a minute or two where the database module must be compiled)');
  const install = () =>
    run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], headersOfThisNode()) && databaseLoads();
  if (install()) return;
  const compiler = missing(compilerPackages);
  if (compiler.length === 0) stop('npm could not install the packages, see above');
  installSystemPackages(compiler);
  if (!install()) stop('npm could not install the packages with the compiler either, see above');
}

/**
 * Runs the command as if it had been called directly: same terminal, same exit code, same signals.
 * @param {string} program
 * @param {string[]} args
 */
function become(program, args) {
  const env = { ...process.env, PATH: searchPath.join(delimiter) };
  const child = spawn(program, args, { stdio: 'inherit', env });
  const hasTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
  // Ctrl-C on a terminal reaches the child by itself, and twice might mean "at once" to it.
  process.on('SIGINT', () => hasTerminal || child.kill('SIGINT'));
  for (const signal of /** @type {const} */ (['SIGTERM', 'SIGHUP']))
    process.on(signal, () => child.kill(signal));
  child.on('error', (error) => stop(`${program} could not be started: ${error.message}`));
  child.on('exit', (code, signal) => {
    if (!signal) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

const [program, ...args] = process.argv.slice(2);
checkNode();
checkRoot();
const verb = process.env.npm_lifecycle_event ?? '';
installSystemPackages(
  missing({
    ...systemPackages,
    ...(['test', 'torture'].includes(verb) ? testPackages : {}),
    ...(verb === 'torture' ? torturePackages : {}),
    ...(verb === 'test:debian' ? debianPackages : {}),
    ...(verb === 'test:kernel' ? kernelPackages : {}),
  }),
);
if (!npmPackagesAreCurrent()) installNpmPackages();
writeFileSync(stamp, fingerprint());
if (program) become(program, args);
