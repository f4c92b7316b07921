/** What can be said to the verbs that only the server has. */
import type { LocalChangeOptions } from '../../cli/local-change.ts';
import type { ChangeOptions, GlobalOptions, HostsOptions } from '../../cli/options.ts';
import type { NotedHead } from '../../protocol/noted-head.ts';
import type { Endpoint } from '../../values/endpoint.ts';
import type { Position } from '../../values/id.ts';
import type { Cidr } from '../../values/ip.ts';
import type { InterfaceName } from '../../values/name.ts';
import type { MetricsPlace } from '../metrics/metrics-place.ts';

/** Of `new`; what is absent is asked for on a terminal. */
export type NewOptions = GlobalOptions &
  ChangeOptions & {
    networkName?: InterfaceName | undefined;
    networkCidr?: Cidr | undefined;
    /** The range may be one that is not private. */
    allowRange?: true | undefined;
    externalEndpoint?: Endpoint | undefined;
    /** Find the endpoint's address by asking a public DNS resolver. */
    autoExternalEndpoint?: true | undefined;
    listenPort?: number | undefined;
  };

export type UninstallOptions = GlobalOptions &
  HostsOptions &
  LocalChangeOptions & {
    yes?: true | undefined;
    /** Delete the log too: conf and device go in any case. */
    deleteLog?: true | undefined;
  };

export type ServeOptions = GlobalOptions &
  HostsOptions & {
    /** Where metrics are read; absent: nowhere. */
    metrics?: MetricsPlace | undefined;
    /** What peers send through this machine is left to its own firewall. */
    allowForwarding?: true | undefined;
  };

export type ExportOptions = GlobalOptions & {
  /** Where the database for innernet's own server is to be made. */
  innernetDb: string;
  json?: true | undefined;
};

/** Of `export` without a database to make. */
export type ExportLogOptions = GlobalOptions & {
  ndjson?: true | undefined;
  json?: true | undefined;
  /** The records that are shown; none said: all. */
  only: Position[];
};

export type ImportOptions = GlobalOptions & LocalChangeOptions;

export type VerifyOptions = GlobalOptions & {
  from?: Position | undefined;
  /** Heads that others have noted. */
  witness: NotedHead[];
  json?: true | undefined;
};

export type RebuildOptions = GlobalOptions & LocalChangeOptions;
