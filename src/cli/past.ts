/** The verbs that ask a network's log, and revert; their code is loaded when called. */
import { type Command, Option } from 'commander';
import { suggestedLine } from '../domain/rejection.ts';
import { NotedHead } from '../protocol/noted-head.ts';
import type { InterfaceName } from '../values/name.ts';
import { RecordedName } from '../values/name.ts';
import { addChangeOptions } from './change.ts';
import type { DiffOptions } from './diff.ts';
import type { HistoryOptions } from './history.ts';
import { AttemptText } from './openings.ts';
import { flag, type GlobalOptions, globalOptionsOf, parsedBy, several, wholeNumber } from './options.ts';
import type { Past } from './plane.ts';
import { actsOn, networkVerb, type Open, verb } from './program.ts';
import type { RevertOptions } from './revert.ts';
import type { StateOptions } from './state.ts';
import type { VerifyExportOptions } from './verify-export.ts';
import type { WhyOptions } from './why.ts';

/** Opens a network's log by the network's name on this machine. Throws `Failure`. */
export type OpenPast = (network: InterfaceName, options: GlobalOptions) => Promise<Past>;

/** Local facts about the ways to other peers, one sentence each. */
export type RealityOf = (
  network: InterfaceName,
  peers: readonly [string, string],
  options: GlobalOptions,
) => Promise<string[]>;

export type Pasts = { openPast: OpenPast; open: Open; realityOf?: RealityOf };

const position = wholeNumber(0, 2_147_483_647);

const utc = new Option('--utc', 'write and read times in UTC instead of your own zone');
const at = new Option('--at <moment>', 'as it was: a position (42), a time, or how long ago (2d, friday)');
const json = (what: string): Option => new Option('--json', `answer with JSON: ${what}`);

const addHistory = (program: Command, { openPast }: Pasts): void => {
  const added = networkVerb(program, 'history', {
    summary: 'tell what happened in a network, from its first day on',
    examples: [
      'history acme',
      'history acme --since friday --about ann',
      'history acme --actor ann --type PeerDisabled,PeerDeleted',
      'history acme --reverse --limit 20',
      'history acme --follow --json --since 42',
    ],
  })
    .option('--since <moment>', 'what came after a position (42), a time, or so long ago (2d, friday)')
    .option('--until <moment>', 'what came up to and with a position, or up to a time')
    .addOption(new Option('--type <type>', 'only events of this type (repeatable)').argParser(several))
    .addOption(
      flag('--actor <peer>', 'only what this peer, user of the server, or "server" did', RecordedName),
    )
    .option('--about <name>', 'only what concerns this peer, CIDR or association, by any name it ever had')
    .addOption(flag('--limit <count>', 'only so many', wholeNumber(1, 1_000_000_000)))
    .option('--reverse', 'the newest first')
    .option('-f, --follow', 'go on with what is still to happen')
    .addOption(json('one record a line'))
    .addOption(utc)
    .option('--no-pager', 'write straight to the terminal');
  actsOn<HistoryOptions, Past>(added, openPast, async (past, options) => {
    const { history } = await import('./history.ts');
    await history(past, options);
  });
};

const addState = (program: Command, { openPast }: Pasts): void => {
  const added = networkVerb(program, 'state', {
    summary: 'show a network as it is, or as it was at any moment',
    examples: ['state acme', 'state acme --at 42', 'state acme --at friday --json'],
  })
    .addOption(at)
    .addOption(json('position, hash, time, CIDRs, peers, associations'))
    .addOption(utc);
  actsOn<StateOptions, Past>(added, openPast, async (past, options) => {
    const { state } = await import('./state.ts');
    await state(past, options);
  });
};

const addDiff = (program: Command, { openPast }: Pasts): void => {
  const added = networkVerb(program, 'diff', {
    summary: 'say what changed between two moments, most of all who can reach whom',
    examples: ['diff acme friday', 'diff acme 12 42', 'diff acme 2d 1d --json'],
  })
    .argument('<moment>', 'a position, a time, or how long ago')
    .argument('[later]', 'another one (default: now)')
    .addOption(json('what was added, removed and changed, and who gained and lost reach'))
    .addOption(utc);
  actsOn<DiffOptions, Past>(added, openPast, async (past, options, [from = '', to]) => {
    const { diff } = await import('./diff.ts');
    await diff(past, [from, to], options);
  });
};

