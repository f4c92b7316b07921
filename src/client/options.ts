/** Options of the verbs that only a peer's machine has. */
import { type Command, Option } from 'commander';
import type { LocalChangeOptions } from '../cli/local-change.ts';
import { type GlobalOptions, type HostsOptions, parsedBy } from '../cli/options.ts';
import { Cidr } from '../values/ip.ts';
import type { InterfaceName } from '../values/name.ts';

/** This machine's places besides the address that the server sees. */
export type NatOptions = {
  /** False: neither report candidates nor try those of others. */
  natTraversal: boolean;
  natCandidates: boolean;
  /** Blocks that are not reported. */
  excludeNatCandidates: Cidr[];
  /** False: the server is never told by which way this machine reaches others. */
  tellWays: boolean;
};

export type InstallOptions = GlobalOptions &
  HostsOptions &
  LocalChangeOptions &
  NatOptions & {
    /** Replaces the inviting admin's name for the network. */
    name?: InterfaceName | undefined;
    /** Takes that name without asking. */
    defaultName?: true | undefined;
    deleteInvite?: true | undefined;
    /** Allows a public range. */
    allowRange?: true | undefined;
    /** Allows other users of the network's addresses here. */
    allowOverlap?: true | undefined;
  };

export type UpOptions = GlobalOptions &
  HostsOptions &
  NatOptions & {
    daemon?: true | undefined;
    /** Seconds between polls without a live stream. */
    interval: number;
    /** False: take no routes of the network's. */
    routes: boolean;
  };

export type FetchOptions = GlobalOptions & HostsOptions & NatOptions;

export type UninstallOptions = GlobalOptions & HostsOptions & LocalChangeOptions & { yes?: true | undefined };

export type ShowOptions = GlobalOptions & {
  short?: true | undefined;
  tree?: true | undefined;
  json?: true | undefined;
};

const parseBlock = parsedBy('--exclude-nat-candidates', Cidr);

export const addNatOptions = (verb: Command): Command =>
  verb
    .option('--no-nat-traversal', 'neither report candidates nor try those of others')
    .option('--no-nat-candidates', "do not report this machine's addresses")
    .option('--no-tell-ways', 'do not tell an admin who looks by which way this machine reaches others')
    .addOption(
      new Option('--exclude-nat-candidates <block>', 'do not report addresses in this block (repeatable)')
        .argParser((text: string, before: Cidr[]) => [...before, parseBlock(text)])
        .default([], 'none'),
    );
