// The verbs of routes as a script types them: one commit, what is still missing, refusals, lists.
import { beforeEach, describe, expect, it } from 'vitest';
import { explain, type Rejection } from '../../src/domain/rejection.ts';
import { acme, associated, ids, routeId } from '../acme.ts';
import { MemoryPlane } from '../plane.ts';
import { caught, programOn, type Said, words } from './called.ts';

let plane: MemoryPlane;
beforeEach(() => {
  plane = new MemoryPlane('acme', [...acme.network, associated(ids.humans, ids.machines)]);
});

const inn = (line: string): Promise<Said> =>
  caught(
    programOn(async () => plane),
    words(line),
  );

const answers = async (line: string, said: string): Promise<void> =>
  expect(await inn(line)).toEqual({ code: 0, stdout: `${said}\n`, stderr: '' });

const eventsOf = async (line: string) => JSON.parse((await inn(`${line} --json`)).stdout).events;

const refuses = async (line: string, rejection: Rejection): Promise<void> => {
  const { sentence, hint, verb } = explain(rejection);
  const { stderr, code } = await inn(line);
  expect(code).toBe(1);
  expect(stderr).toContain(`innernet: error: ${sentence}\ninnernet: hint: ${hint}`);
  if (verb) expect(stderr).toContain(`innernet ${verb.replace(' ', ' acme ')}`);
};

const OFFICE = 'add-route acme office --block 192.168.50.0/24 --router oven --for humans';

describe('add-route', () => {
  it('names a route, its router and its users in one commit, and says what that machine still owes', async () => {
    await answers(
      OFFICE,
      'added the route "office" (192.168.50.0/24), carried by "oven", open to "humans"; its machine must offer it, there: innernet offer-route acme 192.168.50.0/24',
    );
    expect(plane.asked).toHaveLength(1);
    plane = new MemoryPlane('acme', acme.network);
    expect(await eventsOf(OFFICE)).toEqual([
      { type: 'RouteAdded', routeId: 1, name: 'office', blocks: ['192.168.50.0/24'] },
      { type: 'RouterAdded', routeId: 1, peerId: ids.oven, rank: 0 },
      { type: 'RouteOpened', routeId: 1, cidrId: ids.humans },
    ]);
  });

  it('alone is closed and carried by nobody', () =>
    answers(
      'add-route acme --name office --block 192.168.50.0/24,172.16.0.0/16',
      'added the route "office" (192.168.50.0/24, 172.16.0.0/16), carried by nobody, closed to all',
    ));

  it('ranks routers in the order said, and takes a CIDR for one', async () => {
    const line = 'add-route acme lab --block 172.16.0.0/16 --router bob --router cidr:machines --rank 2';
    expect(await eventsOf(line)).toMatchObject([
      { type: 'RouteAdded' },
      { peerId: ids.bob, rank: 2 },
      { cidrId: ids.machines, rank: 3 },
    ]);
  });

  it('--exit is one route of both families', async () => {
    expect(await eventsOf('add-route acme berlin --exit --router oven --keep-source')).toMatchObject([
      { name: 'berlin', blocks: ['0.0.0.0/0', '::/0'] },
      { keepSource: true },
    ]);
  });

  it('leaves nothing behind where a part is refused', async () => {
    await refuses('add-route acme office --block 192.168.50.0/24 --router eve --for humans', {
      code: 'RouterNotJoined',
      name: 'eve',
    });
    await refuses('add-route acme office --block 192.168.50.0/24 --router oven --for nowhere', {
      code: 'UnknownCidr',
      cidr: 'nowhere',
    });
    expect((await plane.view()).routes).toEqual([]);
  });

  it.each([
    ['add-route acme office', '--block (or --exit) is missing: there is no terminal to ask on'],
    ['add-route acme office --block 192.168.50.1/24', 'host bits set; the block is 192.168.50.0/24'],
    ['add-route acme office --block 192.168.50.0/24 --rank 1', '--rank is of a router: say --router too'],
    ['add-route acme office --exit --block 10.0.0.0/8', 'cannot be used with'],
  ])('%s: wrong usage', async (line, error) => {
    const { code, stderr } = await inn(line);
    expect(stderr).toContain(error);
    expect(code).toBe(2);
  });
});

