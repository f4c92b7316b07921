// Peers that join from wherever they are, and the wait until they meet: what tests of NAT have in common.
import type { Host, Router, Running } from '../lab.ts';
import { CLIENT, follow, reaches, reportOf, type SmallNetwork, until } from './small-network.ts';

export type Peer = { host: Host; ip: string; running: Running };
export type JoinOptions = { behind?: Router; delayMs?: number; cidr?: string };

/** The network of `SmallNetwork` with a CIDR `machines`: those among the machines and the humans do not see each other. */
export const withMachines = async (network: SmallNetwork): Promise<SmallNetwork> => {
  const cidr = ['--name', 'machines', '--cidr', '10.42.2.0/24', '--parent', 'acme'];
  await network.admin('add-cidr', 'acme', ...cidr);
  return network;
};

/** A machine that joins, and follows. */
export const join = async (
  network: SmallNetwork,
  name: string,
  { cidr, ...options }: JoinOptions = {},
): Promise<Peer> => {
  const invitation = await network.invite(name, cidr);
  const host = await network.lab.host(name, options);
  await host.sure([...CLIENT, 'install', invitation]);
  const running = await follow(host);
  const { peers } = await reportOf(host);
  return { host, ip: peers.find((peer) => peer.name === name)?.ip ?? '', running };
};

/** From now on humans and machines see each other. */
export const associate = (network: SmallNetwork): Promise<string> =>
  network.admin('add-association', 'acme', 'humans', 'machines');

/** Waits until pings are answered; prints how long that took from the act's end, because nothing is asserted of it. */
export const meet = async (
  what: string,
  [one, other]: [Peer, Peer],
  act: () => Promise<unknown> = async () => {},
  seconds = 20,
): Promise<void> => {
  await act();
  const start = performance.now();
  await until(what, () => reaches(one.host, other.ip, 0.1), seconds);
  console.log(`${what}: ${Math.round(performance.now() - start)} ms`);
};
