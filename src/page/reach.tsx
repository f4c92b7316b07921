/** Who gains and who loses reach, in words. */
import { nameText } from '../domain/name-text.ts';
import type { Network } from '../domain/network.ts';
import type { PeerBrief } from '../protocol/past.ts';

type Named = Pick<PeerBrief, 'id' | 'name'>;
type Group = { readonly peers: readonly Named[]; readonly others: readonly Named[]; readonly pairs: number };

const MAX_NAMES = 3;
const MAX_GROUPS = 8;

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

type GroupsProps = { groups: readonly Group[]; networks: readonly Network[]; sign: '+' | '−'; title: string };

const Groups = ({ groups, networks, sign, title }: GroupsProps) =>
  groups.length === 0 ? null : (
    <section class={sign === '+' ? 'gained' : 'lost'}>
      <h3>{title}</h3>
      <ul>
        {groups.slice(0, MAX_GROUPS).map((group, index) => (
          <li key={index}>
            <b aria-hidden="true">{sign}</b> {namesText(group.peers, networks)} –{' '}
            {namesText(group.others, networks)}
          </li>
        ))}
        {groups.length > MAX_GROUPS ? <li class="dim">and {groups.length - MAX_GROUPS} more</li> : null}
      </ul>
    </section>
  );

type ChangeProps = {
  reach: { readonly gained: readonly Group[]; readonly lost: readonly Group[] };
  /** Before and after: where to look up the peers. */
  networks: readonly Network[];
};

export const ReachChange = ({ reach: { gained, lost }, networks }: ChangeProps) => (
  <>
    <Groups groups={gained} networks={networks} sign="+" title="can newly talk" />
    <Groups groups={lost} networks={networks} sign="−" title="can talk no longer" />
    {gained.length + lost.length === 0 ? <p>Nobody gains or loses reach.</p> : null}
  </>
);
