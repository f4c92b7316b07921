/** `restore` and `restored` with --dry-run: writes nothing. */

import { rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { sayOutcome } from '../../cli/change.ts';
import { note } from '../../cli/print.ts';
import type { LostProof } from '../../domain/lost-proofs.ts';
import { Network } from '../../domain/network.ts';
import { foretell } from '../../domain/preview.ts';
import { reachDifference } from '../../domain/reach.ts';
import { openLog } from '../../projections/open-log.ts';
import type { Reach, Told } from '../../protocol/past.ts';
import { inspectLog, removeLog } from '../../store/backup.ts';
import type { Head } from '../../store/log.ts';
import { verifyChain } from '../../store/verify.ts';
import { readWitness, witnessFile } from '../../store/witness.ts';
import type { InterfaceName } from '../../values/name.ts';
import { readConf } from '../disk/conf.ts';
import { filesOf, type NetworkFiles } from '../disk/files.ts';
import { loadNetwork } from '../live/load-network.ts';
import { openNetworkLog } from '../past/local-past.ts';
import { reachOf } from '../past/rehearsal.ts';
import { readClaim } from '../stream/claims.ts';
import { lostChangesOf, lostText, noteLostChanges } from './lost-changes.ts';
import { lostProofsOf, noteLostProofs } from './lost-proofs.ts';
import {
  byWhom,
  copyLog,
  greatest,
  isRecorded,
  type Lost,
  lostBeyond,
  neverLonger,
  presentHead,
  type RestoreOptions,
  refuseOtherNetwork,
  restoration,
} from './restore.ts';

const NOBODY: Reach = { gained: [], lost: [] };

type Foreseen = {
  network: InterfaceName;
  head: Head;
  lost: Lost | undefined;
  reach: Reach;
  changes?: Told[] | undefined;
  proofs?: LostProof[] | undefined;
};

const say = ({ network, head, lost, reach, changes, proofs }: Foreseen, options: RestoreOptions): void => {
  const { events, sentences } = foretell(new Network(), lost ? [restoration(lost)] : []);
  const rehearsal = { ...head, dryRun: true as const, events, sentences, reach };
  const going = `${network} would go on from position ${head.position}`;
  const already = `${going}, and nothing is lost that anybody knows of`;
  sayOutcome(
    rehearsal,
    options,
    { done: '', already },
    {
      ...{ network, lost: lost ?? null, lostProofs: proofs ?? null },
    },
  );
  if (!lost) return;
  note(`${going}; lost: ${lostText(head, lost)}${byWhom(lost)}`);
  noteLostChanges(head, lost, changes);
  noteLostProofs(network, proofs);
};

/** Also while served. */
export const rehearseRestore = async (
  network: InterfaceName,
  file: string,
  options: RestoreOptions,
): Promise<void> => {
  const files = filesOf(network, options);
  const conf = readConf(files.conf);
  const draft = `${files.log}.${process.pid}.rehearsal`; // SQLite writes beside whatever it opens
  try {
    copyLog(resolve(file), draft);
    const head = await inspectLog(draft);
    const log = await openLog({ file: draft, migrate: true });
    try {
      await refuseOtherNetwork(log, conf, file);
      const lost = await lostBeyond(log, head, await seenOf(files, await presentHead(files.log)));
      const reach = await reachAgainst(await loadNetwork(log), network, options);
      const changes = lost && (await lostChangesOf(head, files.log));
      const proofs = lost && (await lostProofsOf(log, head, files.log));
      say({ network, head, lost, reach, changes, proofs }, options);
    } finally {
      await log.close();
    }
  } finally {
    removeLog(draft);
    rmSync(witnessFile(draft), { force: true });
  }
};

const seenOf = async (files: NetworkFiles, present?: Head): Promise<Lost | undefined> =>
  greatest(readWitness(witnessFile(files.log)), readClaim(files.claims), present);

/** Empty with a note if the present log is unreadable. */
const reachAgainst = async (
  copy: Network,
  network: InterfaceName,
  options: RestoreOptions,
): Promise<Reach> => {
  try {
    const log = await openNetworkLog(network, options);
    try {
      return reachOf(reachDifference(await loadNetwork(log), copy));
    } finally {
      await log.close();
    }
  } catch {
    note('the log that is there cannot be read: who would gain or lose whom is not known');
    return NOBODY;
  }
};

/** As `restored`, without recording it. */
export const rehearseRestored = async (network: InterfaceName, options: RestoreOptions): Promise<void> => {
  const log = await openNetworkLog(network, options);
  try {
    const head = await verifyChain(log);
    const lost = await lostBeyond(log, head, await seenOf(filesOf(network, options)));
    if (!lost) throw neverLonger(network);
    const isDone = await isRecorded(log, head, lost);
    say({ network, head, lost: isDone ? undefined : lost, reach: NOBODY }, options);
  } finally {
    await log.close();
  }
};
