/**
 * The verbs of routes: add-route, rename-route, delete-route, add-router, rank-router, remove-router, open-route,
 * close-route. Those that list them are in list-routes.ts.
 */
import { type Command, Option } from 'commander';
import * as z from 'zod';
import type { CommandOf } from '../domain/command.ts';
import { isPlain } from '../domain/peer.ts';
import { MAX_BLOCKS, MAX_RANK } from '../events/schema.ts';
import { Cidr } from '../values/ip.ts';
import { Hostname, RecordedName } from '../values/name.ts';
import { type Choice, Questions } from './ask.ts';
import { addChangeOptions, change, named } from './change.ts';
import { cidrChoices } from './cidrs.ts';
import { listRoutes } from './list-routes.ts';
import type { NetworkVerb } from './network-verb.ts';
import { type ChangeOptions, flag, parsedBy, wholeNumber } from './options.ts';
import { peerChoices } from './peer-choices.ts';
import type { NetworkView, Plane } from './plane.ts';
import { actsOn, networkVerb, type Open } from './program.ts';
import { Usage } from './usage.ts';

/** The way to everywhere, in both families. */
const EXIT = ['0.0.0.0/0', '::/0'].map((block) => Cidr.parse(block));

/** As typed: `192.168.50.0/24,fd50::/64`. */
const BlocksText = z.string().transform((text, context): Cidr[] => {
  const found = text
    .split(/[\s,]+/)
    .filter(Boolean)
    .map((word) => Cidr.safeParse(word));
  for (const { error } of found)
    if (error) context.addIssue({ code: 'custom', message: error.issues[0]?.message ?? 'this is no block' });
  if (found.length === 0 || found.length > MAX_BLOCKS)
    context.addIssue({ code: 'custom', message: `a route has one to ${MAX_BLOCKS} blocks` });
  return found.flatMap(({ data }) => data ?? []);
});

const blocksFlag = (text: string, before: Cidr[] = []): Cidr[] => [
  ...before,
  ...parsedBy('--block', BlocksText)(text),
];

const names =
  (which: string) =>
  (text: string, before: string[] = []): string[] => [...before, parsedBy(which, RecordedName)(text)];

type RouterWord = { peer: string } | { cidr: string };

/** `press` is a peer, or else the CIDR of that name; `cidr:machines` is a CIDR. */
const routerMeant = ({ peers, cidrs }: NetworkView, word: string): RouterWord => {
  const [, kind, name = word] = /^(peer|cidr):(.+)$/s.exec(word) ?? [];
  if (kind === 'cidr') return { cidr: name };
  if (kind === 'peer' || peers.some((peer) => peer.name === word)) return { peer: name };
  return cidrs.some((node) => node.name === word) ? { cidr: word } : { peer: word };
};

type AddOptions = ChangeOptions & {
  name?: Hostname;
  block?: Cidr[];
  exit?: true;
  router?: string[];
  for?: string[];
  rank?: number;
  keepSource?: true;
};

const refuseIdle = ({ router, rank, keepSource }: AddOptions): void => {
  if (router !== undefined) return;
  if (rank !== undefined) throw new Usage('--rank is of a router: say --router too');
  if (keepSource) throw new Usage('--keep-source is of a router: say --router too');
};

/** In the order said, each after the one before. */
const routersOf = (
  view: NetworkView,
  { router = [], rank = 0, keepSource }: AddOptions,
): NonNullable<CommandOf<'AddRoute'>['routers']> =>
  router.map((word, at) => ({
    ...routerMeant(view, word),
    ...(rank + at === 0 ? {} : { rank: rank + at }),
    ...(keepSource ? { keepSource } : {}),
  }));

const offerText = (network: string, blocks: readonly Cidr[]): string =>
  blocks.some((block) => EXIT.includes(block))
    ? `innernet offer-route ${network} --exit`
    : `innernet offer-route ${network} ${blocks[0] ?? ''}`;

