/** What can be said to the verbs that only the server has. */
import type { ChangeOptions, GlobalOptions, HostsOptions } from '../cli/options.ts';
import type { Endpoint } from '../values/endpoint.ts';
import type { Cidr } from '../values/ip.ts';
import type { InterfaceName } from '../values/name.ts';

/** Of `new`; what is absent is asked for on a terminal. */
export type NewOptions = GlobalOptions &
  ChangeOptions & {
    networkName?: InterfaceName | undefined;
    networkCidr?: Cidr | undefined;
    externalEndpoint?: Endpoint | undefined;
    /** Find the endpoint's address by asking a public DNS resolver. */
    autoExternalEndpoint?: true | undefined;
    listenPort?: number | undefined;
  };

export type UninstallOptions = GlobalOptions &
  HostsOptions & {
    yes?: true | undefined;
    /** Delete conf and device alone. */
    keepLog?: true | undefined;
  };

export type ServeOptions = GlobalOptions & HostsOptions;

export type ExportOptions = GlobalOptions & {
  /** Where the database for innernet's own server is to be made. */
  innernetDb: string;
  json?: true | undefined;
};
