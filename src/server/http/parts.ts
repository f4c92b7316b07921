/** What the HTTP API is made of: the rest of the server, as far as its routes see it. */
import type { WebSocket } from 'ws';
import type { Endpoint } from '../../values/endpoint.ts';
import type { PeerId } from '../../values/id.ts';
import type { PublicKey } from '../../values/key.ts';
import type { ControlPlane } from '../control-plane.ts';
import type { Limits } from '../limits.ts';
import type { Live } from '../live.ts';
import type { Observations } from '../observations.ts';
import type { LogPast } from '../past.ts';
import type { Snapshots } from '../snapshots.ts';
import type { StreamQuery } from '../stream-query.ts';
import type { Trace } from '../trace.ts';

/** A peer that changes from its invitation's key to its own: the device has to be told before and after the answer. */
export interface Redemptions {
  /** Resolves when the device knows the new key. */
  prepared(id: PeerId): Promise<void>;
  /** The answer is through: the peer's address may move to the new key. */
  answered(id: PeerId): void;
}

/** Where streams go once the upgrade is done: the hub. */
export interface Streams {
  attach(socket: WebSocket, id: PeerId, query: StreamQuery): void;
}

export type Parts = {
  live: Live;
  plane: Pick<ControlPlane, 'execute'>;
  past: LogPast;
  observations: Observations;
  snapshots: Snapshots;
  streams: Streams;
  limits: Limits;
  redemptions: Redemptions;
  /** What callers must name in their header. */
  serverKey: PublicKey;
  /** Address and port of the API inside the tunnel: what `Host` must be. */
  endpoint: Endpoint;
  /** Hears of trouble that is nobody's fault but the server's. */
  report: (trouble: string, error: unknown) => void;
  /** Notes each request and stream. */
  trace: Trace;
};
