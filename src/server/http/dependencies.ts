/** The parts of the server that the HTTP API uses. */
import type { WebSocket } from 'ws';
import type { Peer } from '../../domain/peer.ts';
import type { ObservedWay } from '../../protocol/looking.ts';
import type { StandbyReport } from '../../protocol/rows.ts';
import type { StreamQuery } from '../../protocol/stream-query.ts';
import type { Endpoint } from '../../values/endpoint.ts';
import type { PeerId } from '../../values/id.ts';
import type { PublicKey } from '../../values/key.ts';
import type { ControlPlane } from '../commands/control-plane.ts';
import type { Limits } from '../limits.ts';
import type { Live } from '../live/live.ts';
import type { Observations } from '../observations/observations.ts';
import type { UnprovedRefusals } from '../observations/unproved-refusals.ts';
import type { Answerer } from '../past/answerer.ts';
import type { Proofs } from '../proof/proofs.ts';
import type { Sessions } from '../sessions/sessions.ts';
import type { LogQuery } from '../standby/followers.ts';
import type { DigestPages } from '../stream/digest-pages.ts';
import type { Opening } from '../stream/opening.ts';
import type { Snapshots } from '../stream/snapshots.ts';
import type { Trace } from '../trace.ts';

export interface Streams {
  attach(socket: WebSocket, id: PeerId, query: StreamQuery, opening?: Opening): void;
  look(ids: readonly PeerId[]): Promise<ObservedWay[]>;
  /** Whether that machine is a relay now. */
  relays(id: PeerId): boolean;
}

export interface Standbys {
  attach(socket: WebSocket, peer: Peer, query: LogQuery, opening: Opening): void;
  report(): StandbyReport;
}

export type ApiDependencies = {
  live: Live;
  plane: Pick<ControlPlane, 'execute'>;
  past: Answerer;
  observations: Observations;
  snapshots: Snapshots;
  digests: DigestPages;
  streams: Streams;
  standbys: Standbys;
  /** Resolves when all that may be told is on each level standby's disk. */
  held: () => Promise<void>;
  limits: Limits;
  sessions: Sessions;
  unproved: UnprovedRefusals;
  proofs: Proofs;
  /** Why no packets of phones are passed; undefined: they are. */
  phonesRefused: () => string | undefined;
  serverKey: PublicKey;
  /** In the tunnel; `Host` must match. */
  endpoint: Endpoint;
  /** The server's own failures. */
  report: (trouble: string, error: unknown) => void;
  trace: Trace;
};
