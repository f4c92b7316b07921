/** Flags shared by verbs, and how their text becomes a checked value. */
import { type Command, Option } from 'commander';
import * as z from 'zod';
import { shellWord } from '../domain/rejection.ts';
import { HostSuffix } from './hosts-file.ts';
import { Usage } from './usage.ts';

/** Flags before the verb, or after it by long name. */
export type GlobalOptions = {
  verbose: number;
  configDir: string;
  dataDir: string;
  routing: boolean;
  /** Absent: whichever works. */
  backend?: 'kernel' | 'userspace' | undefined;
  /** In bytes; absent: innernet 2.0's 1280. */
  mtu?: number | undefined;
};

export type HostsOptions = {
  hostsPath: string;
  /** `name.SUFFIX`; empty: bare names; absent: `name.NETWORK.wg`. */
  hostSuffix?: string | undefined;
  writeHosts: boolean;
};

export type ChangeOptions = {
  yes?: true | undefined;
  json?: true | undefined;
  dryRun?: true | undefined;
};

/** Makes the parser of a flag, or of an argument (`<network>`), from a schema. */
export const parsedBy =
  <S extends z.ZodType<unknown, string>>(flag: string, schema: S) =>
  (text: string): z.output<S> => {
    const result = schema.safeParse(text);
    if (result.success) return result.data;
    const rule = result.error.issues[0]?.message ?? 'this cannot be understood';
    const lower = text.toLowerCase();
    const way = lower !== text && schema.safeParse(lower).success ? `; "${lower}" would do` : '';
    throw new Usage(
      `${rule.includes(`"${text}"`) ? `${flag}: ${rule}` : `${flag} "${text}": ${rule}`}${way}`,
    );
  };

/** Example: `flag('--cidr <block>', 'the addresses', Cidr)`. */
export const flag = (flags: string, description: string, schema: z.ZodType<unknown, string>): Option =>
  new Option(flags, description).argParser(parsedBy(/--[a-z-]+/.exec(flags)?.[0] ?? flags, schema));

/** Parser of a repeatable flag. */
export const several = (text: string, before: string[] = []): string[] => [...before, text];

/** Limits inclusive. */
export const wholeNumber = (least: number, most: number): z.ZodType<number, string> =>
  z
    .string()
    .refine((text) => /^\d{1,10}$/.test(text) && Number(text) >= least && Number(text) <= most, {
      error: `this must be a whole number from ${least} to ${most}`,
    })
    .transform(Number);

export const portNumber = wholeNumber(1, 65_535);
const mtu = wholeNumber(576, 65_455);

/** After the verb, `short` letters mean what the verb says. */
const globalFlags = (short: boolean): Option[] => {
  const named = (letter: string, long: string): string => (short ? `-${letter}, ${long}` : long);
  return [
    new Option('-v, --verbose', 'say more; twice: still more'),
    new Option(named('c', '--config-dir <folder>'), 'where the configuration is'),
    new Option(named('d', '--data-dir <folder>'), 'where the data is'),
    new Option('--no-routing', 'leave the routes of this machine alone'),
    new Option('--backend <which>', 'kind of WireGuard device, else whichever works').choices([
      'kernel',
      'userspace',
    ]),
    flag('--mtu <bytes>', 'largest packet of the WireGuard device', mtu),
  ];
};

export type Folders = Pick<GlobalOptions, 'configDir' | 'dataDir'>;

export const addGlobalOptions = (program: Command, { configDir, dataDir }: Folders): void => {
  program.enablePositionalOptions();
  for (const option of globalFlags(true)) {
    if (option.long === '--config-dir') option.default(configDir);
    if (option.long === '--data-dir') option.default(dataDir);
    program.addOption(option);
  }
  countVerbose(program);
};

/** Global flags after a verb. */
export const LATE_GLOBAL_OPTIONS: readonly Option[] = globalFlags(false).map((option) => option.hideHelp());

export const addLateGlobalOptions = (verb: Command): void => {
  for (const option of LATE_GLOBAL_OPTIONS) verb.addOption(option);
  countVerbose(verb);
};

/** Commander parses a flag without a value as true. */
const countVerbose = (command: Command): void => {
  let said = 0;
  command.on('option:verbose', () => command.setOptionValue('verbose', ++said));
};

/** Flags after the verb win over those before. */
export const globalOptionsOf = (verb: Command): GlobalOptions => {
  const before = (verb.parent ?? verb).opts<GlobalOptions>();
  const after = verb.parent ? verb.opts<Partial<GlobalOptions>>() : {};
  return {
    verbose: (before.verbose ?? 0) + (after.verbose ?? 0),
    configDir: after.configDir ?? before.configDir,
    dataDir: after.dataDir ?? before.dataDir,
    routing: before.routing && after.routing !== false,
    backend: after.backend ?? before.backend,
    mtu: after.mtu ?? before.mtu,
  };
};

/** The folders that were said, as flags to say again. */
export const saidFolders = (program: Command, verb: Command | undefined): string[] => {
  const said = (key: string): boolean =>
    [program, verb].some((command) => command?.getOptionValueSource(key) === 'cli');
  const { configDir, dataDir } = globalOptionsOf(verb ?? program);
  return [
    ...(said('configDir') ? ['-c', shellWord(configDir)] : []),
    ...(said('dataDir') ? ['-d', shellWord(dataDir)] : []),
  ];
};

/** Everything that was said to a verb, before it and after. */
export const saidTo = <Options extends GlobalOptions>(verb: Command): Options =>
  ({ ...verb.opts(), ...globalOptionsOf(verb) }) as Options;

export const addHostsOptions = (verb: Command): Command =>
  verb
    .option('--hosts-path <file>', 'the hosts file that gets the names of peers', '/etc/hosts')
    .addOption(
      flag(
        '--host-suffix <suffix>',
        "what follows a peer's name there; '' for bare names (default: NETWORK.wg)",
        HostSuffix,
      ),
    )
    .option('--no-write-hosts', 'leave the hosts file alone');

/** Gives a verb's words and flags to what it does. `load` imports that when the verb is typed, and no sooner. */
export const runs = <Words extends unknown[], Options extends GlobalOptions>(
  verb: Command,
  load: () => Promise<(...given: [...Words, Options]) => unknown>,
): void => {
  verb.action(async (...given: unknown[]) => {
    const words = given.slice(0, -2) as Words; // commander adds the flags and the verb
    await (await load())(...words, saidTo<Options>(given.at(-1) as Command));
  });
};
