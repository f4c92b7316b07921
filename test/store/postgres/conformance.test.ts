// The log in PostgreSQL passes the suite of all engines, for programs of one machine and of several.
import { afterAll, beforeAll, describe, it } from 'vitest';
import { CASES } from '../log-conformance.ts';
import { Cluster, isPostgresHere } from './cluster.ts';
import { postgres } from './pg-engine.ts';

let cluster: Cluster;
beforeAll(async () => {
  if (isPostgresHere()) cluster = await Cluster.start();
});
afterAll(() => cluster?.stop());

const engines = [
  postgres('PostgreSQL, on one machine', () => cluster, { isOneMachine: true }),
  postgres('PostgreSQL, on several machines', () => cluster, { isOneMachine: false }),
];

describe.skipIf(!isPostgresHere()).each(engines)('a log in $name', (engine) => {
  it.each(CASES)('$title', ({ run }) => run(engine));
});
