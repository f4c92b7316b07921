/** The opening of a proved stream: challenge and proof of the server, then proof of the client. */
import { randomBytes } from 'node:crypto';
import type { RawData } from 'ws';
import { CAN } from '../../protocol/can.ts';
import { CLOSE, type OpeningFrame, Proof } from '../../protocol/frames.ts';
import { isStreamProof, proveStream } from '../../protocol/proof.ts';
import { type Moment, spell } from '../../protocol/proof-header.ts';
import type { Hash } from '../../values/id.ts';
import { HASHES } from '../../wireguard/pair-secret.ts';
import type { Evidence } from '../proof/proofs.ts';
import type { StreamSocket } from './member.ts';

const PROVED_WITHIN_MS = 2_000;

export type Opening = {
  evidence: Evidence;
  moment: Moment;
  /** Called after the client's proof; false: too many connections. */
  proved: () => boolean;
};

/** Ends the stream if the client does not prove itself. */
export const open = (
  socket: StreamSocket,
  network: Hash,
  { evidence: { keys, tag }, moment, proved }: Opening,
  onProved: () => void,
): void => {
  const nonce = spell(randomBytes(16));
  const challenge = JSON.stringify({
    kind: 'challenge',
    network,
    ...moment,
    nonce,
    can: [...CAN],
  } satisfies OpeningFrame);
  const text = Buffer.from(challenge);
  const proof: OpeningFrame = { kind: 'proof', tag: proveStream(keys.server, tag, text, HASHES) };
  const end = (code: 'unproved' | 'tooMany'): void => socket.close(CLOSE[code], code);
  // Read what has arrived first: the server itself may be late.
  const patience = setTimeout(() => setImmediate(() => isDone || end('unproved')), PROVED_WITHIN_MS);
  let isDone = false;
  socket.once('close', () => clearTimeout(patience));
  socket.once('message', (data: RawData, isBinary: boolean) => {
    isDone = true;
    clearTimeout(patience);
    const frame = isBinary ? undefined : proofIn(data);
    if (!frame || !isStreamProof(frame, keys.client, [tag, text], HASHES)) end('unproved');
    else if (!proved()) end('tooMany');
    else onProved();
  });
  socket.send(challenge);
  socket.send(JSON.stringify(proof));
};

const proofIn = (data: RawData): Proof | undefined => {
  try {
    return Proof.parse(JSON.parse(data.toString()));
  } catch {
    return undefined;
  }
};
