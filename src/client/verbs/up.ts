/** `innernet up`: brings networks up, once or for good; the tunnels outlive the program. */

import { clearPassing, passing } from '../../cli/print.ts';
import { during } from '../../cli/progress.ts';
import { Supervisor } from '../../cli/supervisor.ts';
import { stopSignal } from '../../machine/stop-signal.ts';
import { Failure } from '../../values/failure.ts';
import type { InterfaceName } from '../../values/name.ts';
import { installedNetworks, pathsOf } from '../memory/paths.ts';
import type { UpOptions } from '../options.ts';
import { askOwnerOf, OwnedNetwork, sayOf } from '../owner/owned-network.ts';
import { tellOf, throwFirst } from './troubles.ts';

const all = async (options: UpOptions): Promise<InterfaceName[]> => {
  const networks = await installedNetworks(options);
  if (networks.length > 0) return networks;
  throw new Failure(`no network is installed: there is no conf in ${options.configDir}`, {
    hint: 'join one by an invitation: innernet install INVITATION',
  });
};

/** Tries all networks, then throws the first failure. */
export const up = async (named: readonly InterfaceName[], options: UpOptions): Promise<void> => {
  const networks = named.length > 0 ? [...new Set(named)] : await all(options);
  if (options.daemon) return follow(networks, options);
  const errors: unknown[] = [];
  for (const network of networks) {
    try {
      await once(network, options);
    } catch (error) {
      errors.push(error);
    }
  }
  throwFirst(errors);
};

const awaiting = (network: InterfaceName): string => `waiting for the server of ${network}`;

const once = async (network: InterfaceName, options: UpOptions): Promise<void> => {
  const owned = await OwnedNetwork.open(network, options);
  if (!owned) {
    await during(awaiting(network), askOwnerOf(pathsOf(network, options), { ask: 'synchronise' }));
    return;
  }
  try {
    await during(awaiting(network), owned.synchronise());
  } finally {
    await owned.close();
  }
};

/** Until a signal; a failing network does not keep the others down. */
const follow = async (networks: readonly InterfaceName[], options: UpOptions): Promise<void> => {
  const signal = stopSignal();
  const supervisor = Supervisor.find();
  const errors: unknown[] = [];
  const owned: OwnedNetwork[] = [];
  for (const network of networks) {
    try {
      owned.push(await start(network, options));
    } catch (error) {
      errors.push(error);
    }
  }
  if (owned.length === 0) return throwFirst(errors);
  for (const error of errors) tellOf(error);
  for (const one of owned) void one.follower.follow();
  const watched = watch(owned);
  await supervisor.ready(() => owned.map(statusOf).join('; '));
  const isStopped = signal.then(() => true as const);
  const wasStopped = await Promise.race([isStopped, Promise.all(owned.map((one) => one.closed))]);
  clearInterval(watched);
  clearPassing();
  supervisor.stopping();
  await Promise.all(owned.map((one) => one.close()));
  if (wasStopped !== true) return; // at the word of another verb, which says itself what becomes of the tunnels
  for (const { network } of owned)
    sayOf(network)(`changes are no longer followed; its tunnels stay up until: innernet down ${network}`);
};

const watch = (owned: readonly OwnedNetwork[]): NodeJS.Timeout =>
  setInterval(() => {
    const underWay = owned.flatMap(({ network, follower }) => {
      if (!follower.status.connected) return [awaiting(network)];
      const { meeting } = follower.keeper.contacts;
      return meeting > 0 ? [`${network}: meeting ${meeting} of ${follower.keeper.contacts.size} peers`] : [];
    });
    if (underWay.length > 0) passing(underWay.join('; '));
    else clearPassing();
  }, 1000);

/** For the supervisor: a network is up without its server. */
const statusOf = ({ network, follower }: OwnedNetwork): string =>
  `${network}: up, ${follower.status.connected ? 'connected to the server' : 'not connected to the server'}`;

const start = async (network: InterfaceName, options: UpOptions): Promise<OwnedNetwork> => {
  const owned = await OwnedNetwork.open(network, options);
  if (!owned)
    throw new Failure(`another innernet follows ${network} already`, {
      hint: `see what it says: innernet show ${network}`,
    });
  const { mirror, keeper } = owned.follower;
  sayOf(network)(`up at ${mirror.ground.own.ip}, WireGuard listens at port ${keeper.listenPort}`);
  return owned;
};
