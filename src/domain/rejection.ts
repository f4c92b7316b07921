/** Every refusal of the rules: its name, its facts, its sentence and hint. */
import type { Endpoint } from '../values/endpoint.ts';
import type { Position } from '../values/id.ts';
import type { Cidr, Ip } from '../values/ip.ts';
import { type PublicKey, shortKey } from '../values/key.ts';
import type { Timestamp } from '../values/time.ts';
import { askersOf, deedOf, isAboutProofs } from './askers.ts';
import type { CommandType } from './command.ts';

export type Rejection =
  | { code: 'NetworkExists'; name: string }
  | { code: 'NoNetwork' }
  | { code: 'RangeTooSmall'; cidr: Cidr }
  | { code: 'RangeTooWide'; cidr: Cidr }
  | { code: 'NotAllowed'; command: CommandType }
  | { code: 'CommandIdReused'; commandId: string }
  | { code: 'PlanOutdated'; planned: Position; position: Position }
  | { code: 'UnknownCidr'; cidr: string | number }
  | { code: 'CidrNameTaken'; name: string }
  | { code: 'CidrTaken'; cidr: Cidr; name: string }
  | { code: 'CidrOutsideNetwork'; cidr: Cidr; network: Cidr }
  | { code: 'CidrBelongsElsewhere'; name: string; cidr: Cidr; parent: string; belongsIn: string }
  | { code: 'CidrOverlaps'; cidr: Cidr; sibling: string; siblingCidr: Cidr }
  | { code: 'CidrHoldsPeers'; name: string }
  | { code: 'CidrHasChildren'; name: string }
  | { code: 'CidrHasAssociations'; name: string; with: string }
  | { code: 'CidrFull'; name: string; cidr: Cidr }
  | { code: 'UnknownPeer'; peer: string | number }
  | { code: 'PeerNameTaken'; name: string; ip: Ip }
  | { code: 'IpOutsideCidr'; ip: Ip; name: string; cidr: Cidr }
  | { code: 'IpNotAssignable'; ip: Ip; cidr: Cidr }
  | { code: 'IpTaken'; ip: Ip; by: string }
  | { code: 'IpRetired'; ip: Ip }
  | { code: 'KeyTaken'; key: PublicKey }
  | { code: 'KeyRetired'; key: PublicKey }
  | { code: 'ServerIsFixed'; what: 'peer' | 'CIDR' | 'network range' }
  | { code: 'LastAdmin'; name: string }
  | { code: 'PeerIsDisabled'; name: string }
  | { code: 'ExpiryInPast'; inviteExpires: Timestamp }
  | { code: 'EndInPast'; expires: Timestamp }
  | { code: 'PeerHasEnded'; name: string; ended: Timestamp }
  | { code: 'InvitationEnded'; name: string; ended: Timestamp }
  | { code: 'AlreadyRedeemed'; name: string }
  | { code: 'EndpointUnspecified'; endpoint: Endpoint }
  | { code: 'SameCidr'; name: string }
  | { code: 'RootNotAssociable'; name: string }
  | { code: 'AssociationExists'; names: [string, string] }
  | { code: 'UnknownAssociation'; names: [string, string] }
  | { code: 'OpeningElsewhere'; name: string; names: [string, string] }
  | { code: 'ServerNotLimitable'; name: string }
  | { code: 'CidrNotIsolable'; name: string }
  | { code: 'RelayNotJoined'; name: string }
  | { code: 'RelayIsDisabled'; name: string }
  | { code: 'NotARelay'; name: string }
  | { code: 'RouterIsServerOnly'; name: string }
  | { code: 'NotAPhone'; name: string }
  | { code: 'PhoneIsNoAdmin'; name: string }
  | { code: 'ServerIsNoStandby' }
  | { code: 'StandbyNotJoined'; name: string }
  | { code: 'StandbyIsDisabled'; name: string }
  | { code: 'PhoneIsNoStandby'; name: string }
  | { code: 'TooManyStandbys'; names: string[] }
  | { code: 'NotAStandby'; name: string }
  | { code: 'UnknownRoute'; route: string | number }
  | { code: 'RouteNameTaken'; name: string; by: 'peer' | 'CIDR' | 'route' }
  | { code: 'RouteSpecial'; block: Cidr; reserved: Cidr; use: string }
  | { code: 'RouteOtherFamily'; block: Cidr; network: Cidr }
  | { code: 'RouteInsideNetwork'; block: Cidr; network: Cidr }
  | { code: 'RouteMixesExit'; block: Cidr }
  | { code: 'RouteOverlapsItself'; blocks: [Cidr, Cidr] }
  | { code: 'RouteHoldsServer'; block: Cidr; endpoint: Endpoint; name: string }
  | { code: 'RouteTaken'; block: Cidr; name: string; cidr: string }
  | { code: 'RouteOpenAround'; route: string; name: string; around: string }
  | { code: 'RouterIsServer'; name: string }
  | { code: 'RouterIsPhone'; name: string }
  | { code: 'RouterNotJoined'; name: string }
  | { code: 'RouterIsDisabled'; name: string }
  | { code: 'RouterAlready'; name: string; route: string }
  | { code: 'NotARouter'; name: string; route: string }
  | { code: 'RouterRankTaken'; route: string; rank: string; by: string }
  | { code: 'RouterIsMany'; name: string; route: string }
  | { code: 'CidrHasRoutes'; name: string; route: string; isRouter: boolean }
  | { code: 'ProofNeeded'; name: string; command: CommandType }
  | { code: 'ProofNotRequired'; name: string };

