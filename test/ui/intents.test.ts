// Each action of the page beside its command line: typed, that line is the same command.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { printable } from '../../src/domain/rejection.ts';
import { Intent } from '../../src/protocol/page.ts';
import { commandLineOf, commandOf, type Plain } from '../../src/ui/intents.ts';
import { Failure } from '../../src/values/failure.ts';
import { acme, associated, ids } from '../acme.ts';
import { caught, programOn, words } from '../cli/called.ts';
import { MemoryPlane } from '../plane.ts';

const folder = mkdtempSync(join(tmpdir(), 'intents-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What a command line commands, typed word by word. */
const commanded = async (line: string, ...flags: string[]): Promise<unknown> => {
  const plane = new MemoryPlane('acme', [...acme.network, associated(ids.humans, ids.machines)]);
  const [, ...args] = words(line);
  const program = programOn(async () => plane);
  const { code, stderr } = await caught(program, [...args, '--yes', ...flags]);
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
  return plane.asked.at(-1);
};

describe('what the page does can be typed', () => {
  const typed = (intent: Plain, line: string) =>
    it(line, async () => {
      expect(Intent.parse(intent)).toEqual(intent);
      expect(commandLineOf('innernet', 'acme', intent)).toBe(line);
      const command = await commanded(line);
      expect(command).toEqual(commandOf(intent, true));
    });

  typed({ do: 'rename-peer', peer: 'bob', name: 'rob' as never }, 'innernet rename-peer acme bob rob');
  typed({ do: 'disable', peer: 'bob' }, 'innernet disable-peer acme bob');
  typed({ do: 'enable', peer: 'bob' }, 'innernet enable-peer acme bob');
  typed(
    { do: 'enable', peer: 'bob', expiresSeconds: 7_776_000 },
    'innernet enable-peer acme bob --expires 90d',
  );
  typed({ do: 'delete-peer', peer: 'bob' }, 'innernet delete-peer acme bob');
  typed({ do: 'grant-admin', peer: 'bob' }, 'innernet grant-admin acme bob');
  typed({ do: 'revoke-admin', peer: 'ann' }, 'innernet revoke-admin acme ann');
  typed({ do: 'revoke-invitation', peer: 'eve' }, 'innernet revoke-invitation acme eve');
  typed(
    { do: 'add-cidr', name: 'ops' as never, cidr: '10.42.9.0/24' as never, parent: 'acme' },
    'innernet add-cidr acme ops 10.42.9.0/24 --parent acme',
  );
  typed(
    { do: 'rename-cidr', cidr: 'machines', name: 'ovens' as never },
    'innernet rename-cidr acme machines ovens',
  );
  typed({ do: 'associate', cidrs: ['bakers', 'machines'] }, 'innernet add-association acme bakers machines');
  typed(
    {
      do: 'limit-association',
      cidrs: ['humans', 'machines'],
      allow: ['tcp/22,8000-8010  icmp', 'udp/53'],
    },
    'innernet limit-association acme humans machines --allow humans:tcp/22,8000-8010 --allow humans:icmp --allow machines:udp/53',
  );
  typed(
    { do: 'limit-association', cidrs: ['machines', 'humans'], allow: ['', ' '] },
    'innernet limit-association acme machines humans --allow none',
  );
  typed(
    { do: 'unlimit-association', cidrs: ['humans', 'machines'] },
    'innernet unlimit-association acme humans machines',
  );
  typed({ do: 'isolate-cidr', cidr: 'bakers' }, 'innernet isolate-cidr acme bakers');
  typed({ do: 'unisolate-cidr', cidr: 'bakers' }, 'innernet unisolate-cidr acme bakers');
});

it('an invitation too', async () => {
  const line = commandLineOf('innernet', 'acme', {
    do: 'invite',
    name: 'zoe' as never,
    cidr: 'machines',
    inviteExpiresSeconds: 86_400,
  });
  expect(line).toBe('innernet add-peer acme zoe --cidr machines --auto-ip --admin false --invite-expires 1d');
  const command = await commanded(line, '--save-config', join(folder, 'zoe.toml'));
  expect(command).toMatchObject({ type: 'AddPeer', name: 'zoe', cidr: 'machines', isAdmin: false });
});

it('a phone too', async () => {
  const line = commandLineOf('innernet', 'acme', {
    do: 'add-phone',
    name: 'zoe-phone' as never,
    cidr: 'machines',
  });
  expect(line).toBe('innernet add-phone acme zoe-phone --cidr machines --qr');
  expect(await commanded(line)).toMatchObject({ type: 'AddPlainPeer', name: 'zoe-phone', cidr: 'machines' });
  expect(commandLineOf('innernet', 'acme', { do: 'rekey-phone', peer: 'zoe-phone' })).toBe(
    'innernet rekey-phone acme zoe-phone --qr',
  );
});

it('an opening that is none is refused with what would do', () =>
  expect(() =>
    commandOf({ do: 'limit-association', cidrs: ['humans', 'machines'], allow: ['tcp/0', ''] }, false),
  ).toThrow(Failure));

it('a name from an import is quoted', () => {
  expect(commandLineOf('inn', 'acme', { do: 'disable', peer: "it's $HOME" })).toBe(
    `inn disable-peer acme 'it'\\''s $HOME'`,
  );
});

/** As sh splits a line, whatever its words hold. */
const argvOf = (lines: readonly string[]): string[][] => {
  const script = `innernet() { for word; do printf '%s\\0' "$word"; done; printf '\\0'; }\n${lines.join('\n')}`;
  const told = execFileSync('/bin/sh', ['-c', script], { encoding: 'utf8' });
  return told
    .split('\0\0')
    .slice(0, -1)
    .map((line) => line.split('\0'));
};

const ODD = [
  '--yes',
  '-x',
  '--',
  '-',
  "it's",
  '$HOME `id`',
  '-n5',
  '--name=bob',
  '\\',
  '%s',
  'a\u202e\n\u0007b',
];

it('a line that is copied into a shell is the same command, whatever the names are', async () => {
  // The shell's own printf ends lines, and no argument holds a zero.
  const odd = fc.constantFrom(
    '--yes',
    '-x',
    '--',
    '-',
    "it's",
    '$HOME `id`',
    '-n5',
    '--name=bob',
    '!!',
    '\\',
    '%s',
  );
  const plain = fc.string({ unit: 'binary', minLength: 1, maxLength: 12 });
  const names = fc.oneof(odd, plain).filter((name) => !/\0|\n$/.test(name));
  const pairs = fc.tuple(names, names);
  const intents = fc.oneof(
    fc.record({ do: fc.constantFrom('disable', 'enable', 'delete-peer', 'grant-admin'), peer: names }),
    fc.record({ do: fc.constant('delete-cidr'), cidr: names }),
    fc.record({ do: fc.constant('associate'), cidrs: pairs }),
    fc.record({ do: fc.constant('rename-cidr'), cidr: names, name: fc.constant('ovens') }),
    fc.record({ do: fc.constant('rename-peer'), peer: names, name: fc.constant('rob') }),
    fc.record({
      do: fc.constant('add-cidr'),
      name: fc.constant('ops'),
      cidr: fc.constant('10.42.9.0/24'),
      parent: names,
    }),
  ) as fc.Arbitrary<Plain>;
  await fc.assert(
    fc.asyncProperty(fc.array(intents, { minLength: 1, maxLength: 10 }), async (wished) => {
      const lines = wished.map((intent) => commandLineOf('innernet', 'acme', intent));
      const typed = argvOf(lines);
      for (const [at, intent] of wished.entries()) {
        expect(lines[at]).toBe(printable(lines[at] ?? ''));
        const plane = new MemoryPlane('acme', acme.network);
        await caught(
          programOn(async () => plane),
          [...(typed[at] ?? []).slice(0, 1), '--yes', ...(typed[at] ?? []).slice(1)],
        );
        expect([lines[at], plane.asked.at(-1)]).toEqual([lines[at], commandOf(intent, true)]);
      }
    }),
    { numRuns: 5, examples: [[ODD.map((peer) => ({ do: 'disable' as const, peer }))]] },
  );
});

it('undoing', () => {
  expect(commandLineOf('inn', 'acme', { do: 'undo', position: 42 as never })).toBe('inn revert acme 42');
  expect(commandLineOf('inn', 'acme', { do: 'undo-since', position: 42 as never })).toBe(
    'inn revert acme --to 42',
  );
});
