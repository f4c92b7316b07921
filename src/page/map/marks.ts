/** The marks of a change on the map: who gains or loses reach, who comes and goes. */
import type { Network } from '../../domain/network.ts';
import type { PeerId } from '../../values/id.ts';

type Group = { readonly peers: readonly { id: PeerId }[]; readonly others: readonly { id: PeerId }[] };
type Reach = { readonly gained: readonly Group[]; readonly lost: readonly Group[] };

/** `touched`: it gains or loses only those that are marked. */
export type Mark = 'gained' | 'lost' | 'both' | 'touched';

export type Marks = ReadonlyMap<PeerId, Mark>;

/** The fewer are what the change is about; when they are as many, both are. */
const subjects = ({ peers, others }: Group): readonly { id: PeerId }[] => {
  if (peers.length === others.length) return [...peers, ...others];
  return peers.length < others.length ? peers : others;
};

const put = (marks: Map<PeerId, Mark>, id: PeerId, mark: 'gained' | 'lost'): void => {
  const known = marks.get(id);
  marks.set(id, known === undefined || known === 'touched' || known === mark ? mark : 'both');
};

export const marksOf = (reach: Reach | undefined, before: Network, after: Network): Marks => {
  const marks = new Map<PeerId, Mark>();
  for (const group of [...(reach?.gained ?? []), ...(reach?.lost ?? [])])
    for (const { id } of [...group.peers, ...group.others]) marks.set(id, 'touched');
  for (const group of reach?.gained ?? []) for (const { id } of subjects(group)) put(marks, id, 'gained');
  for (const group of reach?.lost ?? []) for (const { id } of subjects(group)) put(marks, id, 'lost');
  for (const { id } of after.peers()) if (!before.peer(id)) marks.set(id, 'gained');
  for (const { id } of before.peers()) if (!after.peer(id)) marks.set(id, 'lost');
  return marks;
};
