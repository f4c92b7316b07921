/** Records what the programs of peers know of limits and phones, as their streams say, where the network has any. */
import type { Network } from '../../domain/network.ts';
import { type SaidWord, saidBy } from '../../domain/said-word.ts';
import { LIMITS_OF, WORDS, type Word, wordOf } from '../../domain/views.ts';
import { Allowances } from '../../relay/allowance.ts';
import type { PeerId } from '../../values/id.ts';
import type { Live } from '../live/live.ts';
import type { ControlPlane } from './control-plane.ts';

/** Between looks; a commit that limits, or adds a phone, is followed by one at once. */
const LOOK_EVERY_MS = 500;
/** In one command. */
const MAX_AT_ONCE = 1000;
/** How often a peer's word becomes more than it was, a day; less it becomes at once. Each is an event in the log. */
const RISES = { perSecond: 10 / 86_400, burst: 10 };
const MAX_PEERS = 100_000;

type Said = SaidWord & { readonly peerId: PeerId };

export class Enforcers {
  readonly #live: Pick<Live, 'network' | 'subscribe' | 'reached'>;
  readonly #plane: Pick<ControlPlane, 'execute'>;
  readonly #streams: { members(): Iterable<Said> };
  readonly #report: (trouble: string, error: unknown) => void;
  readonly #timer: NodeJS.Timeout;
  readonly #unsubscribe: () => void;
  readonly #rises = new Allowances<PeerId>(RISES, MAX_PEERS);
  #isBusy = false;

  constructor(
    live: Pick<Live, 'network' | 'subscribe' | 'reached'>,
    plane: Pick<ControlPlane, 'execute'>,
    streams: { members(): Iterable<Said> },
    report: (trouble: string, error: unknown) => void,
  ) {
    this.#live = live;
    this.#plane = plane;
    this.#streams = streams;
    this.#report = report;
    this.#timer = setInterval(() => void this.#look(), LOOK_EVERY_MS);
    this.#unsubscribe = live.subscribe(() => void this.#look());
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#unsubscribe();
  }

  async #look(): Promise<void> {
    const { network } = this.#live;
    if (this.#isBusy || !(network.isAnythingLimited || network.hasPlainPeers)) return;
    const said = this.#newsIn(network);
    if (said.length === 0) return;
    this.#isBusy = true;
    try {
      const { position } = await this.#plane.execute(
        { type: 'RecordEnforcers', said },
        { actor: { kind: 'server' } },
      );
      // A look before that would take one more allowance for the same word. A server that ends says why itself.
      await this.#live.reached(position).catch(() => undefined);
    } catch (error) {
      this.#report('what programs of peers know could not be recorded', error);
    } finally {
      this.#isBusy = false;
    }
  }

  #newsIn(network: Network): { peerId: PeerId; limits: boolean | null }[] {
    const news: { peerId: PeerId; limits: boolean | null }[] = [];
    for (const [peerId, word] of wordsOf(this.#streams.members())) {
      if (news.length === MAX_AT_ONCE) break;
      const peer = network.peer(peerId);
      const before = peer && wordOf(peer, 'limits');
      if (before === undefined || before === word) continue;
      if (isMore(word, before) && !this.#rises.take(peerId, performance.now())) continue;
      news.push({ peerId, limits: LIMITS_OF[word] });
    }
    return news;
  }
}

const isMore = (word: Word, before: Word): boolean => WORDS.indexOf(word) > WORDS.indexOf(before);

const wordsOf = (members: Iterable<Said>): ReadonlyMap<PeerId, Word> => {
  const streams = new Map<PeerId, SaidWord[]>();
  for (const member of members) {
    const known = streams.get(member.peerId);
    if (known) known.push(member);
    else streams.set(member.peerId, [member]);
  }
  return new Map([...streams].map(([peerId, said]) => [peerId, saidBy(said) ?? 'old'] as const));
};