const addedText = (
  plane: Plane,
  { name, blocks }: { name: string; blocks: Cidr[] },
  options: AddOptions,
): string => {
  const { router = [], for: openTo = [] } = options;
  const what = `added the route ${named(name)} (${blocks.join(', ')})`;
  const who = openTo.length > 0 ? `open to ${openTo.map(named).join(', ')}` : 'closed to all';
  const by = router.length > 0 ? `carried by ${router.map(named).join(', ')}` : 'carried by nobody';
  const next =
    router.length > 0 ? `; its machine must offer it, there: ${offerText(plane.network, blocks)}` : '';
  return `${what}, ${by}, ${who}${next}`;
};

const addRoute = async (plane: Plane, options: AddOptions): Promise<void> => {
  refuseIdle(options);
  const questions = new Questions(options);
  const name = await questions.text({
    flag: '--name',
    question: 'Name of the new route',
    given: options.name,
    schema: Hostname,
  });
  const blocks = await questions.text({
    flag: '--block (or --exit)',
    question: 'Its addresses, such as 192.168.50.0/24',
    given: options.exit ? EXIT : options.block,
    schema: BlocksText,
  });
  const { router, for: openTo } = options;
  await questions.confirmIfAsked(`Add the route "${name}" (${blocks.join(', ')})?`);
  const command = {
    type: 'AddRoute',
    name,
    blocks,
    ...(router ? { routers: routersOf(await plane.view(), options) } : {}),
    ...(openTo ? { openTo } : {}),
  } as const;
  await change(plane, command, options, { done: addedText(plane, { name, blocks }, options) });
};

type RouteOptions = ChangeOptions & { route?: string; name?: string; cidr?: string };

const routeChoices = ({ routes = [] }: NetworkView): Choice<string>[] =>
  routes.map(({ name, blocks }) => ({ name: `${name} (${blocks.join(', ')})`, value: name }));

const chooseRoute = (
  plane: Plane,
  questions: Questions,
  {
    flag: said = '--route',
    question = 'Route',
    given,
  }: { flag?: string; question?: string; given: string | undefined },
): Promise<string> =>
  questions.choice({
    flag: said,
    question,
    given,
    choices: async () => routeChoices(await plane.view()),
    none: 'there is no route yet',
    way: async () => ({ hint: 'add one', verb: 'add-route' }),
  });

const renameRoute = async (
  plane: Plane,
  options: ChangeOptions & { name?: string; newName?: Hostname },
): Promise<void> => {
  const questions = new Questions(options);
  const route = await chooseRoute(plane, questions, {
    flag: '--name',
    question: 'Route to rename',
    given: options.name,
  });
  const name = await questions.text({
    flag: '--new-name',
    question: 'Its new name',
    given: options.newName,
    schema: Hostname,
  });
  await questions.confirmIfAsked(`Rename the route "${route}" to "${name}"?`);
  await change(plane, { type: 'RenameRoute', route, name }, options, {
    done: `renamed the route ${named(route)} to ${named(name)}`,
    already: `the route ${named(name)} has this name already`,
  });
};

const deleteRoute = async (plane: Plane, options: ChangeOptions & { name?: string }): Promise<void> => {
  const questions = new Questions(options);
  const route = await chooseRoute(plane, questions, {
    flag: '--name',
    question: 'Route to delete',
    given: options.name,
  });
  await questions.confirmIfAsked(`Delete the route "${route}"? Nobody could use it any more.`, 'no');
  await change(plane, { type: 'DeleteRoute', route }, options, { done: `deleted the route ${named(route)}` });
};

type Router = { route: string; which: RouterWord; text: string };

/** The route and one of its routers, or one to be. */
const chooseRouter = async (
  plane: Plane,
  questions: Questions,
  { route: said, name, cidr }: RouteOptions,
): Promise<Router> => {
  if (name !== undefined && cidr !== undefined)
    throw new Usage('a router is a peer or a CIDR: say one of them');
  const route = await chooseRoute(plane, questions, { given: said });
  if (cidr !== undefined) return { route, which: { cidr }, text: `each peer of ${named(cidr)}` };
  const peer = await questions.choice({
    flag: '--name',
    question: 'Router',
    given: name,
    choices: async () => peerChoices(await plane.view(), (each) => each.isRedeemed && !isPlain(each)),
    none: 'there is no peer yet that could carry it',
  });
  return { route, which: { peer }, text: named(peer) };
};

type RouterOptions = RouteOptions & { rank?: number; keepSource?: true };

