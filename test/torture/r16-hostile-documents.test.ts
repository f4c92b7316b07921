// R16: hostile documents: confs and invitations in TOML; pins, journals, frames and exported logs in JSON.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openExport } from '../../src/cli/exported-file.ts';
import { Journal, type StatePaths } from '../../src/client/memory/journal.ts';
import type { Mirror } from '../../src/client/memory/mirror.ts';
import { formatState } from '../../src/client/memory/state-file.ts';
import { printable } from '../../src/domain/rejection.ts';
import { sha256 } from '../../src/machine/sha256.ts';
import {
  formatConf as formatClientConf,
  formatInvitation,
  parseConf as parseClientConf,
} from '../../src/protocol/conf.ts';
import { ExportCheck, exportedRecord } from '../../src/protocol/exported-log.ts';
import { ServerFrame, Snapshot } from '../../src/protocol/frames.ts';
import { formatConf as formatServerConf, parseConf as parseServerConf } from '../../src/server/disk/conf.ts';
import { readClaim } from '../../src/server/stream/claims.ts';
import { Endpoint, SocketAddress } from '../../src/values/endpoint.ts';
import { Failure } from '../../src/values/failure.ts';
import { type Cidr, containsIp, Ip } from '../../src/values/ip.ts';
import { InterfaceName } from '../../src/values/name.ts';
import { Timestamp } from '../../src/values/time.ts';
import { acme, keysOf } from '../acme.ts';
import { cidr, ground, History, mirrorAt, own, row, server } from '../client/sight.ts';
import { append, commitOf, tempFolder, tempLog } from '../store/temp-log.ts';
import { below, oneOf, spoiledBytes, spoiledJson, Tally } from './hostile.ts';
import { diceOf, roundsOr, sayTried, seed } from './seed.ts';

const secret = keysOf('ann').privateKey;
/** More of a key than may be told. */
const PIECES = Array.from({ length: 29 }, (_, at) => secret.reveal().slice(at, at + 16));

/** A refusal in one sentence, as it is printed, that tells nobody the key; anything else that is thrown is a crash. */
const expectRefusal = (error: unknown, what: string): void => {
  expect(error, what).toBeInstanceOf(Failure);
  const { hint = '' } = error as Failure;
  const message = printable((error as Failure).message);
  expect(message.split('\n').length, what).toBe(1);
  const said = `${message}${hint}`;
  expect(
    PIECES.filter((piece) => said.includes(piece)),
    what,
  ).toEqual([]);
};

const clientConf = {
  networkName: InterfaceName.parse('acme'),
  address: '10.42.1.7/16' as Cidr,
  privateKey: secret,
  listenPort: 51_820,
  server: {
    publicKey: keysOf('server').publicKey,
    externalEndpoint: Endpoint.parse('vpn.example.org:51820'),
    internalEndpoint: SocketAddress.parse('10.42.0.1:51820'),
    networkId: 'a'.repeat(64) as never,
    position: 12,
    hash: 'b'.repeat(64) as never,
    expires: Timestamp.parse('2026-11-23T12:00:00.000Z'),
  },
  peerEndpointOverrides: new Map([[Ip.parse('10.42.1.8'), Endpoint.parse('1.2.3.4:51820')]]),
};

const serverConf = {
  privateKey: secret,
  listenPort: 51_820,
  address: Ip.parse('10.42.0.1'),
  prefix: 16,
};

it('R16: TOML is refused in one sentence, or means what it says', { timeout: 7_200_000 }, () => {
  const dice = diceOf(seed);
  const tried = new Tally();
  const doors = [
    {
      name: 'invitations',
      text: formatInvitation(clientConf, 'ann', 'ann.toml'),
      again: (text: string) => formatClientConf(parseClientConf(text, 'ann.toml')),
    },
    {
      name: "clients' confs",
      text: formatClientConf(clientConf),
      again: (text: string) => formatClientConf(parseClientConf(text, 'acme.conf')),
    },
    {
      name: "servers' confs",
      text: formatServerConf(serverConf),
      again: (text: string) => formatServerConf(parseServerConf(text, 'acme.conf')),
    },
  ];
  const wanted = roundsOr(600);
  while (tried.of('refused') < wanted) {
    const { name, text, again } = oneOf(dice, doors);
    const hostile = spoiledBytes(dice, Buffer.from(text)).toString();
    tried.add(name);
    try {
      const meaning = again(hostile);
      expect(again(meaning), JSON.stringify(hostile)).toBe(meaning);
      tried.add('understood after all');
    } catch (error) {
      expectRefusal(error, JSON.stringify(hostile));
      tried.add('refused');
    }
  }
  sayTried('R16 in TOML', tried.counts);
});

