// Runs the commands of the README on a bare Debian, made for that and thrown away: node scripts/test-debian.js [12|13|sid]
//
// The clone is of what is committed here. What the commands say is kept beside the root, in a folder of its own.
// @ts-check
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { BareDebian, releases } from './bare-debian.js';
import { elapsed, lastLines, record } from './debian-result.js';
import { mirrorOfThisMachine } from './host-network.js';
import { makePackage } from './package.js';

const HELP = `usage: npm run test:debian [12|13|sid] [-- OPTIONS]

  --command LINE    instead of both: demo, test, package, or any line of shell; may be repeated
  --clone FOLDER    where the clone lies inside (default: /root/innernet)
  --mirror URL      a mirror of Debian (default: the one that apt uses here)
  --folder FOLDER   in which a folder for the root is made (default: TMPDIR, or /var/tmp)
  --keep            leave the root there
  --root FOLDER     use this one again, which --keep has left
  --record          write the last lines into docs/reliability.md`;

const repository = fileURLToPath(new URL('..', import.meta.url));

/** What the README tells people to type, and what the package that is made here comes to there. */
const commands = {
  demo: 'npm run demo',
  test: 'npm test',
  package: 'sh scripts/installed-package.sh /root/innernet-live.deb',
};

/** @param {string} sentence */
const say = (sentence) => console.error(`test-debian: ${sentence}`);

/**
 * @param {string} sentence
 * @param {number} [code]
 * @returns {never}
 */
const stop = (sentence, code = 1) => {
  say(sentence);
  process.exit(code);
};

const read = () => {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        command: { type: 'string', multiple: true, default: ['demo', 'test'] },
        clone: { type: 'string', default: '/root/innernet' },
        mirror: { type: 'string' },
        folder: { type: 'string', default: process.env.TMPDIR || '/var/tmp' },
        root: { type: 'string' },
        keep: { type: 'boolean', default: false },
        record: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    return stop(/** @type {Error} */ (error).message, 2);
  }
};

/** @param {string} text */
const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

/** Ends with this program, whatever ends it: the root is in use until then. */
const stopped = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => stopped.abort());

/** @param {string} folder */
const discard = (folder) => spawnSync('rm', ['-rf', '--one-file-system', folder]);

/**
 * @param {string} root
 * @param {string} place
 */
const cloneInto = (root, place) => {
  const target = join(root, place);
  mkdirSync(dirname(target), { recursive: true });
  discard(target);
  const { status, stderr } = spawnSync('git', ['clone', '--quiet', '--no-hardlinks', repository, target]);
  if (status !== 0) throw new Error(`git could not clone ${repository}: ${stderr}`);
};

/**
 * Runs one command in the clone, and says in a few lines how it went.
 * @param {BareDebian} debian
 * @param {string} command
 * @param {string} place of the clone
 * @param {string} log
 */
const attempt = async (debian, command, place, log) => {
  const line = Object.entries(commands).find(([name]) => name === command)?.[1] ?? command;
  say(`${line}, in ${place}`);
  writeFileSync(log, '');
  const start = performance.now();
  const code = await debian.run(`cd ${quoted(place)} && ${line}`, { log, signal: stopped.signal });
  return { code, lines: [`$ ${line}`, ...lastLines(log), `exit ${code} after ${elapsed(start)}`] };
};

/**
 * @param {BareDebian} debian
 * @param {string} log
 */
const versionsIn = async (debian, log) => {
  const line = 'echo "$(cat /etc/debian_version), node $(node --version), npm $(npm --version)"';
  await debian.run(line, { log, signal: stopped.signal });
  return lastLines(log, 1)[0];
};

/** @typedef {ReturnType<typeof read>['values']} Values */

/**
 * @param {import('./bare-debian.js').Release} release
 * @param {Values} values
 * @param {string} folder
 */
const tryOut = async (release, { command, clone, mirror, root, ...values }, folder) => {
  const setUp = { log: join(folder, 'set-up.log'), signal: stopped.signal };
  const debian = root
    ? new BareDebian(root)
    : await BareDebian.make(join(folder, 'root'), release, mirror ?? mirrorOfThisMachine(), setUp);
  const title = `Debian ${release} (${await versionsIn(debian, setUp.log)}), the clone in ${clone}`;
  cloneInto(debian.root, clone);
  if (command.includes('package'))
    copyFileSync(
      await makePackage(join(folder, 'made'), ['-Znone']),
      join(debian.root, 'root/innernet-live.deb'),
    );
  const attempts = [];
  for (const [index, line] of command.entries()) {
    stopped.signal.throwIfAborted();
    attempts.push(await attempt(debian, line, clone, join(folder, `command-${index + 1}.log`)));
  }
  stopped.signal.throwIfAborted();
  const lines = attempts.flatMap((one) => one.lines);
  console.log(`\n${[title, ...lines].join('\n')}`);
  if (values.record) record(title, lines);
  return attempts.every(({ code }) => code === 0);
};

const { values, positionals } = read();
if (values.help) {
  console.log(HELP);
  process.exit();
}
const [release = '13', ...more] = positionals;
if (!(release in releases) || more.length > 0) stop(`say one of ${Object.keys(releases).join(', ')}`, 2);
const folder = mkdtempSync(join(values.folder, `innernet-debian-${release}-`));
say(`all of this is in ${folder}`);
try {
  const known = /** @type {import('./bare-debian.js').Release} */ (release);
  process.exitCode = (await tryOut(known, values, folder)) ? 0 : 1;
} catch (error) {
  say(stopped.signal.aborted ? 'stopped' : /** @type {Error} */ (error).message);
  process.exitCode = stopped.signal.aborted ? 130 : 1;
} finally {
  if (!values.keep) discard(join(folder, 'root'));
  say(values.keep ? `kept: -- --root ${values.root ?? join(folder, 'root')}` : `the logs are in ${folder}`);
}
