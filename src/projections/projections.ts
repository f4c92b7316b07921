/** The read models that every writer of a log keeps level with it. */
import type { Projection } from '../store/projection.ts';
import { history } from './history-tables.ts';
import { peers } from './peers.ts';
import { topology } from './topology.ts';

export const PROJECTIONS: readonly Projection[] = [topology, peers, history];
