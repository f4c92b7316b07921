// The verbs of standbys as a person types them: named, dismissed, listed as the server knows them.
import { beforeEach, expect, it } from 'vitest';
import { localTime } from '../../src/cli/print.ts';
import type { StandbyStanding } from '../../src/protocol/rows.ts';
import type { Position } from '../../src/values/id.ts';
import { acme, ids } from '../acme.ts';
import { NOON } from '../given.ts';
import { MemoryPlane } from '../plane.ts';
import { caught, programOn, type Said, words } from './called.ts';

let plane: MemoryPlane;
beforeEach(() => {
  plane = new MemoryPlane('acme', acme.network);
});

const typed = (line: string): Promise<Said> =>
  caught(
    programOn(async () => plane),
    words(line),
  );

const standing = (more: Partial<StandbyStanding>): StandbyStanding => ({
  peerId: ids.bob,
  isConnected: false,
  isLevel: false,
  position: null,
  heard: null,
  ...more,
});

/** The line of bob, with its cells. */
const bob = async (...standings: StandbyStanding[]): Promise<string[]> => {
  plane.standbys = { aloneSince: null, standbys: standings };
  const { stdout } = await typed('standbys acme');
  const line = stdout.split('\n').find((each) => each.startsWith('bob')) ?? '';
  return line.split(/ {2,}/);
};

it('a peer is named and dismissed, by a word or a flag', async () => {
  const named = await typed('name-standby acme bob');
  expect(named).toMatchObject({ code: 0 });
  expect(named.stdout).toContain('innernet-server kit acme --save FILE');
  expect((await typed('name-standby acme --name bob')).stdout).toBe('nothing to do: "bob" is a standby\n');
  expect((await typed('dismiss-standby acme bob')).stdout).toBe(
    '"bob" is no standby any more; the log that it has, and a kit, stay on its machine\n',
  );
  expect(plane.asked.map(({ type }) => type)).toEqual(['NameStandby', 'NameStandby', 'DismissStandby']);
});

it('a dry run names nobody', async () => {
  const { stdout, code } = await typed('name-standby acme bob --dry-run');
  expect([code, stdout]).toEqual([
    0,
    'nothing was changed; this would be recorded\n  named peer bob a standby: it follows the whole log, and may take over\n',
  ]);
  expect((await typed('standbys acme')).stdout).toBe('no standby is named\n');
  expect(plane.asked).toEqual([]);
});

it('a refusal says what to do, and exits with 1', async () => {
  const { code, stderr } = await typed('name-standby acme eve');
  expect(code).toBe(1);
  expect(stderr).toContain('"eve" has not joined yet, so it cannot be a standby');
  expect((await typed('dismiss-standby acme bob')).stderr).toContain('innernet standbys acme');
  expect(await typed('name-standby acme')).toMatchObject({ code: 2 });
});

it('the list says how each stands', async () => {
  await typed('name-standby acme bob');
  const at = (plane_: Position | null): { position: Position | null } => ({ position: plane_ });
  const head = (await plane.view()).position;
  expect((await typed('standbys acme')).stdout).toContain('who follows is known to a running server alone');
  expect(await bob()).toEqual(['bob', acme.at('bakers', 1), 'not known']);
  expect((await bob(standing({})))[2]).toBe('not heard since the server started');
  const level = standing({ isConnected: true, isLevel: true, ...at(head), heard: NOON });
  expect((await bob(level)).slice(2)).toEqual(['follows', '0', localTime(NOON)]);
  const late = standing({ isConnected: true, ...at(head - 3), heard: NOON });
  expect((await bob(late)).slice(2)).toEqual(['catches up', '3', localTime(NOON)]);
  const gone = standing({ ...at(head - 3), heard: NOON, trouble: 'update me' });
  expect((await bob(gone))[2]).toBe('away: update me');
  expect((await bob({ ...gone, trouble: undefined }))[2]).toBe('away');
  await typed('disable-peer acme bob');
  expect((await bob(gone))[2]).toBe('disabled');
});

it('the list says since when the server is alone, also as JSON', async () => {
  await typed('name-standby acme bob');
  plane.standbys = { aloneSince: NOON, standbys: [standing({ position: 3 as Position })] };
  const { stdout } = await typed('standbys acme');
  expect(stdout).toContain(
    `the server is alone since ${localTime(NOON)}: newer changes are on its own disk only`,
  );
  const { position } = await plane.view();
  expect(JSON.parse((await typed('standbys acme --json')).stdout)).toEqual({
    position,
    aloneSince: NOON,
    promotion: null,
    standbys: [
      {
        name: 'bob',
        ip: acme.at('bakers', 1),
        isDisabled: false,
        ...standing({ position: 3 as Position }),
        behind: position - 3,
      },
    ],
  });
});

it('the list says whose machine serves', async () => {
  plane = new MemoryPlane('acme', [
    ...acme.network.flat(),
    { type: 'StandbyNamed', peerId: ids.bob },
    { type: 'ServerPromoted', peerId: ids.bob, epoch: 1 },
  ]);
  expect((await bob())[2]).toBe('its machine serves');
  expect(JSON.parse((await typed('standbys acme --json')).stdout).promotion).toEqual({
    peerId: ids.bob,
    epoch: 1,
  });
});
