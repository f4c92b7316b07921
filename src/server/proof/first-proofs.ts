/** Records first proofs by key in the log, many in one commit. */
import type { Peer } from '../../domain/peer.ts';
import type { PublicKey } from '../../values/key.ts';
import type { ControlPlane } from '../commands/control-plane.ts';

/** After an upgrade all clients come back at once. */
const GATHER_MS = 250;
/** Per commit. */
const MAX_KEYS = 1_000;

export class FirstProofs {
  readonly #plane: Pick<ControlPlane, 'execute'>;
  readonly #report: (trouble: string, error: unknown) => void;
  /** Waiting or being recorded. */
  readonly #seen = new Set<PublicKey>();
  #waiting: PublicKey[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(plane: Pick<ControlPlane, 'execute'>, report: (trouble: string, error: unknown) => void) {
    this.#plane = plane;
    this.#report = report;
  }

  note({ isRedeemed, hasProved, publicKey }: Peer): void {
    if (!isRedeemed || hasProved || this.#seen.has(publicKey)) return;
    this.#seen.add(publicKey);
    this.#waiting.push(publicKey);
    this.#timer ??= setTimeout(() => void this.#record(), GATHER_MS);
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  async #record(): Promise<void> {
    this.#timer = undefined;
    const publicKeys = this.#waiting.splice(0, MAX_KEYS);
    try {
      await this.#plane.execute({ type: 'RecordProofs', publicKeys }, { actor: { kind: 'server' } });
    } catch (error) {
      this.#report('it could not be recorded whose key has proved itself', error);
    }
    for (const key of publicKeys) this.#seen.delete(key); // who is not in the log now is noted at the next proof
    if (this.#waiting.length > 0) this.#timer ??= setTimeout(() => void this.#record(), GATHER_MS);
  }
}
