/** All about what is chosen: one peer, one block, one association, or two of them, with what can be done. */
import type { Association } from '../domain/association-graph.ts';
import type { CidrNode } from '../domain/cidr-tree.ts';
import { nameText } from '../domain/name-text.ts';
import type { Network } from '../domain/network.ts';
import { isPlain, type Peer } from '../domain/peer.ts';
import { type CidrId, type PeerId, ROOT_CIDR, SERVER_CIDR, SERVER_PEER } from '../values/id.ts';
import { Ask, Do, mayAct, PeerDeeds } from './deeds.tsx';
import { mayBegin } from './map/limits.ts';
import { matrixOf, type Relation } from './map/relations.ts';
import type { Observed, Page, Thing } from './page.ts';
import { type Scene, stateIn } from './scene.ts';
import { Sign } from './sign.tsx';
import { Why } from './why.tsx';
import { countText, STATE_WORDS, spanText, timeText, waysText } from './words.ts';

/** Reached peers by the block they stand in, the fullest first. */
const groupsOf = (network: Network, reached: ReadonlySet<PeerId>): { node: CidrNode; count: number }[] => {
  const counts = new Map<CidrId, number>();
  for (const id of reached) {
    const home = network.peer(id)?.cidrId;
    if (home !== undefined) counts.set(home, (counts.get(home) ?? 0) + 1);
  }
  return [...counts]
    .flatMap(([id, count]) => {
      const node = network.cidr(id);
      return node ? [{ node, count }] : [];
    })
    .sort((left, right) => right.count - left.count);
};

const MAX_GROUPS = 12;

const Reached = ({ page, scene, thing }: { page: Page; scene: Scene; thing: Thing }) => {
  const { network } = scene.after;
  const reached = page.reachOf(scene.after, thing);
  const groups = groupsOf(network, reached);
  return (
    <section>
      <h3>
        {reached.size === 0 ? 'can talk with nobody' : `can talk with ${countText(reached.size, 'peer')}`}
      </h3>
      <ul class="groups">
        {groups.slice(0, MAX_GROUPS).map(({ node, count }) => (
          <li key={node.id}>
            <button
              type="button"
              class="link"
              onClick={() => page.choose({ kind: 'cidr', id: node.id }, { also: true })}
            >
              {nameText(node.name)}
            </button>{' '}
            <span class="count">{count.toLocaleString('en')}</span>
          </li>
        ))}
        {groups.length > MAX_GROUPS ? <li class="dim">and {groups.length - MAX_GROUPS} more CIDRs</li> : null}
      </ul>
    </section>
  );
};

const heardText = (observed: Observed | undefined): string => {
  if (!observed?.seen) return 'never heard by the server';
  return `last handshake with the server ${spanText(Date.now() - Date.parse(observed.seen))} ago`;
};

const MAX_RELAYED = 6;

/** By the chosen machine's own word; of the relayed ones, which and by whom. */
const Tunnels = ({ page, network }: { page: Page; network: Network }) => {
  const ways = page.ways.value.filter(({ way }) => way !== 'none');
  if (ways.length === 0) return null;
  const relayed = ways.filter(({ way }) => way === 'relayed');
  const nameOf = (id: PeerId): string => nameText(network.peer(id)?.name ?? String(id));
  const relays = [...new Set(relayed.map(({ relay, relayName }) => relayName ?? String(relay ?? 'a relay')))];
  return (
    <section class="tunnels" aria-label="its tunnels">
      <h3>tunnels now: {waysText({ direct: ways.length - relayed.length, relayed: relayed.length })}</h3>
      {relayed.length > 0 ? (
        <p>
          <Sign state="relayed" /> by {relays.map(nameText).join(', ')}:{' '}
          {relayed
            .slice(0, MAX_RELAYED)
            .map(({ to }) => nameOf(to))
            .join(', ')}
          {relayed.length > MAX_RELAYED ? ` and ${relayed.length - MAX_RELAYED} more` : ''}
        </p>
      ) : null}
    </section>
  );
};