const history = new History(60);
const bob = row(5, '10.42.1.5', 50, { name: 'bob' });
const eve = row(6, '10.42.1.6', 60, { name: 'eve' });

/** Whatever a client has read or been told: its device gets nobody whom its own conf rules out, and each pair once. */
const expectSound = (mirror: Mirror, what: string): void => {
  const [ips, keys] = [new Set<string>(), new Set<string>()];
  for (const { ip, publicKey } of mirror.tunnels()) {
    expect(containsIp(ground.range, ip), what).toBe(true);
    expect([ground.own.ip, ground.server.ip], what).not.toContain(ip);
    expect([ground.own.publicKey, ground.server.publicKey], what).not.toContain(publicKey);
    expect(ips.has(ip) || keys.has(publicKey), what).toBe(false);
    ips.add(ip);
    keys.add(publicKey);
  }
};

const textsOf = ({ state, journal }: StatePaths): string[] =>
  [state, journal].map((path) => readFileSync(path, 'utf8'));

/** Pins and journal, one of them hostile: read, or refused and left byte for byte as they were. */
const readsState = async (paths: StatePaths, what: string): Promise<boolean> => {
  const before = textsOf(paths);
  try {
    const journal = await Journal.open(paths, ground);
    await journal.close();
    expectSound(journal.kept.mirror, what);
    return true;
  } catch (error) {
    expectRefusal(error, what);
    expect(textsOf(paths), what).toEqual(before);
    return false;
  }
};

/** A frame or snapshot as a stream gives it to the client: not understood, judged, or taken. */
const takesFrame = (mirror: Mirror, text: string, what: string): boolean => {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return false;
  }
  const before = formatState({ mirror, endpoints: new Map(), relays: new Map(), offers: new Map() });
  const frame = ServerFrame.safeParse(json).data;
  const snapshot = Snapshot.safeParse(json).data;
  const verdict =
    frame?.kind === 'delta'
      ? mirror.judgeDelta(frame)
      : frame?.kind === 'welcome'
        ? mirror.judgeWelcome(frame)
        : snapshot && mirror.judgeSnapshot(snapshot);
  expect(formatState({ mirror, endpoints: new Map(), relays: new Map(), offers: new Map() }), what).toBe(
    before,
  );
  if (verdict?.kind !== 'take' && verdict?.kind !== 'alarm') return false;
  const pinned = [...mirror.pins.all()].map(({ ip, publicKey }) => ({ ip, publicKey }));
  mirror.take(verdict.effect);
  expectSound(mirror, what);
  for (const { ip, publicKey } of pinned) expect(mirror.pins.at(ip)?.publicKey, what).toBe(publicKey);
  return verdict.kind === 'take';
};

