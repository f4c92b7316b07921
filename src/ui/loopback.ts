/** Listens on both addresses of loopback, at one port, under a name of its own. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Failure } from '../values/failure.ts';
import { Visitors } from './visitors.ts';

/**
 * Of each run its own, which browsers find on loopback by themselves: what another program that once had
 * this port has left in the browser, such as a service worker, belongs to another name.
 */
export const freshName = (): string => `${randomBytes(8).toString('hex')}.localhost`;

/** For a whole request; also the longest that a connection without one stays. */
const MAX_REQUEST_MS = 5_000;
const CHECK_EVERY_MS = 1_000;

/** Where another program may have the same port at one address only. */
const MAX_TRIES = 16;

/** No such address here, so nobody else can take it either. */
const ABSENT = new Set(['EADDRNOTAVAIL', 'EAFNOSUPPORT']);

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? '';

/** `know` is called when a request has come with a tab's key. */
export type Hear = (request: IncomingMessage, response: ServerResponse, know: () => void) => void;

type Open = { hear: Hear; visitors: Visitors };

const listen = async ({ hear, visitors }: Open, port: number, host: string): Promise<Server> => {
  const server = createServer({ connectionsCheckingInterval: CHECK_EVERY_MS }, (request, response) =>
    hear(request, response, () => visitors.know(request.socket)),
  );
  server.on('connection', (socket) => visitors.receive(socket));
  server.requestTimeout = MAX_REQUEST_MS;
  server.headersTimeout = MAX_REQUEST_MS;
  server.listen(port, host);
  await once(server, 'listening');
  return server;
};

const end = async (server: Server): Promise<void> => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
};

const refusal = (error: unknown, port: number, host: string): Failure => {
  if (codeOf(error) === 'EADDRINUSE')
    return new Failure(`port ${port} of ${host} is taken`, {
      hint: 'leave --port out: any free one is taken',
    });
  if (codeOf(error) === 'EACCES')
    return new Failure(`port ${port} of ${host} is for root only`, { hint: 'leave --port out' });
  return new Failure(`no port of ${host} could be opened: ${(error as Error).message}`, { cause: error });
};

export type Listening = { port: number; close: () => Promise<void> };

/**
 * Port 0: any free one. A browser may ask either address for a name of loopback: at one that is left free,
 * another user of this machine would hear it. Throws `Failure` if the port is taken.
 */
export const listenOnLoopback = async (hear: Hear, port: number): Promise<Listening> => {
  const one = { hear, visitors: new Visitors() };
  for (let tries = 1; ; tries += 1) {
    const first = await listen(one, port, '127.0.0.1').catch((error: unknown) => {
      throw refusal(error, port, '127.0.0.1');
    });
    const { port: open } = first.address() as AddressInfo;
    try {
      const second = await listen(one, open, '::1');
      return { port: open, close: async () => void (await Promise.all([first, second].map(end))) };
    } catch (error) {
      if (ABSENT.has(codeOf(error))) return { port: open, close: () => end(first) };
      await end(first);
      if (port !== 0 || tries === MAX_TRIES || codeOf(error) !== 'EADDRINUSE')
        throw refusal(error, open, '::1');
    }
  }
};
