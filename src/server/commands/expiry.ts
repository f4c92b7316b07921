/** The timer that ends expired invitations and peers. */
import type { Peer } from '../../domain/peer.ts';
import type { Timestamp } from '../../values/time.ts';
import type { Live } from '../live/live.ts';
import type { Step } from '../live/step.ts';
import type { ControlPlane } from './control-plane.ts';
import type { SteadyClock } from './steady-clock.ts';

/** The clock may jump meanwhile, and timers beyond 24.8 days fire at once. */
const MAX_SLEEP_MS = 60_000;
const MIN_SLEEP_MS = 250;

export class Expiry {
  readonly #live: Live;
  readonly #plane: Pick<ControlPlane, 'execute'>;
  readonly #report: (trouble: string, error: unknown) => void;
  readonly #clock: SteadyClock;
  #timer: NodeJS.Timeout | undefined;
  /** In milliseconds since 1970. */
  #due = Number.POSITIVE_INFINITY;

  constructor(
    live: Live,
    plane: Pick<ControlPlane, 'execute'>,
    report: (trouble: string, error: unknown) => void,
    clock: SteadyClock,
  ) {
    this.#clock = clock;
    this.#live = live;
    this.#plane = plane;
    this.#report = report;
    live.subscribe((step) => this.#onStep(step));
    this.#lookAtNext();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#due = Number.NEGATIVE_INFINITY;
  }

  /** Only peers in the commit, not all. */
  #onStep({ changes }: Step): void {
    for (const { after } of changes.peers.values())
      if (after) this.#lookAt(Math.min(invitationEnd(after), peerEnd(after)));
  }

  /** In milliseconds since 1970. */
  #next(): { invitation: number; peer: number } {
    const { network } = this.#live;
    return {
      invitation: earliest(network.invited(), invitationEnd),
      peer: earliest(network.ending(), peerEnd),
    };
  }

  #lookAtNext(): void {
    const { invitation, peer } = this.#next();
    this.#lookAt(Math.min(invitation, peer));
  }

  #lookAt(time: number): void {
    const due = Math.min(time, this.#clock.now() + MAX_SLEEP_MS);
    if (due >= this.#due) return;
    this.#due = due;
    clearTimeout(this.#timer);
    const wait = Math.max(MIN_SLEEP_MS, due - this.#clock.now());
    this.#timer = setTimeout(() => void this.#look(), wait);
  }

  async #look(): Promise<void> {
    try {
      const [{ invitation, peer }, now] = [this.#next(), this.#clock.now()];
      const by = { actor: { kind: 'server' } } as const;
      if (peer <= now) await this.#plane.execute({ type: 'ExpirePeers' }, by);
      if (invitation <= now) await this.#plane.execute({ type: 'ExpireInvitations' }, by);
    } catch (error) {
      this.#report('the end of invitations or peers could not be recorded', error);
    }
    if (this.#due === Number.NEGATIVE_INFINITY) return;
    this.#due = Number.POSITIVE_INFINITY;
    this.#lookAtNext();
  }
}

const timeOf = (end: Timestamp | null | undefined): number =>
  end ? Date.parse(end) : Number.POSITIVE_INFINITY;

const invitationEnd = ({ isRedeemed, inviteExpires }: Peer): number =>
  timeOf(isRedeemed ? null : inviteExpires);

const peerEnd = ({ isDisabled, expires }: Peer): number => timeOf(isDisabled ? null : expires);

const earliest = (peers: Iterable<Peer>, endOf: (peer: Peer) => number): number => {
  let first = Number.POSITIVE_INFINITY;
  for (const peer of peers) first = Math.min(first, endOf(peer));
  return first;
};
