// Who has an address of its own on the internet, as far as that can be told for sure.
import { expect, it } from 'vitest';
import { isOwnPublic } from '../../src/client/tunnels/own-public.ts';
import { SocketAddress } from '../../src/values/endpoint.ts';
import { ip } from '../acme.ts';

const at = (seen: string, ...own: string[]): boolean =>
  isOwnPublic(
    SocketAddress.parse(seen),
    own.map((text) => ({ ip: ip(text) })),
  );

it('is seen at an address that one of its devices has', () => {
  expect(at('198.51.100.7:51820', '192.168.1.5', '198.51.100.7')).toBe(true);
  expect(at('[2001:db8::7]:51820', '2001:db8::7')).toBe(true);
});

it('is not so behind a router', () => {
  expect(at('198.51.100.7:51820', '192.168.1.5')).toBe(false);
});

it.each(['192.168.1.5', '10.0.0.5', '100.64.0.5', 'fd00::5', 'fe80::5'])(
  'may be behind one where the server is in the same premises and sees it at %s',
  (own) => expect(at(own.includes(':') ? `[${own}]:51820` : `${own}:51820`, own)).toBe(false),
);