const PeerPanel = ({ page, scene, peer }: { page: Page; scene: Scene; peer: Peer }) => {
  const observed = scene.observed?.get(peer.id);
  const state = stateIn(scene, peer);
  const home = scene.after.network.cidr(peer.cidrId);
  return (
    <>
      <h2>{nameText(peer.name)}</h2>
      <p>
        <Sign state={state} /> {STATE_WORDS[state]}
        {peer.isAdmin ? ', admin' : ''}
        {isPlain(peer) ? ', a phone: the server passes its packets, and can read them' : ''}
      </p>
      <dl>
        <dt>address</dt>
        <dd>{peer.ip}</dd>
        <dt>CIDR</dt>
        <dd>{home ? `${nameText(home.name)} ${home.cidr}` : 'none'}</dd>
        {peer.inviteExpires && !peer.isRedeemed ? (
          <>
            <dt>invited until</dt>
            <dd>{timeText(peer.inviteExpires)}</dd>
          </>
        ) : null}
        {peer.expires ? (
          <>
            <dt>ends</dt>
            <dd>{timeText(peer.expires)}</dd>
          </>
        ) : null}
      </dl>
      {scene.observed && peer.id !== SERVER_PEER ? <p class="dim">{heardText(observed)}</p> : null}
      <Tunnels page={page} network={scene.after.network} />
      <PeerDeeds page={page} peer={peer} />
      <Reached page={page} scene={scene} thing={{ kind: 'peer', id: peer.id }} />
      <p class="dim">Choose a second one with shift: why they can talk, or why not.</p>
    </>
  );
};

const CidrPanel = ({ page, scene, node }: { page: Page; scene: Scene; node: CidrNode }) => {
  const { network } = scene.after;
  const partners = [...network.associatedWith(node.id)].flatMap((id) => network.cidr(id) ?? []);
  const { name } = node;
  const isOwn = node.id === ROOT_CIDR || node.id === SERVER_CIDR;
  return (
    <>
      <h2>{nameText(name)}</h2>
      <p>
        {node.cidr}, {countText([...network.peersIn(node.id)].length, 'peer')}
        {node.isIsolated ? ', isolated from each other' : ''}
      </p>
      <div class="deeds">
        {network.hasChildren(node.id) || node.id === SERVER_CIDR ? null : (
          <>
            <Ask page={page} open={{ ask: 'invite', cidr: name }}>
              add a machine
            </Ask>
            <Ask page={page} open={{ ask: 'add-phone', cidr: name }}>
              add a phone
            </Ask>
          </>
        )}
        {node.id === SERVER_CIDR ? null : (
          <Ask page={page} open={{ ask: 'add-cidr', parent: name }}>
            add a CIDR
          </Ask>
        )}
        {isOwn ? null : (
          <>
            <Ask page={page} open={{ ask: 'associate', cidr: name }}>
              associate
            </Ask>
            <Ask page={page} open={{ ask: 'rename-cidr', cidr: name }}>
              rename
            </Ask>
            <Do page={page} intent={{ do: node.isIsolated ? 'unisolate-cidr' : 'isolate-cidr', cidr: name }}>
              {node.isIsolated ? 'end isolation' : 'isolate'}
            </Do>
            <Do page={page} intent={{ do: 'delete-cidr', cidr: name }}>
              delete
            </Do>
          </>
        )}
      </div>
      {partners.length > 0 ? (
        <section>
          <h3>associated with</h3>
          <ul class="groups">
            {partners.map((partner) => (
              <li key={partner.id}>
                {nameText(partner.name)}
                <Limits network={network} pair={[node, partner]} />{' '}
                <Do page={page} intent={{ do: 'end-association', cidrs: [name, partner.name] }}>
                  end
                </Do>
              </li>
            ))}
          </ul>
        </section>
      ) : null}
      <Reached page={page} scene={scene} thing={{ kind: 'cidr', id: node.id }} />
    </>
  );
};

const RELATION_WORDS: { readonly [R in Relation]: string } = {
  own: 'the same CIDR: its peers can talk',
  server: 'every peer and the server can talk',
  associated: 'associated: their peers can talk',
  inherited: 'CIDRs around them are associated: their peers can talk',
  isolated: 'the same CIDR, isolated: its peers cannot talk with each other',
  begins: 'limited: they can open what is said here',
  answers: 'limited: they can open what is said here',
  'one-way': 'one lies within the other: it is seen, but they cannot talk',
  none: 'no association joins them: their peers cannot talk',
};

/** What each may begin towards the other, where that is limited. */
const Limits = ({ network, pair: [one, other] }: { network: Network; pair: [CidrNode, CidrNode] }) => {
  const ways = [
    [one, other],
    [other, one],
  ] as const;
  return (
    <ul class="limits">
      {ways.map(([from, to]) => {
        const may = mayBegin(network, from.id, to.id);
        return may === undefined || (one === other && from !== one) ? null : (
          <li key={`${from.id} ${to.id}`}>
            <b>{nameText(from.name)}</b> → {nameText(to.name)}: {may}
          </li>
        );
      })}
    </ul>
  );
};

