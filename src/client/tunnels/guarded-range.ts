/** Guards this machine's network range and tells the user what leads its addresses elsewhere. */

import { Turns } from '../../machine/turns.ts';
import type { Conf } from '../../protocol/conf.ts';
import { type Thief, thievesText } from '../../wireguard/guard.ts';
import { RangeGuard, removeGuard } from '../../wireguard/range-guard.ts';
import type { TunnelConfig } from '../../wireguard/tunnel.ts';
import { guardConfig } from './tunnel-config.ts';

export class GuardedRange {
  readonly #tunnel: TunnelConfig;
  readonly #turns = new Turns();
  readonly #guard: RangeGuard | undefined;
  readonly #say: (message: string) => void;
  #said = '';
  #trouble = '';

  /** Without routing there is no guard: the user manages the routes. */
  constructor(tunnel: TunnelConfig, conf: Conf, say: (message: string) => void) {
    const config = guardConfig(tunnel.name, conf, { routing: tunnel.routing !== false });
    this.#tunnel = tunnel;
    this.#guard = config && new RangeGuard(config);
    this.#say = say;
  }

  /** Restores a lost guard, or says that this machine cannot have one. */
  look(): Promise<void> {
    return this.#turns.take(() => this.#look());
  }

  /** While this process lives, the range leaves by no other device, even if ours is gone. */
  hold(): Promise<void> {
    return this.#turns.take(async () => {
      this.#guard?.hold();
      await this.#look();
    });
  }

  /** The guard lives as long as the device. */
  close(): Promise<void> {
    return this.#turns.take(async () => this.#guard?.close());
  }

  async #look(): Promise<void> {
    try {
      if (this.#guard) this.#tell(await this.#guard.stand());
      else await removeGuard(this.#tunnel.name);
    } catch (error) {
      const trouble = (error as Error).message;
      if (trouble !== this.#trouble)
        this.#say(`the range ${this.#tunnel.network} cannot be guarded: ${trouble}`);
      this.#trouble = trouble;
    }
  }

  #tell(thieves: readonly Thief[]): void {
    const text = thievesText(thieves);
    if (text !== this.#said && text !== '')
      this.#say(
        `ALARM: ${text} would take addresses of ${this.#tunnel.network} away: nothing of the network goes there`,
      );
    if (text === '' && this.#said !== '')
      this.#say(`nothing takes addresses of ${this.#tunnel.network} away any more`);
    this.#said = text;
  }
}
