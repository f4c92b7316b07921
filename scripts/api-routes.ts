// The server's HTTP routes as a table: who may call each, and the schemas of what goes in and comes out.
import * as z from 'zod';
import { View } from '../src/client/api/api-plane.ts';
import { AdminCommand } from '../src/domain/command.ts';
import { Peer } from '../src/domain/peer.ts';
import { CommandRequest, Outcome, Rehearsal, UndoRequest } from '../src/protocol/commands.ts';
import { ClientFrame, DigestPage, ServerFrame, Snapshot } from '../src/protocol/frames.ts';
import {
  COMMANDS_PATH,
  DIGESTS_PATH,
  LOOK_PATH,
  NETWORK_PATH,
  PAST_PATH,
  REDEEM_PATH,
  SNAPSHOT_PATH,
  STREAM_PATH,
  UNDO_PATH,
} from '../src/protocol/http.ts';
import { LOG_PATH, LogFrame, StandbyFrame } from '../src/protocol/log-frames.ts';
import { Looked, LookRequest } from '../src/protocol/looking.ts';
import { ANSWERS, Question, Reach, Told } from '../src/protocol/past.ts';
import { Refusal } from '../src/protocol/refusal.ts';
import { CidrRow } from '../src/protocol/rows.ts';
import {
  AssociationContents,
  CandidateList,
  Capabilities,
  CidrContents,
  EndpointChange,
  PeerContents,
  Redeem,
  State,
  V1Association,
  V1Cidr,
  V1Peer,
} from '../src/protocol/v1.ts';
import type { Role } from '../src/server/http/admission.ts';
import { Position } from '../src/values/id.ts';

export type ApiRoute = {
  openTo: Role;
  summary: string;
  /** Query parameters; all may be left out. */
  query?: { [name: string]: z.ZodType };
  body?: z.ZodType;
  /** The status on success. */
  status: 101 | 200 | 201 | 204;
  /** One of these on success; absent: an empty body. */
  answers?: readonly z.ZodType[];
};

const V1Peers = z.array(V1Peer);
const V1Cidrs = z.array(V1Cidr);
const V1Associations = z.array(V1Association);

/** Named in the document, so that each stands in it once. */
export const SHAPES: { [name: string]: z.ZodType } = {
  AdminCommand,
  AssociationContents,
  CandidateList,
  Capabilities,
  CidrContents,
  CidrRow,
  ClientFrame,
  CommandRequest,
  DigestPage,
  EndpointChange,
  LookRequest,
  Looked,
  NetworkView: View,
  Outcome,
  Peer,
  PeerContents,
  Question,
  Reach,
  Redeem,
  Refusal,
  Rehearsal,
  LogFrame,
  ServerFrame,
  StandbyFrame,
  Snapshot,
  State,
  Told,
  UndoRequest,
  V1Association,
  V1Associations,
  V1Cidr,
  V1Cidrs,
  V1Peer,
  V1Peers,
  HeadAnswer: ANSWERS.head,
  Place: ANSWERS.place,
  HistoryAnswer: ANSWERS.history,
  StateAnswer: ANSWERS.state,
  DiffAnswer: ANSWERS.diff,
  WhyAnswer: ANSWERS.why,
  WhyRouteAnswer: ANSWERS.whyRoute,
  UndoAnswer: ANSWERS.undo,
};

