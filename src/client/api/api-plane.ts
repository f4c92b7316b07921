/**
 * The verbs' plane on a peer: commands and queries go to the server's API.
 * Each query loads only its schemas: building all takes longer than an answer.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { ulid } from 'ulid';
import * as z from 'zod';
import type { NetworkView, Plane, ServerFacts } from '../../cli/plane.ts';
import { during } from '../../cli/progress.ts';
import type { AdminCommand } from '../../domain/command.ts';
import { Peer } from '../../domain/peer.ts';
import { clientCan } from '../../protocol/can.ts';
import type { Outcome, Rehearsal } from '../../protocol/commands.ts';
import type { Conf } from '../../protocol/conf.ts';
import {
  COMMANDS_PATH,
  LOOK_PATH,
  MAX_BODY_BYTES,
  NETWORK_PATH,
  PAST_PATH,
  UNDO_PATH,
} from '../../protocol/http.ts';
import type { ObservedWay } from '../../protocol/looking.ts';
import type { AnswerTo, Asked, QuestionOf } from '../../protocol/past.ts';
import {
  AssociationAt,
  CidrAt,
  PromotionAt,
  RelayStanding,
  RouteAt,
  RouterOffers,
  SeenPeer,
  StandbyReport,
  UnprovedRefusal,
} from '../../protocol/rows.ts';
import { undoIn } from '../../protocol/undoing.ts';
import { Failure } from '../../values/failure.ts';
import { Hash, type PeerId, Position } from '../../values/id.ts';
import type { InterfaceName } from '../../values/name.ts';
import { readConf } from '../memory/conf-file.ts';
import { doubtSentence } from '../memory/doubt.ts';
import { type Folders, pathsOf } from '../memory/paths.ts';
import { Api, type Call, CallRefused, NoTime } from './api.ts';
import type { OldServer } from './old-server.ts';

export const View = z.object({
  name: z.string(),
  networkId: Hash,
  position: Position,
  hash: Hash,
  peers: z.array(Peer),
  cidrs: z.array(CidrAt),
  associations: z.array(AssociationAt),
  routes: z.array(RouteAt).optional(),
  offers: z.array(RouterOffers).optional(),
  isProofRequired: z.boolean().optional(),
  unproved: z.array(UnprovedRefusal).optional(),
  seen: z.array(SeenPeer).optional(),
  phonesRefused: z.string().max(400).optional(),
  relays: z.array(RelayStanding).optional(),
  standbys: StandbyReport.optional(),
  promotion: PromotionAt.optional(),
});

/** A resent command has the same id and gets the first answer. */
const MAX_ATTEMPTS = 3;

/** Of a rate-limited peer. */
const PAUSE_MS = 1_000;
const MAX_PAUSES = 60;

/** Waits out the rate limit: such a call was not read, so that even a command may be sent again. */
const patiently = async <T>(work: () => Promise<T>): Promise<T> => {
  for (let pauses = 0; ; pauses += 1) {
    try {
      return await work();
    } catch (error) {
      const isTooOften = error instanceof NoTime || (error instanceof CallRefused && error.status === 429);
      if (!isTooOften || pauses === MAX_PAUSES) throw error;
      await sleep(PAUSE_MS);
    }
  }
};

const WAITING = "waiting for the server's answer";

/** Names a large undo: the server can compute the same plan. */
const callFor = (command: AdminCommand): Call => {
  const body = { id: ulid(), command };
  const undo = undoIn(command);
  const isLong = Buffer.byteLength(JSON.stringify(body)) > MAX_BODY_BYTES;
  return undo && isLong
    ? { method: 'POST', path: UNDO_PATH, body: { id: body.id, undo } }
    : { method: 'POST', path: COMMANDS_PATH, body };
};

export class ApiPlane implements Plane {
  readonly network: string;
  readonly #conf: Conf;
  readonly #api: Api;
  readonly #knowsHistory: () => Promise<boolean>;
  #old: OldServer | undefined;

  /** `knowsHistory`: whether this machine has followed the log. */
  constructor(network: string, conf: Conf, api: Api, knowsHistory = async () => false) {
    this.#knowsHistory = knowsHistory;
    this.network = network;
    this.#conf = conf;
    this.#api = api;
  }

  /** Throws a `Failure` when the network is not installed. */
  static async open(network: InterfaceName, folders: Folders): Promise<ApiPlane> {
    const paths = pathsOf(network, folders);
    const conf = await readConf(paths.conf, network);
    const knowsHistory = async (): Promise<boolean> => {
      const { readState } = await import('../memory/journal.ts');
      const { groundOf } = await import('../memory/conf-file.ts');
      return (
        conf.server.hash !== undefined || (await readState(paths, groundOf(conf))).mirror.head !== undefined
      );
    };
    return new ApiPlane(network, conf, await Api.of(network, conf, paths), knowsHistory);
  }