export type RejectionCode = Rejection['code'];

/** `verb` is without program and network: `rename-peer --name bob`. */
export type Explanation = { sentence: string; hint: string; verb?: string };

/** Fast path, at a tenth of the cost: a history has a million lines. */
const PLAIN = /^[ -~]*$/;

/** Escapes control, direction and private characters, which imported names may hold. */
export const printable = (text: string): string =>
  PLAIN.test(text)
    ? text
    : text.replace(
        /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]/gu,
        (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`,
      );

const quote = (name: string | number): string =>
  typeof name === 'number' ? `with id ${name}` : `"${printable(name)}"`;

const octal = (text: string): string =>
  [...new TextEncoder().encode(text)].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');

/**
 * A word that sh reads back as it was. Quoted: an imported name may hold spaces and worse; with characters that
 * nobody sees, printf makes it.
 */
export const shellWord = (text: string): string => {
  if (/^[\w@%+=:,./][\w@%+=:,./-]*$/.test(text)) return text;
  if (printable(text) === text) return `'${text.replaceAll("'", `'\\''`)}'`;
  return `"$(printf '${text.replace(/[^\w .,:]+/g, octal)}')"`;
};

/** The last words of a command line: behind `--` where one would be read as a flag. */
export const shellOperands = (...operands: readonly string[]): string =>
  [...(operands.some((word) => word.startsWith('-')) ? ['--'] : []), ...operands.map(shellWord)].join(' ');

/** The whole line for a suggested verb, such as `rename-peer --name bob`; `program` may bring its flags. */
export const suggestedLine = (program: string, network: string, suggestion: string): string => {
  const [verb = '', ...rest] = suggestion.split(' ');
  return [program, verb, shellWord(network), ...rest].join(' ');
};

const FIXED: { [W in Extract<Rejection, { code: 'ServerIsFixed' }>['what']]: Explanation } = {
  peer: {
    sentence:
      "the server's own peer is fixed: it cannot be renamed, disabled, demoted, deleted or overridden",
    hint: 'to change where the server is reached',
    verb: 'set-endpoint',
  },
  CIDR: {
    sentence: "the server's own CIDR is fixed: it cannot be renamed or deleted, and holds no other peer",
    hint: 'choose another CIDR; they are listed by',
    verb: 'list-cidrs',
  },
  'network range': {
    sentence: 'the CIDR of the whole network cannot be deleted',
    hint: 'choose another CIDR; they are listed by',
    verb: 'list-cidrs',
  },
};

type Explain<R> = (facts: R) => Explanation;

