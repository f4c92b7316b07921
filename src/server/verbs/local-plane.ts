/** The verbs' plane on the server machine: decides and appends in this process, beside a running `serve` or without. */
import { userInfo } from 'node:os';
import type { NetworkView, Plane, ServerFacts } from '../../cli/plane.ts';
import type { AdminCommand } from '../../domain/command.ts';
import type { Network } from '../../domain/network.ts';
import type { Actor } from '../../events/actor.ts';
import { PROJECTIONS } from '../../projections/projections.ts';
import type { Outcome, Rehearsal } from '../../protocol/commands.ts';
import type { AnswerTo, Asked, QuestionOf } from '../../protocol/past.ts';
import { replay } from '../../store/follow.ts';
import { openLog, type SqliteLog } from '../../store/sqlite-log.ts';
import { checkWitness } from '../../store/verify.ts';
import { Failure } from '../../values/failure.ts';
import { NO_HASH, SERVER_PEER } from '../../values/id.ts';
import { publicKeyOf } from '../../values/key-pair.ts';
import type { InterfaceName } from '../../values/name.ts';
import { ControlPlane, timestamp } from '../commands/control-plane.ts';
import { internalEndpoint, readConf, type ServerConf } from '../disk/conf.ts';
import { type Folders, filesOf, logOf } from '../disk/files.ts';
import { loadNetwork } from '../live/load-network.ts';
import { LogPast } from '../past/past.ts';
import { rehearse } from '../past/rehearsal.ts';

/** Whoever runs this program: the uid and, through sudo, the name they logged in with. */
export const operator = (): Actor => {
  const { uid = 0, username } = ownAccount();
  const user = process.env.SUDO_USER || username;
  return { kind: 'operator', uid, ...(user ? { user } : {}) };
};

/** A uid need not have a name. */
const ownAccount = (): { uid: number | undefined; username?: string } => {
  try {
    return userInfo();
  } catch {
    return { uid: process.getuid?.() };
  }
};

export class LocalPlane implements Plane {
  readonly network: string;
  readonly #conf: ServerConf;
  readonly #log: SqliteLog;
  /** What is read from; the control plane has one of its own. */
  readonly #state: Network;
  #control: ControlPlane | undefined;
  #past: LogPast | undefined;

  private constructor(network: string, conf: ServerConf, log: SqliteLog, state: Network) {
    this.network = network;
    this.#conf = conf;
    this.#log = log;
    this.#state = state;
  }

  /** Throws `Failure`: no such network here, a conf or log that cannot be used, a log behind its witness. */
  static async open(network: InterfaceName, folders: Folders): Promise<LocalPlane> {
    const files = filesOf(network, folders);
    const conf = readConf(files.conf, (message) =>
      process.stderr.write(`innernet-server: warning: ${message}\n`),
    );
    const log = await openLog({ file: logOf(network, files), projections: PROJECTIONS, writer: 'inline' });
    try {
      await checkWitness(log); // what is appended to an old copy would be another history
      return new LocalPlane(network, conf, log, await loadNetwork(log));
    } catch (error) {
      await log.close();
      throw error;
    }
  }

  async execute(command: AdminCommand): Promise<Outcome> {
    this.#control ??= new ControlPlane(this.#log, (await this.#now()).clone(), () => loadNetwork(this.#log));
    const control = this.#control;
    return this.#asked.explained(() => control.execute(command, { actor: operator() }));
  }

  async rehearse(command: AdminCommand): Promise<Rehearsal> {
    const network = await this.#now();
    const [last] = await this.#log.read(network.position - 1, 1);
    const head = { position: network.position, hash: last?.hash ?? NO_HASH };
    const context = { actor: operator(), now: timestamp() };
    return this.#asked.explained(async () => rehearse(network, head, command, context));
  }

  ask<A extends Asked>(question: QuestionOf<A>): Promise<AnswerTo<A>> {
    return this.#asked.ask(question);
  }

  get #asked(): LogPast {
    this.#past ??= new LogPast(this.#log);
    return this.#past;
  }

  async view(): Promise<NetworkView> {
    const network = await this.#now();
    const networkId = await this.#log.networkId();
    const [last] = await this.#log.read(network.position - 1, 1);
    if (!networkId || !last) throw new Failure(`${this.#log.file} holds no network yet`);
    return {
      name: network.name,
      networkId,
      position: network.position,
      hash: last.hash,
      peers: [...network.peers()],
      cidrs: [...network.cidrs()],
      associations: [...network.associations()],
    };
  }

  async server(): Promise<ServerFacts> {
    const externalEndpoint = (await this.#now()).peer(SERVER_PEER)?.endpoint;
    if (!externalEndpoint) {
      throw new Failure(`nobody knows yet where the server of ${this.network} is reached`, {
        hint: `innernet-server set-endpoint ${this.network} --endpoint vpn.example.org:51820`,
      });
    }
    return {
      publicKey: publicKeyOf(this.#conf.privateKey),
      externalEndpoint,
      internalEndpoint: internalEndpoint(this.#conf),
    };
  }

  /** The network with all that has been appended by now, whoever did it. */
  async #now(): Promise<Network> {
    const state = this.#state;
    await replay(this.#log, state.position, ({ events, to }) => state.advance(events, to));
    return state;
  }

  close(): Promise<void> {
    return this.#log.close();
  }
}
