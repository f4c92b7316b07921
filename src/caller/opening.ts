/** How a stream begins: with proofs of both sides, or at once and unproved. */
import { OpeningFrame } from '../protocol/frames.ts';
import type { Moment } from '../protocol/proof-header.ts';
import type { Prover, Sent } from './prover.ts';

/** What one frame does to the opening. */
export type Step =
  /** Another opening frame must come. */
  | { kind: 'more' }
  /** The server has proved itself: send the answer, then the stream begins. */
  | { kind: 'proved'; answer: string }
  /** The stream begins with this frame, unproved. */
  | { kind: 'unproved' }
  | { kind: 'wrong' };

export class Opening {
  readonly #prover: Prover;
  readonly #sent: Sent;
  #challenge: { text: string; moment: Moment } | undefined;

  /** `sent` is the proof of the upgrade. */
  constructor(prover: Prover, sent: Sent) {
    this.#prover = prover;
    this.#sent = sent;
  }

  take(text: string): Step {
    const frame = openingFrame(text);
    if (!this.#challenge) {
      if (frame?.kind !== 'challenge') return { kind: 'unproved' };
      this.#challenge = { text, moment: { boot: frame.boot, now: frame.now } };
      return { kind: 'more' };
    }
    const challenge = this.#challenge;
    if (frame?.kind !== 'proof' || !this.#prover.isServer(frame, this.#sent, challenge.text))
      return { kind: 'wrong' };
    this.#prover.hears(challenge.moment);
    const tag = this.#prover.answerTo(this.#sent, challenge.text);
    return { kind: 'proved', answer: JSON.stringify({ kind: 'proof', tag }) };
  }
}

const openingFrame = (text: string): OpeningFrame | undefined => {
  try {
    return OpeningFrame.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
};
