/** `innernet-server import`: a new log from an export, complete or not at all. */

import { existsSync, linkSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { openExport } from '../../cli/exported-file.ts';
import { isOnlySaid } from '../../cli/local-change.ts';
import { answer, answerJson, note } from '../../cli/print.ts';
import { Progress } from '../../cli/progress.ts';
import type { EventRecord } from '../../events/record.ts';
import { eventOf } from '../../events/upcast.ts';
import { syncPath } from '../../machine/durable.ts';
import { sha256 } from '../../machine/sha256.ts';
import { READ_MODELS } from '../../projections/projections.ts';
import {
  ExportCheck,
  type ExportedRecord,
  type ExportHeader,
  isWhole,
  recordFrom,
} from '../../protocol/exported-log.ts';
import { shortHead } from '../../protocol/noted-head.ts';
import { ProcessLock } from '../../store/process-lock.ts';
import { writeReplica } from '../../store/replica.ts';
import { readWitness, Witness, witnessFile } from '../../store/witness.ts';
import { Failure } from '../../values/failure.ts';
import { SERVER_PEER } from '../../values/id.ts';
import type { PublicKey } from '../../values/key.ts';
import { publicKeyOf } from '../../values/key-pair.ts';
import type { InterfaceName } from '../../values/name.ts';
import { readConf } from '../disk/conf.ts';
import { filesOf, type NetworkFiles } from '../disk/files.ts';
import type { ImportOptions } from './options.ts';

const refuseExisting = (name: InterfaceName, { log, foreignDatabase }: NetworkFiles): void => {
  const there = [log, foreignDatabase].find((path) => existsSync(path));
  if (there)
    throw new Failure(`${name} has a log already: ${there}`, {
      hint: 'import it under another name, or into another --data-dir',
    });
  if (readWitness(witnessFile(log)))
    throw new Failure(`${witnessFile(log)} is left of another log of ${name}`, {
      hint: `if that log is meant to be gone, move ${witnessFile(log)} away`,
    });
};

/** `onServerKey` gets the key of the network's server. */
async function* checked(
  header: ExportHeader,
  records: AsyncIterable<ExportedRecord>,
  onServerKey: (key: PublicKey) => void,
): AsyncGenerator<EventRecord> {
  const check = new ExportCheck(header, sha256);
  const progress = new Progress('imported', header.position);
  for await (const exported of records) {
    check.take(exported);
    if (!isWhole(exported))
      throw new Failure(
        `position ${exported.position} is kept back in this file, and a log needs all of them`,
        {
          hint: 'export it without --only',
        },
      );
    const record = recordFrom(exported);
    const event = eventOf(record);
    if (event.type === 'PeerAdded' && event.peerId === SERVER_PEER) onServerKey(event.publicKey);
    progress.reached(record.position);
    yield record;
  }
  progress.end();
  check.finish();
}

const refuseOtherConf = ({ conf }: NetworkFiles, serverKey: PublicKey | undefined): void => {
  if (!existsSync(conf) || serverKey === publicKeyOf(readConf(conf).privateKey)) return;
  throw new Failure(
    `the exported log is that of another network than ${conf}: the keys of the servers differ`,
    {
      hint: 'import it under another name',
    },
  );
};

const removeDraft = (draft: string): void => {
  for (const end of ['', '-wal', '-shm']) rmSync(draft + end, { force: true });
};

/** Linked last, with a witness of its own. */
const publish = (draft: string, log: string, header: ExportHeader): void => {
  syncPath(draft);
  linkSync(draft, log);
  const witness = new Witness(witnessFile(log));
  witness.note(header, () => header);
  witness.close();
  syncPath(dirname(log));
};

const rehearse = async (
  name: InterfaceName,
  path: string,
  options: ImportOptions,
  files: NetworkFiles,
): Promise<void> => {
  refuseExisting(name, files);
  const { header, records } = await openExport(path);
  let serverKey: PublicKey | undefined;
  const sound = checked(header, records, (key) => {
    serverKey = key;
  });
  for await (const _ of sound);
  refuseOtherConf(files, serverKey);
  const order = `make ${files.log} from ${header.position} records, up to ${shortHead(header)}`;
  isOnlySaid({ network: name, changes: [order] }, options);
};

/** Throws `Failure` and makes nothing: an existing log, a bad export. */
export const importLog = async (name: InterfaceName, path: string, options: ImportOptions): Promise<void> => {
  const files = filesOf(name, options);
  if (options.dryRun) return rehearse(name, path, options, files);
  const lock = ProcessLock.take(files.lock, `a program for the network ${name}`);
  const draft = `${files.log}.${process.pid}.import`;
  try {
    refuseExisting(name, files);
    const { header, records } = await openExport(path);
    let serverKey: PublicKey | undefined;
    const sound = checked(header, records, (key) => {
      serverKey = key;
    });
    await writeReplica(draft, sound, READ_MODELS.projections);
    refuseOtherConf(files, serverKey);
    publish(draft, files.log, header);
    say(name, header, files, options);
  } finally {
    removeDraft(draft);
    lock.release();
  }
};

const say = (
  name: InterfaceName,
  header: ExportHeader,
  { conf, log }: NetworkFiles,
  { json }: ImportOptions,
): void => {
  const { networkId, position, hash } = header;
  if (json) {
    answerJson({ network: name, networkId, position, hash, log });
    return;
  }
  answer(`imported ${name}: ${position} records, up to ${shortHead(header)}`);
  if (!existsSync(conf)) note(`to serve it put ${conf} back: the server's key is in no export`);
};
