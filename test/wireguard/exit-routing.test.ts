// What `ip` is told for an exit, compared with what a person would type: routes before rules, and back again.
import { expect, it } from 'vitest';
import { InterfaceName } from '../../src/values/name.ts';
import { exitLines, exitRemovals } from '../../src/wireguard/exit-routing.ts';

const name = InterfaceName.parse('acme');
const nothing = { rules: [], routes: [] };
const all = {
  rules: [
    { priority: 26990, table: 'main', suppress_prefixlen: 0 },
    { priority: 26991, table: '26990', fwmark: '0x696e', not: null },
    { priority: 32766, table: 'main' },
  ],
  routes: [
    { dst: 'default', dev: 'acme' },
    { dst: 'default', type: 'unreachable', dev: 'lo' },
  ],
};

it('the way out stands before any packet is sent to it, with the end of all ways behind', () =>
  expect(exitLines(nothing, { name, carries: true })).toEqual([
    'route add unreachable default table 26990 metric 65535',
    'route replace default dev acme table 26990',
    'rule add not fwmark 26990 priority 26991 lookup 26990',
    'rule add priority 26990 lookup main suppress_prefixlength 0',
  ]));

it('the family that the exit does not carry ends there', () =>
  expect(exitLines(nothing, { name, carries: false })).not.toContain(
    'route replace default dev acme table 26990',
  ));

it('what stands is left alone; a device that was made again gets its route', () => {
  expect(exitLines(all, { name, carries: true })).toEqual([]);
  expect(exitLines({ ...all, routes: all.routes.slice(1) }, { name, carries: true })).toEqual([
    'route replace default dev acme table 26990',
  ]);
});

it('is taken back, the rules first, and no rule of others', () => {
  expect(exitRemovals(all)).toEqual([
    'rule del priority 26990',
    'rule del priority 26991',
    'route flush table 26990',
  ]);
  expect(exitRemovals({ rules: all.rules.slice(2), routes: [] })).toEqual([]);
});
