/** `innernet-server promote`: a standby's machine becomes the server, once the old one does not answer any more. */
import { existsSync, readFileSync } from 'node:fs';
import { CLIENT_FOLDERS, clientPlace, readPromoted } from '../../caller/client-place.ts';
import { Questions } from '../../cli/ask.ts';
import { isOnlySaid, type LocalChangeOptions } from '../../cli/local-change.ts';
import type { GlobalOptions } from '../../cli/options.ts';
import { answer, answerJson, note } from '../../cli/print.ts';
import { during } from '../../cli/progress.ts';
import { decide } from '../../domain/decide.ts';
import type { Network } from '../../domain/network.ts';
import type { Peer } from '../../domain/peer.ts';
import { printable, Rejected } from '../../domain/rejection.ts';
import { openLog } from '../../projections/open-log.ts';
import { parseConf as parseClientConf } from '../../protocol/conf.ts';
import type { EventLog, Head } from '../../store/log.ts';
import { ProcessLock } from '../../store/process-lock.ts';
import { checkTail, checkWitness } from '../../store/verify.ts';
import { Failure } from '../../values/failure.ts';
import { SERVER_PEER } from '../../values/id.ts';
import { PrivateKey } from '../../values/key.ts';
import { publicKeyOf } from '../../values/key-pair.ts';
import type { InterfaceName } from '../../values/name.ts';
import { ControlPlane, timestamp } from '../commands/control-plane.ts';
import { parseConf } from '../disk/conf.ts';
import { filesOf, type NetworkFiles, refuseOpenFolders } from '../disk/files.ts';
import { kitHead, openKit } from '../disk/kit.ts';
import { refuseOtherConf } from '../disk/other-conf.ts';
import { type Secrets, writeSecrets } from '../disk/secrets.ts';
import { clientHead } from '../handover/client-head.ts';
import { whoServes } from '../handover/others.ts';
import { markPromoted, stopClient, takeOverLock } from '../handover/standby-machine.ts';
import { loadNetwork } from '../live/load-network.ts';
import { LoggedNetwork } from '../live/logged-network.ts';
import { rememberedEndpoints } from '../observations/observation-file.ts';
import { operator } from './local-plane.ts';
import { lostText } from './lost-changes.ts';
import { kitPassphrase } from './passphrase.ts';
import { isRecorded, type Lost, lostBeyond, recordRestoration, seenHead } from './restore.ts';

export type PromoteOptions = GlobalOptions & LocalChangeOptions & { yes?: true | undefined };

/** What is known before anything is changed. */
type Plan = {
  peer: Peer;
  secrets: Secrets;
  /** That begins with this machine as the server. */
  epoch: number;
  head: Head;
  lost: Lost | undefined;
  endpoint: string;
};

/**
 * Throws a `Failure`, and changes nothing: this machine serves already, is no standby, has no kit or another passphrase, or
 * the old server still stands. A run that was killed leaves a machine that neither serves nor is a peer, and is repeated.
 */
export const promote = async (network: InterfaceName, options: PromoteOptions): Promise<void> => {
  const files = filesOf(network, options);
  await refuseOpenFolders(options);
  refuseServing(network, files);
  const plan = await withLog(files, (log) => planOf(network, log, { files, options }));
  if (isOnlySaid({ network, changes: ordersOf(network, plan, files) }, options)) return;
  await new Questions(options).sure(questionOf(network, plan));
  const lock = await takeOverLock(files.lock, network);
  try {
    const done = await withLog(files, (log) => carryOut(network, log, { plan, files, options }));
    tell(network, { ...plan, ...done }, options);
  } finally {
    lock.release();
  }
};

const refuseServing = (network: string, { conf }: NetworkFiles): void => {
  if (existsSync(conf))
    throw new Failure(`this machine is the server of ${network} already: ${conf} is there`, {
      hint: `innernet-server serve ${network}`,
    });
};

const withLog = async <T>(files: NetworkFiles, work: (log: EventLog) => Promise<T>): Promise<T> => {
  if (!existsSync(files.log)) throw noStandby(files.log);
  const log = await openLog({ file: files.log });
  try {
    await checkWitness(log);
    await checkTail(log);
    return await work(log);
  } finally {
    await log.close();
  }
};

const noStandby = (missing: string): Failure =>
  new Failure(`this machine follows no network by that name: ${missing} is missing`, {
    hint: 'innernet-server standby NETWORK --of FILE, with a kit of the server',
  });

type Place = { files: NetworkFiles; options: PromoteOptions };

const planOf = async (network: InterfaceName, log: EventLog, { files, options }: Place): Promise<Plan> => {
  const [state, head, networkId] = await Promise.all([loadNetwork(log), log.head(), log.networkId()]);
  const text = kitOf(files);
  if (kitHead(text, files.kit).networkId !== networkId)
    throw new Failure(`${files.kit} is of another network than ${files.log}`, {
      hint: `follow it again: innernet-server standby ${network} --of FILE`,
    });
  const peer = standbyHere(network, state);
  const secrets = await openKit(text, await kitPassphrase(new Questions(options), 'known'), files.kit);
  const conf = parseConf(secrets.conf ?? '', files.kit);
  refuseOtherConf(conf, state, { ...files, conf: files.kit }, 'log');
  await refuseStanding(network, state, { secrets, files });
  return {
    ...{ peer, secrets, head },
    epoch: isBegun(network, state, peer) ? state.epoch : state.epoch + 1,
    lost: await lostOf(network, log, files),
    endpoint: state.peer(SERVER_PEER)?.endpoint ?? '',
  };
};

