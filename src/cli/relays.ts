/** The verbs of relays: set-relay, clear-relay, list-relays. */
import type { Command } from 'commander';
import type { Peer } from '../domain/peer.ts';
import { printable } from '../domain/rejection.ts';
import type { RelayStanding } from '../protocol/rows.ts';
import { type Endpoint, endpointOf, hostOf, SocketAddress } from '../values/endpoint.ts';
import { Failure } from '../values/failure.ts';
import { SERVER_NAME, SERVER_PEER } from '../values/id.ts';
import { addChangeOptions, change, named } from './change.ts';
import { type ChangeOptions, flag, portNumber } from './options.ts';
import type { Plane } from './plane.ts';
import { answer, answerJson, table } from './print.ts';
import { actsOn, networkVerb, type Open } from './program.ts';

/** Of UDP. */
export const RELAY_PORT = 51821;

type RelayOptions = ChangeOptions & { name?: string; port?: number; endpoint?: SocketAddress };

const setRelay = (plane: Plane, options: RelayOptions): Promise<void> => {
  const { name = SERVER_NAME, port = RELAY_PORT, endpoint } = options;
  const where = endpoint === undefined ? {} : { endpoint };
  const what = `${named(name)} relays at UDP port ${port}${endpoint === undefined ? '' : `, reached at ${endpoint}`}`;
  return change(plane, { type: 'SetRelay', peer: name, port, ...where }, options, {
    done: `${what}: let that port through to it${name === SERVER_NAME ? '' : `; it must consent, there: innernet serve-relay ${plane.network} --port ${port}`}`,
    already: what,
  });
};

const clearRelay = (plane: Plane, options: RelayOptions): Promise<void> => {
  const { name = SERVER_NAME } = options;
  return change(plane, { type: 'ClearRelay', peer: name }, options, {
    done: `${named(name)} relays no more: pairs without a direct way cannot talk`,
  });
};

type RelayPeer = Peer & { relayPort: number };

const isRelay = (peer: Peer): peer is RelayPeer => peer.relayPort !== undefined;

/** Null: at the host where it is seen. */
const reachedAt = ({ id, endpoint, relayPort, relayEndpoint }: RelayPeer): Endpoint | null => {
  if (relayEndpoint !== undefined) return relayEndpoint;
  return id === SERVER_PEER && endpoint !== null ? endpointOf(hostOf(endpoint), relayPort) : null;
};

/** Empty: it relays, as far as is known. */
const stateOf = ({ id, name, isDisabled, relayPort }: RelayPeer, { network, relays }: StateFacts): string => {
  if (isDisabled) return 'disabled';
  const standing = id === SERVER_PEER ? undefined : relays?.find(({ peerId }) => peerId === id);
  if (!standing) return '';
  const { consents, trouble, isServing } = standing;
  if (consents === null)
    return `waits for the consent of ${printable(name)}: innernet serve-relay ${network} --port ${relayPort}`;
  if (consents !== relayPort) return `${printable(name)} consents to UDP port ${consents} alone`;
  if (trouble !== null) return `it cannot: ${printable(trouble)}`;
  return isServing === false ? 'its program is away' : '';
};

type StateFacts = { network: string; relays: readonly RelayStanding[] | undefined };

const listRelays = async (plane: Plane, { json }: { json?: true }): Promise<void> => {
  const view = await plane.view();
  if (view.isPartial)
    throw new Failure('only an admin sees the relays', {
      hint: `by which way this machine reaches others is said by: innernet show ${plane.network}`,
    });
  const relays = view.peers.filter(isRelay).sort((left, right) => left.id - right.id);
  if (json)
    return answerJson(
      relays.map((peer) => {
        const { id: peerId, name, relayPort: port, isDisabled } = peer;
        const standing = view.relays?.find((each) => each.peerId === peerId);
        const facts = { peerId, name, port, endpoint: reachedAt(peer), isDisabled };
        return standing ? { ...facts, ...standing } : facts;
      }),
    );
  answer(
    table(
      ['NAME', 'UDP PORT', 'REACHED AT', 'STATE'],
      relays.map((peer) => [
        peer.name,
        String(peer.relayPort),
        reachedAt(peer) ?? 'where it is seen',
        stateOf(peer, { network: plane.network, relays: view.relays }),
      ]),
    ),
  );
};

const WHOSE = "the relay's peer (default: the server's own)";

export const addRelayVerbs = (program: Command, open: Open): void => {
  const set = networkVerb(program, 'set-relay', {
    summary:
      'name a relay, which passes packets between peers that find no direct way; again: at another port',
    examples: [
      'set-relay acme',
      'set-relay acme --port 4000',
      'set-relay acme --endpoint 203.0.113.10:4001 --port 4000',
      'set-relay acme press',
    ],
  })
    .about('peer', WHOSE)
    .addOption(flag('--port <port>', `the UDP port that it opens (default: ${RELAY_PORT})`, portNumber))
    .addOption(
      flag(
        '--endpoint <address:port>',
        'where peers reach that port, if it is another; host 0.0.0.0: where the server is reached',
        SocketAddress,
      ),
    );
  actsOn<RelayOptions>(addChangeOptions(set), open, setRelay);
  const clear = networkVerb(program, 'clear-relay', {
    summary: 'end a relay: what it passes stops at once',
    examples: ['clear-relay acme', 'clear-relay acme innernet-server'],
  }).about('peer', WHOSE);
  actsOn<RelayOptions>(addChangeOptions(clear), open, clearRelay);
  const list = networkVerb(program, 'list-relays', {
    summary: 'list the relays, their ports and where peers reach them',
    examples: ['list-relays acme', 'list-relays acme --json'],
  }).option('--json', 'answer with JSON: a list of relays');
  actsOn<{ json?: true }>(list, open, listRelays);
};