it('R16: JSON is refused, or changes nothing that the rules forbid', { timeout: 7_200_000 }, async () => {
  const dice = diceOf(seed + 1);
  const tried = new Tally();
  const folder = tempFolder();
  const log = await tempLog();
  await append(log, commitOf(acme.network));
  const records = (await log.read(0, 1_000)).map(exportedRecord);
  const { position, hash } = await log.head();
  const header = {
    format: 'innernet-log',
    version: 1,
    network: 'acme',
    networkId: records[0]?.hash,
    position,
    hash,
  };

  const snapshot = history.snapshot(3, 3, [server, own, bob, eve], [cidr(3, '10.42.1.0/24')]);
  const delta = history.delta(3, 4, { removed: [5], changed: [row(6, eve.ip, 99), row(7, '10.42.1.7', 70)] });
  const livedIn = async (paths: StatePaths): Promise<void> => {
    const journal = await Journal.open(paths, ground);
    for (const judged of [() => snapshot, () => delta] as const) {
      const frame = judged();
      const { mirror } = journal.kept;
      const verdict = 'kind' in frame ? mirror.judgeDelta(frame) : mirror.judgeSnapshot(frame);
      if (verdict.kind !== 'take') throw new Error(verdict.kind);
      await journal.append(verdict.effect);
      mirror.take(verdict.effect);
    }
    writeFileSync(paths.state, formatState(journal.kept));
    await journal.close();
  };
  const pathsIn = (name: string): StatePaths => {
    mkdirSync(join(folder, name), { recursive: true });
    return { state: join(folder, name, 'acme.json'), journal: join(folder, name, 'acme.journal') };
  };
  const good = pathsIn('good');
  await livedIn(good);
  const [goodState = '', goodJournal = ''] = textsOf(good);

  const doors: { [name: string]: (round: number) => Promise<boolean> } = {
    pins: async () => {
      const paths = pathsIn('pins');
      const text = spoiledJson(dice, JSON.parse(goodState));
      writeFileSync(paths.state, text);
      writeFileSync(paths.journal, dice() < 0.5 ? '' : goodJournal);
      return readsState(paths, text.toString());
    },
    journals: async () => {
      const paths = pathsIn('journals');
      const text =
        dice() < 0.5
          ? spoiledBytes(dice, Buffer.from(goodJournal))
          : Buffer.concat([
              spoiledJson(dice, JSON.parse(goodJournal.split(/[\t\n]/)[0] ?? '')),
              Buffer.from('\n'),
            ]);
      writeFileSync(paths.state, goodState);
      writeFileSync(paths.journal, text);
      return readsState(paths, text.toString());
    },
    frames: async () => {
      const at = 3 + below(dice, 40);
      const mirror = mirrorAt(history, at, [bob, eve]);
      const changed = [row(6, eve.ip, 60, { name: 'eva' }), row(7, '10.42.1.7', 70)];
      const frame = oneOf<object>(dice, [
        history.delta(at, at + 3, { removed: [5], changed }),
        history.snapshot(at, at + 3, [server, own, bob, ...changed], [cidr(3, '10.42.1.0/24')]),
        history.welcome(at + 3),
        {
          kind: 'endpoints',
          boot: 'b',
          sequence: 1,
          peers: [{ id: 5, endpoint: '1.2.3.4:5', candidates: [] }],
        },
      ]);
      const text = spoiledJson(dice, frame as never).toString();
      return takesFrame(mirror, text, text);
    },
    'exported logs': async () => {
      const path = join(folder, 'export');
      const lines: Buffer[] = [header, ...records].map((line) => Buffer.from(JSON.stringify(line)));
      const at = below(dice, lines.length);
      lines[at] = spoiledJson(dice, [header, ...records][at] as never);
      const document = Buffer.from(JSON.stringify({ ...header, records }));
      const text =
        dice() < 0.8
          ? Buffer.concat(lines.flatMap((line) => [line, Buffer.from('\n')]))
          : spoiledBytes(dice, document);
      writeFileSync(path, text);
      try {
        const file = await openExport(path);
        const check = new ExportCheck(file.header, sha256);
        let count = 0;
        for await (const record of file.records) {
          check.take(record);
          // What passes is what was exported, word for word, or less of it.
          expect(records[count], text.toString()).toMatchObject(JSON.parse(JSON.stringify(record)));
          count += 1;
        }
        check.finish();
        return true;
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        expectRefusal(error, text.toString());
        return false;
      }
    },
    'claims of clients': async () => {
      const path = join(folder, 'claims');
      writeFileSync(path, spoiledJson(dice, { position: 12, hash: 'a'.repeat(64) }));
      return readClaim(path) !== undefined;
    },
  };
  const names = Object.keys(doors);
  const wanted = roundsOr(600);
  for (let round = 0; tried.of('refused') < wanted; round += 1) {
    const name = oneOf(dice, names);
    tried.add(name);
    const understood = await doors[name]?.(round);
    tried.add(understood ? 'understood after all' : 'refused');
  }
  sayTried('R16 in JSON', tried.counts);
});