const addRouter = async (plane: Plane, options: RouterOptions): Promise<void> => {
  const questions = new Questions(options);
  const { route, which, text } = await chooseRouter(plane, questions, options);
  await questions.confirmIfAsked(`Let ${text} carry "${route}"?`);
  const { rank, keepSource } = options;
  const more = { ...(rank === undefined ? {} : { rank }), ...(keepSource ? { keepSource } : {}) };
  await change(plane, { type: 'AddRouter', route, ...which, ...more }, options, {
    done: `${text} carries ${named(route)} once its machine offers it, there: innernet offer-route ${plane.network}`,
  });
};

const rankRouter = async (plane: Plane, options: RouterOptions): Promise<void> => {
  const questions = new Questions(options);
  const { route, which, text } = await chooseRouter(plane, questions, options);
  const rank = await questions.text({
    flag: '--rank',
    question: 'Its rank (0 goes first)',
    given: options.rank,
    schema: rankNumber,
  });
  await questions.confirmIfAsked(`Give ${text} the rank ${rank} for "${route}"?`);
  await change(plane, { type: 'RankRouter', route, ...which, rank }, options, {
    done: `${text} has rank ${rank} for ${named(route)}: the least goes first`,
    already: `${text} has this rank already`,
  });
};

const removeRouter = async (plane: Plane, options: RouteOptions): Promise<void> => {
  const questions = new Questions(options);
  const { route, which, text } = await chooseRouter(plane, questions, options);
  await questions.confirmIfAsked(`Let ${text} no longer carry "${route}"?`, 'no');
  await change(plane, { type: 'RemoveRouter', route, ...which }, options, {
    done: `${text} carries ${named(route)} no more`,
  });
};

const chooseCidr = (plane: Plane, questions: Questions, given: string | undefined): Promise<string> =>
  questions.choice({
    flag: '--cidr',
    question: 'CIDR',
    given,
    choices: async () => cidrChoices(await plane.view(), () => true),
    none: 'there is no CIDR yet',
  });

const openRoute = async (plane: Plane, options: RouteOptions): Promise<void> => {
  const questions = new Questions(options);
  const route = await chooseRoute(plane, questions, { given: options.route });
  const cidr = await chooseCidr(plane, questions, options.cidr);
  await questions.confirmIfAsked(`Let the peers of "${cidr}" use "${route}"?`);
  await change(plane, { type: 'OpenRoute', route, cidr }, options, {
    done: `opened ${named(route)} to ${named(cidr)}: its peers may use it by routers that they see`,
    already: `${named(route)} is open to ${named(cidr)}`,
  });
};

const closeRoute = async (plane: Plane, options: RouteOptions): Promise<void> => {
  const questions = new Questions(options);
  const route = await chooseRoute(plane, questions, { given: options.route });
  const cidr = await chooseCidr(plane, questions, options.cidr);
  await questions.confirmIfAsked(`Let the peers of "${cidr}" no longer use "${route}"?`, 'no');
  await change(plane, { type: 'CloseRoute', route, cidr }, options, {
    done: `closed ${named(route)} to ${named(cidr)}`,
    already: `${named(route)} is not open to ${named(cidr)}`,
  });
};

const rankNumber = wholeNumber(0, MAX_RANK);
const rankFlag = (): Option =>
  flag('--rank <rank>', 'which router goes first: the least (default: 0)', rankNumber);
const keepFlag = (): Option =>
  new Option(
    '--keep-source',
    'packets into the route keep their sender: the LAN needs a way back to the network',
  );

const ofRoute = (verb: NetworkVerb): NetworkVerb => {
  verb.addOption(flag('--route <route>', 'the route', RecordedName));
  return verb.word('route', '--route', 'the route');
};

