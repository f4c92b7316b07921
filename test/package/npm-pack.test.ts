// The npm package: packed from a clean copy, installed for all users into a folder of its own, run from there.
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Answer, run } from '../lab/running.ts';

const folder = mkdtempSync(join(tmpdir(), 'innernet-npm-'));
const copy = join(folder, 'copy');
const prefix = join(folder, 'prefix');
const installed = join(prefix, 'lib/node_modules/innernet');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let warnings: string[];

const sure = async (argv: [string, ...string[]]): Promise<Answer> => {
  const answer = await run(argv, process.env, { timeout: 280_000 });
  if (answer.code !== 0)
    throw new Error(`${argv.join(' ')}: exit ${answer.code}\n${answer.stdout}${answer.stderr}`);
  return answer;
};

beforeAll(async () => {
  const isSource = (path: string) => !['.git', 'node_modules', 'dist', 'packages'].includes(basename(path));
  cpSync('.', copy, { recursive: true, filter: isSource });
  symlinkSync(resolve('node_modules'), join(copy, 'node_modules'));
  await sure(['sh', '-c', `cd ${copy} && npm pack --pack-destination ${folder}`]);
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? '';
  const { stderr } = await sure([
    ...(['npm', 'install', '--global', '--prefix', prefix] as [string, ...string[]]),
    ...['--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts', join(folder, tarball)],
  ]);
  warnings = stderr.split('\n').filter((line) => /EBADENGINE|peer|conflict/i.test(line));
  // What the install script of better-sqlite3 makes, in minutes, was made here already.
  const module = 'node_modules/better-sqlite3/build/Release/better_sqlite3.node';
  cpSync(module, join(installed, module));
});

it('installs without a warning of what does not fit', () => expect(warnings).toEqual([]));

const bin = (program: string) => join(prefix, 'bin', program);

it('has what is needed to run, and nothing that was only needed to make it', () => {
  for (const path of [
    ...['dist/innernet.js', 'dist/innernet-server.js', 'dist/past-thread.js', 'dist/man/innernet.8'],
    ...['migrations/001_log.sql', 'packaging/innernet@.service', 'README.md', 'LICENSE'],
  ])
    expect([path, existsSync(join(installed, path))]).toEqual([path, true]);
  expect(readdirSync(installed)).not.toEqual(expect.arrayContaining(['src']));
  expect(readdirSync(installed)).not.toEqual(expect.arrayContaining(['test']));
  const packages = readdirSync(join(installed, 'node_modules'));
  // All that is in the bundles comes with them, its licence too.
  for (const name of ['esbuild', 'typescript', 'vitest', 'fastify', 'zod', 'ws'])
    expect(packages).not.toContain(name);
  expect(readFileSync(join(installed, 'dist/licences.txt'), 'utf8')).toMatch(/^fastify \d/m);
});

it('installs the programs and their manual pages', async () => {
  for (const program of ['innernet', 'inn', 'innernet-server'])
    expect((await sure([bin(program), '--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  expect(readdirSync(join(prefix, 'share/man/man8')).sort()).toEqual(['innernet-server.8', 'innernet.8']);
});

it('makes a network, changes it and tells of it', async () => {
  const folders = ['-c', join(folder, 'etc'), '-d', join(folder, 'lib')];
  const server = (...args: string[]) => sure([bin('innernet-server'), ...folders, ...args]);
  await server(
    'new',
    '--network-name',
    'acme',
    '--network-cidr',
    '10.42.0.0/16',
    '--external-endpoint',
    '192.0.2.1:1',
  );
  await server('add-cidr', 'acme', '--name', 'humans', '--cidr', '10.42.1.0/24', '--yes');
  expect((await server('list-cidrs', 'acme', '--tree')).stdout).toContain('humans');
  expect((await server('history', 'acme', '--json')).stdout).toContain('CidrAdded');
});
