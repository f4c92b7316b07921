/** Adds advice to a refusal: the name nearly typed, a free block. */
import { printable, Rejected } from '../domain/rejection.ts';
import { freeBlock } from './free-block.ts';
import { nearest } from './near.ts';
import type { NetworkView, Past, Plane } from './plane.ts';

const adviceFor = ({ rejection }: Rejected, view: NetworkView): string | undefined => {
  switch (rejection.code) {
    case 'UnknownPeer':
      return meant(rejection.peer, view.peers);
    case 'UnknownCidr':
      return meant(rejection.cidr, view.cidrs);
    case 'CidrHasChildren':
    case 'CidrOverlaps':
    case 'CidrOutsideNetwork':
    case 'CidrFull': {
      const block = freeBlock(view);
      return block && `${block} is free: add-cidr NAME ${block}`;
    }
    default:
      return undefined;
  }
};

const meant = (said: string | number, things: readonly { name: string }[]): string | undefined => {
  const near =
    typeof said === 'string'
      ? nearest(
          said,
          things.map(({ name }) => name),
        )
      : undefined;
  return near === undefined ? undefined : `perhaps "${printable(near)}" was meant`;
};

const isPlane = (on: Past | Plane): on is Plane => 'view' in on;

/** Runs a task and adds to a refusal what the network's present state says of it. */
export const advised = async <T>(on: Past | Plane, work: () => Promise<T>): Promise<T> => {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Rejected) || !isPlane(on)) throw error;
    const advice = await on.view().then(
      (view) => adviceFor(error, view),
      () => undefined,
    );
    if (advice) error.background = error.background ? `${error.background}; ${advice}` : advice;
    throw error;
  }
};