const addWhy = (program: Command, { openPast, realityOf }: Pasts): void => {
  const peerArgument = parsedBy('peer', RecordedName);
  const added = networkVerb(program, 'why', {
    summary: 'explain why two peers can or cannot talk (exit code 3), since when, and who decided it',
    examples: ['why acme ann press', 'why acme ann press --port tcp/22', 'why acme ann press --at friday'],
  })
    .argument('<peer>', 'its name, now or then, or its address', peerArgument)
    .argument('<peer>', 'the other one', peerArgument)
    .addOption(at)
    .addOption(
      flag(
        '--port <what>',
        'whether the first may open this at the second: tcp/22, udp/53, icmp',
        AttemptText,
      ),
    )
    .addOption(json('whether they can talk, the reasons and the events behind them'))
    .addOption(utc);
  actsOn<WhyOptions, Past>(added, openPast, async (past, options, [one = '', other = '']) => {
    const { why } = await import('./why.ts');
    const [network] = added.processedArgs as [InterfaceName];
    const suggest = (verb: string): string => suggestedLine(program.name(), network, verb);
    const reality = async (names: readonly [string, string]): Promise<string[]> =>
      realityOf ? realityOf(network, names, globalOptionsOf(added)) : [];
    await why(past, [one, other], options, { suggest, reality });
  });
};

const addHead = (program: Command, { openPast }: Pasts): void => {
  const added = networkVerb(program, 'head', {
    summary: 'say where the log ends, short enough to be read out or noted elsewhere',
    examples: ['head acme', 'head acme --json'],
  }).addOption(json("the network's id, position, hash and time"));
  actsOn<{ json?: true }, Past>(added, openPast, async (past, options) => {
    const { head } = await import('./head.ts');
    await head(past, options);
  });
};

const addRevert = (program: Command, { open }: Pasts): void => {
  const added = networkVerb(program, 'revert', {
    summary: 'undo a commit, or everything since a position, by new events that say so',
    examples: ['revert acme 42', 'revert acme 42 --dry-run', 'revert acme --to 12 --yes'],
  })
    .argument('[position]', 'where the commit to undo ends', parsedBy('position', position))
    .addOption(flag('--to <position>', 'go back to this position', position))
    .option('--possible', 'undo what can be undone, and say what stays');
  actsOn<RevertOptions>(addChangeOptions(added), open, async (plane, options, operands) => {
    const { revert } = await import('./revert.ts');
    await revert(plane, operands[0] as number | undefined, options);
  });
};

const parseWitness = parsedBy('--witness', NotedHead);

export const addWitnessOption = (verb: Command): Command =>
  verb.addOption(
    new Option('--witness <head>', 'a head that was noted elsewhere, as "head" prints it (repeatable)')
      .argParser((text: string, before: NotedHead[]) => [...before, parseWitness(text)])
      .default([], 'none'),
  );

const addVerifyExport = (program: Command): void => {
  const added = verb(program, 'verify-export', {
    summary: 'check an exported log: every record, the chain, and heads that others have noted',
    examples: ['verify-export acme.ndjson', 'verify-export acme.ndjson --witness 42:7f3a-91c2-d4e5-f607'],
  })
    .argument('<file>', 'what "innernet-server export" has written')
    .addOption(json('what was checked, and where it ends'));
  addWitnessOption(added).action(async (file: string, options: VerifyExportOptions) => {
    const { verifyExport } = await import('./verify-export.ts');
    await verifyExport(file, options);
  });
};

export const addPastVerbs = (program: Command, pasts: Pasts): void => {
  for (const add of [addHistory, addState, addDiff, addWhy, addHead, addRevert]) add(program, pasts);
  addVerifyExport(program);
};
