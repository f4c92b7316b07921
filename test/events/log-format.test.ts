// The page that describes the log's format is right: its own vectors are checked by its own rules.
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { chainHash, digestOf, type EventRecord, fromHex } from '../../src/events/record.ts';
import { NetworkEvent } from '../../src/events/schema.ts';
import { sha256 } from '../../src/machine/sha256.ts';
import { readWitness } from '../../src/store/witness.ts';
import { type Hash, NO_HASH, type Position } from '../../src/values/id.ts';
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
