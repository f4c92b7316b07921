// The page of a generated network: a server on loopback that speaks to the page as the programs do, and a browser on it.

import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { canReach } from '../../src/domain/reach.ts';
import type { Looked, LookRequest } from '../../src/protocol/looking.ts';
import { COUNTERSIGN_HEADER, PAGE_PATHS } from '../../src/protocol/page.ts';
import { SERVER_PEER } from '../../src/values/id.ts';
import type { Town } from './towns.ts';

const DIST = 'dist';

const FILES: { readonly [path: string]: readonly [file: string, type: string] } = {
  '/': ['page.html', 'text/html; charset=utf-8'],
  '/page.js': ['page.js', 'text/javascript; charset=utf-8'],
  '/page-style.css': ['page-style.css', 'text/css; charset=utf-8'],
};

const CHUNK = 1000;

const toldOf = ({ commits }: Town): object[] => {
  const told: object[] = [];
  for (const [index, { events, at, who }] of commits.entries())
    for (const { type, ...data } of events)
      told.push({
        position: told.length + 1,
        id: `event ${told.length}`,
        commandId: `command ${index}`,
        recordedAt: at,
        actor: { kind: 'peer', name: who, peerId: 2 },
        type,
        data,
        hash: '',
        who: '',
        sentence: '',
      });
  return told;
};

const firstOf = ({ network, commits }: Town): object => {
  const { name, peers, cidrs, associations, isProofRequired, defaultExpiry, position } = network.toJSON();
  return {
    about: { program: 'innernet', version: '0.1.0', local: name, self: 2, isAdmin: true },
    state: {
      network: name,
      position,
      hash: '',
      time: commits.at(-1)?.at ?? null,
      peers,
      cidrs,
      associations,
      isProofRequired,
      defaultExpiry,
    },
  };
};

/** Most are heard and met directly; some by a relay, some not at all. */
const seenOf = ({ network }: Town): object => {
  const seen: object[] = [];
  const ways: { peerId: number; way: string }[] = [];
  for (const { id, isRedeemed, isDisabled } of network.peers()) {
    if (!isRedeemed || isDisabled) continue;
    const way = id === SERVER_PEER || id % 11 > 1 ? 'direct' : id % 11 === 1 ? 'relayed' : 'silent';
    if (way !== 'silent') seen.push({ peerId: id, last: new Date(Date.now() - 40_000).toISOString() });
    ways.push({ peerId: id, way });
  }
  const others = ways.filter(({ peerId }) => peerId !== SERVER_PEER);
  const told = others.map(({ peerId, way }) => ({
    peerId,
    direct: way === 'direct' ? 3 : 0,
    relayed: way === 'relayed' ? 2 : 0,
  }));
  return { kind: 'seen', seen, ways, told };
};

/** What a chosen machine tells of its tunnels: some go by the relay. */
const waysOf = ({ network }: Town, { peers }: LookRequest): Looked => ({
  ways: peers.flatMap((from) =>
    [...network.peers()].flatMap(({ id: to, isRedeemed, isDisabled }) => {
      const isJoined = isRedeemed && !isDisabled && to !== SERVER_PEER && to !== from;
      if (!isJoined || !canReach(network, network.peer(from), network.peer(to)) || to % 3 === 0) return [];
      const byRelay = { way: 'relayed', relay: SERVER_PEER, relayName: 'innernet-server' } as const;
      return [{ from, to, ...(to % 4 === 1 ? byRelay : { way: 'direct' as const }) }];
    }),
  ),
});

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  let text = '';
  for await (const part of request) text += part;
  return text;
};

/** Serves dist's page for a network that stands still. */
export const stageOf = async (town: Town): Promise<{ url: string; close: () => Promise<void> }> => {
  const told = toldOf(town);
  const line = (news: object): string => `${JSON.stringify(news)}\n`;
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = request.url ?? '/';
    const [file, type] = FILES[path] ?? [];
    const body = await bodyOf(request);
    response.setHeader(COUNTERSIGN_HEADER, 'countersign');
    if (file) response.writeHead(200, { 'content-type': type }).end(readFileSync(join(DIST, file)));
    else if (path === PAGE_PATHS.enter)
      response.end(JSON.stringify({ key: 'key', countersign: 'countersign' }));
    else if (path === PAGE_PATHS.first) response.end(JSON.stringify(firstOf(town)));
    else if (path === PAGE_PATHS.past) {
      for (let at = 0; at < told.length; at += CHUNK)
        response.write(
          line({
            kind: 'entries',
            entries: told.slice(at, at + CHUNK),
            end: Math.min(told.length, at + CHUNK),
          }),
        );
      response.end();
    } else if (path === PAGE_PATHS.ways) response.end(JSON.stringify(waysOf(town, JSON.parse(body))));
    else if (path === PAGE_PATHS.follow) response.write(line(seenOf(town)));
    else response.writeHead(404).end(JSON.stringify({ sentence: 'this network stands still' }));
  };
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/#token`, close };
};
