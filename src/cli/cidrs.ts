/** The verbs of CIDRs: add-cidr, rename-cidr, isolate-cidr, unisolate-cidr, delete-cidr, list-cidrs. */
import type { Command } from 'commander';
import type { CidrNode } from '../domain/cidr-tree.ts';
import { printable } from '../domain/rejection.ts';
import { ROOT_CIDR, SERVER_CIDR } from '../values/id.ts';
import { addressOf, Cidr, prefixOf, toNumber } from '../values/ip.ts';
import { Hostname, RecordedName } from '../values/name.ts';
import { type Choice, hasTerminal, Questions } from './ask.ts';
import { addChangeOptions, change, named } from './change.ts';
import { freeBlock, waysToAddCidr } from './free-block.ts';
import { type ChangeOptions, flag } from './options.ts';
import type { NetworkView, Plane } from './plane.ts';
import { answer, answerJson, table } from './print.ts';
import { actsOn, networkVerb, type Open } from './program.ts';

/** Depth first, by address: children right after their parent. */
export const inTreeOrder = (cidrs: readonly CidrNode[]): { node: CidrNode; depth: number }[] => {
  const byParent = new Map<number | null, CidrNode[]>();
  const ids = new Set(cidrs.map(({ id }) => id));
  for (const node of cidrs) {
    // A child of an invisible parent becomes a root.
    const parent = node.parentId !== null && ids.has(node.parentId) ? node.parentId : null;
    byParent.set(parent, [...(byParent.get(parent) ?? []), node]);
  }
  const below = (parent: number | null, depth: number): { node: CidrNode; depth: number }[] =>
    (byParent.get(parent) ?? [])
      .sort((a, b) => compareBlocks(a.cidr, b.cidr))
      .flatMap((node) => [{ node, depth }, ...below(node.id, depth + 1)]);
  return below(null, 0);
};

const compareBlocks = (a: Cidr, b: Cidr): number => {
  const [left, right] = [toNumber(addressOf(a)), toNumber(addressOf(b))];
  return left === right ? prefixOf(a) - prefixOf(b) : left < right ? -1 : 1;
};

/** The CIDRs that pass, as choices in the order of the tree. */
export const cidrChoices = ({ cidrs }: NetworkView, passes: (node: CidrNode) => boolean): Choice<string>[] =>
  inTreeOrder(cidrs)
    .filter(({ node }) => passes(node))
    .map(({ node }) => ({ name: `${node.name} (${node.cidr})`, value: node.name }));

const hasChildren = ({ cidrs }: NetworkView, { id }: CidrNode): boolean =>
  cidrs.some(({ parentId }) => parentId === id);

const holdsPeers = ({ peers }: NetworkView, { id }: CidrNode): boolean =>
  peers.some(({ cidrId }) => cidrId === id);

const isFixed = ({ id }: CidrNode): boolean => id === SERVER_CIDR;

/** The CIDR for a new peer. */
export const chooseHome = (plane: Plane, questions: Questions, given: string | undefined): Promise<string> =>
  questions.choice({
    flag: '--cidr',
    question: 'Its CIDR',
    given,
    choices: async () => {
      const view = await plane.view();
      return cidrChoices(view, (node) => !isFixed(node) && !hasChildren(view, node));
    },
    none: 'there is no CIDR that can hold peers yet',
    way: async () => waysToAddCidr(await plane.view()),
  });

type AddOptions = ChangeOptions & { name?: Hostname; cidr?: Cidr; parent?: string };

const addCidr = async (plane: Plane, options: AddOptions): Promise<void> => {
  const questions = new Questions(options);
  const name = await questions.text({
    flag: '--name',
    question: 'Name of the new CIDR',
    given: options.name,
    schema: Hostname,
  });
  const cidr = await questions.text({
    flag: '--cidr',
    question: 'Its addresses',
    given: options.cidr,
    schema: Cidr,
    initial: options.cidr === undefined && hasTerminal() ? freeBlock(await plane.view()) : undefined,
  });
  await questions.confirmIfAsked(`Add the CIDR "${name}" (${cidr})?`);
  const { parent } = options;
  const command = { type: 'AddCidr', name, cidr, ...(parent === undefined ? {} : { parent }) } as const;
  await change(plane, command, options, { done: `added the CIDR ${named(name)} (${cidr})` });
};

