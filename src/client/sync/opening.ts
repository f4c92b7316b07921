/** How a stream begins: the server proves itself and this machine answers, or it goes on at once, unproved. */
import { OpeningFrame } from '../../protocol/frames.ts';
import type { Moment } from '../../protocol/proof-header.ts';
import type { Prover, Sent } from '../api/prover.ts';

/** What a frame makes of the beginning. */
export type Step =
  /** Another frame of it has to come. */
  | { kind: 'more' }
  /** The server has proved itself: this answers it, and then the stream begins. */
  | { kind: 'proved'; answer: string }
  /** The stream has begun with this very frame, and nothing is proved. */
  | { kind: 'unproved' }
  /** Neither. */
  | { kind: 'wrong' };

export class Opening {
  readonly #prover: Prover;
  readonly #sent: Sent;
  #challenge: { text: string; moment: Moment } | undefined;

  /** `sent` is what the upgrade was proved with. */
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
