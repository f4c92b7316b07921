// What a log in PostgreSQL does when wires are cut, primaries die, and the database is not the one that it was.
import { join } from 'node:path';
import { ulid } from 'ulid';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { ControlPlane } from '../../../src/server/commands/control-plane.ts';
import { LoggedNetwork } from '../../../src/server/live/logged-network.ts';
import type { EventLog } from '../../../src/store/log.ts';
import { markReplica } from '../../../src/store/replica-mark.ts';
import { verifyChain } from '../../../src/store/verify.ts';
import { Hostname } from '../../../src/values/name.ts';
import { acme, ids } from '../../acme.ts';
import { append, commitOf, tempFolder, tempLog } from '../temp-log.ts';
import { Cluster, isPostgresHere } from './cluster.ts';
import { cutWireTo } from './cut-wire.ts';
import { emptyLog, openAt } from './pg-engine.ts';

let cluster: Cluster;
beforeAll(async () => {
  if (isPostgresHere()) cluster = await Cluster.start();
});
afterAll(() => cluster?.stop());

const disabled = commitOf([{ type: 'PeerDisabled', peerId: ids.bob }]).events;
const databaseOf = (address: string): string => address.slice(address.lastIndexOf('/') + 1);

/** A cluster of this test alone. */
const ownCluster = async (settings = {}): Promise<Cluster> => {
  const own = await Cluster.start(settings);
  onTestFinished(() => own.stop());
  return own;
};

