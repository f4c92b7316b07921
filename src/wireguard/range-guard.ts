/** Keeps the guard of a network's range in place; a waiting `ip` removes what must end with this process. */
import type { ChildProcess } from 'node:child_process';
import { type Cidr, familyOf } from '../values/ip.ts';
import type { InterfaceName } from '../values/name.ts';
import { type GuardConfig, guardRemovals, guardRepairs, opening, type Thief, thievesIn } from './guard.ts';
import { startWaiting, sure } from './program.ts';
import { routingOf } from './routes.ts';

const EVERYTHING = ['0.0.0.0/0', '::/0'] as const;

/** `-force`: a device just gone must not prevent the rest. */
const batch = async (family: 4 | 6, lines: readonly string[]): Promise<void> => {
  if (lines.length > 0) await sure('ip', [`-${family}`, '-force', '-batch', '-'], `${lines.join('\n')}\n`);
};

export class RangeGuard {
  readonly #config: GuardConfig;
  /** An `ip` that runs its line when this process ends in any way. */
  #waiting: ChildProcess | undefined;

  constructor(config: GuardConfig) {
    this.#config = config;
  }

  /** Repairs the guard; gives other devices' routes and addresses in the range. Throws a `Failure`. */
  async stand(): Promise<Thief[]> {
    const { name, network } = this.#config;
    const routing = await routingOf(network);
    await batch(
      familyOf(network),
      guardRepairs(routing, { ...this.#config, isClosed: this.#waiting !== undefined }),
    );
    return thievesIn(routing, network, name);
  }

  /** Also blocks packets while our device is gone, until `close` or the end of this process. */
  hold(): void {
    if (this.#waiting) return;
    const family = `-${familyOf(this.#config.network)}`;
    this.#waiting = startWaiting('ip', [family, '-force', '-batch', '-'], opening(this.#config));
  }

  /** The guard stays as long as the device. */
  async close(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting?.pid === undefined || waiting.exitCode !== null || waiting.signalCode !== null) return;
    const ended = new Promise((resolve) => waiting.once('close', resolve).once('error', resolve));
    waiting.ref();
    waiting.stdin?.end();
    await ended;
  }
}

/** Removes the guard in both families. */
export const removeGuard = async (name: InterfaceName): Promise<void> => {
  for (const everything of EVERYTHING) {
    const cidr = everything as Cidr;
    await batch(familyOf(cidr), guardRemovals(await routingOf(cidr), name));
  }
};