const kitOf = ({ kit }: NetworkFiles): string => {
  if (!existsSync(kit)) throw noStandby(kit);
  return readFileSync(kit, 'utf8');
};

/** The peer whose key this machine's client has, if it may take over. */
const standbyHere = (network: InterfaceName, state: Network): Peer => {
  const { conf } = clientPlace(network, CLIENT_FOLDERS);
  if (!existsSync(conf))
    throw new Failure(`this machine is no peer of ${network}: ${conf} is missing`, {
      hint: 'only the machine of a standby takes over; a backup is put back by: innernet-server restore',
    });
  const key = publicKeyOf(parseClientConf(readFileSync(conf, 'utf8'), conf).privateKey);
  const peer = state.peerWithKey(key);
  if (!peer) throw new Failure(`the network ${network} knows no peer with the key of ${conf}`);
  const decision = decide(
    state,
    { type: 'PromoteStandby', peer: peer.name },
    { actor: operator(), now: timestamp() },
  );
  if (!decision.accepted) throw new Rejected(decision.rejection);
  return peer;
};

/** By whom the promotion was begun that has just been killed. */
const isBegun = (network: InterfaceName, { promotion }: Network, { id }: Peer): boolean =>
  promotion?.peerId === id &&
  readPromoted(clientPlace(network, CLIENT_FOLDERS).promoted)?.epoch === promotion.epoch;

const refuseStanding = async (
  network: InterfaceName,
  state: Network,
  { secrets, files }: { secrets: Secrets; files: NetworkFiles },
): Promise<void> => {
  const question = PrivateKey.parse(secrets.questionKey?.trim());
  if (publicKeyOf(question) !== state.questionKey)
    throw new Failure(`${files.kit} asks by another key than the server knows: it is not of its last kit`, {
      hint: 'take the newest kit of the server',
    });
  const endpoints = rememberedEndpoints(files.observations);
  const place = await during(
    `asking whether the server of ${network} still stands`,
    whoServes({
      ...{ device: network, network: state, question },
      serverKey: publicKeyOf(parseConf(secrets.conf ?? '', files.kit).privateKey),
      observed: (id) => endpoints.get(id) ?? null,
      warn: (message) => note(`innernet-server: warning: ${message}`),
    }),
  );
  if (place === undefined) return;
  throw new Failure(`the server of ${network} still stands: a device with its key answers at ${place}`, {
    hint: `there: systemctl stop innernet-server@${network}; innernet-server down ${network}`,
  });
};

/** What this machine or its client has seen, and the log lacks. */
const lostOf = async (
  network: InterfaceName,
  log: EventLog,
  files: NetworkFiles,
): Promise<Lost | undefined> => {
  const head = await log.head();
  const seen = seenHead(files, clientHead(clientPlace(network, CLIENT_FOLDERS)));
  const lost = await lostBeyond(log, head, seen);
  return lost && !(await isRecorded(log, head, lost)) ? lost : undefined;
};

const ordersOf = (network: InterfaceName, plan: Plan, files: NetworkFiles): string[] => [
  ...(ProcessLock.isHeld(files.lock) ? [`end the program that follows ${network} here`] : []),
  `end the client of ${network} here, and take its tunnel down`,
  ...(plan.lost ? [`record that ${lostText(plan.head, plan.lost)} are lost`] : []),
  `record that ${plan.peer.name} serves from now on (epoch ${plan.epoch})`,
  `write ${files.conf} and the other secrets of the kit`,
];

const questionOf = (network: string, { head, lost }: Plan): string => {
  const loss = lost ? `Lost for good: ${lostText(head, lost)}` : 'Nothing is lost that is known here';
  return `Serve ${network} from this machine, from position ${head.position} on? ${loss}. Nobody answered as its server: where it is cut off from here alone, there are two servers then.`;
};

/** Each step can be done again. The conf is the last: without it nothing is served. */
const carryOut = async (
  network: InterfaceName,
  log: EventLog,
  { plan, files, options }: Place & { plan: Plan },
): Promise<{ head: Head; lost: Lost | undefined }> => {
  const place = clientPlace(network, CLIENT_FOLDERS);
  await markPromoted(place, { version: 1, since: timestamp(), epoch: plan.epoch });
  await stopClient(network, place);
  const state = await LoggedNetwork.load(log);
  let lost: Lost | undefined;
  if (!isBegun(network, state.network, plan.peer)) {
    lost = await lostOf(network, log, files); // the program that followed may have got more until it ended
    if (lost) await recordRestoration(log, await log.head(), lost);
    const plane = new ControlPlane(log, state);
    await plane.execute({ type: 'PromoteStandby', peer: plan.peer.name }, { actor: operator() });
  }
  await writeSecrets(network, options, plan.secrets);
  return { head: await log.head(), lost };
};

const tell = (
  network: InterfaceName,
  { peer, epoch, head, lost, endpoint }: Plan,
  { json }: PromoteOptions,
): void => {
  if (json) {
    answerJson({ network, peer: peer.name, epoch, position: head.position, lost: lost ?? null });
    return;
  }
  answer(`this machine is the server of ${network} now, at position ${head.position} (epoch ${epoch})`);
  if (lost) note(`lost: what came after position ${head.position} up to ${lost.position}`);
  note(
    `serve it: systemctl disable --now innernet@${network}; systemctl enable --now innernet-server@${network}`,
  );
  note(`or, without systemd: innernet-server serve ${network}`);
  note(`peers look for the server at ${printable(endpoint)}: that address or name must lead here`);
};
