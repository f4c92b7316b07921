// The load tool: clients in numbers come level with a private server, and nothing of it stays behind.
import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { Field } from '../../bench/load/field.ts';

const run = promisify(execFile);

const leftovers = (): string[] =>
  readdirSync('/var/tmp').filter((name) => name.startsWith('innernet-bench-'));

it('50 clients for 3 seconds: all stand where the log ends, each change reached all that it concerned', async () => {
  const before = leftovers();
  const load = ['--clients', '50', '--minutes', '0.05', '--cidr', '10', '--changes', '10', '--json'];
  const { stdout } = await run(process.execPath, ['scripts/run.js', 'scripts/load.ts', ...load]);
  const { clients, breaches, lost, snapshots, changeToLastClientMs } = JSON.parse(stdout);
  expect({ clients, breaches, lost, snapshots }).toEqual({ clients: 50, breaches: 0, lost: 0, snapshots: 0 });
  expect(changeToLastClientMs.count).toBeGreaterThan(5);
  expect(leftovers()).toEqual(before);
});

it.each([
  ['--clients', '1000000'],
  ['--server', '10.42.0.1:51820'],
])('is bounded, and aims at no other server: %s %s', async (...args) => {
  const refused = run(process.execPath, ['scripts/run.js', 'scripts/load.ts', ...args]);
  await expect(refused).rejects.toMatchObject({ code: 2 });
});

it('after a restart clients come back where they were, without a snapshot', async () => {
  const field = await Field.create({ layout: { peers: 40, perCidr: 10 } });
  try {
    await field.connect(40, { know: false });
    await field.forget();
    await field.kill();
    await field.start();
    const { position } = await field.execute({ type: 'RenameCidr', cidr: 'c0', name: 'renamed' });
    const { tally } = await field.reach(position);
    expect(tally).toMatchObject({ live: 40, welcomes: 40, snapshots: 0, breaches: 0 });
  } finally {
    await field.close();
  }
});
