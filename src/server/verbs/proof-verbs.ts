/** The verbs that check, export, import and rebuild a log. */
import { type Command, Option } from 'commander';
import { addLocalChangeOptions } from '../../cli/local-change.ts';
import { flag, parsedBy, runs, saidTo, wholeNumber } from '../../cli/options.ts';
import { addWitnessOption } from '../../cli/past.ts';
import { networkVerb } from '../../cli/program.ts';
import { Usage } from '../../cli/usage.ts';
import type { Position } from '../../values/id.ts';
import type { InterfaceName } from '../../values/name.ts';
import type { ExportLogOptions, ExportOptions } from './options.ts';

const position = wholeNumber(0, 2_147_483_647);
const parsePosition = parsedBy('--only', position);

const addExport = (program: Command): void => {
  networkVerb(program, 'export', {
    summary: "write the whole log on stdout for others to check, or a database for innernet 2.0's server",
    examples: [
      'export acme > acme.ndjson',
      'export acme --only 42 > proof.ndjson',
      'export acme --innernet-db acme.db',
    ],
  })
    .option('--ndjson', 'a header, then a record a line (the default)')
    .addOption(new Option('--json', 'one JSON document; with --innernet-db, the answer as JSON'))
    .addOption(
      new Option('--only <position>', 'show this record (repeatable), of the others their digests alone')
        .argParser((text: string, before: Position[]) => [...before, parsePosition(text)])
        .default([], 'all'),
    )
    .option('--innernet-db <file>', "make a database that innernet 2.0's server serves instead")
    .action(async (network: InterfaceName, _options, command: Command) => {
      const options = saidTo<ExportLogOptions & Partial<ExportOptions>>(command);
      if (options.ndjson && options.json) throw new Usage('--ndjson and --json exclude each other');
      const { innernetDb } = options;
      if (innernetDb === undefined) {
        const { exportLog } = await import('./export-log.ts');
        return exportLog(network, options);
      }
      const { exportToInnernet } = await import('./export.ts');
      return exportToInnernet(network, { ...options, innernetDb });
    });
};

const addImport = (program: Command): void => {
  const added = networkVerb(program, 'import', {
    summary: 'make a log from an exported one, checked record by record',
    examples: ['import acme acme.ndjson', 'import acme acme.ndjson --dry-run'],
  })
    .alias('replay')
    .argument('<file>', 'what "export" has written');
  runs(addLocalChangeOptions(added), async () => (await import('./import-log.ts')).importLog);
};

const addVerify = (program: Command): void => {
  const verify = networkVerb(program, 'verify', {
    summary: 'check every record, the chain, the witness, the storage, and heads that others noted',
    examples: ['verify acme', 'verify acme --from 1000', 'verify acme --witness 42:7f3a-91c2-d4e5-f607'],
  })
    .addOption(flag('--from <position>', 'take what comes up to here for granted', position))
    .option('--json', 'answer with JSON: what was checked, and where it ends');
  runs(addWitnessOption(verify), async () => (await import('./verify.ts')).verify);
};

const addRebuild = (program: Command): void => {
  const added = networkVerb(program, 'rebuild', {
    summary: 'make the read models again from the log; the network must not be served meanwhile',
    examples: ['rebuild acme'],
  });
  runs(addLocalChangeOptions(added), async () => (await import('./rebuild.ts')).rebuildReadModels);
};

export const addProofVerbs = (program: Command): void => {
  for (const add of [addVerify, addExport, addImport, addRebuild]) add(program);
};
