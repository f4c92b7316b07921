/** `restore` and `restored` with --dry-run: writes nothing. */

import { rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { sayOutcome } from '../../cli/change.ts';
import { note } from '../../cli/print.ts';
import { Network } from '../../domain/network.ts';
import { foretell } from '../../domain/preview.ts';
import { reachDifference } from '../../domain/reach.ts';
import type { Reach } from '../../protocol/past.ts';
import { inspectLog, removeLog } from '../../store/backup.ts';
import { verifyChain } from '../../store/verify.ts';
import { witnessFile } from '../../store/witness.ts';
import type { InterfaceName } from '../../values/name.ts';
import { readConf } from '../disk/conf.ts';
import { filesOf } from '../disk/files.ts';
import { loadNetwork } from '../live/load-network.ts';
import { openNetworkLog } from '../past/local-past.ts';
import { reachOf } from '../past/rehearsal.ts';
import { lostText, noteLostChanges } from './lost-changes.ts';
import { noteLostProofs } from './lost-proofs.ts';
import {
  byWhom,
  copyLog,
  isRecorded,
  lostBeyond,
  neverLonger,
  planRestore,
  type RestoreOptions,
  type RestorePlan,
  restoration,
  seenHead,
  withCopy,
} from './restore.ts';

const NOBODY: Reach = { gained: [], lost: [] };

type Foreseen = RestorePlan & { network: InterfaceName; reach: Reach };

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
    await inspectLog(draft);
    await withCopy(draft, async (log) => {
      const plan = await planRestore(log, { file, files, conf });
      const reach = await reachAgainst(await loadNetwork(log), network, options);
      say({ network, reach, ...plan }, options);
    });
  } finally {
    removeLog(draft);
    rmSync(witnessFile(draft), { force: true });
  }
};

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
    const lost = await lostBeyond(log, head, seenHead(filesOf(network, options)));
    if (!lost) throw neverLonger(network);
    const isDone = await isRecorded(log, head, lost);
    say({ network, head, lost: isDone ? undefined : lost, reach: NOBODY }, options);
  } finally {
    await log.close();
  }
};
