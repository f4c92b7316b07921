/**
 * The verbs of associations: add-association, limit-association, unlimit-association, delete-association,
 * list-associations.
 */
import { type Command, Option } from 'commander';
import type { Association } from '../domain/association-graph.ts';
import type { CidrNode } from '../domain/cidr-tree.ts';
import { openedBy } from '../domain/limits.ts';
import { type CidrId, ROOT_CIDR } from '../values/id.ts';
import { RecordedName } from '../values/name.ts';
import { Questions } from './ask.ts';
import { addChangeOptions, change, named } from './change.ts';
import { cidrChoices } from './cidrs.ts';
import { allowed, OpeningsText, openingsOf } from './openings.ts';
import { type ChangeOptions, parsedBy } from './options.ts';
import type { NetworkView, Plane } from './plane.ts';
import { answer, answerJson, table } from './print.ts';
import { actsOn, networkVerb, type Open } from './program.ts';

const nameIn = ({ cidrs }: NetworkView, id: number): string =>
  cidrs.find((node) => node.id === id)?.name ?? `CIDR ${id}`;

const namesOf = (view: NetworkView, { cidrIds: [left, right] }: Association): [string, string] => [
  nameIn(view, left),
  nameIn(view, right),
];

type AllowOptions = ChangeOptions & { allow?: string[] };

const addAssociation = async (
  plane: Plane,
  options: AllowOptions,
  [first, second]: string[],
): Promise<void> => {
  const questions = new Questions(options);
  const choose = (
    question: string,
    flag: string,
    given: string | undefined,
    other?: string,
  ): Promise<string> =>
    questions.choice({
      flag,
      question,
      given,
      choices: async () =>
        cidrChoices(await plane.view(), ({ id, name }: CidrNode) => id !== ROOT_CIDR && name !== other),
      none: 'there are no two CIDRs to associate',
    });
  const left = await choose('First CIDR', 'the first CIDR', first);
  const right = await choose('Second CIDR', 'the second CIDR', second, left);
  await questions.confirmIfAsked(`Let the peers of "${left}" and "${right}" see each other?`);
  const limit = options.allow === undefined ? {} : { allow: openingsOf(options.allow) };
  const seen = limit.allow ? 'see each other where both keep to the limit' : 'see each other';
  await change(plane, { type: 'AddAssociation', cidrs: [left, right], ...limit }, options, {
    done: `associated ${named(left)} and ${named(right)}: their peers ${seen}`,
  });
};

const chooseAssociation = async (
  { plane, questions, question }: { plane: Plane; questions: Questions; question: string },
  [first, second]: string[],
): Promise<[string, string]> => {
  const given =
    first !== undefined && second !== undefined ? ([first, second] as [string, string]) : undefined;
  return questions.choice({
    flag: first === undefined ? 'the two CIDRs' : 'the second CIDR',
    question,
    given,
    choices: async () => {
      const view = await plane.view();
      return view.associations
        .map((association) => namesOf(view, association))
        .filter((names) => first === undefined || names.includes(first))
        .map((names) => ({ name: names.join(' – '), value: names }));
    },
    none: first === undefined ? 'there are no associations' : `${named(first)} is associated with no CIDR`,
  });
};

const deleteAssociation = async (plane: Plane, options: ChangeOptions, operands: string[]): Promise<void> => {
  const questions = new Questions(options);
  const question = 'Association to delete';
  const [left, right] = await chooseAssociation({ plane, questions, question }, operands);
  await questions.confirmIfAsked(`Delete the association of "${left}" and "${right}"?`, 'no');
  await change(plane, { type: 'DeleteAssociation', cidrs: [left, right] }, options, {
    done: `deleted the association of ${named(left)} and ${named(right)}`,
  });
};

const limitAssociation = async (plane: Plane, options: AllowOptions, operands: string[]): Promise<void> => {
  const questions = new Questions(options);
  const question = 'Association to limit';
  const cidrs = await chooseAssociation({ plane, questions, question }, operands);
  const allow = await questions.text({
    flag: '--allow',
    question: `What may be begun, such as ${cidrs[0]}:tcp/22 ${cidrs[0]}:icmp, or none`,
    given: options.allow && openingsOf(options.allow),
    schema: OpeningsText,
  });
  await questions.confirmIfAsked(`Limit the association of "${cidrs[0]}" and "${cidrs[1]}"?`, 'no');
  await change(plane, { type: 'LimitAssociation', cidrs, allow }, options, {
    done: `limited the association of ${named(cidrs[0])} and ${named(cidrs[1])}`,
    already: 'it is limited so already',
  });
};