const addAdd = (program: Command, open: Open): void => {
  const add = networkVerb(program, 'add-route', {
    summary: 'name what lies behind a peer, who carries it, and who may use it',
    examples: [
      'add-route acme office --block 192.168.50.0/24 --router press --for humans',
      'add-route acme berlin --exit --router gate --for humans',
      'add-route acme office --block 192.168.50.0/24 --router press --router desk --for humans',
      'add-route acme office --block 192.168.50.0/24',
    ],
  })
    .addOption(flag('--name <name>', 'its name', Hostname))
    .addOption(
      new Option('--block <block>', 'the addresses, such as 192.168.50.0/24 (several times)').argParser(
        blocksFlag,
      ),
    )
    .addOption(new Option('--exit', 'the way to everywhere: 0.0.0.0/0 and ::/0').conflicts('block'))
    .addOption(
      new Option(
        '--router <peer>',
        'the peer that carries it, or cidr:NAME for each of that CIDR (several times: the first goes first)',
      ).argParser(names('--router')),
    )
    .addOption(
      new Option('--for <cidr>', 'the CIDR whose peers may use it (several times)').argParser(names('--for')),
    )
    .addOption(rankFlag())
    .addOption(keepFlag())
    .word('name', '--name', 'its name');
  actsOn<AddOptions>(addChangeOptions(add), open, addRoute);
};

const addNaming = (program: Command, open: Open): void => {
  const rename = networkVerb(program, 'rename-route', {
    summary: 'give a route another name',
    examples: ['rename-route acme office bureau'],
  })
    .addOption(flag('--name <route>', 'its present name', RecordedName))
    .addOption(flag('--new-name <name>', 'its new name', Hostname))
    .word('route', '--name', 'its present name')
    .word('new-name', '--new-name', 'its new name');
  actsOn<ChangeOptions & { name?: string; newName?: Hostname }>(addChangeOptions(rename), open, renameRoute);
  const remove = networkVerb(program, 'delete-route', {
    summary: 'delete a route, with its routers and whom it is open to',
    examples: ['delete-route acme office'],
  })
    .addOption(flag('--name <route>', 'its name', RecordedName))
    .word('route', '--name', 'its name');
  actsOn<ChangeOptions & { name?: string }>(addChangeOptions(remove), open, deleteRoute);
};

const addRouters = (program: Command, open: Open): void => {
  const router = (verb: NetworkVerb): Command =>
    ofRoute(verb)
      .about('peer', 'the router')
      .addOption(flag('--cidr <cidr>', 'in its place: each peer of this CIDR', RecordedName));
  const add = networkVerb(program, 'add-router', {
    summary: 'let another peer carry a route, once its own machine offers it',
    examples: ['add-router acme office desk --rank 1', 'add-router acme office --cidr gates'],
  });
  actsOn<RouterOptions>(
    addChangeOptions(router(add).addOption(rankFlag()).addOption(keepFlag())),
    open,
    addRouter,
  );
  const rank = networkVerb(program, 'rank-router', {
    summary: 'say which router of a route goes first: the one with the least rank',
    examples: ['rank-router acme office desk --rank 0'],
  });
  actsOn<RouterOptions>(addChangeOptions(router(rank).addOption(rankFlag())), open, rankRouter);
  const remove = networkVerb(program, 'remove-router', {
    summary: 'let a peer carry a route no more',
    examples: ['remove-router acme office press'],
  });
  actsOn<RouteOptions>(addChangeOptions(router(remove)), open, removeRouter);
};

const addOpening = (program: Command, open: Open): void => {
  const pair = (verb: NetworkVerb): Command =>
    ofRoute(verb)
      .addOption(flag('--cidr <cidr>', 'the CIDR of its users', RecordedName))
      .word('cidr', '--cidr', 'the CIDR of its users');
  const opening = networkVerb(program, 'open-route', {
    summary: 'let the peers of a CIDR use a route',
    examples: ['open-route acme office humans'],
  });
  actsOn<RouteOptions>(addChangeOptions(pair(opening)), open, openRoute);
  const closing = networkVerb(program, 'close-route', {
    summary: 'let the peers of a CIDR use a route no more, at once',
    examples: ['close-route acme office humans'],
  });
  actsOn<RouteOptions>(addChangeOptions(pair(closing)), open, closeRoute);
};

export const addRouteVerbs = (program: Command, open: Open): void => {
  for (const add of [addAdd, addNaming, addRouters, addOpening]) add(program, open);
  const list = networkVerb(program, 'list-routes', {
    summary: 'list the routes, who carries them, who may use them, and what is missing',
    examples: ['list-routes acme', 'list-routes acme --json'],
  }).option('--json', 'answer with JSON: a list of routes');
  actsOn<{ json?: true }>(list, open, listRoutes);
};
