// Networks of any size for the page, made by the domain's own commands, with names, ends and associations as people have them.
import { Buffer } from 'node:buffer';
import { Command } from '../../src/domain/command.ts';
import { decide } from '../../src/domain/decide.ts';
import { Network } from '../../src/domain/network.ts';
import type { NetworkEvent } from '../../src/events/schema.ts';
import type { Timestamp } from '../../src/values/time.ts';
import type { Asked } from '../given.ts';

export type Commit = { who: string; at: Timestamp; events: NetworkEvent[] };

/** A number in [0, 1) from two others, the same in every run. */
const dice = (...seeds: number[]): number => {
  let hash = 2_166_136_261;
  for (const seed of seeds) hash = Math.imul(hash ^ (seed + 0x9e37), 16_777_619) ^ (hash >>> 13);
  return (hash >>> 0) / 2 ** 32;
};

/** Distinct keys that nobody holds the other half of. */
const keyOf = (number: number): string => {
  const bytes = Buffer.alloc(32);
  bytes.writeUInt32BE(number + 1, 4);
  bytes[0] = 9;
  return bytes.toString('base64');
};

const START = Date.parse('2026-09-01T08:00:00.000Z');
const END = Date.parse('2026-11-30T17:30:00.000Z');

/** A network that grows command by command; each is one commit. */
export class Town {
  readonly network = new Network();
  readonly commits: Commit[] = [];
  readonly #steps: number;

  constructor(steps: number) {
    this.#steps = steps;
  }

  do(asked: Asked, who = 'ann'): void {
    // Work comes in bursts: more in the morning of some days.
    const done = this.commits.length / this.#steps;
    const burst = Math.round(done * 90 + Math.sin(done * 40)) / 90;
    const at = new Date(START + (END - START) * Math.min(1, Math.max(0, burst * 0.98 + done * 0.02)));
    const now = at.toISOString() as Timestamp;
    const decision = decide(this.network, Command.parse(asked), { actor: { kind: 'operator', uid: 0 }, now });
    if (!decision.accepted) throw new Error(JSON.stringify(decision.rejection));
    this.#take(decision.events, who, now);
  }

  /** Events that no command makes, such as names that an import brings. */
  happen(...events: NetworkEvent[]): void {
    this.#take(events, 'ann', this.commits.at(-1)?.at as Timestamp);
  }

  #take(events: NetworkEvent[], who: string, at: Timestamp): void {
    this.network.advance(events, (this.network.position + events.length) as never);
    this.commits.push({ who, at, events });
  }
}

const CREATE = {
  type: 'CreateNetwork',
  name: 'acme',
  cidr: '10.42.0.0/16',
  serverKey: keyOf(0),
  endpoint: '203.0.113.10:51820',
} as const;

/** Of a hundred: nearly all have joined; some are invited, some disabled. */
const addPeer = (town: Town, name: string, cidr: string, number: number, isAdmin = false): void => {
  const isInvited = number > 3 && dice(number, 1) < 0.04;
  const terms = isInvited
    ? { inviteExpires: '2027-01-01T00:00:00.000Z' }
    : { inviteExpires: null, redeemed: true };
  town.do({ type: 'AddPeer', name, cidr, isAdmin, publicKey: keyOf(number), ...terms });
  if (number > 3 && !isInvited && dice(number, 2) < 0.04) town.do({ type: 'DisablePeer', peer: name }, 'ops');
};