/** By method and path, as the server registers them. */
export const ROUTES: { [route: string]: ApiRoute } = {
  'GET /v1/user/capabilities': {
    openTo: 'peer',
    summary: 'what this server can do',
    status: 200,
    answers: [Capabilities],
  },
  'GET /v1/user/state': {
    openTo: 'redeemed',
    summary: 'the peers that the caller sees, and all CIDRs',
    status: 200,
    answers: [State],
  },
  [`POST ${REDEEM_PATH}`]: {
    openTo: 'redeeming',
    summary: "put the peer's own key in the place of the invitation's",
    body: Redeem,
    status: 204,
  },
  'PUT /v1/user/endpoint': {
    openTo: 'redeemed',
    summary: 'say where the caller is reached, or take that back',
    body: EndpointChange,
    status: 204,
  },
  'PUT /v1/user/candidates': {
    openTo: 'redeemed',
    summary: "report the addresses of the caller's own interfaces",
    body: CandidateList,
    status: 204,
  },
  [`GET ${SNAPSHOT_PATH}`]: {
    openTo: 'redeemed',
    summary: 'all that the caller sees, at one position, gzipped',
    query: { position: Position },
    status: 200,
    answers: [Snapshot],
  },
  [`GET ${DIGESTS_PATH}`]: {
    openTo: 'redeemed',
    summary: "the records' digests after a position, to check the chain",
    query: { position: Position },
    status: 200,
    answers: [DigestPage],
  },
  [`GET ${STREAM_PATH}`]: {
    openTo: 'redeemed',
    summary:
      'a WebSocket of the subprotocol innernet.v1: each message of the server is a ServerFrame, each of the client a ClientFrame',
    query: {
      position: Position,
      hash: z.string(),
      boot: z.string(),
      sequence: z.int().nonnegative(),
      state: z.literal('none'),
      can: z.string(),
    },
    status: 101,
  },
  [`GET ${LOG_PATH}`]: {
    openTo: 'standby',
    summary:
      'a WebSocket of the subprotocol innernet.log.v1: each message of the server is a LogFrame, each of the standby a StandbyFrame',
    query: { position: Position, hash: z.string(), version: z.string() },
    status: 101,
  },
  [`POST ${PAST_PATH}`]: {
    openTo: 'redeemed',
    summary:
      'ask about past and present; the answer depends on `ask`, and a peer that is no admin may ask about itself alone',
    body: Question,
    status: 200,
    answers: Object.values(ANSWERS),
  },
  [`POST ${COMMANDS_PATH}`]: {
    openTo: 'admin',
    summary: 'carry a command out, or say what it would do; the same id again gets the first answer',
    body: CommandRequest,
    status: 200,
    answers: [Outcome, Rehearsal],
  },
  [`POST ${UNDO_PATH}`]: {
    openTo: 'admin',
    summary: 'undo a commit, or all since a position, as planned at a position',
    body: UndoRequest,
    status: 200,
    answers: [Outcome],
  },
  [`GET ${NETWORK_PATH}`]: {
    openTo: 'admin',
    summary: 'the whole network at its present position',
    status: 200,
    answers: [View],
  },
  [`POST ${LOOK_PATH}`]: {
    openTo: 'admin',
    summary: 'which ways the packets of these peers take now',
    body: LookRequest,
    status: 200,
    answers: [Looked],
  },
  'GET /v1/admin/peers': { openTo: 'admin', summary: 'all peers', status: 200, answers: [V1Peers] },
  'POST /v1/admin/peers': {
    openTo: 'admin',
    summary: 'add a peer',
    body: PeerContents,
    status: 201,
    answers: [V1Peer],
  },
  'PUT /v1/admin/peers/:id': {
    openTo: 'admin',
    summary: 'change a peer: only what differs from the list that the caller fetched last',
    body: PeerContents,
    status: 204,
  },
  'DELETE /v1/admin/peers/:id': { openTo: 'admin', summary: 'disable a peer', status: 204 },
  'GET /v1/admin/cidrs': { openTo: 'admin', summary: 'all CIDRs', status: 200, answers: [V1Cidrs] },
  'POST /v1/admin/cidrs': {
    openTo: 'admin',
    summary: 'add a CIDR',
    body: CidrContents,
    status: 201,
    answers: [V1Cidr],
  },
  'PUT /v1/admin/cidrs/:id': { openTo: 'admin', summary: 'rename a CIDR', body: CidrContents, status: 204 },
  'DELETE /v1/admin/cidrs/:id': { openTo: 'admin', summary: 'delete a CIDR', status: 204 },
  'GET /v1/admin/associations': {
    openTo: 'admin',
    summary: 'all associations',
    status: 200,
    answers: [V1Associations],
  },
  'POST /v1/admin/associations': {
    openTo: 'admin',
    summary: 'let two CIDRs see each other',
    body: AssociationContents,
    status: 201,
  },
  'DELETE /v1/admin/associations/:id': { openTo: 'admin', summary: 'end an association', status: 204 },
};
