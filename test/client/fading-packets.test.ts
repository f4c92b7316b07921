// The packet that opens the router here and is discarded by the next one.
import { expect, it } from 'vitest';
import { canFade, fadingPacket } from '../../src/client/tunnels/fading-packets.ts';
import type { SocketAddress } from '../../src/values/endpoint.ts';

it('has room in its header for the address of one router and one byte more', () =>
  expect(
    fadingPacket(51820, '198.51.100.7:4660' as SocketAddress)
      .toString('hex')
      .match(/.{8}/g),
  ).toEqual([
    ...['47000000', '00000000', '04110000', '00000000', 'c6336407'],
    ...['07080400', '00000000'],
    ...['ca6c1234', '00080000'],
  ]));

it('is for IPv4 alone', () => {
  expect(canFade('198.51.100.7:51820' as SocketAddress)).toBe(true);
  expect(canFade('[2001:db8::7]:51820' as SocketAddress)).toBe(false);
});
