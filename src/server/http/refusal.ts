/** Maps a refusal to HTTP status and body, with the rule's own reason. */
import type * as z from 'zod';
import { explain, type Rejection, type RejectionCode } from '../../domain/rejection.ts';
import type { Refusal } from '../../protocol/refusal.ts';

/** The message becomes the body's `error`. */
export class BadRequest extends Error {
  readonly status: number;
  readonly code: string;
  readonly hint: string | undefined;
  readonly verb: string | undefined;

  constructor(message: string, { status = 400, code = 'BadRequest', hint, verb }: BadRequestOptions = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.hint = hint;
    this.verb = verb;
  }

  body(): Refusal {
    const { code, message: error, hint, verb } = this;
    return { code, error, ...(hint ? { hint } : {}), ...(verb ? { verb } : {}) };
  }
}

type BadRequestOptions = { status?: number; code?: string; hint?: string; verb?: string };

/** innernet answers 400 to every broken rule; its clients only check for 2xx. */
export const STATUS: { [C in RejectionCode]: number } = {
  NetworkExists: 409,
  NoNetwork: 404,
  RangeTooSmall: 400,
  RangeTooWide: 400,
  NotAllowed: 401,
  CommandIdReused: 409,
  PlanOutdated: 409,
  UnknownCidr: 404,
  CidrNameTaken: 409,
  CidrTaken: 409,
  CidrOutsideNetwork: 400,
  CidrBelongsElsewhere: 400,
  CidrOverlaps: 409,
  CidrHoldsPeers: 409,
  CidrHasChildren: 409,
  CidrHasAssociations: 409,
  CidrFull: 409,
  UnknownPeer: 404,
  PeerNameTaken: 409,
  IpOutsideCidr: 400,
  IpNotAssignable: 400,
  IpTaken: 409,
  IpRetired: 409,
  KeyTaken: 409,
  KeyRetired: 409,
  ServerIsFixed: 400,
  LastAdmin: 409,
  PeerIsDisabled: 401,
  ExpiryInPast: 400,
  EndInPast: 400,
  PeerHasEnded: 409,
  InvitationEnded: 410,
  AlreadyRedeemed: 410,
  EndpointUnspecified: 400,
  SameCidr: 400,
  RootNotAssociable: 400,
  AssociationExists: 409,
  UnknownAssociation: 404,
  OpeningElsewhere: 400,
  ServerNotLimitable: 400,
  CidrNotIsolable: 409,
  RelayNotJoined: 409,
  RelayIsDisabled: 409,
  NotARelay: 404,
  RouterIsServerOnly: 409,
  NotAPhone: 409,
  PhoneIsNoAdmin: 409,
  ServerIsNoStandby: 409,
  StandbyNotJoined: 409,
  StandbyIsDisabled: 409,
  PhoneIsNoStandby: 409,
  TooManyStandbys: 409,
  NotAStandby: 404,
  UnknownRoute: 404,
  RouteNameTaken: 409,
  RouteSpecial: 400,
  RouteOtherFamily: 400,
  RouteInsideNetwork: 400,
  RouteMixesExit: 400,
  RouteOverlapsItself: 400,
  RouteHoldsServer: 409,
  RouteTaken: 409,
  RouteOpenAround: 409,
  RouterIsServer: 409,
  RouterIsPhone: 409,
  RouterNotJoined: 409,
  RouterIsDisabled: 409,
  RouterAlready: 409,
  NotARouter: 404,
  RouterRankTaken: 409,
  RouterIsMany: 409,
  CidrHasRoutes: 409,
  ProofNeeded: 403,
  ProofNotRequired: 409,
};

/** `background`: why the rule refused, from the log. */
export const refusalOf = (rejection: Rejection, background?: string): Refusal => {
  const { sentence, hint, verb } = explain(rejection);
  const { code, ...facts } = rejection;
  return {
    code,
    error: sentence,
    hint,
    ...(verb ? { verb } : {}),
    facts,
    ...(background ? { background } : {}),
  };
};

/** Throws a `BadRequest` that names the field and the rule. */
export const parsed = <S extends z.ZodType>(schema: S, value: unknown): z.output<S> => {
  const { success, data, error } = schema.safeParse(value);
  if (success) return data;
  const [issue] = error.issues;
  const field = issue?.path.join('.') ?? '';
  throw new BadRequest(field ? `"${field}": ${issue?.message}` : `the body: ${issue?.message}`);
};
