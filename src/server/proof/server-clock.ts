/** The clock of proofs: a name for this run, and milliseconds that never go back. */
import { randomBytes } from 'node:crypto';
import { type Moment, spell } from '../../protocol/proof-header.ts';

export class ServerClock {
  readonly boot = spell(randomBytes(16));

  get moment(): Moment {
    return { boot: this.boot, now: Math.floor(performance.now()) };
  }
}
