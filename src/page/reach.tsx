/** Who gains and who loses reach, in words. */
import { nameText } from '../domain/name-text.ts';
import type { Network } from '../domain/network.ts';
import { type Opens, opensLines, turnedLines } from '../domain/opens-text.ts';
import type { PeerBrief } from '../protocol/past.ts';

type Named = Pick<PeerBrief, 'id' | 'name'>;
type Pairs = { readonly peers: readonly Named[]; readonly others: readonly Named[] };
type Group = Pairs & { readonly opens?: Opens };
type Turned = Pairs & { readonly before?: Opens; readonly after?: Opens };

const MAX_NAMES = 3;
const MAX_LINES = 8;

const listed = (words: readonly string[]): string => {
  const more = words.length - MAX_NAMES;
  return more > 1 ? `${words.slice(0, MAX_NAMES).join(', ')} and ${more} more CIDRs` : words.join(', ');
};

/** A few by name, many by the CIDRs that they are in: `12 of machines`. */
const namesText = (peers: readonly Named[], networks: readonly Network[]): string => {
  if (peers.length <= MAX_NAMES) return peers.map(({ name }) => nameText(name)).join(', ');
  const counts = new Map<string, number>();
  for (const { id } of peers) {
    const network = networks.find((each) => each.peer(id));
    const peer = network?.peer(id);
    const home = peer && network?.cidr(peer.cidrId)?.name;
    const name = home === undefined ? 'no CIDR' : nameText(home);
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return listed([...counts].map(([name, count]) => `${count.toLocaleString('en')} of ${name}`));
};

type LinesProps = { lines: readonly string[]; sign: '+' | '−' | '~'; title: string };

const CLASSES = { '+': 'gained', '−': 'lost', '~': 'turned' } as const;

const Lines = ({ lines, sign, title }: LinesProps) =>
  lines.length === 0 ? null : (
    <section class={CLASSES[sign]}>
      <h3>{title}</h3>
      <ul>
        {lines.slice(0, MAX_LINES).map((line) => (
          <li key={line}>
            <b aria-hidden="true">{sign}</b> {line}
          </li>
        ))}
        {lines.length > MAX_LINES ? <li class="dim">and {lines.length - MAX_LINES} more</li> : null}
      </ul>
    </section>
  );

type ChangeProps = {
  reach: {
    readonly gained: readonly Group[];
    readonly lost: readonly Group[];
    readonly turned?: readonly Turned[] | undefined;
  };
  /** Before and after: where to look up the peers. */
  networks: readonly Network[];
};

export const ReachChange = ({ reach: { gained, lost, turned = [] }, networks }: ChangeProps) => {
  const names = ({ peers, others }: Pairs) =>
    [namesText(peers, networks), namesText(others, networks)] as const;
  const linesOf = (groups: readonly Group[]) =>
    groups.flatMap((group) => opensLines(names(group), group.opens));
  return (
    <>
      <Lines lines={linesOf(gained)} sign="+" title="can newly talk" />
      <Lines lines={linesOf(lost)} sign="−" title="can talk no longer" />
      <Lines
        lines={turned.flatMap((group) => turnedLines(names(group), group.before, group.after))}
        sign="~"
        title="may begin something else"
      />
      {gained.length + lost.length + turned.length === 0 ? <p>Nobody gains or loses reach.</p> : null}
    </>
  );
};