  execute(command: AdminCommand): Promise<Outcome> {
    return this.#orOld(
      () => this.#post(command),
      (old) => old.execute(command),
    );
  }

  async #post(command: AdminCommand): Promise<Outcome> {
    const { Outcome } = await import('../../protocol/commands.ts');
    const call = callFor(command);
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await patiently(() => this.#api.ask(Outcome, call));
      } catch (error) {
        const isLost = error instanceof Failure && !(error instanceof CallRefused);
        if (!isLost || attempt === MAX_ATTEMPTS) throw error;
      }
    }
  }

  rehearse(command: AdminCommand): Promise<Rehearsal> {
    const body = { id: ulid(), command, dryRun: true };
    return this.#orOld(
      async () => {
        const { Rehearsal } = await import('../../protocol/commands.ts');
        return patiently(() => this.#api.ask(Rehearsal, { method: 'POST', path: COMMANDS_PATH, body }));
      },
      (old) => old.rehearse(command),
    );
  }

  /** The checked answer, as on the server's own command line. */
  async ask<A extends Asked>(question: QuestionOf<A>): Promise<AnswerTo<A>> {
    const { ANSWERS } = await import('../../protocol/past.ts');
    const schema: z.ZodType = ANSWERS[question.ask];
    const answer = z.custom<AnswerTo<A>>((value) => schema.safeParse(value).success);
    const asked = patiently(() => this.#api.ask(answer, { method: 'POST', path: PAST_PATH, body: question }));
    return during(WAITING, asked);
  }

  /** An older server knows no such call. */
  async offers(): Promise<RouterOffers[] | undefined> {
    return (await this.view()).offers;
  }

  async ways(peers: readonly PeerId[]): Promise<ObservedWay[] | undefined> {
    const { Looked } = await import('../../protocol/looking.ts');
    try {
      const call = { method: 'POST', path: LOOK_PATH, body: { peers } } as const;
      return (await patiently(() => this.#api.ask(Looked, call))).ways;
    } catch (error) {
      if (error instanceof CallRefused && [401, 403, 404].includes(error.status)) return undefined;
      throw error;
    }
  }

  view(): Promise<NetworkView> {
    return this.#orOld(
      () => this.#view(),
      (old) => old.view(),
    );
  }

  async #view(): Promise<NetworkView> {
    try {
      return await patiently(() => this.#api.ask(View, { method: 'GET', path: NETWORK_PATH }));
    } catch (error) {
      if (error instanceof CallRefused && error.status === 401) return this.#viewOfPeer(error);
      throw error;
    }
  }

  async seen({ seen }: NetworkView): Promise<SeenPeer[] | undefined> {
    return seen;
  }

  async server(): Promise<ServerFacts> {
    const { publicKey, externalEndpoint, internalEndpoint } = this.#conf.server;
    const proof = this.#api.trust?.standing === 'proves' ? { proof: 1 } : {};
    return { publicKey, externalEndpoint, internalEndpoint, ...proof };
  }

  async close(): Promise<void> {
    this.#api.close();
  }

  /** Tries our protocol first, then innernet 2.0's. */
  #orOld<T>(ours: () => Promise<T>, theirs: (old: OldServer) => Promise<T>): Promise<T> {
    return during(WAITING, this.#askEither(ours, theirs));
  }

  async #askEither<T>(ours: () => Promise<T>, theirs: (old: OldServer) => Promise<T>): Promise<T> {
    if (this.#old) return theirs(this.#old);
    try {
      return await ours();
    } catch (error) {
      if (!(error instanceof CallRefused) || error.status !== 404) throw error;
      const { Poll } = await import('./poll.ts');
      if ((await new Poll(this.#api).hasStream()) !== false) throw error;
      await this.#requireTrust();
      const { OldServer } = await import('./old-server.ts');
      this.#old = new OldServer(this.#api, this.#conf.networkName);
      return theirs(this.#old);
    }
  }

  /** With a known history an unproved server gets no command: it could be anyone. */
  async #requireTrust(): Promise<void> {
    const { trust } = this.#api;
    const doubt = trust?.doubtOf({ knowsHistory: await this.#knowsHistory() });
    if (!doubt) return;
    await trust?.raise(doubt).catch(() => {});
    throw new Failure(doubtSentence(doubt), { hint: trust?.hint });
  }

  /** For a non-admin: no associations. */
  async #viewOfPeer(refused: CallRefused): Promise<NetworkView> {
    const { snapshot } = await this.#api.snapshot(undefined, clientCan(true));
    const { network: networkId, position, hash, peers, cidrs } = snapshot;
    const seen = { isDisabled: false, isRedeemed: true, inviteExpires: null };
    return {
      name: this.#conf.networkName,
      networkId,
      position,
      hash,
      peers: peers.map((peer) => ({ ...peer, ...seen })),
      cidrs,
      isPartial: true,
      get associations(): never {
        throw new Failure('only an admin sees the associations', { hint: refused.hint, cause: refused });
      },
    };
  }
}
