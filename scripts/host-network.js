// How this machine reaches the registries of Debian and npm, so that a root of its own reaches them the same way.
//
// It is read at run time from apt's and npm's own configuration. Nothing here knows a host by name, or a password.
// @ts-check
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * @param {string} program
 * @param {string[]} args
 */
const answerOf = (program, ...args) => (spawnSync(program, args, { encoding: 'utf8' }).stdout ?? '').trim();

/** The mirror that apt uses here for Debian itself; none where this machine is no Debian. */
export const mirrorOfThisMachine = () =>
  answerOf(
    'apt-get',
    ...['indextargets', '--format', '$(REPO_URI)'],
    ...['Created-By: Packages', 'Origin: Debian', 'Label: Debian', 'Component: main'],
  ).split('\n')[0] || undefined;

/** @param {string} scheme */
const aptProxy = (scheme) => {
  const [, proxy = ''] =
    /'(.*)'/.exec(answerOf('apt-config', 'shell', 'proxy', `Acquire::${scheme}::Proxy`)) ?? [];
  return proxy === 'DIRECT' ? '' : proxy || process.env[`${scheme}_proxy`] || '';
};

/** What debootstrap, which knows nothing of apt's configuration, has to have in its environment. */
export const proxyEnvironment = () => ({ http_proxy: aptProxy('http'), https_proxy: aptProxy('https') });

/** The settings of npm that say where its registry is; `null` is its word for one that is not set. */
const npmSettings = () =>
  ['registry', 'proxy', 'https-proxy', 'noproxy', 'strict-ssl'].flatMap((name) => {
    const value = answerOf('npm', 'config', 'get', name);
    return ['', 'null', 'undefined'].includes(value) ? [] : [`${name}=${value}`];
  });

/** The certificates that this machine trusts beside Node's own, where it was told of any. */
const certificates = () =>
  [answerOf('npm', 'config', 'get', 'cafile'), process.env.NODE_EXTRA_CA_CERTS].find(
    (path) => path && existsSync(path),
  );

const CERTIFICATES = '/usr/local/share/of-the-machine.pem';

/**
 * @param {string} path
 * @param {string[]} lines
 */
const put = (path, lines) => {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, lines.map((line) => `${line}\n`).join(''));
};

/**
 * Gives a root this machine's way to the registries.
 * @param {string} root
 * @returns {Record<string, string>} what its programs need in their environment
 */
export const share = (root) => {
  writeFileSync(join(root, 'etc/resolv.conf'), readFileSync('/etc/resolv.conf'));
  const trusted = certificates();
  if (trusted) copyFileSync(trusted, join(root, CERTIFICATES));
  const proxies = ['http', 'https'].flatMap((scheme) =>
    aptProxy(scheme) ? [`Acquire::${scheme}::Proxy "${aptProxy(scheme)}";`] : [],
  );
  const authorities = trusted ? [`Acquire::https::CAInfo "${CERTIFICATES}";`] : [];
  put(join(root, 'etc/apt/apt.conf.d/90of-the-machine'), [...proxies, ...authorities]);
  put(join(root, 'root/.npmrc'), [...npmSettings(), ...(trusted ? [`cafile=${CERTIFICATES}`] : [])]);
  return trusted ? { NODE_EXTRA_CA_CERTS: CERTIFICATES } : {};
};
