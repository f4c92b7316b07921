/** What can be said to the verbs that only a peer's machine has. */
import { type Command, Option } from 'commander';
import type { LocalChangeOptions } from '../cli/local-change.ts';
import { type GlobalOptions, type HostsOptions, parsedBy } from '../cli/options.ts';
import { Cidr } from '../values/ip.ts';
import type { InterfaceName } from '../values/name.ts';

/** How this machine may be reached besides the address that the server sees. */
export type NatOptions = {
  /** False: neither report candidates nor try those of others. */
  natTraversal: boolean;
  /** False: report no candidates. */
  natCandidates: boolean;
  /** Addresses in these blocks are not reported. */
  excludeNatCandidates: Cidr[];
};

export type InstallOptions = GlobalOptions &
  HostsOptions &
  LocalChangeOptions &
  NatOptions & {
    /** The network's name on this machine, in place of the inviting admin's. */
    name?: InterfaceName | undefined;
    /** Take the inviting admin's name without asking. */
    defaultName?: true | undefined;
    /** Delete the invitation once it is redeemed. */
    deleteInvite?: true | undefined;
    /** The network's range may be one that is not private. */
    allowRange?: true | undefined;
    /** Something else of this machine may have addresses of the network. */
    allowOverlap?: true | undefined;
  };

export type UpOptions = GlobalOptions &
  HostsOptions &
  NatOptions & {
    daemon?: true | undefined;
    /** Seconds between polls of a server that has no live stream. */
    interval: number;
  };

export type FetchOptions = GlobalOptions & HostsOptions & NatOptions;

export type UninstallOptions = GlobalOptions & HostsOptions & LocalChangeOptions & { yes?: true | undefined };

export type ShowOptions = GlobalOptions & {
  short?: true | undefined;
  tree?: true | undefined;
  json?: true | undefined;
};

const parseBlock = parsedBy('--exclude-nat-candidates', Cidr);

/** Adds the flags about reaching peers behind routers. */
export const addNatOptions = (verb: Command): Command =>
  verb
    .option('--no-nat-traversal', 'neither report candidates nor try those of others')
    .option('--no-nat-candidates', "do not report this machine's addresses")
    .addOption(
      new Option('--exclude-nat-candidates <block>', 'do not report addresses in this block (repeatable)')
        .argParser((text: string, before: Cidr[]) => [...before, parseBlock(text)])
        .default([], 'none'),
    );
