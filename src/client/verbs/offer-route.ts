/** `innernet offer-route`: lets this machine carry what peers send to a block behind it, if an admin says whose; or ends that. */
import { Questions } from '../../cli/ask.ts';
import { isOnlySaid, type LocalChangeOptions, sayDone } from '../../cli/local-change.ts';
import type { GlobalOptions } from '../../cli/options.ts';
import { note } from '../../cli/print.ts';
import { type Conf, MAX_OFFERED_ROUTES } from '../../protocol/conf.ts';
import { Failure } from '../../values/failure.ts';
import { type Cidr, familyOf, networkOf, overlaps, prefixOf } from '../../values/ip.ts';
import type { InterfaceName } from '../../values/name.ts';
import { reservedIn } from '../../values/reserved.ts';
import { readConf } from '../memory/conf-file.ts';
import { pathsOf } from '../memory/paths.ts';
import { changeConf } from '../owner/conf-writer.ts';
import { askOwnerOf } from '../owner/owned-network.ts';
import { settleWithoutProgram } from '../owner/without-program.ts';
import { nearNetworks } from '../router/surroundings.ts';

export type OfferRouteOptions = GlobalOptions &
  LocalChangeOptions & {
    block?: Cidr | undefined;
    exit?: true | undefined;
    off?: true | undefined;
    yes?: true | undefined;
  };

type Offers = { routes: readonly Cidr[]; exit: boolean };

/** Throws a `Failure` and changes nothing when the network is not installed, or the block cannot be carried. */
export const offerRoute = async (network: InterfaceName, options: OfferRouteOptions): Promise<void> => {
  const paths = pathsOf(network, options);
  const conf = await readConf(paths.conf, network);
  const questions = new Questions(options);
  const before = offersIn(conf);
  const after = options.off
    ? without(before, options)
    : along(before, await whatToOffer(network, conf, options, questions));
  const changes = ordersOf(network, before, after);
  const change = { network, changes };
  if (isOnlySaid(change, options)) return;
  const [first] = changes;
  if (first === undefined) return sayDone(change, options, `nothing to do: ${stateOf(network, after)}`);
  await questions.confirmIfAsked(`Let this machine ${first}?`);
  await changeConf(network, paths, { what: 'offers', routes: [...after.routes], exit: after.exit });
  const isFollowed = (await askOwnerOf(paths, { ask: 'status' })) !== undefined;
  if (options.off && !isFollowed) await settleWithoutProgram(network, paths, options);
  sayDone(change, options, stateOf(network, after));
  if (!options.off) sayWhatElse(network, after);
};

const offersIn = ({ offerRoutes = [], offerExit }: Conf): Offers => ({
  routes: offerRoutes,
  exit: offerExit === true,
});

type Wanted = { block: Cidr | undefined; exit: boolean };

const along = ({ routes, exit }: Offers, wanted: Wanted): Offers => ({
  routes: wanted.block === undefined ? routes : [...new Set([...routes, wanted.block])],
  exit: exit || wanted.exit,
});

/** Without a block or `--exit`: nothing is offered any more. */
const without = ({ routes, exit }: Offers, { block, exit: isExit }: OfferRouteOptions): Offers => {
  if (block === undefined && !isExit) return { routes: [], exit: false };
  if (block !== undefined && !routes.includes(block))
    throw new Failure(`this machine does not offer ${block}`, {
      hint: routes.length > 0 ? `it offers ${routes.join(', ')}` : 'it offers no block',
    });
  return { routes: routes.filter((one) => one !== block), exit: exit && !isExit };
};

const whatToOffer = async (
  network: InterfaceName,
  conf: Conf,
  { block, exit: isExit }: OfferRouteOptions,
  questions: Questions,
): Promise<Wanted> => {
  if (block === undefined && isExit) return { block, exit: true };
  const chosen = await questions.choice<Cidr>({
    flag: '--block',
    question: 'Which network behind this machine',
    given: block,
    choices: async () =>
      nearNetworks(network)
        .filter((near) => troubleOf(near, conf) === undefined)
        .map((near) => ({ name: near, value: near })),
    none: 'this machine has no network that it could carry: name the block',
  });
  const trouble = troubleOf(chosen, conf);
  if (trouble) throw new Failure(trouble.rule, { hint: trouble.hint });
  return { block: chosen, exit: isExit === true };
};

/** Why a block cannot be carried, whatever an admin says. */
const troubleOf = (block: Cidr, conf: Conf): { rule: string; hint: string } | undefined => {
  const range = networkOf(conf.address);
  if (prefixOf(block) === 0)
    return {
      rule: `${block} is the whole Internet, not a network behind this machine`,
      hint: 'to carry what peers send there: offer-route NETWORK --exit',
    };
  if (familyOf(block) !== familyOf(range))
    return {
      rule: `${block} is a block of IPv${familyOf(block)}, and peers have addresses of IPv${familyOf(range)} alone`,
      hint: 'a network carries blocks of its own family',
    };
  if (overlaps(block, range))
    return {
      rule: `${block} overlaps the network's range ${range}, which peers reach directly`,
      hint: 'name a block outside it',
    };
  const reserved = reservedIn(block);
  if (reserved)
    return {
      rule: `${block} holds ${reserved.block}, which is reserved for ${reserved.use}`,
      hint: 'name a block of ordinary addresses',
    };
  if ((conf.offerRoutes?.length ?? 0) >= MAX_OFFERED_ROUTES)
    return {
      rule: `this machine offers ${MAX_OFFERED_ROUTES} blocks already, and no more are kept`,
      hint: 'offer one block around several, or take one back with --off',
    };
  return undefined;
};

const ordersOf = (network: string, before: Offers, after: Offers): string[] => [
  ...after.routes
    .filter((block) => !before.routes.includes(block))
    .map((block) => `pass packets between peers of ${network} and ${block}, for those whom an admin lets`),
  ...(after.exit && !before.exit
    ? [`pass packets of peers of ${network} on to the Internet, for those whom an admin lets`]
    : []),
  ...before.routes
    .filter((block) => !after.routes.includes(block))
    .map((block) => `pass nothing between peers of ${network} and ${block} any more`),
  ...(before.exit && !after.exit ? [`pass nothing of ${network} on to the Internet any more`] : []),
];

const stateOf = (network: string, { routes, exit }: Offers): string => {
  const all = [...routes, ...(exit ? ['the Internet'] : [])];
  return all.length === 0
    ? `this machine carries nothing for others in ${network}`
    : `this machine may carry packets of ${network} to ${all.join(', ')}`;
};

const sayWhatElse = (network: string, { routes, exit }: Offers): void => {
  const what = routes.at(-1) ?? (exit ? '--exit' : undefined);
  if (what === undefined) return;
  const flag = what === '--exit' ? what : `--block ${what}`;
  note(
    `innernet: it carries while "innernet up --daemon" runs, and once an admin has named it: ` +
      `innernet add-route ${network} --name NAME ${flag} --router PEER --for CIDR`,
  );
};
