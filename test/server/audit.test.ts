// The log looked through while it is served: damage anywhere in it ends that, and names the place.
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { Network } from '../../src/domain/network.ts';
import { audit } from '../../src/server/live/audit.ts';
import { loadNetwork, storeState } from '../../src/server/live/load-network.ts';
import { SERVER_PEER } from '../../src/values/id.ts';
import { acme, keyOf } from '../acme.ts';
import { append, commitOf, tempLog } from '../store/temp-log.ts';

const running = new AbortController().signal;

/** A log of some commits, and a state that was stored on the way. */
const servedLog = async () => {
  const log = await tempLog();
  await append(log, commitOf(acme.created), commitOf([acme.humans]));
  await storeState(log, await loadNetwork(log));
  await append(log, commitOf([acme.engineers]));
  return log;
};

describe('the audit', () => {
  it('is content with a log as it was written', async () => {
    await audit(await servedLog(), running);
  });

  it('is content with what was set and taken back', async () => {
    const log = await servedLog();
    const peerId = SERVER_PEER;
    await append(
      log,
      commitOf([{ type: 'RelaySet', peerId, port: 51821 }]),
      commitOf([{ type: 'RelayCleared', peerId }]),
      commitOf([{ type: 'StandbyNamed', peerId }]),
      commitOf([{ type: 'StandbyDismissed', peerId }]),
      commitOf([{ type: 'QuestionKeySet', publicKey: keyOf('question') }]),
      commitOf([{ type: 'ServerPromoted', peerId, epoch: 1 }]),
      commitOf([{ type: 'ProofWaived', peerId }]),
      commitOf([{ type: 'ProofRequired', peerId }]),
    );
    await storeState(log, await loadNetwork(log));
    await audit(log, running);
  });

  it('finds a record that was changed behind the back of the triggers, and names it', async () => {
    const log = await servedLog();
    const db = new Database(log.file);
    const triggers = db.prepare(`SELECT name FROM sqlite_schema WHERE type = 'trigger'`).pluck().all();
    for (const name of triggers) db.exec(`DROP TRIGGER ${name}`);
    db.exec(`UPDATE events SET body = replace(body, '10.42', '10.43') WHERE position = 2`);
    db.close();
    await expect(audit(log, running)).rejects.toMatchObject({ name: 'DamagedLog', position: 2 });
  });

  it('throws away a stored state that the log does not make, and says so', async () => {
    const log = await servedLog();
    const wrong = Network.fromJSON({ ...(await loadNetwork(log)).toJSON(), name: 'other' });
    await storeState(log, wrong);
    await expect(audit(log, running)).rejects.toThrow('is not what its log makes');
    await audit(log, running);
  });

  it('ends at once when the server does', async () => {
    const stop = new AbortController();
    const audited = audit(await servedLog(), stop.signal);
    stop.abort();
    await audited;
  });
});
