// A client as a witness: its own chain against the server's log, honest, shorter, forked and rewritten.
import { expect, it } from 'vitest';
import type { Head } from '../../src/client/memory/chain.ts';
import { checkHistory, type Witnessed } from '../../src/client/verbs/verify.ts';
import type { NetworkEvent } from '../../src/events/schema.ts';
import type { SqliteLog } from '../../src/store/sqlite-log.ts';
import { NO_HASH } from '../../src/values/id.ts';
import { acme } from '../acme.ts';
import { append, commitOf, tempLog } from '../store/temp-log.ts';

const headOf = async (log: SqliteLog): Promise<Head> => ({
  networkId: (await log.networkId()) ?? NO_HASH,
  ...(await log.head()),
});

/** What a server of this log says, so many digests at a time. */
const server = (log: SqliteLog, most = 2): Witnessed => ({
  head: () => headOf(log),
  digestsAfter: async (position) => (await log.read(position, most)).map(({ digest }) => digest),
});

const past: readonly NetworkEvent[] = acme.created;
const logOf = async (...events: (readonly NetworkEvent[])[]): Promise<SqliteLog> => {
  const log = await tempLog();
  for (const each of events) await append(log, commitOf(each));
  return log;
};

it('the same log, longer by now, is sound', async () => {
  const log = await logOf(past);
  const seen = await headOf(log);
  expect(await checkHistory(seen, server(log))).toEqual(seen);
  await append(
    log,
    commitOf([acme.humans]),
    commitOf([acme.engineers, acme.bakers]),
    commitOf([acme.machines]),
  );
  expect(await checkHistory(seen, server(log))).toMatchObject({ position: 8 });
});

it('a log that is shorter, or of another network, is not', async () => {
  const log = await logOf(past, [acme.humans]);
  const seen = await headOf(log);
  const other = await logOf(past, [acme.humans]);
  await expect(checkHistory(seen, server(other))).rejects.toThrow('another network');
  const cut = { ...server(log), head: async () => ({ ...seen, position: 4 }) };
  await expect(checkHistory(seen, cut)).rejects.toThrow(
    'ends at position 4, and this machine has seen position 5',
  );
});

it('a log that was rewritten below what was seen, or forked after it, does not lead to its own end', async () => {
  const log = await logOf(past, [acme.humans]);
  const seen = { ...(await headOf(log)), hash: 'a'.repeat(64) as Head['hash'] };
  await expect(checkHistory(seen, server(log))).rejects.toThrow(
    'is not the one that this machine has followed',
  );
  await append(log, commitOf([acme.machines]));
  await expect(checkHistory(seen, server(log))).rejects.toThrow(
    'is not the one that this machine has followed',
  );
  const honest = await headOf(log);
  const withheld = { ...server(log), digestsAfter: async () => [] };
  await expect(checkHistory({ ...honest, position: 5 }, withheld)).rejects.toThrow(
    'does not lead from there',
  );
});
