/** The door of the API: caller, proof, rights and quotas. */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Peer } from '../../domain/peer.ts';
import { unprovedRights } from '../../domain/proofs.ts';
import { shellWord } from '../../domain/rejection.ts';
import { REDEEM_PATH, STREAM_PATH } from '../../protocol/http.ts';
import { LOG_PATH } from '../../protocol/log-frames.ts';
import type { Call, Purpose } from '../../protocol/proof.ts';
import { PROOF_HEADER } from '../../protocol/proof-header.ts';
import type { PeerId } from '../../values/id.ts';
import type { FirstProofs } from '../proof/first-proofs.ts';
import { type Answered, EMPTY_PART, type Evidence } from '../proof/proofs.ts';
import type { Connections } from '../sessions/connections.ts';
import { callerOf, isOpenTo, type Role } from './admission.ts';
import type { ApiDependencies } from './dependencies.ts';
import { bodyOf, hasBody } from './json-body.ts';
import { CALLS, Quota } from './quotas.ts';
import { BadRequest } from './refusal.ts';

export type Refused = { status: 400 | 401 | 404 | 413 | 429; proof?: string | undefined };

/** Undefined: the request may go on. */
type Admission = Refused | undefined;

export type Caller = {
  peer: Peer;
  /** By the peer's key, or by the key that is being redeemed. */
  evidence?: Evidence | undefined;
};

const NOTHING = new Uint8Array();
/** Also open to an invitation's key after its peer has another. */
const JOINING: readonly Role[] = ['peer', 'redeeming'];

