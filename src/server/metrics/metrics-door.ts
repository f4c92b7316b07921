/** Serves metrics on a Unix socket or loopback address that the operator names. */
import { chmodSync, rmSync, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { Failure } from '../../values/failure.ts';
import type { MetricsPlace } from './metrics-place.ts';

/** Refuses browser pages, which send an origin or a rebound name. */
const isFromHere = ({ headers }: IncomingMessage, place: MetricsPlace): boolean =>
  headers.origin === undefined &&
  (place.path !== undefined || /^(localhost|127\.[\d.]+|\[::1\])(:\d+)?$/.test(headers.host ?? ''));

const answer = (
  request: IncomingMessage,
  response: ServerResponse,
  place: MetricsPlace,
  text: () => string,
): void => {
  const isAsked = request.method === 'GET' && /^\/(metrics)?$/.test(request.url ?? '');
  if (!isAsked || !isFromHere(request, place)) {
    response.writeHead(404, { 'content-length': '0' }).end();
    return;
  }
  response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }).end(text());
};

/** A killed server leaves its socket's file. */
const removeLeftover = async (path: string): Promise<void> => {
  if (!statSync(path, { throwIfNoEntry: false })?.isSocket()) return;
  const isAlive = await new Promise<boolean>((resolve) => {
    const probe = connect(path, () => resolve(true)).once('error', () => resolve(false));
    probe.once('connect', () => probe.destroy());
  });
  if (!isAlive) rmSync(path, { force: true });
};

const REASONS: { [code: string]: string } = {
  EADDRINUSE: 'another program listens there',
  EACCES: 'there is no such folder, or this is not allowed',
};

const listen = (server: Server, place: MetricsPlace): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(place, () => resolve());
  });

export class MetricsDoor {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** Throws `Failure`. */
  static async open(place: MetricsPlace, text: () => string): Promise<MetricsDoor> {
    const server = createServer((request, response) => answer(request, response, place, text));
    try {
      if (place.path !== undefined) await removeLeftover(place.path);
      await listen(server, place);
      if (place.path !== undefined) chmodSync(place.path, 0o660);
      return new MetricsDoor(server);
    } catch (cause) {
      const { code = '', message } = cause as NodeJS.ErrnoException;
      const where = place.path ?? `${place.host}:${place.port}`;
      throw new Failure(`metrics cannot be offered at ${where}: ${REASONS[code] ?? message}`, {
        hint: 'name another place: serve --metrics',
        cause,
      });
    }
  }

  /** Removes the socket's file too. */
  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
