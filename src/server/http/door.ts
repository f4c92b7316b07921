/** The door of the API: who calls, what the call proves, what its sender may therefore do, and whether there is room. */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Peer } from '../../domain/peer.ts';
import { unprovedRights } from '../../domain/proofs.ts';
import { shellWord } from '../../domain/rejection.ts';
import { REDEEM_PATH, STREAM_PATH } from '../../protocol/http.ts';
import type { Call, Purpose } from '../../protocol/proof.ts';
import { PROOF_HEADER } from '../../protocol/proof-header.ts';
import type { PeerId } from '../../values/id.ts';
import type { FirstProofs } from '../proof/first-proofs.ts';
import { type Answered, EMPTY_PART, type Evidence } from '../proof/proofs.ts';
import type { Connections } from '../sessions/connections.ts';
import { callerOf, isOpenTo, type Role } from './admission.ts';
import { bodyOf, hasBody } from './json-body.ts';
import type { Parts } from './parts.ts';
import { CALLS, Quota } from './quotas.ts';
import { BadRequest } from './refusal.ts';

/** The status to send away with, and the proof of that answer where there is one. */
export type Refused = { status: 400 | 401 | 404 | 413 | 429; proof?: string | undefined };

/** Nothing, where the request may go on. */
type Admission = Refused | undefined;

/** A peer that calls. */
export type Caller = {
  peer: Peer;
  /** The request was made with its key, or with the one that it is redeeming. */
  evidence?: Evidence | undefined;
};

const NOTHING = new Uint8Array();
/** What a peer may ask with the key of its invitation when it has one of its own. */
const JOINING: readonly Role[] = ['peer', 'redeeming'];

export class Door {
  readonly connections: Connections;
  readonly #parts: Parts;
  readonly #firstProofs: FirstProofs;
  readonly #evidence = new WeakMap<IncomingMessage, Evidence>();
  /** Whoever can prove nothing takes nothing from who can. */
  readonly #calls = {
    proved: new Quota<PeerId>(CALLS),
    unproved: new Quota<PeerId>(CALLS),
    opening: new Quota<PeerId>(CALLS),
  };

  constructor(parts: Parts, firstProofs: FirstProofs) {
    this.#parts = parts;
    this.#firstProofs = firstProofs;
    this.connections = parts.sessions.connections;
  }

  /** The caller of a request as it is now, if a route for this role is open to it. Throws a `BadRequest`: only a proof is missing. */
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
    const rights = unprovedRights(this.#parts.live.network, peer);
    if (rights === 'nothing') return false;
    if (rights !== 'all' && role === 'admin') throw this.#refuseAdmin(peer);
    if (this.connections.keyOf(socket) === peer.publicKey) return true;
    // While an invitation's key still has the address of who has redeemed it, only a proof by the new one tells them apart.
    return role === 'peer' || (role === 'redeeming' && !peer.hasProved);
  }

  #refuseAdmin(peer: Peer): BadRequest {
    const { name } = peer;
    this.#parts.unproved.note(peer);
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

  /** Takes from what a caller may ask; false: it has asked too much. */
  charge({ peer, evidence }: Caller, cost = 1): boolean {
    const calls = evidence ? this.#calls.proved : this.#calls.unproved;
    if (calls.take(peer.id, cost)) return true;
    this.#parts.limits.exceeded('calls', peer.ip);
    return false;
  }

  /** Takes what something has cost that is done already; what is not there is owed. */
  owe({ peer, evidence }: Caller, cost: number): void {
    (evidence ? this.#calls.proved : this.#calls.unproved).owe(peer.id, cost);
  }

  /** The header that proves an answer made of these parts; undefined where the request was not proved. */
  proofOf(request: IncomingMessage, answered: () => Answered): string | undefined {
    const evidence = this.#evidence.get(request);
    return evidence && this.#parts.proofs.answer(evidence, answered());
  }

  /** The client at the other end of a stream has proved itself; false: it has too many connections. */
  proveStream(request: IncomingMessage): boolean {
    const [peer, evidence] = [this.#peerOf(request), this.#evidence.get(request)];
    if (peer && evidence) this.#noteProof(peer, evidence);
    return this.connections.rise(request.socket, 'proved');
  }

  /**
   * Lets a request in, or says how to refuse it. The body of a call that is proved by it is read first: nothing is done
   * before. An upgrade is answered without waiting.
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
    this.#parts.limits.exceeded('strangers', request.socket.remoteAddress);
    return { status: 401 };
  }

  #admitUnproved(request: IncomingMessage): Admission {
    const peer = this.#peerOf(request);
    if (!peer) return { status: 401 };
    if (unprovedRights(this.#parts.live.network, peer) === 'nothing') {
      this.#parts.unproved.note(peer);
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
    const { proofs } = this.#parts;
    const late = proofs.lateness(evidence);
    if (late !== undefined) return { status: 401, proof: late };
    const heard = proofs.hear(evidence);
    if (heard === 'used') return this.#refuseProof(request);
    const isIn = heard === 'new' && this.charge(caller) && this.connections.rise(request.socket, 'proved');
    if (!isIn) return { status: 429, proof: proofs.answer(evidence, { status: 429, parts: [EMPTY_PART] }) };
    this.#evidence.set(request, evidence);
    this.#noteProof(caller.peer, evidence);
    return undefined;
  }

  /** Of now or not: the frames that follow tell. One that is of now has its place already. */
  #admitStream(request: IncomingMessage): Admission {
    const found = this.#prove(request, NOTHING);
    if (!found) return { status: 401 };
    const { caller, evidence } = found;
    const { proofs } = this.#parts;
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
    const held = peer && this.#parts.sessions.invitationKey(peer.id);
    const keys = peer ? [peer.publicKey, ...(held === undefined ? [] : [held])] : [];
    const evidence = this.#parts.proofs.evidenceOf(
      callOf(request, body),
      request.headers[PROOF_HEADER],
      keys,
    );
    if (peer && evidence) return { caller: { peer, evidence }, evidence };
    this.#refuseProof(request);
    return undefined;
  }

  /** By the key of a peer, not by the one of an invitation that it has redeemed. */
  #noteProof(peer: Peer, { key }: Evidence): void {
    if (key === peer.publicKey) this.#firstProofs.note(peer);
  }

  #refuseProof(request: IncomingMessage): Refused {
    this.#parts.limits.exceeded('proofs', request.socket.remoteAddress);
    return { status: 401 };
  }

  #peerOf(request: IncomingMessage): Peer | undefined {
    const { live, serverKey, endpoint } = this.#parts;
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
  return path === STREAM_PATH && headers.upgrade !== undefined ? 'stream' : 'call';
};
