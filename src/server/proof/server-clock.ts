/** The clock that proofs are timely by: a name for this run of the server, and milliseconds that are never set back. */
import { randomBytes } from 'node:crypto';
import { type Moment, spell } from '../../protocol/proof-header.ts';

export class ServerClock {
  readonly boot = spell(randomBytes(16));

  get moment(): Moment {
    return { boot: this.boot, now: Math.floor(performance.now()) };
  }
}
