// Rulesets of the kind that ufw, firewalld and Docker write, as nft lists them.
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { tablesThatClose } from '../../src/filter/foreign-tables.ts';
import { InterfaceName } from '../../src/values/name.ts';

const acme = InterfaceName.parse('acme');
const ruleset = (name: string): string =>
  readFileSync(new URL(`foreign/${name}.nft`, import.meta.url), 'utf8');

it.each([
  ['ufw', ['ip filter']],
  ['firewalld', ['inet firewalld']],
  ['docker', []],
])('%s closes what comes in: %j', (name, tables) =>
  expect(tablesThatClose(acme, ruleset(name))).toEqual(tables),
);

it('finds each of several, and not ours', () => {
  const ours =
    'table inet innernet-acme {\n\tchain in {\n\t\ttype filter hook input priority 0; policy drop;\n\t}\n}\n';
  expect(tablesThatClose(acme, ruleset('ufw') + ours + ruleset('firewalld'))).toEqual([
    'ip filter',
    'inet firewalld',
  ]);
});

it('is content with a table that speaks of the device', () => {
  const opened = ruleset('ufw').replace(
    'tcp dport 22',
    'iifname "acme" counter packets 0 bytes 0 accept\n\t\ttcp dport 22',
  );
  expect(tablesThatClose(acme, opened)).toEqual([]);
});

it.each([
  ['ufw', ['ip filter']],
  ['docker', ['ip filter']],
])('%s closes what is passed on: %j', (name, tables) =>
  expect(tablesThatClose(acme, ruleset(name), 'forward')).toEqual(tables),
);
