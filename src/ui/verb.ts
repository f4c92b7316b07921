/** The verb ui of both programs. */
import type { Command } from 'commander';
import { flag, type GlobalOptions, globalOptionsOf, portNumber, saidFolders } from '../cli/options.ts';
import { actsOn, networkVerb, type Open } from '../cli/program.ts';
import type { About } from '../protocol/page.ts';
import type { InterfaceName } from '../values/name.ts';
import type { Own } from './answers.ts';
import type { UiOptions } from './show-page.ts';

/** This machine's part in a network. */
export type OwnOf = (network: InterfaceName, options: GlobalOptions) => Promise<Own>;

export const addUiVerb = (program: Command, { open, ownOf }: { open: Open; ownOf: OwnOf }): void => {
  const added = networkVerb(program, 'ui', {
    summary: 'show a network in a browser: map, history, who reaches whom; until you stop it',
    examples: ['ui acme', 'ui acme --port 8080 --no-open'],
  })
    .addOption(flag('--port <port>', 'the port of loopback to listen on (default: any free one)', portNumber))
    .option('--no-open', 'only print the address');
  actsOn<UiOptions>(added, open, async (plane, options) => {
    const { showPage } = await import('./show-page.ts');
    const [network] = added.processedArgs as [InterfaceName];
    const own = await ownOf(network, globalOptionsOf(added));
    const typed = [program.name(), ...saidFolders(program, added)].join(' ');
    const about = { program: program.name() as About['program'], version: program.version() ?? '', typed };
    await showPage(plane, { program: about, own }, options);
  });
};
