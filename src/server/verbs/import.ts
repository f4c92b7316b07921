/** Imports a network of innernet 2.0's server as the first commit of a log. */

import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { ulid } from 'ulid';
import { importNetwork } from '../../domain/foreign-network.ts';
import { type ForeignCandidates, readForeignRows } from '../../domain/foreign-rows.ts';
import { explainNote, explainTrouble, type ImportNote } from '../../domain/import-note.ts';
import { Network } from '../../domain/network.ts';
import { actorText } from '../../events/actor.ts';
import type { NetworkEvent } from '../../events/schema.ts';
import { eventOf } from '../../events/upcast.ts';
import { moveInto } from '../../machine/durable.ts';
import { replaceFile } from '../../machine/durable-file.ts';
import { openLog } from '../../projections/open-log.ts';
import { ForeignDatabase, hashOfFile } from '../../store/foreign-database.ts';
import type { EventLog, Head } from '../../store/log.ts';
import { readWitness, witnessFile } from '../../store/witness.ts';
import { Failure } from '../../values/failure.ts';
import type { InterfaceName } from '../../values/name.ts';
import { timestamp } from '../commands/control-plane.ts';
import type { ServerConf } from '../disk/conf.ts';
import type { NetworkFiles } from '../disk/files.ts';
import { holdersOf } from '../disk/open-files.ts';
import { refuseOtherConf } from '../disk/other-conf.ts';
import { observationDocument } from '../observations/observation-file.ts';
import { operator } from './local-plane.ts';

/** Worth a word to the operator. */
const MANY_EVENTS = 2_000;

/** The rest is counted. */
const MAX_NOTES = 40;

type Say = (message: string) => void;

type Contents = {
  events: NetworkEvent[];
  candidates: ForeignCandidates[];
  notes: ImportNote[];
  network: Network;
};

/**
 * Only for a database of innernet 2.0 without a log. The caller holds the network's lock. Throws `Failure`
 * and changes nothing: the database is damaged, of a later version, not this conf's, or open elsewhere.
 */
export const importOnce = async (
  name: InterfaceName,
  files: NetworkFiles,
  conf: ServerConf,
  say: Say,
): Promise<void> => {
  if (existsSync(files.log) || !existsSync(files.foreignDatabase)) return;
  refuseLostLog(files);
  const database = ForeignDatabase.open(files.foreignDatabase);
  try {
    refuseRunning(name, files);
    const contents = read(name, database, files);
    refuseOtherConf(conf, contents.network, files, 'foreignDatabase');
    if (contents.events.length >= MANY_EVENTS) say(`taking over ${name}: this may take some seconds`);
    await build(contents, database, files);
    report(name, contents, files, say);
  } finally {
    database.close();
  }
};

/** The witness has seen a log: another import would silently lose it. */
const refuseLostLog = ({ log }: NetworkFiles): void => {
  const witness = readWitness(witnessFile(log));
  if (!witness) return;
  throw new Failure(
    `${log} is missing, and ${witnessFile(log)} has seen it at position ${witness.position}`,
    {
      hint: `put a backup of it back; to begin again from innernet 2.0's database, move ${witnessFile(log)} away`,
    },
  );
};

const refuseRunning = (name: InterfaceName, { foreignDatabase }: NetworkFiles): void => {
  const [holder] = holdersOf(foreignDatabase);
  if (!holder) return;
  throw new Failure(
    `${foreignDatabase} is open in ${holder.program} (process ${holder.pid}): two servers cannot share a network`,
    { hint: `stop that one first: systemctl disable --now innernet-server@${name}` },
  );
};

const read = (
  name: InterfaceName,
  database: ForeignDatabase,
  { foreignDatabase }: NetworkFiles,
): Contents => {
  const cannot = (why: string): Failure =>
    new Failure(`${foreignDatabase} cannot be taken over: ${why}`, {
      hint: 'put that right with sqlite3, or put a backup back; nothing was changed',
    });
  const reading = readForeignRows({
    cidrs: database.rows('cidrs'),
    peers: database.rows('peers'),
    associations: database.rows('associations'),
  });
  if (!reading.readable) throw cannot(explainTrouble(reading.trouble));
  const source = { program: 'innernet-server', version: database.version, sha256: database.sha256 };
  const result = importNetwork({ name, source, ...reading.network });
  if (!result.possible) throw cannot(explainTrouble(result.trouble));
  const network = new Network();
  network.advance(result.events, result.events.length);
  const notes = [...reading.notes, ...result.notes];
  return { events: result.events, candidates: reading.candidates, notes, network };
};

/** The draft appears whole; the log comes last, since its presence marks completion. */
const build = async (contents: Contents, database: ForeignDatabase, files: NetworkFiles): Promise<void> => {
  const draft = `${files.log}.import`;
  await removeDraft(draft);
  try {
    await writeLog(draft, contents.events, database);
    await rm(witnessFile(draft), { force: true }); // of a file that nobody will know by that name
    await replaceFile(files.observations, observationDocument(observed(contents.candidates)));
    moveInto(draft, files.log);
  } finally {
    await removeDraft(draft);
  }
};

const writeLog = async (
  file: string,
  events: readonly NetworkEvent[],
  { sha256 }: ForeignDatabase,
): Promise<Head> => {
  const log = await openLog({ file, mode: 'create' });
  try {
    const commit = {
      actor: actorText(operator()),
      commandId: ulid(),
      commandDigest: sha256, // what was asked for is this very file
      recordedAt: timestamp(),
      events,
    };
    const result = await log.append(0, [commit]);
    if (result.kind === 'committed') return result.head;
    throw new Failure(`${file} could not be written`, {
      hint: 'look at the disk, then start again',
      cause: result.kind === 'unknown' ? result.cause : undefined,
    });
  } finally {
    await log.close();
  }
};

/** Endpoints come from the device's first read; candidates are filtered by them. */
const observed = (candidates: readonly ForeignCandidates[]) =>
  candidates.map(({ id, reported }) => ({ id, endpoint: null, reported }));

const removeDraft = async (draft: string): Promise<void> => {
  for (const path of [draft, `${draft}-wal`, `${draft}-shm`, `${draft}-journal`, witnessFile(draft)])
    await rm(path, { force: true });
};

const report = (
  name: InterfaceName,
  { events, notes }: Contents,
  { log, foreignDatabase }: NetworkFiles,
  say: Say,
): void => {
  const count = (type: NetworkEvent['type']): number => events.filter((event) => event.type === type).length;
  say(
    `took over ${name} from ${foreignDatabase}: ${count('PeerAdded')} peers, ${count('CidrAdded')} CIDRs, ` +
      `${count('AssociationAdded')} associations, now in ${log}`,
  );
  if (notes.length > 0) say(`taken as they are, though they could not be made here (${notes.length}):`);
  for (const each of notes.slice(0, MAX_NOTES)) say(`  ${explainNote(each)}`);
  if (notes.length > MAX_NOTES) say(`  and ${notes.length - MAX_NOTES} more`);
};

/** Two servers may be at work. */
export const warnOfForeignChanges = async (
  log: EventLog,
  { foreignDatabase }: NetworkFiles,
  say: Say,
): Promise<void> => {
  const [record] = await log.read(0, 1);
  const first = record && eventOf(record);
  if (first?.type !== 'NetworkImported' || first.source.sha256 === undefined) return;
  if (!existsSync(foreignDatabase) || hashOfFile(foreignDatabase) === first.source.sha256) return;
  say(
    `warning: ${foreignDatabase} has changed since it was taken over on ${record?.recordedAt}: nothing of that is ` +
      "in this network, and innernet 2.0's server must not run beside this one",
  );
};