const unlimitAssociation = async (
  plane: Plane,
  options: ChangeOptions,
  operands: string[],
): Promise<void> => {
  const questions = new Questions(options);
  const question = 'Association to open';
  const cidrs = await chooseAssociation({ plane, questions, question }, operands);
  const [left, right] = cidrs;
  await questions.confirmIfAsked(`Let the peers of "${left}" and "${right}" begin everything?`);
  await change(plane, { type: 'UnlimitAssociation', cidrs }, options, {
    done: `lifted the limit of ${named(left)} and ${named(right)}: their peers may begin everything`,
    already: 'it is not limited',
  });
};

/** `humans → machines: tcp 631; machines → humans: nothing`. */
const limitText = (view: NetworkView, { cidrIds: [left, right], allow }: Association): string => {
  if (allow === undefined) return 'everything';
  const way = (from: CidrId, to: CidrId): string =>
    `${nameIn(view, from)} → ${nameIn(view, to)}: ${openedBy(from, allow)}`;
  return `${way(left, right)}; ${way(right, left)}`;
};

const listAssociations = async (plane: Plane, { json }: { json?: true }): Promise<void> => {
  const view = await plane.view();
  const rows = view.associations.map((association) => ({
    ...association,
    cidrs: namesOf(view, association),
  }));
  if (json) return answerJson(rows);
  const isAnyLimited = rows.some(({ allow }) => allow !== undefined);
  const lines = rows.map((row) => [...row.cidrs, ...(isAnyLimited ? [limitText(view, row)] : [])]);
  answer(table(['CIDR', 'AND CIDR', ...(isAnyLimited ? ['MAY BEGIN'] : [])], lines));
};

const allow = (): Option =>
  new Option(
    '--allow <what>',
    'only this may be begun, such as humans:tcp/22,80 or humans:icmp (several times); none: nothing',
  ).argParser(allowed);

export const addAssociationVerbs = (program: Command, open: Open): void => {
  const pair = (verb: Command): Command =>
    addChangeOptions(
      verb
        .argument('[cidr]', 'name of a CIDR', parsedBy('cidr', RecordedName))
        .argument('[other-cidr]', 'name of the other one', parsedBy('cidr', RecordedName)),
    );
  const add = networkVerb(program, 'add-association', {
    summary: 'let the peers of two CIDRs see each other',
    examples: [
      'add-association acme engineers servers',
      "add-association acme engineers servers --allow 'engineers:tcp/22'",
      'add-association acme',
    ],
  });
  actsOn<AllowOptions>(pair(add).addOption(allow()), open, addAssociation);

  const limit = networkVerb(program, 'limit-association', {
    summary: 'say what may be begun over an association, by which side',
    examples: [
      "limit-association acme humans machines --allow 'humans:tcp/631,9100' --allow humans:icmp",
      'limit-association acme humans machines --allow none',
    ],
  });
  actsOn<AllowOptions>(pair(limit).addOption(allow()), open, limitAssociation);

  const unlimit = networkVerb(program, 'unlimit-association', {
    summary: 'let everything be begun over an association, both ways',
    examples: ['unlimit-association acme humans machines'],
  });
  actsOn<ChangeOptions>(pair(unlimit), open, unlimitAssociation);

  const remove = networkVerb(program, 'delete-association', {
    summary: 'end an association of two CIDRs',
    examples: ['delete-association acme engineers servers'],
  });
  actsOn<ChangeOptions>(pair(remove), open, deleteAssociation);

  const list = networkVerb(program, 'list-associations', {
    summary: 'list which CIDRs are associated',
    examples: ['list-associations acme', 'list-associations acme --json'],
  }).option('--json', 'answer with JSON: a list of associations');
  actsOn<{ json?: true }>(list, open, listAssociations);
};
