// The guard of a range as `ip` is told of it, and who would take its addresses away.
import { describe, expect, it } from 'vitest';
import { Cidr } from '../../src/values/ip.ts';
import { InterfaceName } from '../../src/values/name.ts';
import {
  guardRemovals,
  guardRepairs,
  isGuarded,
  opening,
  type Routing,
  tableOf,
  thievesIn,
  thievesText,
} from '../../src/wireguard/guard.ts';

const name = InterfaceName.parse('acme');
const network = Cidr.parse('10.61.0.0/16');
const table = tableOf(name);
const wants = { name, network };
const rule = { priority: 50, dst: '10.61.0.0', dstlen: 16, table };
const way = { type: 'unicast', dst: '10.61.0.0/16', dev: 'acme', table };
const end = { type: 'unreachable', dst: '10.61.0.0/16', table };
const nothing: Routing = { rules: [{ priority: 0, table: 'local' }], routes: [] };
const standing: Routing = { rules: [...nothing.rules, rule], routes: [way] };

describe('repairs of a guard', () => {
  it('are none where it stands', () => {
    expect(guardRepairs(standing, wants)).toEqual([]);
    expect(guardRepairs({ ...standing, routes: [way, end] }, { ...wants, isClosed: true })).toEqual([]);
  });

  it('make all of it, the rule last', () =>
    expect(guardRepairs(nothing, { ...wants, isClosed: true })).toEqual([
      `route replace 10.61.0.0/16 dev acme table ${table}`,
      `route add unreachable 10.61.0.0/16 table ${table} metric 65535`,
      `rule add priority 50 to 10.61.0.0/16 lookup ${table}`,
    ]));

  it('put back what is gone', () => {
    expect(guardRepairs({ ...standing, rules: [] }, wants)).toEqual([
      `rule add priority 50 to 10.61.0.0/16 lookup ${table}`,
    ]);
    expect(guardRepairs({ ...standing, routes: [end] }, wants)).toEqual([
      `route replace 10.61.0.0/16 dev acme table ${table}`,
    ]);
  });

  it('take the rule of a former range away, and let others of the machine go first where it yields', () => {
    const former = { ...rule, dst: '10.99.0.0' };
    expect(guardRepairs({ ...standing, rules: [former, rule] }, wants)).toEqual([
      `rule del priority 50 to 10.99.0.0/16 lookup ${table}`,
    ]);
    expect(guardRepairs(standing, { ...wants, isYielding: true })).toEqual([
      `rule add priority 51 to 10.61.0.0/16 lookup ${table}`,
      `rule del priority 50 to 10.61.0.0/16 lookup ${table}`,
    ]);
  });

  it('leave what is not ours', () => {
    const other = { priority: 50, dst: '10.61.0.0', dstlen: 16, table: '7' };
    expect(guardRepairs({ rules: [other, rule], routes: [way, { ...way, table: '7' }] }, wants)).toEqual([]);
    expect(guardRemovals({ rules: [other], routes: [{ ...way, table: '7' }] }, name)).toEqual([]);
  });
});

it('removals leave nothing, and are none where there is nothing', () => {
  expect(guardRemovals({ rules: [rule], routes: [way, end] }, name)).toEqual([
    `rule del priority 50 to 10.61.0.0/16 lookup ${table}`,
    `route flush table ${table}`,
  ]);
  expect(guardRemovals(nothing, name)).toEqual([]);
});

it('opening takes away what closes', () =>
  expect(opening(wants)).toBe(`route del unreachable 10.61.0.0/16 table ${table} metric 65535`));

it('a guard stands by its rule and its route', () => {
  expect(isGuarded(standing, name, network)).toBe(true);
  expect(isGuarded({ ...standing, rules: [] }, name, network)).toBe(false);
  expect(isGuarded({ ...standing, routes: [end] }, name, network)).toBe(false);
});

it('each network has a table of its own, which no system gives', () => {
  const tables = ['acme', 'beta', 'count', 'a', 'aa'].map((each) =>
    Number(tableOf(InterfaceName.parse(each))),
  );
  expect(new Set(tables).size).toBe(5);
  for (const number of tables) expect(number >>> 24).toBe(0x69);
});

it('thieves are routes and addresses of others within the range, in whatever table', () => {
  const routes = [
    way,
    end,
    { dst: '10.61.0.0/16', dev: 'acme' },
    { type: 'local', dst: '10.61.1.1', dev: 'acme', table: 'local' },
    { dst: '10.61.0.0/24', dev: 'eth0' },
    { type: 'local', dst: '10.61.0.77', dev: 'eth0', table: 'local' },
    { type: 'broadcast', dst: '10.61.0.255', dev: 'eth0', table: 'local' },
    { type: 'unicast', dst: '10.61.5.0/24', dev: 'tail', table: '52' },
    { type: 'unreachable', dst: '10.61.6.0/24' },
    { dst: '10.61.7.0/24', nexthops: [{ dev: 'bond0' }, { dev: 'eth1' }] },
    { dst: 'default', dev: 'eth0' },
    { dst: '10.0.0.0/8', dev: 'corp' },
  ];
  const thieves = thievesIn({ rules: [], routes }, network, name);
  expect(thieves).toEqual([
    { kind: 'route', cidr: '10.61.0.0/24', device: 'eth0' },
    { kind: 'address', cidr: '10.61.0.77/32', device: 'eth0' },
    { kind: 'route', cidr: '10.61.5.0/24', device: 'tail' },
    { kind: 'route', cidr: '10.61.7.0/24', device: 'bond0' },
  ]);
  expect(thievesText(thieves.slice(0, 2))).toBe(
    'the route 10.61.0.0/24 of eth0, the address 10.61.0.77/32 of eth0',
  );
});
