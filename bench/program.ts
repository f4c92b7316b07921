/** `npm run bench [-- --json] [-- --only NAME]`: the figures that we promise, each beside its yardstick. */
import { parseArgs } from 'node:util';
import { append } from './append.ts';
import type { Measured, Row } from './figure.ts';
import { replay } from './replay.ts';
import { tableOf } from './table.ts';

const ROWS: readonly Row[] = [append, replay];

const USAGE = `usage: npm run bench [-- [--json] [--only NAME]…]

  --json       print an array of {name, value, unit, yardstick, ratio, goal, met}
  --only NAME  measure this row only; may be given several times
  --help       print this

rows:
${ROWS.map(({ name, what }) => `  ${name.padEnd(14)} ${what}`).join('\n')}
`;

const say = (progress: string): void => console.error(`bench: ${progress}`);

class WrongUsage extends Error {}

const options = () => {
  try {
    return parseArgs({
      options: {
        json: { type: 'boolean', default: false },
        only: { type: 'string', multiple: true, default: [] },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    throw new WrongUsage((error as Error).message);
  }
};

const chosen = (names: readonly string[]): readonly Row[] => {
  const unknown = names.find((name) => !ROWS.some((row) => row.name === name));
  if (unknown !== undefined) {
    const known = ROWS.map(({ name }) => name).join(', ');
    throw new WrongUsage(`there is no row ${unknown}; there are: ${known}`);
  }
  return names.length === 0 ? ROWS : ROWS.filter(({ name }) => names.includes(name));
};

/** All rows, one after the other; one that fails does not keep the others from being measured. */
const measureAll = async (rows: readonly Row[]): Promise<Measured[]> => {
  const measured: Measured[] = [];
  for (const { name, measure } of rows) {
    const begin = performance.now();
    say(`${name} …`);
    try {
      measured.push(...(await measure(say)));
      say(`${name} took ${((performance.now() - begin) / 1000).toFixed(1)} s`);
    } catch (error) {
      process.exitCode = 1;
      say(`error: ${name}: ${(error as Error).stack}`);
    }
  }
  return measured;
};

const main = async (): Promise<void> => {
  const { json, only, help } = options();
  if (help) return void process.stdout.write(USAGE);
  const measured = await measureAll(chosen(only));
  const answer = json
    ? JSON.stringify(
        measured.map(({ figure }) => figure),
        null,
        2,
      )
    : tableOf(measured);
  process.stdout.write(`${answer}\n`);
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
