// The packet filter as nft is told of it: one transaction, and none where nothing has changed.
import { describe, expect, it } from 'vitest';
import { droppedIn, type FilterTable, planOf, scriptOf, tableName } from '../../src/filter/filter-table.ts';
import { nothingThrough } from '../../src/filter/through.ts';
import { InterfaceName } from '../../src/values/name.ts';

const device = InterfaceName.parse('acme');
const name = tableName(device);
const wants: FilterTable = { name, chains: [nothingThrough(device, false)] };
const SCRIPT = `add table inet innernet-acme
delete table inet innernet-acme
table inet innernet-acme {
  chain through {
    type filter hook forward priority filter; policy accept;
    iifname "acme" counter drop
  }
}
`;

it('a script puts the whole table in the place of what is there', () => expect(scriptOf(wants)).toBe(SCRIPT));

it('no chains, no table', () =>
  expect(scriptOf({ ...wants, chains: [] })).toBe(
    'add table inet innernet-acme\ndelete table inet innernet-acme\n',
  ));

it('sets come first, and a chain without a hook is reached from others alone', () =>
  expect(
    scriptOf({
      name,
      sets: [
        { name: 'limited', of: 'ipv4_addr', elements: ['10.42.1.0-10.42.1.7', '10.42.3.1'] },
        { name: 'none', of: 'ipv4_addr', elements: [] },
      ],
      chains: [{ name: 'judge', rules: ['ip saddr @limited drop'] }],
    }),
  ).toContain(`{
  set limited {
    type ipv4_addr; flags interval;
    elements = { 10.42.1.0-10.42.1.7, 10.42.3.1 }
  }
  set none {
    type ipv4_addr; flags interval;
  }
  chain judge {
    ip saddr @limited drop
  }
}`));

it('a machine that forwards lets pass what was begun from here or published', () =>
  expect(nothingThrough(device, true).rules).toEqual([
    'iifname "acme" ct state established,related accept',
    'iifname "acme" ct status dnat accept',
    'iifname "acme" counter drop',
  ]));

describe('a plan', () => {
  const listing = 'table inet innernet-acme { … }';
  const made = { table: wants, listing };

  it('is nothing where the table is as it was made', () =>
    expect(planOf(listing, made, wants)).toBeUndefined());

  it.each([
    ['of another program, or of the one before this', listing, undefined],
    ['flushed', undefined, made],
    ['changed by somebody', `${listing} more`, made],
    ['made for another wish', listing, { ...made, table: { name, chains: [nothingThrough(device, true)] } }],
  ])('makes a table again that is %s', (_how, has, known) => expect(planOf(has, known, wants)).toBe(SCRIPT));

  it('removes the table once nothing is wanted, and then does nothing', () => {
    const none = { ...wants, chains: [] };
    expect(planOf(listing, made, none)).toBe(scriptOf(none));
    expect(planOf(undefined, undefined, none)).toBeUndefined();
  });

  describe('where elements alone differ', () => {
    const having = (...elements: string[]): FilterTable => ({
      ...wants,
      sets: [{ name: 'limited', of: 'ipv4_addr', elements }],
    });

    it('tells the elements alone', () =>
      expect(
        planOf(
          listing,
          { table: having('10.42.1.1', '10.42.1.2'), listing },
          having('10.42.1.2', '10.42.1.4', '10.42.1.5'),
        ),
      ).toBe(
        `delete element inet innernet-acme limited { 10.42.1.1 }
add element inet innernet-acme limited { 10.42.1.4, 10.42.1.5 }
`,
      ));

    it('is nothing where they differ in their order', () =>
      expect(
        planOf(
          listing,
          { table: having('10.42.1.1', '10.42.1.2'), listing },
          having('10.42.1.2', '10.42.1.1'),
        ),
      ).toBeUndefined());

    it('makes a table again that is not as it was made', () =>
      expect(planOf(undefined, { table: having(), listing }, having('10.42.1.1'))).toBe(
        scriptOf(having('10.42.1.1')),
      ));
  });
});

it('counts what its rules have dropped', () =>
  expect(
    droppedIn(
      'iifname "acme" counter packets 3 bytes 252 drop\n counter packets 4 bytes 9 drop\n counter packets 9 bytes 9 accept',
    ),
  ).toBe(7));
