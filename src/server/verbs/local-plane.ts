/** The verbs' plane on the server machine, with or without `serve`. */

import { userInfo } from 'node:os';
import type { Executed, NetworkView, Plane, ServerFacts } from '../../cli/plane.ts';
import { note } from '../../cli/print.ts';
import { advanceWithChanges, type SightChange } from '../../domain/changes.ts';
import type { AdminCommand, CommandOf } from '../../domain/command.ts';
import type { Said } from '../../domain/enforcers.ts';
import type { Network } from '../../domain/network.ts';
import { printable } from '../../domain/rejection.ts';
import { rightsAfter } from '../../domain/rights.ts';
import type { Actor } from '../../events/actor.ts';
import { openLog } from '../../projections/open-log.ts';
import type { Rehearsal } from '../../protocol/commands.ts';
import type { AnswerTo, Asked, QuestionOf } from '../../protocol/past.ts';
import type { RelayStanding, SeenPeer } from '../../protocol/rows.ts';
import type { RecordedCommit } from '../../store/commit.ts';
import type { EventLog } from '../../store/log.ts';
import { ProcessLock } from '../../store/process-lock.ts';
import { checkWitness } from '../../store/verify.ts';
import { Failure } from '../../values/failure.ts';
import { NO_HASH, SERVER_PEER } from '../../values/id.ts';
import { publicKeyOf } from '../../values/key-pair.ts';
import type { InterfaceName } from '../../values/name.ts';
import { ControlPlane, timestamp } from '../commands/control-plane.ts';
import type { Outcome } from '../commands/outcome.ts';
import { letGo } from '../device/unserved.ts';
import { internalEndpoint, phonesRefused, readConf, type ServerConf } from '../disk/conf.ts';
import { type Folders, filesOf, logOf, type NetworkFiles, refuseOpenFolders } from '../disk/files.ts';
import { loadNetwork } from '../live/load-network.ts';
import { LoggedNetwork } from '../live/logged-network.ts';
import { lastSeen } from '../observations/last-seen.ts';
import { rememberedConsents, rememberedOffers, rememberedWords } from '../observations/observation-file.ts';
import { relayStanding } from '../observations/relay-standing.ts';
import { readUnprovedRefusals } from '../observations/unproved-refusals.ts';
import { explained } from '../past/explained.ts';
import { LogPast } from '../past/past.ts';
import { rehearse } from '../past/rehearsal.ts';
import { isOnStandbys, readStanding } from '../standby/standing-file.ts';

/** The uid and, through sudo, the login name. */
export const operator = (): Actor => {
  const { uid = 0, username } = ownAccount();
  const user = process.env.SUDO_USER || username;
  return { kind: 'operator', uid, ...(user ? { user } : {}) };
};

/** A uid may lack a name. */
const ownAccount = (): { uid: number | undefined; username?: string } => {
  try {
    return userInfo();
  } catch {
    return { uid: process.getuid?.() };
  }
};

export class LocalPlane implements Plane {
  readonly network: InterfaceName;
  readonly #files: NetworkFiles;
  readonly #conf: ServerConf;
  readonly #log: EventLog;
  readonly #logged: LoggedNetwork;
  readonly #control: ControlPlane;
  /** Took a right or visibility. */
  #hasNarrowed = false;
  #past: LogPast | undefined;

  private constructor(
    network: InterfaceName,
    files: NetworkFiles,
    { conf, log, network: state }: { conf: ServerConf; log: EventLog; network: Network },
  ) {
    this.network = network;
    this.#files = files;
    this.#conf = conf;
    this.#log = log;
    this.#logged = new LoggedNetwork(log, state, (_, commit) => this.#take(commit));
    this.#control = new ControlPlane(log, this.#logged, timestamp, timestamp, this.#said);
  }

  /** Throws `Failure`: no such network here, an unusable conf or log, a log behind its witness. */
  static async open(network: InterfaceName, folders: Folders): Promise<LocalPlane> {
    const files = filesOf(network, folders);
    await refuseOpenFolders(folders);
    const conf = readConf(files.conf, (message) => note(`innernet-server: warning: ${message}`));
    const log = await openLog({ file: logOf(network, files), postgres: conf.postgres });
    try {
      await refreshed(log);
      await checkWitness(log); // what is appended to an old copy would be another history
      return new LocalPlane(network, files, { conf, log, network: await loadNetwork(log) });
    } catch (error) {
      await log.close();
      throw error;
    }
  }