export class Door {
  readonly connections: Connections;
  readonly #deps: ApiDependencies;
  readonly #firstProofs: FirstProofs;
  readonly #evidence = new WeakMap<IncomingMessage, Evidence>();
  /** Separate: an unproved program uses up nothing of the peer's. */
  readonly #calls = {
    proved: new Quota<PeerId>(CALLS),
    unproved: new Quota<PeerId>(CALLS),
    opening: new Quota<PeerId>(CALLS),
  };

  constructor(deps: ApiDependencies, firstProofs: FirstProofs) {
    this.#deps = deps;
    this.#firstProofs = firstProofs;
    this.connections = deps.sessions.connections;
  }

  /** With the caller's current rights. Throws a `BadRequest` where only a proof is missing. */
  callerNow(request: IncomingMessage, role: Role): Caller | undefined {
    const peer = this.#peerOf(request);
    if (!peer || !isOpenTo(role, peer)) return undefined;
    const evidence = this.#evidence.get(request);
    const isOpen = evidence
      ? evidence.key === peer.publicKey || JOINING.includes(role)
      : this.#isOpenUnproved(request.socket, role, peer);
    return isOpen ? { peer, evidence } : undefined;
  }

  #isOpenUnproved(socket: Socket, role: Role, peer: Peer): boolean {
    if (role === 'standby') return false; // it reads everything
    const rights = unprovedRights(this.#deps.live.network, peer);
    if (rights === 'nothing') return false;
    if (rights !== 'all' && role === 'admin') throw this.#refuseAdmin(peer);
    if (this.connections.keyOf(socket) === peer.publicKey) return true;
    // The invitation's key may still have the address: only a proof tells them apart.
    return role === 'peer' || (role === 'redeeming' && !peer.hasProved);
  }

  #refuseAdmin(peer: Peer): BadRequest {
    const { name } = peer;
    this.#deps.unproved.note(peer);
    return new BadRequest(
      `"${name}" may administer only with a proof by its key, and this request holds none`,
      {
        status: 403,
        code: 'AdminsNeedProof',
        hint: 'bring innernet on that machine up to date, or, on the server, let it administer without proofs',
        verb: `waive-proof --name ${shellWord(name)}`,
      },
    );
  }

  /** False: the quota is used up. */
  charge({ peer, evidence }: Caller, cost = 1): boolean {
    const calls = evidence ? this.#calls.proved : this.#calls.unproved;
    if (calls.take(peer.id, cost)) return true;
    this.#deps.limits.exceeded('calls', peer.ip);
    return false;
  }

  /** The quota may go below zero, for finished work. */
  owe({ peer, evidence }: Caller, cost: number): void {
    (evidence ? this.#calls.proved : this.#calls.unproved).owe(peer.id, cost);
  }

  /** Undefined for an unproved request. */
  proofOf(request: IncomingMessage, answered: () => Answered): string | undefined {
    const evidence = this.#evidence.get(request);
    return evidence && this.#deps.proofs.answer(evidence, answered());
  }

  /** False: too many connections. */
  proveStream(request: IncomingMessage): boolean {
    const [peer, evidence] = [this.#peerOf(request), this.#evidence.get(request)];
    if (peer && evidence) this.#noteProof(peer, evidence);
    return this.connections.rise(request.socket, 'proved');
  }

  /**
   * Undefined: admitted. A proof covers the body, so that is read first; an upgrade is answered without
   * waiting.
   */
  admit(request: IncomingMessage, isUpgrade: boolean): Admission | Promise<Admission> {
    const refused = this.#refuseStranger(request);
    if (refused) return refused;
    if (request.headers[PROOF_HEADER] === undefined) return this.#admitUnproved(request);
    if (isUpgrade) return this.#admitStream(request);
    if (!hasBody(request)) return this.#admitCall(request, NOTHING);
    return bodyOf(request).then(
      (body) => this.#admitCall(request, body),
      (): Refused => ({ status: 413 }),
    );
  }

  #refuseStranger(request: IncomingMessage): Refused | undefined {
    if (!request.url?.startsWith('/v1/')) return { status: 404 };
    if (this.#peerOf(request)) return undefined;
    this.#deps.limits.exceeded('strangers', request.socket.remoteAddress);
    return { status: 401 };
  }

  #admitUnproved(request: IncomingMessage): Admission {
    const peer = this.#peerOf(request);
    if (!peer) return { status: 401 };
    if (unprovedRights(this.#deps.live.network, peer) === 'nothing') {
      this.#deps.unproved.note(peer);
      return { status: 401 };
    }
    const caller = { peer };
    const isIn = this.charge(caller) && this.connections.rise(request.socket, 'unproved');
    return isIn ? undefined : { status: 429 };
  }

  #admitCall(request: IncomingMessage, body: Uint8Array): Admission {
    const found = this.#prove(request, body);
    if (!found) return { status: 401 };
    const { caller, evidence } = found;
    const { proofs } = this.#deps;
    // A repeated redemption is harmless: spare the joining peer a round trip for the time.
    const late = evidence.call.purpose === 'redeem' ? undefined : proofs.lateness(evidence);
    if (late !== undefined) return { status: 401, proof: late };
    const heard = proofs.hear(evidence);
    if (heard === 'used') return this.#refuseProof(request);
    const isIn = heard === 'new' && this.charge(caller) && this.connections.rise(request.socket, 'proved');
    if (!isIn) return { status: 429, proof: proofs.answer(evidence, { status: 429, parts: [EMPTY_PART] }) };
    this.#evidence.set(request, evidence);
    this.#noteProof(caller.peer, evidence);
    return undefined;
  }

  /** A timely upgrade counts as proved at once; any other after its opening frames. */
  #admitStream(request: IncomingMessage): Admission {
    const found = this.#prove(request, NOTHING);
    if (!found) return { status: 401 };
    const { caller, evidence } = found;
    const { proofs } = this.#deps;
    const isNow = proofs.isTimely(evidence) && proofs.hear(evidence) === 'new';
    if (isNow) this.#noteProof(caller.peer, evidence);
    const isIn = isNow
      ? this.charge(caller) && this.connections.rise(request.socket, 'proved')
      : this.#calls.opening.take(caller.peer.id) && this.connections.rise(request.socket, 'opening');
    if (!isIn) return { status: 429, proof: proofs.answer(evidence, { status: 429, parts: [EMPTY_PART] }) };
    this.#evidence.set(request, evidence);
    return undefined;
  }

  #prove(request: IncomingMessage, body: Uint8Array): { caller: Caller; evidence: Evidence } | undefined {
    const peer = this.#peerOf(request);
    const held = peer && this.#deps.sessions.invitationKey(peer.id);
    const keys = peer ? [peer.publicKey, ...(held === undefined ? [] : [held])] : [];
    const evidence = this.#deps.proofs.evidenceOf(callOf(request, body), request.headers[PROOF_HEADER], keys);
    if (peer && evidence) return { caller: { peer, evidence }, evidence };
    this.#refuseProof(request);
    return undefined;
  }

  /** Not for an invitation's key that was redeemed. */
  #noteProof(peer: Peer, { key }: Evidence): void {
    if (key === peer.publicKey) this.#firstProofs.note(peer);
  }

  #refuseProof(request: IncomingMessage): Refused {
    this.#deps.limits.exceeded('proofs', request.socket.remoteAddress);
    return { status: 401 };
  }

  #peerOf(request: IncomingMessage): Peer | undefined {
    const { live, serverKey, endpoint } = this.#deps;
    return callerOf(request, { network: live.network, serverKey, endpoint });
  }
}

const callOf = (request: IncomingMessage, body: Uint8Array): Call => {
  const { method = '', url: target = '' } = request;
  return { purpose: purposeOf(request), method, target, body };
};

const purposeOf = ({ method, url = '', headers }: IncomingMessage): Purpose => {
  const path = url.split('?', 1)[0];
  if (method === 'POST' && path === REDEEM_PATH) return 'redeem';
  const isStream = path === STREAM_PATH || path === LOG_PATH;
  return isStream && headers.upgrade !== undefined ? 'stream' : 'call';
};