/** Ten machines of a bakery. */
const ten = (): Town => {
  const town = new Town(22);
  town.do(CREATE);
  town.do({ type: 'AddCidr', name: 'humans', cidr: '10.42.1.0/24' });
  town.do({ type: 'AddCidr', name: 'machines', cidr: '10.42.2.0/23' });
  town.do({ type: 'AddCidr', name: 'ci', cidr: '10.42.3.0/25', parent: 'machines' });
  town.do({ type: 'AddCidr', name: 'printers', cidr: '10.42.2.0/25', parent: 'machines' });
  town.do({ type: 'AddCidr', name: 'guests', cidr: '10.42.8.0/24' });
  const names = { humans: ['ann', 'bob', 'ryo'], printers: ['press', 'label'], ci: ['build-1', 'build-2'] };
  let number = 0;
  for (const [cidr, peers] of Object.entries(names)) {
    for (const name of peers) {
      number += 1;
      const terms =
        name === 'build-2'
          ? { inviteExpires: '2027-01-01T00:00:00.000Z' }
          : { inviteExpires: null, redeemed: true };
      town.do({ type: 'AddPeer', name, cidr, isAdmin: name === 'ann', publicKey: keyOf(number), ...terms });
    }
    if (cidr === 'printers') town.do({ type: 'AddAssociation', cidrs: ['humans', 'printers'] });
  }
  for (const name of ['eve', 'mallory']) {
    number += 1;
    town.do({
      type: 'AddPeer',
      name,
      cidr: 'guests',
      isAdmin: false,
      publicKey: keyOf(number),
      inviteExpires: null,
      redeemed: true,
    });
  }
  town.do({ type: 'AddAssociation', cidrs: ['guests', 'printers'] });
  town.do({ type: 'AddAssociation', cidrs: ['humans', 'ci'] });
  town.do({ type: 'DisablePeer', peer: 'mallory' });
  return town;
};

const DEPARTMENTS = [
  'office',
  'shops',
  'machines',
  'ci',
  'cameras',
  'guests',
  'labs',
  'store',
  'tills',
  'ovens',
];

/** A company of departments with groups; `groups` of them in each department. */
const company = (peers: number, departments: number, groups: number): Town => {
  const town = new Town(peers * 1.06);
  town.do({ ...CREATE, cidr: '10.0.0.0/8' });
  const leaves: string[] = [];
  for (let at = 0; at < departments; at += 1) {
    const department = DEPARTMENTS[at] ?? `department-${at}`;
    town.do({ type: 'AddCidr', name: department, cidr: `10.${at + 1}.0.0/16` });
    for (let group = 0; group < groups; group += 1) {
      const name = `${department}-${group + 1}`;
      town.do({ type: 'AddCidr', name, cidr: `10.${at + 1}.${group * 8}.0/21`, parent: department });
      leaves.push(name);
    }
  }
  const pairs = [
    ['office', 'machines'],
    ['office', 'shops'],
    ['shops-1', 'machines-1'],
    ['machines', 'ci-1'],
    ['guests-2', 'cameras-3'],
    ['labs', 'ci'],
    ['tills', 'store'],
  ].filter((pair) => pair.every((name) => town.network.cidrNamed(name)));
  for (const cidrs of pairs) town.do({ type: 'AddAssociation', cidrs });
  const share = leaves.map((_, index) => 0.15 + dice(index, 7) ** 2);
  const whole = share.reduce((sum, each) => sum + each, 0);
  // They come in no order: everywhere a few at a time.
  const newcomers = leaves.flatMap((leaf, index) =>
    Array.from({ length: Math.round((peers * (share[index] ?? 0)) / whole) }, (_, at) => ({
      name: `${leaf}-m${at + 1}`,
      leaf,
      turn: at === 0 ? 0 : at + 12 * dice(index, at),
    })),
  );
  newcomers.sort((left, right) => left.turn - right.turn);
  for (const [index, { name, leaf }] of newcomers.entries()) addPeer(town, name, leaf, index + 1, index < 3);
  lastDay(town);
  return town;
};

/** Somebody lets the cameras be seen by the office, closes what guests had, and sends two away. */
const lastDay = (town: Town): void => {
  town.do({ type: 'AddAssociation', cidrs: ['cameras', 'office-1'] }, 'bob');
  town.do({ type: 'DeleteAssociation', cidrs: ['guests-2', 'cameras-3'] }, 'bob');
  town.do({ type: 'DisablePeer', peer: 'shops-2-m3' }, 'bob');
  town.do({ type: 'DeletePeer', peer: 'ci-2-m2' }, 'bob');
};

/** Of 10, 500 and 10,000 peers. */
export const TOWNS = {
  10: ten,
  500: () => company(490, 6, 3),
  10000: () => company(10_000, 10, 10),
} as const;
