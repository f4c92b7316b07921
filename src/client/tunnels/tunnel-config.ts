/** The tunnel that a conf and the command line ask for. */
import type { GlobalOptions } from '../../cli/options.ts';
import type { Conf } from '../../protocol/conf.ts';
import { networkOf } from '../../values/ip.ts';
import type { InterfaceName } from '../../values/name.ts';
import type { GuardConfig } from '../../wireguard/guard.ts';
import type { TunnelConfig } from '../../wireguard/tunnel.ts';

/** The address has the prefix of the network's root block. */
export const tunnelConfig = (
  name: InterfaceName,
  { address }: Conf,
  { mtu, routing, backend }: GlobalOptions,
): TunnelConfig => ({ name, address, network: networkOf(address), mtu, routing, backend });

/** The guard of the network's range; none where routes must be left alone. */
export const guardConfig = (
  name: InterfaceName,
  { address, allowsOverlap }: Conf,
  { routing }: Pick<GlobalOptions, 'routing'>,
): GuardConfig | undefined =>
  routing ? { name, network: networkOf(address), isYielding: allowsOverlap } : undefined;
