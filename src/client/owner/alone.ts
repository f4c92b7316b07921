/** Runs work on a network that no process follows; meanwhile this process owns it. */
import { Failure } from '../../values/failure.ts';
import type { NetworkPaths } from '../memory/paths.ts';
import { Ownership } from './owner.ts';

/** Throws a `Failure` when another process owns the network. */
export const alone = async <T>(
  network: string,
  { socket }: Pick<NetworkPaths, 'socket'>,
  act: () => Promise<T>,
): Promise<T> => {
  const busy = (): Failure =>
    new Failure(`${network} is just being changed`, { hint: 'try again in a moment' });
  const ownership = await Ownership.take(socket, async () => {
    throw busy();
  });
  if (!ownership) throw busy();
  try {
    return await act();
  } finally {
    await ownership.release();
  }
};
