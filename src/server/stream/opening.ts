/** How a proved stream begins: the server's challenge and proof, then the client's; before that nothing else is said. */
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

/** A client that has not proved itself by then is sent away, in milliseconds. */
const PROVED_WITHIN = 2_000;

/** An upgrade that was made with a peer's key, at whatever time. */
export type Opening = {
  evidence: Evidence;
  moment: Moment;
  /** The client has proved itself on this very stream; false: it has too many connections. */
  proved: () => boolean;
};

/** Calls back when both sides have proved themselves; where the client does not, its stream is ended. */
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
  // What has come by then is read first: the server itself may have been late.
  const patience = setTimeout(() => setImmediate(() => isDone || end('unproved')), PROVED_WITHIN);
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
