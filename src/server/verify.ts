/** `innernet-server verify`: the log against itself, its witness, heads that others noted, and what is made of it. */
import { answer, answerJson } from '../cli/print.ts';
import { Progress } from '../cli/progress.ts';
import { Witnesses } from '../cli/verify-export.ts';
import { Network, type Peer } from '../domain/network.ts';
import type { EventRecord } from '../events/record.ts';
import { listPeers } from '../projections/peers.ts';
import { listAssociations, listCidrs } from '../projections/topology.ts';
import { type NotedHead, shortHead } from '../protocol/noted-head.ts';
import { wholeCommits } from '../store/commit.ts';
import type { Head } from '../store/log.ts';
import type { SqliteLog } from '../store/sqlite-log.ts';
import { checkWitness, DamagedLog, verifyChain } from '../store/verify.ts';
import { Failure } from '../values/failure.ts';
import type { Position } from '../values/id.ts';
import type { InterfaceName } from '../values/name.ts';
import { openNetworkLog } from './local-past.ts';
import type { VerifyOptions } from './options.ts';

/** Takes records that were found good into a network, commit by commit. */
class Fold {
  readonly network = new Network();
  #pending: EventRecord[] = [];

  take(records: readonly EventRecord[]): void {
    const { commits, rest } = wholeCommits([...this.#pending, ...records]);
    this.#pending = rest;
    for (const { events, to } of commits) this.network.advance(events, to);
  }
}

const asText = (rows: readonly object[]): string =>
  JSON.stringify(rows.map((row) => Object.entries(row).toSorted(([a], [b]) => (a < b ? -1 : 1))));

const byId = <Row extends { id: number }>(rows: Iterable<Row>): Row[] =>
  [...rows].sort((left, right) => left.id - right.id);

const peerFields = ({
  id,
  name,
  ip,
  cidrId,
  publicKey,
  isAdmin,
  isDisabled,
  isRedeemed,
  inviteExpires,
  endpoint,
}: Peer) => ({
  id,
  name,
  ip,
  cidrId,
  publicKey,
  isAdmin,
  isDisabled,
  isRedeemed,
  inviteExpires,
  endpoint,
});

/** Names the read model that is not what the events make. */
const checkReadModels = ({ database }: SqliteLog, network: Network): void => {
  const pairs: [string, readonly object[], readonly object[]][] = [
    ['peers', listPeers(database).map((row) => peerFields(row)), byId(network.peers()).map(peerFields)],
    ['CIDRs', listCidrs(database), byId(network.cidrs())],
    ['associations', listAssociations(database), byId(network.associations())],
  ];
  for (const [what, rows, made] of pairs) {
    if (asText(rows) === asText(made)) continue;
    throw new Failure(`the read model of ${what} is not what the log makes, and the log itself is sound`, {
      hint: 'make the read models anew',
      verb: 'rebuild',
    });
  }
};

const checkSqlite = ({ database, file }: SqliteLog): void => {
  const [first] = database.pragma('integrity_check') as { integrity_check: string }[];
  if (first?.integrity_check === 'ok') return;
  throw new Failure(`SQLite finds ${file} damaged: ${first?.integrity_check}`, {
    hint: 'put a backup back: innernet-server restore',
  });
};

type Findings = { end: Head; network: Network };

const checkRecords = async (log: SqliteLog, from: Position, witnesses: Witnesses): Promise<Findings> => {
  const progress = new Progress('checked', (await log.head()).position);
  const fold = new Fold();
  const [before] = from > 0 ? await log.read(from - 1, 1) : [];
  if (before) witnesses.meet(before);
  try {
    const end = await verifyChain(log, from, (records) => {
      for (const record of records) witnesses.meet(record);
      if (from === 0) fold.take(records);
      progress.reached(records.at(-1)?.position ?? from);
    });
    return { end, network: fold.network };
  } finally {
    progress.end();
  }
};

/** Notes from before the part that is checked are looked up; the others are met on the way. */
const meetEarlier = async (
  log: SqliteLog,
  from: Position,
  noted: readonly NotedHead[],
  witnesses: Witnesses,
) => {
  for (const { position } of noted) {
    const [record] = position < from && position > 0 ? await log.read(position - 1, 1) : [];
    if (record) witnesses.meet(record);
  }
};

/** Throws `Failure`, `DamagedLog` with the first bad position where a record is wrong. */
export const verify = async (network: InterfaceName, options: VerifyOptions): Promise<void> => {
  const { from = 0, witness, json } = options;
  const log = await openNetworkLog(network, options);
  try {
    const seen = await checkWitness(log);
    const witnesses = new Witnesses(witness);
    await meetEarlier(log, from, witness, witnesses);
    const { end, network: made } = await checkRecords(log, from, witnesses);
    witnesses.finish(end.position);
    if (from === 0 && (await log.head()).position === end.position) checkReadModels(log, made);
    checkSqlite(log);
    const networkId = await log.networkId();
    if (!networkId) throw new DamagedLog(1, `${log.file} holds no network`);
    if (json) {
      answerJson({
        network,
        networkId,
        from,
        ...end,
        witness: seen?.position ?? null,
        noted: witness.length,
      });
      return;
    }
    const noted =
      witness.length > 0
        ? `; ${witness.length} noted ${witness.length === 1 ? 'head is' : 'heads are'} in it`
        : '';
    answer(`${network} is sound: records ${from + 1} to ${end.position}, up to ${shortHead(end)}${noted}`);
  } finally {
    await log.close();
  }
};