describe.skipIf(!isPostgresHere())('a log in PostgreSQL', { timeout: 60_000 }, () => {
  it('is read from its copy while the database is away, and written when it is back', async () => {
    const own = await ownCluster({ fsync: 'on' });
    const log = await openAt(await emptyLog(own));
    const { head } = await append(log, commitOf(acme.network));
    await own.kill('SIGKILL');
    await expect(log.refresh()).rejects.toThrow(/does not answer|went away/);
    await expect(log.append(head.position, [commitOf(disabled)])).rejects.toThrow(
      /127\.0\.0\.1:\d+: nobody listens there/,
    );
    expect(await verifyChain(log)).toEqual(head);
    await own.serve({ fsync: 'on' });
    expect((await append(log, commitOf(disabled))).head.position).toBe(head.position + 1);
    expect(log.broken).toBeUndefined();
  });

  it('takes a commit once, wherever the answer to it is cut', async () => {
    const address = await emptyLog(cluster);
    const wire = await cutWireTo(cluster.port);
    const log = await openAt(address.replace(`:${cluster.port}/`, `:${wire.port}/`));
    await append(log, commitOf(acme.network));
    const before = wire.passed;
    await append(log, commitOf(disabled));
    const answer = wire.passed - before;
    const answered: string[] = [];
    for (let cut = 0; cut < answer; cut += Math.ceil(answer / 12)) {
      const commit = commitOf(disabled, ulid());
      wire.bytesLeft = cut;
      setTimeout(() => {
        wire.bytesLeft = undefined;
      }, 30);
      let result = await log.append((await log.head()).position, [commit]);
      for (let tries = 0; result.kind === 'conflict' && tries < 20; tries += 1) {
        if (await log.commitOf(commit.actor, commit.commandId)) break;
        result = await log.append((await log.head()).position, [commit]);
      }
      answered.push(commit.commandId);
    }
    const records = await log.read(0, 1_000);
    for (const id of answered) expect(records.filter(({ commandId }) => commandId === id)).toHaveLength(1);
    expect(await verifyChain(await openAt(address))).toEqual(await log.head());
  });

  it('goes on at the host that was promoted, with all that was acknowledged', async () => {
    const first = await ownCluster({ fsync: 'on' });
    const second = await first.standby({ fsync: 'on' });
    onTestFinished(() => second.stop());
    await first.sql(`ALTER SYSTEM SET synchronous_standby_names = '*'`, 'postgres');
    await first.sql('SELECT pg_reload_conf()', 'postgres');
    const address = (await emptyLog(first)).replace('@', `@127.0.0.1:${second.port},`);
    const log = await openAt(address); // the standby is named first, and passed over
    await append(log, commitOf(acme.network));
    const network = await LoggedNetwork.load(log);
    const plane = new ControlPlane(log, network);
    const acknowledged: number[] = [];
    let isOver = false;
    const busy = (async () => {
      for (let count = 0; !isOver; count += 1) {
        const [peer, name] = count % 2 ? ['rob', 'bob'] : ['bob', 'rob'];
        const command = { type: 'RenamePeer', peer, name: Hostname.parse(name) } as const;
        const outcome = await plane
          .execute(command, { actor: { kind: 'operator', uid: 0 } })
          .catch(() => undefined);
        if (outcome) acknowledged.push(outcome.position);
        else count -= 1;
      }
    })();
    while (acknowledged.length < 5) await new Promise((resolve) => setTimeout(resolve, 20));
    await first.kill('SIGKILL');
    await second.promote();
    const known = acknowledged.length;
    while (acknowledged.length < known + 5) await new Promise((resolve) => setTimeout(resolve, 20));
    isOver = true;
    await busy;
    const positions = (await log.read(0, 10_000)).map(({ position }) => position);
    expect(positions).toEqual(expect.arrayContaining(acknowledged));
    expect(new Set(acknowledged).size).toBe(acknowledged.length);
    expect(await verifyChain(await openAt(second.addressOf(databaseOf(address))))).toEqual(await log.head());
  });

  it('is not written where the database has lost its end, or has another one: both heads are named', async () => {
    const address = await emptyLog(cluster);
    const log = await openAt(address);
    await append(log, commitOf(acme.network));
    const { position } = (await append(log, commitOf(disabled))).head;
    await cluster.sql(
      `ALTER TABLE innernet_events DISABLE TRIGGER USER; ALTER TABLE innernet_commits DISABLE TRIGGER USER;
       DELETE FROM innernet_events WHERE position = ${position}; DELETE FROM innernet_commits WHERE number = 2;
       UPDATE innernet_heads SET position = ${position - 1}, answers = 1,
         hash = (SELECT hash FROM innernet_events ORDER BY position DESC LIMIT 1)`,
      databaseOf(address),
    );
    const lost = new RegExp(`lost the end.*seen ${position} .*ends at ${position - 1} `);
    await expect(log.append(position, [commitOf(disabled)])).rejects.toThrow(lost);
    const other = await openAt(address);
    await append(other, commitOf(acme.ann));
    await expect(log.append(position, [commitOf(disabled)])).rejects.toThrow(
      new RegExp(`another history.*seen ${position} .*ends at ${position + 1} `),
    );
    expect((await log.head()).position).toBe(position);
  });

  it('never takes a record that does not continue the chain', async () => {
    const address = await emptyLog(cluster);
    await append(await openAt(address), commitOf(acme.network));
    await cluster.sql(
      `ALTER TABLE innernet_events DISABLE TRIGGER USER;
       UPDATE innernet_events SET body = body || ' ' WHERE position = 7`,
      databaseOf(address),
    );
    await expect(openAt(address)).rejects.toThrow(/in the database, the log is damaged at position 7/);
  });

  it('refuses changes of what is written, by whatever program', async () => {
    const address = await emptyLog(cluster);
    await append(await openAt(address), commitOf(acme.network));
    for (const statement of [
      'DELETE FROM innernet_events',
      `UPDATE innernet_commits SET digest = ''`,
      'TRUNCATE innernet_events',
    ])
      await expect(cluster.sql(statement, databaseOf(address))).rejects.toThrow('append-only');
  });

  it('has a copy that nothing else extends', async () => {
    const folder = tempFolder();
    const log = await openAt(await emptyLog(cluster), folder);
    await append(log, commitOf(acme.network));
    const alone: EventLog = await tempLog({ file: join(folder, 'acme.events') });
    expect(await alone.head()).toEqual(await log.head());
    await expect(append(alone, commitOf(disabled))).rejects.toThrow(
      'only a copy of a log that is in PostgreSQL',
    );
    await log.close();
    markReplica(join(folder, 'acme.events'), false);
    const itself = await tempLog({ file: join(folder, 'acme.events') });
    await append(itself, commitOf(disabled));
    await expect(openAt(await emptyLog(cluster), folder)).rejects.toThrow('is the log itself');
  });
});
