// The shared verbs as a program on a network in memory: what a person at a terminal talks to in terminal.test.ts.
import { main } from '../../src/cli/run.ts';
import { acme } from '../acme.ts';
import { MemoryPlane } from '../plane.ts';
import { programOn } from './called.ts';

await main(programOn(async (network) => new MemoryPlane(network, acme.network)));
