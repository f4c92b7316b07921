/** `innernet-server export --innernet-db`: a database for innernet 2.0's server. */
import { resolve } from 'node:path';
import { answer, answerJson, note } from '../../cli/print.ts';
import { explainLoss, exportNetwork } from '../../domain/foreign-export.ts';
import { openLog } from '../../projections/open-log.ts';
import { writeForeignFile } from '../../store/foreign-file.ts';
import type { InterfaceName } from '../../values/name.ts';
import { readConf } from '../disk/conf.ts';
import { filesOf, logOf } from '../disk/files.ts';
import { loadNetwork } from '../live/load-network.ts';
import { rememberedCandidates } from '../observations/observation-file.ts';
import type { ExportOptions } from './options.ts';

/** The rest is counted. */
const MAX_LOSSES = 40;

/** Throws `Failure` and writes nothing. */
export const exportToInnernet = async (name: InterfaceName, options: ExportOptions): Promise<void> => {
  const files = filesOf(name, options);
  readConf(files.conf); // the network is here, and the way back needs this file too
  const path = resolve(options.innernetDb);
  const log = await openLog({ file: logOf(name, files) });
  try {
    const network = await loadNetwork(log);
    const deleted = log.queries.peers().filter(({ ended }) => ended === 'deleted');
    const { tables, losses } = exportNetwork(network, deleted, rememberedCandidates(files.observations));
    writeForeignFile(path, tables);
    const counts = {
      peers: tables.peers.length,
      cidrs: tables.cidrs.length,
      associations: tables.associations.length,
    };
    if (options.json) {
      answerJson({ file: path, position: network.position, ...counts, losses });
      return;
    }
    answer(
      `wrote ${path}: ${counts.peers} peers, ${counts.cidrs} CIDRs, ${counts.associations} associations`,
    );
    note('what this file has no place for:');
    for (const loss of losses.slice(0, MAX_LOSSES)) note(`  ${explainLoss(loss)}`);
    if (losses.length > MAX_LOSSES) note(`  and ${losses.length - MAX_LOSSES} more, see --json`);
    note(`to serve it: stop this server, move the file to ${files.foreignDatabase}, start innernet 2.0's`);
  } finally {
    await log.close();
  }
};
