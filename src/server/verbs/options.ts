/** Options of the verbs that only the server has. */
import type { LocalChangeOptions } from '../../cli/local-change.ts';
import type { ChangeOptions, GlobalOptions, HostsOptions } from '../../cli/options.ts';
import type { NotedHead } from '../../protocol/noted-head.ts';
import type { Endpoint } from '../../values/endpoint.ts';
import type { Position } from '../../values/id.ts';
import type { Cidr } from '../../values/ip.ts';
import type { Hostname, InterfaceName } from '../../values/name.ts';
import type { MetricsPlace } from '../metrics/metrics-place.ts';

/** Missing values are asked for on a terminal. */
export type NewOptions = GlobalOptions &
  ChangeOptions & {
    networkName?: InterfaceName | undefined;
    networkCidr?: Cidr | undefined;
    /** Also a range that is not private. */
    allowRange?: true | undefined;
    externalEndpoint?: Endpoint | undefined;
    /** Asks a public DNS resolver. */
    autoExternalEndpoint?: true | undefined;
    listenPort?: number | undefined;
    /** False: the server does not relay. */
    relay: boolean;
    /** A CIDR for the first peers, in the lowest free block. */
    firstCidr?: Hostname | undefined;
  };

export type UninstallOptions = GlobalOptions &
  HostsOptions &
  LocalChangeOptions & {
    yes?: true | undefined;
    /** Conf and device go in any case. */
    deleteLog?: true | undefined;
  };

export type ServeOptions = GlobalOptions &
  HostsOptions & {
    /** Absent: no metrics. */
    metrics?: MetricsPlace | undefined;
    /** Leave forwarding to the machine's own firewall. */
    allowForwarding?: true | undefined;
  };

export type StandbyOptions = GlobalOptions &
  LocalChangeOptions & {
    yes?: true | undefined;
    /** The kit; absent: the one that is kept here. */
    of?: string | undefined;
    /** Absent: where the client program has it. */
    clientConf?: string | undefined;
    /** Give up serving instead. */
    rejoin?: true | undefined;
  };

export type NotifyOptions = GlobalOptions &
  LocalChangeOptions & {
    exec?: string | undefined;
    /** Absent: all. Each may be several, with commas between. */
    type?: string[] | undefined;
    /** A moment, for the first start; absent: now. */
    since?: string | undefined;
    /** A file; absent: beside the log. */
    cursor?: string | undefined;
  };

export type KitOptions = GlobalOptions &
  LocalChangeOptions & {
    /** Where the kit goes; absent: asked for on a terminal. */
    save?: string | undefined;
    yes?: true | undefined;
  };

export type ExportOptions = GlobalOptions & {
  /** The database to make. */
  innernetDb: string;
  json?: true | undefined;
};

/** `export` without a database. */
export type ExportLogOptions = GlobalOptions & {
  ndjson?: true | undefined;
  json?: true | undefined;
  /** Empty: all records. */
  only: Position[];
};

export type ImportOptions = GlobalOptions & LocalChangeOptions;

export type VerifyOptions = GlobalOptions & {
  from?: Position | undefined;
  /** Heads noted by others. */
  witness: NotedHead[];
  json?: true | undefined;
};

export type RebuildOptions = GlobalOptions & LocalChangeOptions;
