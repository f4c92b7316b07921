/** `innernet-server restore` and `restored`: go on with an older log, recorded as `LogRestored`. */

import { copyFileSync, existsSync, renameSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { ulid } from 'ulid';
import { Questions } from '../../cli/ask.ts';
import type { ChangeOptions, GlobalOptions } from '../../cli/options.ts';
import { answer, answerJson, note } from '../../cli/print.ts';
import { during } from '../../cli/progress.ts';
import type { LostProof } from '../../domain/lost-proofs.ts';
import { actorText } from '../../events/actor.ts';
import type { EventOf } from '../../events/schema.ts';
import { eventOf } from '../../events/upcast.ts';
import { moveInto } from '../../machine/durable.ts';
import { sha256Text } from '../../machine/sha256.ts';
import { openLog } from '../../projections/open-log.ts';
import type { Told } from '../../protocol/past.ts';
import { inspectLog, removeLog } from '../../store/backup.ts';
import type { EventLog, Head } from '../../store/log.ts';

import { ProcessLock } from '../../store/process-lock.ts';
import { markReplica } from '../../store/replica-mark.ts';
import { verifyChain } from '../../store/verify.ts';
import { readWitness, replaceWitness, witnessFile } from '../../store/witness.ts';
import { Failure } from '../../values/failure.ts';
import { SERVER_PEER } from '../../values/id.ts';
import { publicKeyOf } from '../../values/key-pair.ts';
import type { InterfaceName } from '../../values/name.ts';
import { timestamp } from '../commands/control-plane.ts';
import { readConf, type ServerConf } from '../disk/conf.ts';
import { filesOf, type NetworkFiles } from '../disk/files.ts';
import { holdersOf } from '../disk/open-files.ts';
import { loadNetwork } from '../live/load-network.ts';
import { observationsBeside, takeObservations } from '../observations/observation-file.ts';
import { openNetworkLog } from '../past/local-past.ts';
import { forgetClaims, readClaim } from '../stream/claims.ts';
import { operator } from './local-plane.ts';
import { lostChangesOf, lostText, noteLostChanges } from './lost-changes.ts';
import { lostProofsOf, noteLostProofs } from './lost-proofs.ts';

export type RestoreOptions = GlobalOptions & ChangeOptions;

/**
 * Keeps the replaced log under another name. Throws `Failure` and leaves the log as it was; a killed run
 * leaves no log or the whole new one, and can be repeated.
 */
export const restore = async (
  network: InterfaceName,
  file: string,
  options: RestoreOptions,
): Promise<void> => {
  const files = filesOf(network, options);
  const conf = readConf(files.conf);
  refuseElsewhere(network, conf);
  const lock = ProcessLock.take(files.lock, `a server of ${network}`);
  const draft = `${files.log}.restore`;
  try {
    refuseOpen(files.log);
    copyLog(resolve(file), draft);
    markReplica(draft, false); // also a copy that was made of one
    await during('checking the copy', inspectLog(draft));
    const plan = await withCopy(draft, async (log) => {
      const plan = await planRestore(log, { file, files, conf });
      await sure(network, plan.head, plan.lost, options);
      if (plan.lost) await recordRestoration(log, plan.head, plan.lost);
      return plan;
    });
    const aside = swap(draft, files);
    await settle(files);
    takeObservations(observationsBeside(resolve(file)), files.observations);
    tell(network, { ...plan, aside }, options);
  } finally {
    removeLog(draft);
    rmSync(witnessFile(draft), { force: true });
    lock.release();
  }
};

/** Goes on with the present log, put back by hand or shortened by damage. Throws `Failure`. */
export const restored = async (network: InterfaceName, options: RestoreOptions): Promise<void> => {
  const files = filesOf(network, options);
  if (existsSync(files.conf)) refuseElsewhere(network, readConf(files.conf));
  const log = await openNetworkLog(network, options);
  try {
    const head = await during('checking the log', verifyChain(log));
    const lost = await lostBeyond(log, head, seenHead(files));
    if (lost && !(await isRecorded(log, head, lost))) {
      await sure(network, head, lost, options);
      await recordRestoration(log, head, lost);
    } else if (!lost) throw neverLonger(network);
    tell(network, { head, lost }, options);
  } finally {
    await log.close();
  }
  await settle(files);
};

/** A log in PostgreSQL is restored there, or comes back to its file first. */
const refuseElsewhere = (network: string, { postgres }: ServerConf): void => {
  if (!postgres) return;
  throw new Failure(`the log of ${network} is in PostgreSQL, at ${postgres.text}`, {
    hint: `bring it back to this machine first: innernet-server move-log ${network} --to-file`,
  });
};

/** The refusal of `restored` where the log has all that was ever seen. */
export const neverLonger = (network: string): Failure =>
  new Failure(`nothing says that the log of ${network} was ever longer than it is`, {
    hint: `check it: innernet-server verify ${network}`,
  });

/** The greatest that this machine or a client has seen. */
export const seenHead = ({ log, claims }: NetworkFiles, present?: Head): Lost | undefined =>
  [readWitness(witnessFile(log)), readClaim(claims), present].reduce<Lost | undefined>(
    (most, head) => ((head?.position ?? 0) > (most?.position ?? 0) ? head : most),
    undefined,
  );

/** With the WAL: a copy made with `cp` may have its last changes there. */
export const copyLog = (from: string, to: string): void => {
  if (!existsSync(from)) throw new Failure(`there is no file ${from}`);
  removeLog(to);
  for (const end of ['', '-wal']) if (existsSync(from + end)) copyFileSync(from + end, to + end);
};

const refuseOpen = (log: string): void => {
  const [holder] = existsSync(log) ? holdersOf(log) : [];
  if (!holder) return;
  throw new Failure(`${log} is open in ${holder.program} (process ${holder.pid})`, {
    hint: 'wait until that program is through, or stop it',
  });
};

/** What the network would go on from, and what it would lose; `changes` only where logs were compared. */
export type RestorePlan = {
  head: Head;
  lost: Lost | undefined;
  changes?: Told[] | undefined;
  proofs?: LostProof[] | undefined;
};

/** Opens a copy that is no network's log yet. */
export const withCopy = async <T>(file: string, work: (log: EventLog) => Promise<T>): Promise<T> => {
  const log = await openLog({ file, migrate: true });
  try {
    return await work(log);
  } finally {
    await log.close();
  }
};

/** `file`: the copy's name for people. Throws `Failure` for another network or history. */
export const planRestore = async (
  log: EventLog,
  { file, files, conf }: { file: string; files: NetworkFiles; conf: ServerConf },
): Promise<RestorePlan> => {
  const head = await log.head();
  await refuseOtherNetwork(log, conf, file);
  const lost = await lostBeyond(log, head, seenHead(files, await presentHead(files.log)));
  const changes = lost && (await lostChangesOf(head, files.log));
  const proofs = lost && (await lostProofsOf(log, head, files.log));
  return { head, lost, changes, proofs };
};

const refuseOtherNetwork = async (log: EventLog, conf: ServerConf, file: string): Promise<void> => {
  const server = (await loadNetwork(log)).peer(SERVER_PEER);
  if (server?.ip === conf.address && server.publicKey === publicKeyOf(conf.privateKey)) return;
  throw new Failure(`${file} is of another network: address or key of its server are not those of the conf`);
};

/** Undefined if the present log is missing or damaged. */
const presentHead = async (file: string): Promise<Head | undefined> => {
  if (!existsSync(file)) return undefined;
  try {
    return await inspectLog(file);
  } catch {
    return undefined;
  }
};

/** Undefined if the log contains it. Throws `Failure` for another history. */
export const lostBeyond = async (
  log: EventLog,
  head: Head,
  seen: Lost | undefined,
): Promise<Lost | undefined> => {
  if (!seen || seen.position > head.position) return seen;
  const [record] = await log.read(seen.position - 1, 1);
  if (record?.hash === seen.hash) return undefined;
  throw new Failure(
    `this copy holds another history: its position ${seen.position} is not the one that was seen last`,
    { hint: 'look for a copy of the history that the clients have followed' },
  );
};

/** An earlier run may have been killed before it renewed the witness. */
export const isRecorded = async (log: EventLog, head: Head, lost: Head): Promise<boolean> => {
  const [record] = await log.read(head.position - 1, 1);
  const event = record && eventOf(record);
  return event?.type === 'LogRestored' && event.lostPosition >= lost.position;
};

/** `saidBy`: set if only peers say so; each may lie. */
export type Lost = Head & { saidBy?: readonly string[] | undefined };

/** Empty if this machine has seen the lost end. */
export const byWhom = ({ saidBy = [] }: Lost): string =>
  saidBy.length > 0 ? ` (how many there were is known by the word of ${saidBy.join(', ')} alone)` : '';

const sure = async (
  network: InterfaceName,
  head: Head,
  lost: Lost | undefined,
  { yes }: RestoreOptions,
): Promise<void> => {
  const loss = lost
    ? `Lost for good: ${lostText(head, lost)}${byWhom(lost)}`
    : 'Nothing is lost that anybody knows of';
  await new Questions({ yes }).sure(`Go on with ${network} from position ${head.position}? ${loss}.`);
};

/** The event by which a network goes on from an older head than was seen. */
export const restoration = (lost: Head): EventOf<'LogRestored'> => ({
  type: 'LogRestored',
  lostPosition: lost.position,
  lostHash: lost.hash,
});

export const recordRestoration = async (log: EventLog, head: Head, lost: Head): Promise<void> => {
  const event = restoration(lost);
  const result = await log.append(head.position, [
    {
      actor: actorText(operator()),
      commandId: ulid(),
      commandDigest: sha256Text(JSON.stringify(event)),
      recordedAt: timestamp(),
      events: [event],
    },
  ]);
  if (result.kind === 'committed') return;
  throw new Failure('another program is writing to this log', {
    hint: 'try again',
    cause: result.kind === 'unknown' ? result.cause : undefined,
  });
};

/** The old files first, so that no old WAL is beside the new log; the witness stays until the end. */
const swap = (draft: string, { log }: NetworkFiles): string | undefined => {
  const aside = `${log}.lost-${timestamp().replace(/[-:]|\.\d+/g, '')}`;
  const wasThere = existsSync(log);
  for (const end of ['', '-wal', '-shm']) if (existsSync(log + end)) renameSync(log + end, aside + end);
  moveInto(draft, log);
  return wasThere ? aside : undefined;
};

/** The new log is shorter than its old witness. */
const settle = async ({ log, claims }: NetworkFiles): Promise<void> => {
  replaceWitness(witnessFile(log), await inspectLog(log));
  forgetClaims(claims);
};

const tell = (
  network: InterfaceName,
  plan: RestorePlan & { aside?: string | undefined },
  { json }: RestoreOptions,
): void => {
  const { head, lost, changes, proofs, aside } = plan;
  if (json) {
    const gone = { lost: lost ?? null, lostProofs: proofs ?? null };
    answerJson({ network, position: head.position, ...gone, aside: aside ?? null });
    return;
  }
  const loss = lost ? `lost: ${lostText(head, lost)}${byWhom(lost)}` : 'nothing is lost';
  answer(`${network} goes on from position ${head.position}; ${loss}`);
  if (lost && 'changes' in plan) noteLostChanges(head, lost, changes);
  if (aside) note(`the log that was there is kept as ${aside}`);
  if (!lost) return;
  note(
    `who was disabled or deleted since then is back: clients that saw it keep them out until "enable-peer"`,
  );
  noteLostProofs(network, proofs);
};
