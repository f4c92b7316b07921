// Words that are no verb of ours: those of other programs lead to ours, a slip of the finger never to one that takes away.
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { nearest } from '../../src/cli/near.ts';
import { flagMeant, verbsMeant } from '../../src/cli/suggestions.ts';

const programOf = (...verbs: string[]): Command => {
  const program = new Command('innernet');
  for (const name of verbs) program.command(name);
  return program;
};

const CLIENT = programOf(
  ...['install', 'up', 'down', 'uninstall', 'fetch', 'show', 'doctor', 'why', 'history', 'revert', 'state'],
  ...['add-peer', 'delete-peer', 'rename-peer', 'list-peers', 'disable-peer', 'verify', 'restored'],
);
const SERVER = programOf(
  'new',
  'serve',
  'show',
  'list-peers',
  'delete-peer',
  'uninstall',
  'restore',
  'state',
);

describe('a word of another program', () => {
  it.each([
    [CLIENT, 'join', ['install']],
    [CLIENT, 'status', ['show']],
    [CLIENT, 'peers', ['list-peers']],
    [CLIENT, 'remove-peer', ['delete-peer']],
    [CLIENT, 'invite', ['add-peer']],
    [SERVER, 'create', ['new']],
    [CLIENT, 'create', []],
    [CLIENT, 'leave', ['uninstall']],
    [CLIENT, 'logs', ['history']],
    [CLIENT, 'ping', ['why', 'doctor']],
    [CLIENT, 'version', ['--version']],
    [CLIENT, 'start', ['up']],
    [SERVER, 'start', ['serve']],
  ])('%#: %s', (program, word, verbs) => expect(verbsMeant(program, word)).toEqual(verbs));
});

describe('a slip of the finger', () => {
  it.each([
    ['list-pears', ['list-peers']],
    ['lits-peers', ['list-peers']],
    ['list-peer', ['list-peers']],
    ['histories', []],
    ['dwon', []],
    ['ddown', []],
    ['delete-peers', []],
    ['uninstal', []],
    ['revet', []],
    ['restore', []],
    ['frobnicate', []],
  ])('%s', (word, verbs) => expect(verbsMeant(CLIENT, word)).toEqual(verbs));

  it('is no guess where two words are as near', () => {
    expect(nearest('cat', ['bat', 'rat'])).toBeUndefined();
    expect(nearest('cat', ['bat', 'dog'])).toBe('bat');
    expect(nearest('cat', ['cat'])).toBeUndefined();
    expect(nearest('cat', ['act', 'dog'])).toBe('act');
    expect(nearest('', ['a'])).toBe('a');
  });
});

it('a flag is found by the end of its name, or one slip away', () => {
  const made = new Command('new')
    .option('--network-name <name>')
    .option('--listen-port <port>')
    .option('--yes');
  expect(flagMeant(made, '--name')).toBe('--network-name');
  expect(flagMeant(made, '--yess')).toBe('--yes');
  expect(flagMeant(made, '--csv')).toBeUndefined();
});