type RenameOptions = ChangeOptions & { name?: string; newName?: Hostname };

const renameCidr = async (plane: Plane, options: RenameOptions): Promise<void> => {
  const questions = new Questions(options);
  const cidr = await questions.choice({
    flag: '--name',
    question: 'CIDR to rename',
    given: options.name,
    choices: async () => cidrChoices(await plane.view(), (node) => !isFixed(node)),
    none: 'there is no CIDR that can be renamed',
  });
  const name = await questions.text({
    flag: '--new-name',
    question: 'Its new name',
    given: options.newName,
    schema: Hostname,
  });
  await questions.confirmIfAsked(`Rename the CIDR "${cidr}" to "${name}"?`);
  await change(plane, { type: 'RenameCidr', cidr, name }, options, {
    done: `renamed the CIDR ${named(cidr)} to ${named(name)}`,
    already: `the CIDR ${named(name)} has this name already`,
  });
};

type DeleteOptions = ChangeOptions & { name?: string };

const deletable = (view: NetworkView): Choice<string>[] =>
  cidrChoices(
    view,
    (node) => !isFixed(node) && node.id !== ROOT_CIDR && !hasChildren(view, node) && !holdsPeers(view, node),
  );

const deleteCidr = async (plane: Plane, options: DeleteOptions): Promise<void> => {
  const questions = new Questions(options);
  const cidr = await questions.choice({
    flag: '--name',
    question: 'CIDR to delete',
    given: options.name,
    choices: async () => deletable(await plane.view()),
    none: 'no CIDR can be deleted: each holds peers or other CIDRs',
  });
  await questions.confirmIfAsked(`Delete the CIDR "${cidr}"?`, 'no');
  await change(plane, { type: 'DeleteCidr', cidr }, options, { done: `deleted the CIDR ${named(cidr)}` });
};

type IsolateOptions = ChangeOptions & { name?: string };

const isolateCidr = async (plane: Plane, options: IsolateOptions): Promise<void> => {
  const questions = new Questions(options);
  const cidr = await questions.choice({
    flag: '--name',
    question: 'CIDR to isolate',
    given: options.name,
    choices: async () => {
      const view = await plane.view();
      return cidrChoices(view, (node) => !isFixed(node) && !hasChildren(view, node) && !node.isIsolated);
    },
    none: 'there is no CIDR that can be isolated',
  });
  await questions.confirmIfAsked(`Let the peers of "${cidr}" no longer see each other?`, 'no');
  await change(plane, { type: 'IsolateCidr', cidr }, options, {
    done: `isolated the peers of ${named(cidr)} from each other`,
    already: `the peers of ${named(cidr)} are isolated already`,
  });
};

const unisolateCidr = async (plane: Plane, options: IsolateOptions): Promise<void> => {
  const questions = new Questions(options);
  const cidr = await questions.choice({
    flag: '--name',
    question: 'CIDR whose isolation ends',
    given: options.name,
    choices: async () => cidrChoices(await plane.view(), (node) => node.isIsolated === true),
    none: 'no CIDR is isolated',
  });
  await questions.confirmIfAsked(`Let the peers of "${cidr}" see each other?`);
  await change(plane, { type: 'UnisolateCidr', cidr }, options, {
    done: `the peers of ${named(cidr)} see each other again`,
    already: `the peers of ${named(cidr)} are not isolated`,
  });
};

