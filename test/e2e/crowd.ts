// Many real clients at once: they join a few at a time, as fast as the machine lets them, and are asked together.
import type { Host, Running } from '../lab.ts';
import { CLIENT, isConnected, type SmallNetwork, until } from './small-network.ts';

/** More at once only wait for each other's processor. */
const AT_ONCE = 5;
/** How often a user tries again where the machine is too slow for the first try. */
const PATIENCE = 5;

export type Member = { name: string; host: Host; running: Running };

/** Does something with each, a few at a time. */
export const withEach = async <T>(all: readonly T[], act: (one: T) => Promise<unknown>): Promise<void> => {
  const waiting = [...all];
  const work = async (): Promise<void> => {
    for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) await act(one);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
};

/** A host that has joined, and does not follow yet. */
export const joinPatiently = async (network: SmallNetwork, name: string): Promise<Host> => {
  const [host, invitation] = [await network.lab.host(name), await network.invite(name)];
  for (let attempt = 1; ; attempt += 1) {
    const { code, stderr } = await host.exec([...CLIENT, 'install', invitation], { timeout: 120_000 });
    if (code === 0) return host;
    if (attempt === PATIENCE) throw new Error(`${name} cannot join: ${stderr}`);
  }
};

/** Hosts of these names, which join in this order, and follow. */
export const joinCrowd = async (network: SmallNetwork, names: readonly string[]): Promise<Member[]> => {
  const members: Member[] = [];
  let host = joinPatiently(network, names[0] ?? '');
  for (const [n, name] of names.entries()) {
    const joined = await host;
    const next = names[n + 1];
    if (next !== undefined) host = joinPatiently(network, next);
    const running = joined.spawn([...CLIENT, 'up', '--daemon', 'acme']);
    members.push({ name, host: joined, running });
  }
  await Promise.all(members.map(({ running }) => running.line(/up at/, 120_000)));
  await untilEach('connected', members, isConnected, 300);
  return members;
};

/** Waits until something is so for each of them; those for whom it is are not asked again. */
export const untilEach = async (
  what: string,
  members: readonly Member[],
  isSo: (host: Host) => Promise<boolean>,
  seconds = 120,
): Promise<void> => {
  let waiting = [...members];
  const look = async (): Promise<boolean> => {
    const left: Member[] = [];
    await withEach(waiting, async (one) => {
      if (!(await isSo(one.host))) left.push(one);
    });
    waiting = left;
    return left.length === 0;
  };
  await until(what, look, seconds).catch((error: Error) => {
    throw new Error(`${error.message}: not for ${waiting.map(({ name }) => name).join(', ')}`);
  });
};