const PairPanel = ({ page, scene, pair }: { page: Page; scene: Scene; pair: [CidrNode, CidrNode] }) => {
  const { network } = scene.after;
  const relation = matrixOf(network, pair).rows[0]?.[1] ?? 'none';
  const names: [string, string] = [pair[0].name, pair[1].name];
  const [one, other] = pair.map(({ id }) => [...network.peersIn(id)][0]);
  const association = network.associationBetween(pair[0].id, pair[1].id);
  return (
    <>
      <h2>{names.map(nameText).join(' – ')}</h2>
      <p class={`verdict ${relation}`}>{RELATION_WORDS[relation]}</p>
      <Limits network={network} pair={pair} />
      <div class="deeds">
        {relation === 'none' ? (
          <Do page={page} intent={{ do: 'associate', cidrs: names }}>
            associate
          </Do>
        ) : null}
        {association ? (
          <>
            <Ask page={page} open={{ ask: 'limit', association }}>
              {association.allow ? 'change the limit' : 'limit'}
            </Ask>
            {association.allow ? (
              <Do page={page} intent={{ do: 'unlimit-association', cidrs: names }}>
                lift the limit
              </Do>
            ) : null}
            <Do page={page} intent={{ do: 'end-association', cidrs: names }}>
              end the association
            </Do>
          </>
        ) : null}
        {one && other ? (
          <button
            type="button"
            onClick={() => {
              page.choose({ kind: 'peer', id: one.id });
              page.choose({ kind: 'peer', id: other.id }, { also: true });
            }}
          >
            why: {nameText(one.name)} – {nameText(other.name)}
          </button>
        ) : null}
      </div>
    </>
  );
};

const AssociationPanel = ({
  page,
  scene,
  association,
}: {
  page: Page;
  scene: Scene;
  association: Association;
}) => {
  const pair = association.cidrIds.flatMap((id) => scene.after.network.cidr(id) ?? []);
  const [one, other] = pair;
  return one && other ? <PairPanel page={page} scene={scene} pair={[one, other]} /> : null;
};

const cidrsOf = (network: Network, selection: readonly Thing[]): CidrNode[] =>
  selection.flatMap((thing) => {
    if (thing.kind === 'cidr') return network.cidr(thing.id) ?? [];
    const home = thing.kind === 'peer' ? network.peer(thing.id)?.cidrId : undefined;
    return home === undefined ? [] : (network.cidr(home) ?? []);
  });

const Chosen = ({ page, scene }: { page: Page; scene: Scene }) => {
  const { network } = scene.after;
  const [first, second] = scene.selection;
  if (!first) return null;
  if (second) {
    if (first.kind === 'peer' && second.kind === 'peer') return <Why page={page} />;
    const [one, other] = cidrsOf(network, scene.selection);
    return one && other ? <PairPanel page={page} scene={scene} pair={[one, other]} /> : null;
  }
  if (first.kind === 'association') {
    const association = network.association(first.id);
    return association ? <AssociationPanel page={page} scene={scene} association={association} /> : null;
  }
  if (first.kind === 'cidr') {
    const node = network.cidr(first.id);
    return node ? <CidrPanel page={page} scene={scene} node={node} /> : <p>not there at this moment</p>;
  }
  const peer = network.peer(first.id);
  return peer ? <PeerPanel page={page} scene={scene} peer={peer} /> : <p>not there at this moment</p>;
};

/** What to do first, where nothing is chosen. */
const Welcome = ({ page, scene }: { page: Page; scene: Scene }) => {
  const { network } = scene.after;
  return (
    <>
      <h2>{nameText(network.name)}</h2>
      <p>
        {countText(network.peerCount, 'peer')} in {countText([...network.cidrs()].length, 'CIDR')},{' '}
        {countText([...network.associations()].length, 'association')}
      </p>
      <p class="dim">Peers of one CIDR can talk with each other, and everybody with the server.</p>
      <p class="dim">An arc joins two CIDRs whose peers, and those of CIDRs within, can talk.</p>
      <p class="dim">
        Choose a peer or a CIDR: who it can talk with. Choose two peers: why they can, or not.
      </p>
      {mayAct(page) ? (
        <div class="deeds">
          <Ask page={page} open={{ ask: 'associate' }}>
            associate
          </Ask>
          <Ask page={page} open={{ ask: 'add-cidr', parent: network.cidr(ROOT_CIDR)?.name ?? '' }}>
            add a CIDR
          </Ask>
        </div>
      ) : null}
    </>
  );
};

/** The panel at the side; it is always there, so that a choice does not make the map narrower. */
export const Details = ({ page, scene }: { page: Page; scene: Scene }) => (
  <aside class="details" aria-label="what is chosen">
    {scene.selection.length === 0 ? (
      <Welcome page={page} scene={scene} />
    ) : (
      <>
        <button type="button" class="close" aria-label="choose nothing" onClick={() => page.choose()}>
          ✕
        </button>
        <Chosen page={page} scene={scene} />
      </>
    )}
  </aside>
);