/** Lines such as `├─ engineers  10.61.1.0/24`. */
const cidrTree = (cidrs: readonly CidrNode[]): string => {
  const rows = inTreeOrder(cidrs);
  const isLast = (at: number, depth: number): boolean => {
    const next = rows.slice(at + 1).find((row) => row.depth <= depth);
    return next === undefined || next.depth < depth;
  };
  const open: boolean[] = [];
  const lines = rows.map(({ node, depth }, at) => {
    open[depth] = !isLast(at, depth);
    const trunk = open.slice(1, depth).map((goesOn) => (goesOn ? '│  ' : '   '));
    const branch = depth === 0 ? '' : open[depth] ? '├─ ' : '└─ ';
    const isolated = node.isIsolated ? '  isolated' : '';
    return `${trunk.join('')}${branch}${printable(node.name)}  ${node.cidr}${isolated}`;
  });
  return lines.join('\n');
};

type ListOptions = { tree?: true; json?: true };

const listCidrs = async (plane: Plane, { tree, json }: ListOptions): Promise<void> => {
  const { cidrs } = await plane.view();
  const nameOf = new Map(cidrs.map(({ id, name }) => [id, name]));
  const parentOf = ({ parentId }: CidrNode): string | null =>
    parentId === null ? null : (nameOf.get(parentId) ?? null);
  const rows = inTreeOrder(cidrs).map(({ node }) => node);
  if (json) return answerJson(rows.map((node) => ({ ...node, parent: parentOf(node) })));
  if (tree) return answer(cidrTree(cidrs));
  answer(
    table(
      ['NAME', 'CIDR', 'PARENT'],
      rows.map((node) => [node.name, node.cidr, parentOf(node) ?? '']),
    ),
  );
};

export const addCidrVerbs = (program: Command, open: Open): void => {
  const add = networkVerb(program, 'add-cidr', {
    summary: 'add a named block of addresses to the tree of CIDRs',
    examples: ['add-cidr acme engineers 10.61.1.0/24', 'add-cidr acme'],
  })
    .addOption(flag('--name <name>', 'name of the new CIDR', Hostname))
    .addOption(flag('--cidr <block>', 'its addresses, such as 10.61.1.0/24', Cidr))
    .addOption(
      flag('--parent <cidr>', 'the CIDR to hang it under; it must be the smallest around', RecordedName),
    )
    .word('name', '--name', 'name of the new CIDR')
    .word('block', '--cidr', 'its addresses');
  actsOn<AddOptions>(addChangeOptions(add), open, addCidr);

  const rename = networkVerb(program, 'rename-cidr', {
    summary: 'give a CIDR another name',
    examples: ['rename-cidr acme engineers builders'],
  })
    .addOption(flag('--name <cidr>', 'its present name', RecordedName))
    .addOption(flag('--new-name <name>', 'its new name', Hostname))
    .word('cidr', '--name', 'its present name')
    .word('new-name', '--new-name', 'its new name');
  actsOn<RenameOptions>(addChangeOptions(rename), open, renameCidr);

  const isolate = networkVerb(program, 'isolate-cidr', {
    summary: 'let the peers of a CIDR no longer see each other',
    examples: ['isolate-cidr acme guests'],
  }).about('cidr', 'the CIDR');
  actsOn<IsolateOptions>(addChangeOptions(isolate), open, isolateCidr);

  const unisolate = networkVerb(program, 'unisolate-cidr', {
    summary: 'let the peers of an isolated CIDR see each other again',
    examples: ['unisolate-cidr acme guests'],
  }).about('cidr', 'the CIDR');
  actsOn<IsolateOptions>(addChangeOptions(unisolate), open, unisolateCidr);

  const remove = networkVerb(program, 'delete-cidr', {
    summary: 'delete a CIDR that holds neither peers nor other CIDRs',
    examples: ['delete-cidr acme engineers'],
  }).about('cidr', 'its name');
  actsOn<DeleteOptions>(addChangeOptions(remove), open, deleteCidr);

  const list = networkVerb(program, 'list-cidrs', {
    summary: 'list the CIDRs',
    examples: ['list-cidrs acme', 'list-cidrs acme --tree', 'list-cidrs acme --json'],
  })
    .option('-t, --tree', 'show which CIDR lies in which')
    .option('--json', 'answer with JSON: a list of CIDRs');
  actsOn<ListOptions>(list, open, listCidrs);
};
