// The page that describes the log's format is right: its own vectors are checked by its own rules.
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { Network } from '../../src/domain/network.ts';
import { stateHash } from '../../src/domain/signed-state.ts';
import {
  bareOf,
  leafHash,
  messageOf,
  pathOf,
  rootBy,
  rootOf,
  Statement,
} from '../../src/domain/statement.ts';
import { chainHash, digestOf, type EventRecord, fromHex } from '../../src/events/record.ts';
import { NetworkEvent } from '../../src/events/schema.ts';
import { subjectOf } from '../../src/events/subject.ts';
import { sha256 } from '../../src/machine/sha256.ts';
import { isSignedBy, SigningSecret } from '../../src/machine/signing.ts';
import { readWitness } from '../../src/store/witness.ts';
import { type Hash, NO_HASH, type Position } from '../../src/values/id.ts';
import type { SigningKey } from '../../src/values/signing-key.ts';
import { tempFolder } from '../store/temp-log.ts';

const page = readFileSync(new URL('../../docs/log-format.md', import.meta.url), 'utf8');

const blocks = (language: string): string[] =>
  page
    .split(`\`\`\`${language}\n`)
    .slice(1)
    .map((rest) => rest.split('```')[0] ?? '');

/** The column's name in the file, and its value. */
type Row = Record<string, string> & { position: Position; commit_end: Position; hash: Hash };

/** The vectors are the page's one list; its other JSON shows lines of an export. */
const rows: Row[] = JSON.parse(blocks('json').find((text) => text.startsWith('[')) ?? '');

const recordOf = (row: Row): EventRecord =>
  ({
    ...row,
    commitEnd: row.commit_end,
    commandId: row.command_id,
    recordedAt: row.recorded_at,
    salt: fromHex(row.salt ?? ''),
  }) as unknown as EventRecord;

it('the vectors have the digests and the chain that the page gives', () => {
  let previous = NO_HASH;
  for (const { position, salt, digest, hash, ...record } of rows.map(recordOf)) {
    expect(digestOf(record, salt, sha256)).toBe(digest);
    const networkId = rows[0]?.hash ?? NO_HASH;
    expect(chainHash({ networkId, position, previous, digest }, sha256)).toBe(hash);
    previous = hash;
  }
  expect(rows).toHaveLength(3);
});

it('the vectors are events that can happen', () => {
  for (const { type, body } of rows) NetworkEvent.parse({ type, ...JSON.parse(body ?? '') });
});

it('the witness counts, and names the last record', () => {
  const path = `${tempFolder()}/acme.witness`;
  writeFileSync(path, blocks('text')[0] ?? '');
  expect(readWitness(path)).toEqual({ position: 3, hash: rows[2]?.hash });
});

type Signed = {
  networkId: Hash;
  seed: string;
  key: SigningKey;
  root: Hash;
  bodies: { type: string; before: Hash; after: Hash; leaf: Hash; body: string }[];
};

const signed: Signed = JSON.parse(blocks('json').find((text) => text.includes('"seed"')) ?? '');

it('the signed bodies stand on the states, lead to the root and are signed, as the page says', () => {
  const { networkId, key, root, bodies } = signed;
  const secret = new SigningSecret(fromHex(signed.seed));
  expect(secret.publicKey).toBe(key);
  const network = new Network();
  const leaves = bodies.map(({ leaf }) => leaf);
  expect(rootOf(leaves, sha256)).toBe(root);
  bodies.forEach(({ type, before, after, leaf, body }, at) => {
    const event = NetworkEvent.parse({ type, ...JSON.parse(bareOf(body)) });
    const statement = Statement.parse(JSON.parse(body).signed);
    const thing = subjectOf(event);
    expect(stateHash(network, { networkId, thing, count: at }, sha256)).toBe(before);
    network.evolve(event);
    expect(stateHash(network, { networkId, thing, count: at + 1 }, sha256)).toBe(after);
    expect(leafHash(networkId, { type, bare: bareOf(body), before, last: statement.last }, sha256)).toBe(
      leaf,
    );
    expect(statement.path).toEqual(pathOf(leaves, at, sha256));
    expect(rootBy(leaf, statement.path ?? [], sha256)).toBe(root);
    expect(statement.on).toBe(before.slice(0, 16));
    const message = messageOf(networkId, statement, root);
    expect(secret.sign(message)).toBe(statement.sig);
    expect(isSignedBy(key, message, statement.sig)).toBe(true);
  });
  expect(bodies).toHaveLength(2);
});