const EXPLAIN: { [C in RejectionCode]: Explain<Extract<Rejection, { code: C }>> } = {
  NetworkExists: ({ name }) => ({
    sentence: `the network ${quote(name)} exists already in this log`,
    hint: 'run it',
    verb: 'serve',
  }),
  NoNetwork: () => ({ sentence: 'this log holds no network yet', hint: 'create one first', verb: 'new' }),
  RangeTooSmall: ({ cidr }) => ({
    sentence: `the range ${cidr} has no room for the server and another peer`,
    hint: 'choose a wider range, such as 10.61.0.0/16',
  }),
  RangeTooWide: ({ cidr }) => ({
    sentence: `the range ${cidr} covers every address there is`,
    hint: 'choose a private range, such as 10.61.0.0/16',
  }),
  NotAllowed: ({ command }) => ({
    sentence: `only ${askersOf(command)} may ${deedOf(command)}`,
    hint: 'ask an admin of the network, or run it on the server',
  }),
  CommandIdReused: ({ commandId }) => ({
    sentence: `the command id ${quote(commandId)} was used for another command`,
    hint: 'send each command under an id of its own',
  }),
  PlanOutdated: ({ planned, position }) => ({
    sentence: `this was planned at position ${planned}, and the network has come to position ${position} since`,
    hint: 'plan it again, and see whether it is still what you want',
  }),
  UnknownCidr: ({ cidr }) => ({
    sentence: `there is no CIDR ${quote(cidr)}`,
    hint: 'the CIDRs are listed by',
    verb: 'list-cidrs',
  }),
  CidrNameTaken: ({ name }) => ({
    sentence: `the name ${quote(name)} is taken by another CIDR`,
    hint: 'choose another name; the taken ones are listed by',
    verb: 'list-cidrs',
  }),
  CidrTaken: ({ cidr, name }) => ({
    sentence: `the block ${cidr} is the CIDR ${quote(name)} already`,
    hint: 'choose another block, or give that CIDR another name',
    verb: `rename-cidr --name ${shellWord(name)}`,
  }),
  CidrOutsideNetwork: ({ cidr, network }) => ({
    sentence: `the block ${cidr} is not inside the network's range ${network}`,
    hint: `choose a block inside ${network}`,
  }),
  CidrBelongsElsewhere: ({ name, cidr, parent, belongsIn }) => ({
    sentence: `the block ${cidr} cannot hang under ${quote(parent)}: the smallest CIDR that contains it is ${quote(belongsIn)}`,
    hint: 'name that one as the parent',
    verb: `add-cidr --name ${shellWord(name)} --cidr ${cidr} --parent ${shellWord(belongsIn)}`,
  }),
  CidrOverlaps: ({ cidr, sibling, siblingCidr }) => ({
    sentence: `the block ${cidr} overlaps ${quote(sibling)} (${siblingCidr})`,
    hint: 'choose a block that is free; the taken ones are listed by',
    verb: 'list-cidrs --tree',
  }),
  CidrHoldsPeers: ({ name }) => ({
    sentence: `the CIDR ${quote(name)} holds peers, so it can neither hold CIDRs nor be deleted`,
    hint: 'which peers they are is listed by',
    verb: 'list-peers',
  }),
  CidrHasChildren: ({ name }) => ({
    sentence: `the CIDR ${quote(name)} holds other CIDRs, so it can neither hold peers nor be deleted`,
    hint: 'choose one of the CIDRs in it, listed by',
    verb: 'list-cidrs --tree',
  }),
  CidrHasAssociations: ({ name, with: other }) => ({
    sentence: `the CIDR ${quote(name)} is associated with ${quote(other)}`,
    hint: 'delete the association first',
    verb: `delete-association ${shellOperands(name, other)}`,
  }),
  CidrFull: ({ name, cidr }) => ({
    sentence: `no address is free in ${quote(name)} (${cidr})`,
    hint: 'add the peer to another CIDR, or first add one',
    verb: 'add-cidr',
  }),
  UnknownPeer: ({ peer }) => ({
    sentence: `there is no peer ${quote(peer)}`,
    hint: 'the peers are listed by',
    verb: 'list-peers',
  }),
  PeerNameTaken: ({ name, ip }) => ({
    sentence: `the name ${quote(name)} is taken by the peer at ${ip}`,
    hint: 'choose another name; the taken ones are listed by',
    verb: 'list-peers',
  }),
  IpOutsideCidr: ({ ip, name, cidr }) => ({
    sentence: `the address ${ip} is not inside ${quote(name)} (${cidr})`,
    hint: 'choose an address inside, or leave it out to get the lowest free one',
  }),
  IpNotAssignable: ({ ip, cidr }) => ({
    sentence: `no peer can have the address ${ip}: it is the network or broadcast address of ${cidr}`,
    hint: 'choose another address, or leave it out to get the lowest free one',
  }),
  IpTaken: ({ ip, by }) => ({
    sentence: `the address ${ip} is taken by ${quote(by)}`,
    hint: 'choose another address, or leave it out to get the lowest free one',
  }),
  IpRetired: ({ ip }) => ({
    sentence: `the address ${ip} belonged to a deleted peer, and an address is never given twice`,
    hint: 'choose another address, or leave it out to get the lowest free one',
  }),
  KeyTaken: ({ key }) => ({
    sentence: `the key ${shortKey(key)} belongs to another peer`,
    hint: 'each peer needs a key of its own: run the same command again, it makes a new one',
  }),
  KeyRetired: ({ key }) => ({
    sentence: `the key ${shortKey(key)} was used before, and a key is never used twice`,
    hint: 'each peer needs a key of its own: run the same command again, it makes a new one',
  }),
  ServerIsFixed: ({ what }) => FIXED[what],
  LastAdmin: ({ name }) => ({
    sentence: `${quote(name)} is the last admin besides the server`,
    hint: 'say --yes if you mean it (the server itself can always make another), or first make another peer an admin',
    verb: 'grant-admin',
  }),
  PeerIsDisabled: ({ name }) => ({
    sentence: `the peer ${quote(name)} is disabled`,
    hint: 'enable it first',
    verb: `enable-peer --name ${shellWord(name)}`,
  }),
  ExpiryInPast: ({ inviteExpires }) => ({
    sentence: `an invitation cannot end in the past (${inviteExpires})`,
    hint: 'give it some time: --invite-expires 14d',
  }),
  EndInPast: ({ expires }) => ({
    sentence: `a peer cannot end in the past (${expires})`,
    hint: 'give it some time: --expires 90d; to cut it off now, use disable-peer',
  }),
  PeerHasEnded: ({ name, ended }) => ({
    sentence: `the time of the peer ${quote(name)} ended at ${ended}`,
    hint: 'enable it with another end, or with never',
    verb: `enable-peer --name ${shellWord(name)} --expires 90d`,
  }),
  InvitationEnded: ({ name, ended }) => ({
    sentence: `the invitation of ${quote(name)} ended at ${ended}`,
    hint: 'ask an admin to invite that peer again',
    verb: `add-peer --name ${shellWord(name)}`,
  }),
  AlreadyRedeemed: ({ name }) => ({
    sentence: `the invitation of ${quote(name)} was redeemed already`,
    hint: 'if that was not the machine that you meant, cut it off',
    verb: `disable-peer --name ${shellWord(name)}`,
  }),
  EndpointUnspecified: ({ endpoint }) => ({
    sentence: `the server cannot be reached at ${endpoint}: an all-zero host is for peers only`,
    hint: 'give the address or DNS name at which peers reach it, such as vpn.example.org:51820',
  }),
  SameCidr: ({ name }) => ({
    sentence: `an association needs two CIDRs, and both are ${quote(name)}`,
    hint: 'peers of one CIDR see each other anyway; name another one, listed by',
    verb: 'list-cidrs',
  }),
  RootNotAssociable: ({ name }) => ({
    sentence: `${quote(name)} is the whole network, which cannot be associated`,
    hint: 'associate CIDRs below it, listed by',
    verb: 'list-cidrs',
  }),
  AssociationExists: ({ names: [left, right] }) => ({
    sentence: `${quote(left)} and ${quote(right)} are associated already`,
    hint: 'nothing needs to be done; the associations are listed by',
    verb: 'list-associations',
  }),
  UnknownAssociation: ({ names: [left, right] }) => ({
    sentence: `${quote(left)} and ${quote(right)} are not associated`,
    hint: 'the associations are listed by',
    verb: 'list-associations',
  }),
  OpeningElsewhere: ({ name, names: [left, right] }) => ({
    sentence: `the association joins ${quote(left)} and ${quote(right)}, so peers of ${quote(name)} begin nothing over it`,
    hint: 'name one of the two: --allow CIDR:tcp/22; the CIDRs are listed by',
    verb: 'list-cidrs --tree',
  }),
  ServerNotLimitable: ({ name }) => ({
    sentence: `an association with ${quote(name)} cannot be limited: every peer reaches the server`,
    hint: "limit associations of other CIDRs; on the server, close ports with the machine's own firewall",
  }),
  CidrNotIsolable: ({ name }) => ({
    sentence: `${quote(name)} holds other CIDRs, and only peers that are in one CIDR can be isolated from each other`,
    hint: 'isolate the CIDRs in it, one by one; they are listed by',
    verb: 'list-cidrs --tree',
  }),
  RelayNotJoined: ({ name }) => ({
    sentence: `${quote(name)} has not joined yet, so it cannot be a relay`,
    hint: 'join on that machine first: innernet install; the peers are listed by',
    verb: 'list-peers',
  }),
  RelayIsDisabled: ({ name }) => ({
    sentence: `${quote(name)} is disabled, so it cannot be a relay`,
    hint: 'enable it first',
    verb: `enable-peer --name ${shellWord(name)}`,
  }),
  NotARelay: ({ name }) => ({
    sentence: `${quote(name)} is no relay`,
    hint: 'the relays are listed by',
    verb: 'list-relays',
  }),
  RouterIsServerOnly: ({ name }) => ({
    sentence: `${quote(name)} cannot pass the packets of phones: in this version only the server's own machine does`,
    hint: 'leave the router out: the server is one',
  }),
  NotAPhone: ({ name }) => ({
    sentence: `${quote(name)} is no phone: its own program made its key`,
    hint: 'to give its machine another key, delete it and invite it again',
    verb: `delete-peer --name ${shellWord(name)}`,
  }),
  PhoneIsNoAdmin: ({ name }) => ({
    sentence: `${quote(name)} is a phone, which has no program of ours and so cannot administer`,
    hint: 'make a peer an admin that runs innernet; they are listed by',
    verb: 'list-peers',
  }),
  ServerIsNoStandby: () => ({
    sentence: 'the server cannot be its own standby',
    hint: 'name a peer whose machine is another one; they are listed by',
    verb: 'list-peers',
  }),
  StandbyNotJoined: ({ name }) => ({
    sentence: `${quote(name)} has not joined yet, so it cannot be a standby`,
    hint: 'join on that machine first: innernet install; the peers are listed by',
    verb: 'list-peers',
  }),
  StandbyIsDisabled: ({ name }) => ({
    sentence: `${quote(name)} is disabled, so it cannot be a standby`,
    hint: 'enable it first',
    verb: `enable-peer --name ${shellWord(name)}`,
  }),
  PhoneIsNoStandby: ({ name }) => ({
    sentence: `${quote(name)} is a phone, which has no program of ours and so cannot be a standby`,
    hint: 'name a peer that runs innernet; they are listed by',
    verb: 'list-peers',
  }),
  TooManyStandbys: ({ names }) => ({
    sentence: `there are ${names.length} standbys already, the maximum: ${names.map(printable).join(', ')}`,
    hint: 'dismiss one of them first',
    verb: `dismiss-standby --name ${shellWord(names[0] ?? '')}`,
  }),
  NotAStandby: ({ name }) => ({
    sentence: `${quote(name)} is no standby`,
    hint: 'the standbys are listed by',
    verb: 'standbys',
  }),
  UnknownRoute: ({ route }) => ({
    sentence: `there is no route ${quote(route)}`,
    hint: 'the routes are listed by',
    verb: 'list-routes',
  }),
  RouteNameTaken: ({ name, by }) => ({
    sentence: `the name ${quote(name)} is taken by a ${by}`,
    hint: 'choose another name: peers, CIDRs and routes share them',
  }),
  RouteSpecial: ({ block, reserved, use }) => ({
    sentence: `the block ${block} cannot be a route: ${reserved} is reserved for ${use}`,
    hint: 'choose the block of the LAN itself; for the way to everywhere say --exit',
  }),
  RouteOtherFamily: ({ block, network }) => ({
    sentence: `the block ${block} is of another family than the network's range ${network}, so no peer has an address to use it from`,
    hint: 'choose a block of the same family as the network',
  }),
  RouteInsideNetwork: ({ block, network }) => ({
    sentence: `the block ${block} overlaps the network's own range ${network}`,
    hint: 'a route is for addresses outside the network; for those inside, add a CIDR',
    verb: 'add-cidr',
  }),
  RouteMixesExit: ({ block }) => ({
    sentence: `an exit is the way to everywhere, and ${block} cannot be beside it`,
    hint: 'add a route of its own for that block',
    verb: `add-route --block ${block}`,
  }),
  RouteOverlapsItself: ({ blocks: [left, right] }) => ({
    sentence: `the blocks ${left} and ${right} of one route overlap`,
    hint: 'name the wider one alone',
  }),
  RouteHoldsServer: ({ block, endpoint, name }) => ({
    sentence: `the block ${block} holds ${endpoint}, where ${quote(name)} is reached: the way there would go by the route itself`,
    hint: 'choose a narrower block',
  }),
  RouteTaken: ({ block, name, cidr }) => ({
    sentence: `the block ${block} is in the route ${quote(name)} as well, and peers of ${quote(cidr)} could use both`,
    hint: 'open only one of them to these peers, or add a second router to that route',
    verb: `close-route ${shellOperands(name, cidr)}`,
  }),
  RouteOpenAround: ({ route, name, around }) => ({
    sentence: `the route ${quote(route)} is open to ${quote(name)} because it is open to ${quote(around)} around it`,
    hint: 'close it there, and open it to those that keep it',
    verb: `close-route ${shellOperands(route, around)}`,
  }),
  RouterIsServer: ({ name }) => ({
    sentence: `${quote(name)} cannot carry a route: in this version the server's own machine does not`,
    hint: 'let a peer carry it; they are listed by',
    verb: 'list-peers',
  }),
  RouterIsPhone: ({ name }) => ({
    sentence: `${quote(name)} is a phone, which has no program of ours and so carries no route`,
    hint: 'let a peer carry it that runs innernet; they are listed by',
    verb: 'list-peers',
  }),
  RouterNotJoined: ({ name }) => ({
    sentence: `${quote(name)} has not joined yet, so it cannot carry a route`,
    hint: 'join on that machine first: innernet install; the peers are listed by',
    verb: 'list-peers',
  }),
  RouterIsDisabled: ({ name }) => ({
    sentence: `${quote(name)} is disabled, so it cannot carry a route`,
    hint: 'enable it first',
    verb: `enable-peer --name ${shellWord(name)}`,
  }),
  RouterAlready: ({ name, route }) => ({
    sentence: `${quote(name)} is a router of ${quote(route)} already`,
    hint: 'to change whether it goes first, rank it',
    verb: `rank-router ${shellOperands(route, name)} --rank 1`,
  }),
  NotARouter: ({ name, route }) => ({
    sentence: `${quote(name)} is no router of ${quote(route)}`,
    hint: 'the routes and their routers are listed by',
    verb: 'list-routes',
  }),
  RouterRankTaken: ({ route, rank, by }) => ({
    sentence: `${quote(by)} is a router of ${quote(route)} with rank ${rank}, and where senders are kept each router needs a rank of its own`,
    hint: 'answers come back by one router, so that all must choose the same: give it another rank with --rank',
  }),
  RouterIsMany: ({ name, route }) => ({
    sentence: `${quote(name)} stands for many routers of ${quote(route)} with one rank, and where senders are kept each router needs a rank of its own`,
    hint: 'name the routers one by one, or leave --keep-source out',
  }),
  CidrHasRoutes: ({ name, route, isRouter }) =>
    isRouter
      ? {
          sentence: `the peers of ${quote(name)} are routers of ${quote(route)}`,
          hint: 'take the route from them first',
          verb: `remove-router ${shellOperands(route)} --cidr ${shellWord(name)}`,
        }
      : {
          sentence: `the route ${quote(route)} is open to ${quote(name)}`,
          hint: 'close it first',
          verb: `close-route ${shellOperands(route, name)}`,
        },
  ProofNeeded: ({ name, command }) => ({
    sentence: `${quote(name)} may ${deedOf(command)} only with a proof by its key, and this request holds none`,
    ...(isAboutProofs(command)
      ? { hint: 'bring innernet on that machine up to date, or say it on the server' }
      : {
          hint: 'bring innernet on that machine up to date, or, on the server, let it administer without proofs',
          verb: `waive-proof --name ${shellWord(name)}`,
        }),
  }),
  ProofNotRequired: ({ name }) => ({
    sentence: `this network requires no proofs by key, so none of ${quote(name)}`,
    hint: 'require them of everybody first',
    verb: 'require-proof',
  }),
};

// Marked as free of effects: the page, which shows no refusal of its own, is built without the table.
export const REJECTION_CODES = /* @__PURE__ */ Object.keys(EXPLAIN) as RejectionCode[];

export const explain = (rejection: Rejection): Explanation =>
  (EXPLAIN[rejection.code] as Explain<Rejection>)(rejection);

export class Rejected extends Error {
  readonly rejection: Rejection;
  /** From the log, if asked; times are ISO 8601, UTC. */
  background: string | undefined;

  constructor(rejection: Rejection, background?: string) {
    super(explain(rejection).sentence);
    this.rejection = rejection;
    this.background = background;
  }
}