  async execute(command: AdminCommand | CommandOf<'SetQuestionKey'>): Promise<Executed> {
    await this.#logged.catchUp();
    this.#hasNarrowed = false;
    const outcome = await explained(this.#asked, () => this.#control.execute(command, { actor: operator() }));
    const { lock, standing } = this.#files;
    const hasStandbys = this.#logged.network.standbys.size > 0;
    if (!ProcessLock.isHeld(lock)) {
      if (await this.#isServedElsewhere()) return outcome;
      const told = this.#hasNarrowed ? await this.#letGo(outcome) : outcome;
      return hasStandbys ? { ...told, isAlone: true } : told;
    }
    if (!hasStandbys) return outcome;
    return (await isOnStandbys(standing, outcome.position)) ? outcome : { ...outcome, isAlone: true };
  }

  /** By another server of a log in PostgreSQL. */
  async #isServedElsewhere(): Promise<boolean> {
    const { postgres } = this.#conf;
    if (!postgres) return false;
    const { holderOf } = await import('../../store/postgres/lease.ts');
    return (await holderOf(postgres, this.network)) !== undefined;
  }

  /** By what a program that serves has heard. */
  readonly #said = (): Said[] => rememberedWords(this.#files.observations);

  #take({ events, to }: RecordedCommit): void {
    const { network } = this.#logged;
    const changes = advanceWithChanges(network, events, to);
    this.#hasNarrowed ||=
      rightsAfter(network, events, changes).ended.size > 0 || changes.sight.some(isNarrower);
  }

  /** Cuts only the server's own tunnels; other peers hear of it from `serve`. */
  async #letGo(outcome: Outcome): Promise<Executed> {
    const say = (text: string) => note(`innernet-server: ${text}`);
    const hint = `innernet-server serve ${this.network}`;
    try {
      await letGo(this.network, publicKeyOf(this.#conf.privateKey), this.#logged.network);
    } catch (error) {
      say(`warning: recorded, but this machine's WireGuard still has them: ${(error as Error).message}`);
    }
    say(`warning: nobody serves ${this.network}: no other peer has been told`);
    say(`hint: they are told once it is served: ${hint}`);
    return { ...outcome, inForce: false };
  }

  async rehearse(command: AdminCommand): Promise<Rehearsal> {
    const network = await this.state();
    const [last] = await this.#log.read(network.position - 1, 1);
    const head = { position: network.position, hash: last?.hash ?? NO_HASH };
    const context = { actor: operator(), now: timestamp(), said: this.#said };
    return explained(this.#asked, async () => rehearse(network, head, command, context));
  }

  ask<A extends Asked>(question: QuestionOf<A>): Promise<AnswerTo<A>> {
    return this.#asked.ask(question);
  }

  get #asked(): LogPast {
    this.#past ??= new LogPast(this.#log);
    return this.#past;
  }

  async view(): Promise<NetworkView> {
    const network = await this.state();
    const networkId = await this.#log.networkId();
    const [last] = await this.#log.read(network.position - 1, 1);
    if (!networkId || !last) throw new Failure(`${this.#log.name} holds no network yet`);
    const refused = phonesRefused(this.#conf, this.#files.conf);
    return {
      name: network.name,
      networkId,
      position: network.position,
      hash: last.hash,
      peers: [...network.peers()],
      cidrs: [...network.cidrs()],
      associations: [...network.associations()],
      routes: [...network.routes()],
      offers: rememberedOffers(this.#files.observations),
      isProofRequired: network.isProofRequired,
      unproved: readUnprovedRefusals(this.#files.unproved),
      ...(refused === undefined ? {} : { phonesRefused: refused }),
      relays: this.#relaysOf(network),
      ...this.#standbys(),
      ...(network.promotion ? { promotion: network.promotion } : {}),
    };
  }

  /** As the running server says. */
  #standbys(): Pick<NetworkView, 'standbys'> {
    const standing = readStanding(this.#files.standing);
    if (!standing || !ProcessLock.isHeld(this.#files.lock)) return {};
    const { aloneSince, standbys } = standing;
    return { standbys: { aloneSince, standbys } };
  }

  /** As the file remembers their machines' word. */
  #relaysOf(network: Network): RelayStanding[] {
    const consents = rememberedConsents(this.#files.observations);
    return network
      .relays()
      .filter(({ peer }) => peer.id !== SERVER_PEER)
      .map(({ peer: { id } }) => relayStanding(id, consents.get(id)));
  }

  seen({ peers }: NetworkView): Promise<SeenPeer[]> {
    return lastSeen(this.network, this.#files.observations, peers);
  }

  async server(): Promise<ServerFacts> {
    const externalEndpoint = (await this.state()).peer(SERVER_PEER)?.endpoint;
    if (!externalEndpoint) {
      throw new Failure(`nobody knows yet where the server of ${this.network} is reached`, {
        hint: `innernet-server set-endpoint ${this.network} --endpoint vpn.example.org:51820`,
      });
    }
    return {
      publicKey: publicKeyOf(this.#conf.privateKey),
      externalEndpoint,
      internalEndpoint: internalEndpoint(this.#conf),
      proof: 1,
    };
  }

  /** Includes commits of other programs. */
  async state(): Promise<Network> {
    await this.#logged.catchUp();
    return this.#logged.network;
  }

  close(): Promise<void> {
    return this.#log.close();
  }
}

/** What is here is shown also while the log's database is away; changes are refused then. */
const refreshed = async (log: EventLog): Promise<void> => {
  try {
    await log.refresh();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const { position } = await log.head();
    if (position === 0) throw error;
    note(`innernet-server: warning: ${printable(error.message)}`);
    note(`innernet-server: warning: this is as this machine knows it, up to position ${position}`);
  }
};

/** A pair that becomes limited may lose sight of each other. */
const isNarrower = ({ before, after }: SightChange): boolean =>
  before !== after && (after === 'none' || before === 'whole');
