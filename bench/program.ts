/** `npm run bench [-- --json] [-- --only NAME]`: the figures that we promise, each beside its yardstick. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { admins } from './admins.ts';
import { append } from './append.ts';
import { associate } from './associate.ts';
import { association } from './association.ts';
import { broadcast } from './broadcast.ts';
import { change } from './change.ts';
import { commit, regressions } from './check.ts';
import { grow } from './curves.ts';
import { daemon } from './daemon.ts';
import { device } from './device.ts';
import { disable } from './disable.ts';
import { growthPage, timePage } from './drawing.ts';
import type { Measured, Row, SceneRow } from './figure.ts';
import { history } from './history.ts';
import { idle } from './idle.ts';
import { install } from './install.ts';
import { join } from './join.ts';
import { keepalive } from './keepalive.ts';
import { limits } from './limits.ts';
import { million } from './million.ts';
import { newcomer } from './newcomer.ts';
import { packageSize } from './package-size.ts';
import { page } from './page.ts';
import { pageChange } from './page-change.ts';
import { peers } from './peers.ts';
import { phone } from './phone.ts';
import { proof } from './proof.ts';
import { questions } from './questions.ts';
import { relayCrowd } from './relay-crowd.ts';
import { relayFall } from './relay-fall.ts';
import { relayFlood } from './relay-flood.ts';
import { relayGone } from './relay-gone.ts';
import { relayMeet } from './relay-meet.ts';
import { relayNat } from './relay-nat.ts';
import { relayRate } from './relay-rate.ts';
import { relayFailure, relaySwap } from './relay-swap.ts';
import { replay } from './replay.ts';
import { setFull, setScale } from './scale.ts';
import { PATHS, type Path, Scene } from './scene.ts';
import { slow } from './slow.ts';
import { snapshot } from './snapshot.ts';
import { standby } from './standby.ts';
import { storm } from './storm.ts';
import { tableOf } from './table.ts';
import { verb } from './verb.ts';

const ROWS: readonly Row[] = [
  append,
  standby,
  replay,
  history,
  broadcast,
  peers,
  idle,
  storm,
  newcomer,
  association,
  slow,
  questions,
  snapshot,
  admins,
  verb,
  daemon,
  device,
  million,
  packageSize,
  keepalive,
  limits,
  proof,
  page,
  pageChange,
  install,
  relayMeet,
  relaySwap,
  relayFailure,
  relayFall,
  relayRate,
  relayGone,
  relayCrowd,
  relayFlood,
  relayNat,
];
/** Those over real WireGuard, measured once on each path between the hosts. */
const SCENE_ROWS: readonly SceneRow[] = [join, change, associate, disable, phone];
const ALL = [...ROWS, ...SCENE_ROWS];

const USAGE = `usage: npm run bench [-- [--json] [--check] [--curves] [--only NAME]…]

  --json       print an array of {name, value, unit, yardstick, ratio, goal, met}
  --only NAME  measure this row only; may be given several times
  --check      fail where a ratio is far worse than the committed one (bench/committed.json)
  --commit     commit the ratios of this run, and draw its curves
  --curves     measure what grows with what instead, and draw it in docs/performance/ (--only peers: one of them)
  --scale PART smaller networks, such as 0.1: to try the bench itself, its figures mean nothing
  --full       repeat long rows (relay-…, install) as often as their promise says: hours
  --help       print this

rows:
${ALL.map(({ name, what }) => `  ${name.padEnd(14)} ${what}`).join('\n')}
`;

const say = (progress: string): void => console.error(`bench: ${progress}`);

class WrongUsage extends Error {}

