/** Keeps the guard of a network's range standing; what must end with this process, it has an `ip` wait for. */
import type { ChildProcess } from 'node:child_process';
import { type Cidr, familyOf } from '../values/ip.ts';
import type { InterfaceName } from '../values/name.ts';
import { type GuardConfig, guardRemovals, guardRepairs, opening, type Thief, thievesIn } from './guard.ts';
import { startWaiting, sure } from './program.ts';
import { routingOf } from './routes.ts';

/** Both families as blocks that hold everything of theirs. */
const EVERYTHING = ['0.0.0.0/0', '::/0'] as const;

/** Carries out what it can: a device that is just gone must not keep the rest from standing. */
const batch = async (family: 4 | 6, lines: readonly string[]): Promise<void> => {
  if (lines.length > 0) await sure('ip', [`-${family}`, '-force', '-batch', '-'], `${lines.join('\n')}\n`);
};

export class RangeGuard {
  readonly #config: GuardConfig;
  /** An `ip` with an unfinished line: our end finishes it, whichever way we end. */
  #waiting: ChildProcess | undefined;

  constructor(config: GuardConfig) {
    this.#config = config;
  }

  /** Puts back what is missing, and tells what other devices have of the range. Throws the `Failure` of `ip`. */
  async stand(): Promise<Thief[]> {
    const { name, network } = this.#config;
    const routing = await routingOf(network);
    await batch(
      familyOf(network),
      guardRepairs(routing, { ...this.#config, isClosed: this.#waiting !== undefined }),
    );
    return thievesIn(routing, network, name);
  }

  /** From now on nothing leaves by another device while ours is gone, until `close` or the end of this process. */
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

/** Leaves nothing of a network's guard, in either family. */
export const removeGuard = async (name: InterfaceName): Promise<void> => {
  for (const everything of EVERYTHING) {
    const cidr = everything as Cidr;
    await batch(familyOf(cidr), guardRemovals(await routingOf(cidr), name));
  }
};
