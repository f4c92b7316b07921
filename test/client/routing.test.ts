// What doctor says of a machine that carries routes, or would.
import { expect, it } from 'vitest';
import type { Routing } from '../../src/client/router/router.ts';
import { lookAtRouting } from '../../src/client/router/routing.ts';
import { cidr } from '../acme.ts';

const block = cidr('192.168.50.0/24');
const route = {
  name: 'office',
  blocks: [block],
  from: [cidr('10.42.1.0/24')],
  keepSource: false,
  isOffered: true,
};
const ready = { block, ready: true };

const cases: [string, Routing, string, RegExp, RegExp | undefined][] = [
  [
    'no offer',
    { offers: [], routes: [{ ...route, isOffered: false }] },
    'warning',
    /does not offer that/,
    /^innernet offer-route acme 192\.168\.50\.0\/24$/,
  ],
  [
    'no route',
    { offers: [ready], routes: [] },
    'warning',
    /no admin has given it a route/,
    /add-route acme --name NAME --block 192\.168\.50\.0\/24 --router press/,
  ],
  [
    'an exit without a route',
    { offers: [{ block: cidr('0.0.0.0/0'), ready: true }], routes: [] },
    'warning',
    /no admin/,
    /--name NAME --exit --router press/,
  ],
  [
    'not ready',
    { offers: [{ block, ready: false, why: 'its eth1 is down' }], routes: [route] },
    'warning',
    /does not carry 192\.168\.50\.0\/24 now: its eth1 is down/,
    /ip address/,
  ],
  [
    'closed',
    { offers: [ready], routes: [{ ...route, from: [] }] },
    'warning',
    /open to nobody/,
    /open-route acme office CIDR/,
  ],
  [
    'all well',
    { offers: [ready], routes: [route] },
    'ok',
    /carries office \(192\.168\.50\.0\/24\)$/,
    undefined,
  ],
  [
    'the peers’ own addresses',
    { offers: [ready], routes: [{ ...route, keepSource: true }] },
    'ok',
    /need a way back to 10\.42\.0\.0\/16/,
    undefined,
  ],
];

it.each(cases)('%s', (_, state, grade, found, hint) => {
  const look = lookAtRouting(state, 'acme', { name: 'press', range: cidr('10.42.0.0/16') });
  expect(look?.grade).toBe(grade);
  expect(look?.found).toMatch(found);
  if (hint) expect(look?.hint).toMatch(hint);
  else expect(look?.hint).toBeUndefined();
});

it('says nothing where nobody wants it', () => {
  expect(
    lookAtRouting({ offers: [], routes: [] }, 'acme', { name: 'press', range: cidr('10.42.0.0/16') }),
  ).toBeUndefined();
});
