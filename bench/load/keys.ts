/** Key pairs of the load's network, made from names: whoever stands for a peer can prove it. */
import { hash } from 'node:crypto';
import { PrivateKey, type PublicKey } from '../../src/values/key.ts';
import { publicKeyOf } from '../../src/wireguard/public-key.ts';

export const loadPrivateKey = (name: string): PrivateKey =>
  PrivateKey.fromRandom(hash('sha256', `load ${name}`, 'buffer'));

export const loadKey = (name: string): PublicKey => publicKeyOf(loadPrivateKey(name));
