// WireGuard's messages as a relay sees them: types, indices and `mac1` as they should be, random bytes for the rest.
import { randomBytes } from 'node:crypto';
import { blake2s } from '@noble/hashes/blake2.js';

/** `mac1` by the paper's definition, apart from the code under test. */
const signed = (packet: Buffer, to: string): Buffer => {
  const label = Buffer.concat([Buffer.from('mac1----'), Buffer.from(to, 'base64')]);
  const mac = blake2s(packet.subarray(0, packet.length - 32), { key: blake2s(label), dkLen: 16 });
  packet.set(mac, packet.length - 32);
  packet.fill(0, packet.length - 16);
  return packet;
};

const message = (type: number, length: number): Buffer => {
  const packet = randomBytes(length);
  packet.writeUInt32LE(type, 0);
  return packet;
};

export const initiation = (to: string, sender: number): Buffer => {
  const packet = message(1, 148);
  packet.writeUInt32BE(sender, 4);
  return signed(packet, to);
};

export const response = (to: string, sender: number, receiver: number): Buffer => {
  const packet = message(2, 92);
  packet.writeUInt32BE(sender, 4);
  packet.writeUInt32BE(receiver, 8);
  return signed(packet, to);
};

export const cookie = (receiver: number): Buffer => {
  const packet = message(3, 64);
  packet.writeUInt32BE(receiver, 4);
  return packet;
};

export const data = (receiver: number, length = 128): Buffer => {
  const packet = message(4, length);
  packet.writeUInt32BE(receiver, 4);
  return packet;
};