const options = () => {
  try {
    return parseArgs({
      options: {
        json: { type: 'boolean', default: false },
        only: { type: 'string', multiple: true, default: [] },
        check: { type: 'boolean', default: false },
        commit: { type: 'boolean', default: false },
        curves: { type: 'boolean', default: false },
        scale: { type: 'string', default: '1' },
        full: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    throw new WrongUsage((error as Error).message);
  }
};

/** Whether a row is wanted; every name must be one of a row. */
const selection = (names: readonly string[]): ((row: { name: string }) => boolean) => {
  const known = ALL.map(({ name }) => name);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new WrongUsage(`there is no row ${unknown}; there are: ${known.join(', ')}`);
  return ({ name }) => names.length === 0 || names.includes(name);
};

/** What fails is said, and does not keep other rows from being measured. */
const attempt = async <T>(name: string, work: () => Promise<T>): Promise<T | undefined> => {
  const begin = performance.now();
  say(`${name} …`);
  try {
    const result = await work();
    say(`${name} took ${((performance.now() - begin) / 1000).toFixed(1)} s`);
    return result;
  } catch (error) {
    process.exitCode = 1;
    say(`error: ${name}: ${(error as Error).stack}`);
    return undefined;
  }
};

const onPath = ({ figure, ...samples }: Measured, path: Path): Measured => ({
  ...samples,
  figure: { ...figure, name: `${figure.name}, ${path.name}` },
});

const measureOn = async (path: Path, rows: readonly SceneRow[]): Promise<Measured[]> => {
  const scene = await attempt(`hosts and programs, ${path.name}`, () => Scene.create(path));
  if (!scene) return [];
  const measured: Measured[] = [];
  try {
    for (const { name, measure } of rows)
      measured.push(
        ...((await attempt(`${name}, ${path.name}`, () => measure(scene, say))) ?? []).map((one) =>
          onPath(one, path),
        ),
      );
  } finally {
    await scene.close();
  }
  return measured;
};

const measureAll = async (isWanted: (row: { name: string }) => boolean): Promise<Measured[]> => {
  const measured: Measured[] = [];
  for (const { name, measure } of ROWS.filter(isWanted))
    measured.push(...((await attempt(name, () => measure(say))) ?? []));
  const sceneRows = SCENE_ROWS.filter(isWanted);
  for (const path of sceneRows.length > 0 ? PATHS : []) measured.push(...(await measureOn(path, sceneRows)));
  return measured;
};

const PICTURES = 'docs/performance';

/** An SVG and, where Debian's librsvg2-bin is installed, the PNG of it. */
const draw = (name: string, svg: string): void => {
  mkdirSync(PICTURES, { recursive: true });
  const path = `${PICTURES}/${name}`;
  writeFileSync(`${path}.svg`, svg);
  try {
    execFileSync('rsvg-convert', ['--zoom', '2', '--output', `${path}.png`, `${path}.svg`]);
  } catch {
    say(`${path}.png is not drawn: that takes rsvg-convert (apt-get install librsvg2-bin)`);
  }
};

const drawCurves = (measured: readonly Measured[]): void => {
  for (const { figure, curve } of measured)
    if (curve) draw(curve.name, timePage(figure.name, 'clients that are level, over seconds', curve.points));
};

const main = async (): Promise<void> => {
  const { json, only, scale, full, check, commit: isKept, curves: isCurves, help } = options();
  setScale(Number(scale));
  setFull(full);
  if (help) return void process.stdout.write(USAGE);
  if (isCurves) {
    const growth = await grow(say, only, (one) => draw(one.name, growthPage(one)));
    process.stdout.write(`${JSON.stringify(growth, null, 2)}\n`);
    return;
  }
  const measured = await measureAll(selection(only));
  if (isKept) drawCurves(measured);
  const answer = json
    ? JSON.stringify(
        measured.map(({ figure }) => figure),
        null,
        2,
      )
    : tableOf(measured);
  process.stdout.write(`${answer}\n`);
  const figures = measured.map(({ figure }) => figure);
  const worse = check ? regressions(figures) : []; // before the committed ones are others
  if (isKept) commit(figures);
  for (const sentence of worse) console.error(`bench: worse: ${sentence}`);
  if (worse.length > 0) process.exitCode = 1;
};

// What a row leaves open (files, namespaces) ends with this process: see scratch.ts and the lab.
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.once(signal, () => process.exit(code));
}

try {
  await main();
} catch (error) {
  if (!(error instanceof WrongUsage)) throw error;
  console.error(`bench: error: ${error.message}\nbench: hint: npm run bench -- --help`);
  process.exitCode = 2;
}
