// `why ann office` over a real log: the route that a name means, each reason with its events, and what its router's machine says.
import { expect, it } from 'vitest';
import { addPastVerbs } from '../../src/cli/past.ts';
import type { Past, Plane } from '../../src/cli/plane.ts';
import { newProgram } from '../../src/cli/program.ts';
import { type Actor, actorText } from '../../src/events/actor.ts';
import type { NetworkEvent } from '../../src/events/schema.ts';
import type { RouterOffers } from '../../src/protocol/rows.ts';
import { OwnPast } from '../../src/server/past/own-past.ts';
import { LogPast } from '../../src/server/past/past.ts';
import type { NewCommit } from '../../src/store/log.ts';
import { acme, associated, cidr, ids, routeId } from '../acme.ts';
import { caught, words } from '../cli/called.ts';
import { append, commitOf, tempLog } from '../store/temp-log.ts';

const ann: Actor = { kind: 'peer', peerId: ids.ann };
const by = (...events: NetworkEvent[]): NewCommit => ({ ...commitOf(events), actor: actorText(ann) });
const block = cidr('192.168.50.0/24');
const id = routeId(1);
const office: NetworkEvent = { type: 'RouteAdded', routeId: id, name: 'office', blocks: [block] };
const byOven: NetworkEvent = { type: 'RouterAdded', routeId: id, peerId: ids.oven, rank: 0 };
const opened: NetworkEvent = { type: 'RouteOpened', routeId: id, cidrId: ids.humans };
const joined = associated(ids.humans, ids.machines);

const folders = { configDir: '/nowhere', dataDir: '/nowhere' };

/** `innernet` and these words, over a log; `offers`: what machines say. */
const innOver = async (commits: NewCommit[], offers?: RouterOffers[]) => {
  const log = await tempLog();
  await append(log, commitOf([...acme.network]), ...commits);
  const past = new LogPast(log);
  const open = async (network: string): Promise<Plane> => {
    const here: Past = {
      network,
      ask: (question) => past.ask(question),
      close: async () => {},
      ...(offers ? { offers: async () => offers } : {}),
    };
    return here as Plane;
  };
  return async (line: string) => {
    process.exitCode = undefined;
    const program = newProgram('innernet', '1.2.3', 'a private network', folders);
    addPastVerbs(program, { openPast: open, open });
    const said = await caught(program, words(line));
    process.exitCode = undefined;
    return said;
  };
};

const withoutTimes = (text: string): string[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => line.replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ?/, 'THEN'));

it('yes: with who opened it, and who let its router carry it', async () => {
  const inn = await innOver([by(joined), by(office, byOven), by(opened)]);
  expect((await inn('state acme')).stdout).toContain(
    'routes\n  office  192.168.50.0/24  by oven  open to humans\n',
  );
  const { stdout, code } = await inn('why acme ann office');
  expect(withoutTimes(stdout)).toEqual([
    'yes: ann may use office (192.168.50.0/24), by oven',
    '  office is open to humans (10.42.128.0/17), where ann is',
    `      21  THEN  ann opened route office to CIDR humans`,
    '  oven carries office, and ann sees it',
    `      20  THEN  ann let peer oven carry route office, with rank 0`,
  ]);
  expect(code).toBe(0);
});

it('no: with the verbs that mend it, and exit code 3', async () => {
  const inn = await innOver([
    by(joined),
    by(office, byOven),
    by(opened),
    by({ ...opened, type: 'RouteClosed' }),
  ]);
  const { stdout, code } = await inn('why acme ann route:office');
  expect(withoutTimes(stdout)).toEqual([
    'no: ann cannot use office (192.168.50.0/24)',
    '  office is open neither to engineers, where ann is, nor to a CIDR around it',
    `      22  THEN  ann closed route office to CIDR humans`,
    '    what would change it: innernet open-route acme office engineers',
    '                      or: innernet open-route acme office humans',
    '                      or: innernet open-route acme office acme',
  ]);
  expect(code).toBe(3);
});

it('no: where its router does not offer it, or says that it cannot now', async () => {
  const log = [by(joined), by(office, byOven), by(opened)];
  const silent = await (await innOver(log, []))('why acme ann office');
  expect(silent.code).toBe(3);
  expect(silent.stdout).toContain(
    'observed: waits for the word of oven, there: innernet offer-route acme 192.168.50.0/24',
  );
  const offers = [{ peerId: ids.oven, offers: [{ block, ready: false, why: 'eth1 is down' }] }];
  const broken = await (await innOver(log, offers))('why acme ann office --json');
  expect(broken.code).toBe(3);
  expect(JSON.parse(broken.stdout)).toMatchObject({
    isUsable: false,
    observed: [{ code: 'NotOffered', sentence: 'oven says that it cannot carry it now: eth1 is down' }],
  });
  const ready = [{ peerId: ids.oven, offers: [{ block, ready: true }] }];
  expect((await (await innOver(log, ready))('why acme ann office')).code).toBe(0);
});

it('at an earlier moment, of one that is deleted, and of a name that nobody has', async () => {
  const gone: NetworkEvent = { type: 'RouteDeleted', routeId: id };
  const inn = await innOver([by(joined), by(office, byOven, opened), by(gone)]);
  expect((await inn('why acme ann office --at 21')).code).toBe(0);
  const { stdout, code } = await inn('why acme ann office');
  expect(stdout).toContain('the route office was deleted');
  expect(code).toBe(3);
  const nobody = await inn('why acme ann attic');
  expect(nobody.stderr).toContain('no peer was ever called "attic"');
  expect(nobody.code).toBe(1);
});

it('a peer that had the name before is meant first; route:office is the route', async () => {
  const renamed: NetworkEvent[] = [
    { type: 'PeerRenamed', peerId: ids.bob, name: 'office' },
    { type: 'PeerRenamed', peerId: ids.bob, name: 'bob' },
  ];
  const inn = await innOver([by(...renamed), by(office, byOven, opened)]);
  expect((await inn('why acme ann office')).stdout).toContain('ann and bob cannot talk');
  expect((await inn('why acme ann route:office')).stdout).toContain('no: ann cannot use office');
  const { stdout } = await inn('history acme --about route:office');
  expect(stdout).toContain('opened route office to CIDR humans');
  expect(stdout).not.toContain('renamed peer');
});

it('is for admins: the log tells of routers that others do not see', async () => {
  const log = await tempLog();
  await append(log, commitOf([...acme.network]), by(office));
  const bob = { id: ids.bob, name: 'bob', ip: acme.at('bakers', 1) };
  const own = new OwnPast(new LogPast(log), bob, async () => new Map());
  await expect(own.ask({ ask: 'whyRoute', peer: 'bob', route: 'office' }, [])).rejects.toThrow(
    'only an admin',
  );
});
