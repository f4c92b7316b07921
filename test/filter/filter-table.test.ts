// The packet filter as nft is told of it: one transaction, and none where nothing has changed.
import { describe, expect, it } from 'vitest';
import { droppedIn, nothingThrough, planOf, scriptOf, tableName } from '../../src/filter/filter-table.ts';
import { InterfaceName } from '../../src/values/name.ts';

const device = InterfaceName.parse('acme');
const wants = { name: tableName(device), chains: [nothingThrough(device, false)] };
const SCRIPT = `add table inet innernet-acme
delete table inet innernet-acme
table inet innernet-acme {
  chain through {
    type filter hook forward priority 0; policy accept;
    iifname "acme" counter drop
  }
}
`;

it('a script puts the whole table in the place of what is there', () => expect(scriptOf(wants)).toBe(SCRIPT));

it('no chains, no table', () =>
  expect(scriptOf({ ...wants, chains: [] })).toBe(
    'add table inet innernet-acme\ndelete table inet innernet-acme\n',
  ));

it('a machine that forwards lets pass what was begun from here or published', () =>
  expect(nothingThrough(device, true).rules).toEqual([
    'iifname "acme" ct state established,related accept',
    'iifname "acme" ct status dnat accept',
    'iifname "acme" counter drop',
  ]));

describe('a plan', () => {
  const listing = 'table inet innernet-acme { … }';
  const made = { script: SCRIPT, listing };

  it('is nothing where the table is as it was made', () =>
    expect(planOf(listing, made, wants)).toBeUndefined());

  it.each([
    ['of another program, or of the one before this', listing, undefined],
    ['flushed', undefined, made],
    ['changed by somebody', `${listing} more`, made],
    ['made for another wish', listing, { ...made, script: 'other' }],
  ])('makes a table anew that is %s', (_how, has, known) => expect(planOf(has, known, wants)).toBe(SCRIPT));

  it('removes the table once nothing is wanted, and then does nothing', () => {
    const none = { ...wants, chains: [] };
    expect(planOf(listing, made, none)).toBe(scriptOf(none));
    expect(planOf(undefined, undefined, none)).toBeUndefined();
  });
});

it('counts what its rules have dropped', () =>
  expect(
    droppedIn(
      'iifname "acme" counter packets 3 bytes 252 drop\n counter packets 4 bytes 9 drop\n counter packets 9 bytes 9 accept',
    ),
  ).toBe(7));