describe('a route that there is', () => {
  beforeEach(() => inn(OFFICE));

  it.each([
    ['rename-route acme office bureau', 'renamed the route "office" to "bureau"', [{ type: 'RouteRenamed' }]],
    ['delete-route acme office', 'deleted the route "office"', [{ type: 'RouteDeleted' }]],
    [
      'add-router acme office bob --rank 1',
      '"bob" carries "office" once its machine offers it, there: innernet offer-route acme',
      [{ type: 'RouterAdded', peerId: ids.bob, rank: 1 }],
    ],
    [
      'add-router acme office --cidr machines',
      'each peer of "machines" carries "office" once its machine offers it, there: innernet offer-route acme',
      [{ type: 'RouterAdded', cidrId: ids.machines, rank: 0 }],
    ],
    [
      'rank-router acme office oven --rank 2',
      '"oven" has rank 2 for "office": the least goes first',
      [{ type: 'RouterRanked', rank: 2 }],
    ],
    ['remove-router acme office oven', '"oven" carries "office" no more', [{ type: 'RouterRemoved' }]],
    [
      'open-route acme office machines',
      'opened "office" to "machines": its peers may use it by routers that they see',
      [{ type: 'RouteOpened', cidrId: ids.machines }],
    ],
    ['close-route acme office humans', 'closed "office" to "humans"', [{ type: 'RouteClosed' }]],
    ['open-route acme office humans', 'nothing to do: "office" is open to "humans"', []],
    ['close-route acme office machines', 'nothing to do: "office" is not open to "machines"', []],
  ])('%s', async (line, said, events) => {
    const { stdout, code } = await inn(`${line} --dry-run --json`);
    expect({ code, events: JSON.parse(stdout).events }).toMatchObject({ code: 0, events });
    await answers(line, said);
  });

  it('is refused what its rules refuse', async () => {
    await refuses('close-route acme office bakers', {
      code: 'RouteOpenAround',
      route: 'office',
      name: 'bakers',
      around: 'humans',
    });
    await refuses('rank-router acme office bob --rank 2', {
      code: 'NotARouter',
      name: 'bob',
      route: 'office',
    });
    await refuses('rename-route acme office humans', { code: 'RouteNameTaken', name: 'humans', by: 'CIDR' });
    await refuses('rename-peer acme bob office', { code: 'RouteNameTaken', name: 'office', by: 'route' });
    await refuses('open-route acme attic humans', { code: 'UnknownRoute', route: 'attic' });
    const { code, stderr } = await inn('add-router acme office bob --cidr machines');
    expect([code, stderr]).toEqual([2, expect.stringContaining('a router is a peer or a CIDR')]);
  });

  it('is listed with its routers, its users and what is missing', async () => {
    await inn('add-router acme office bob --rank 1');
    await inn('add-route acme attic --block 172.16.0.0/16');
    await inn('add-route acme berlin --exit --for humans');
    expect((await inn('list-routes acme')).stdout.split('\n').map((line) => line.trimEnd())).toEqual([
      'NAME    BLOCKS           ROUTERS        OPEN TO  STATE',
      'office  192.168.50.0/24  oven, bob (1)  humans',
      'attic   172.16.0.0/16    -              -        closed to all; carried by nobody',
      'berlin  everywhere       -              humans   carried by nobody',
      '',
    ]);
    expect(JSON.parse((await inn('list-routes acme --json')).stdout)[0]).toEqual({
      id: routeId(1),
      name: 'office',
      blocks: ['192.168.50.0/24'],
      isExit: false,
      routers: [
        { peerId: ids.oven, rank: 0, name: 'oven' },
        { peerId: ids.bob, rank: 1, name: 'bob' },
      ],
      openTo: [{ cidrId: ids.humans, name: 'humans' }],
    });
  });
});
