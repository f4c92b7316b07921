/** The verbs of associations: add-association, delete-association, list-associations. */
import type { Command } from 'commander';
import type { Association } from '../domain/association-graph.ts';
import type { CidrNode } from '../domain/cidr-tree.ts';
import { ROOT_CIDR } from '../values/id.ts';
import { RecordedName } from '../values/name.ts';
import { Questions } from './ask.ts';
import { addChangeOptions, change, named } from './change.ts';
import { cidrChoices } from './cidrs.ts';
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

const addAssociation = async (
  plane: Plane,
  options: ChangeOptions,
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
  await change(plane, { type: 'AddAssociation', cidrs: [left, right] }, options, {
    done: `associated ${named(left)} and ${named(right)}: their peers see each other`,
  });
};

const chooseAssociation = async (
  plane: Plane,
  questions: Questions,
  [first, second]: string[],
): Promise<[string, string]> => {
  const given =
    first !== undefined && second !== undefined ? ([first, second] as [string, string]) : undefined;
  return questions.choice({
    flag: first === undefined ? 'the two CIDRs' : 'the second CIDR',
    question: 'Association to delete',
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
  const [left, right] = await chooseAssociation(plane, questions, operands);
  await questions.confirmIfAsked(`Delete the association of "${left}" and "${right}"?`, 'no');
  await change(plane, { type: 'DeleteAssociation', cidrs: [left, right] }, options, {
    done: `deleted the association of ${named(left)} and ${named(right)}`,
  });
};

const listAssociations = async (plane: Plane, { json }: { json?: true }): Promise<void> => {
  const view = await plane.view();
  const rows = view.associations.map((association) => ({
    ...association,
    cidrs: namesOf(view, association),
  }));
  if (json) return answerJson(rows);
  const lines = rows.map(({ cidrs }) => cidrs);
  answer(table(['CIDR', 'AND CIDR'], lines));
};

export const addAssociationVerbs = (program: Command, open: Open): void => {
  const pair = (verb: Command): Command =>
    addChangeOptions(
      verb
        .argument('[cidr]', 'name of a CIDR', parsedBy('cidr', RecordedName))
        .argument('[other-cidr]', 'name of the other one', parsedBy('cidr', RecordedName)),
    );
  const add = networkVerb(program, 'add-association', {
    summary: 'let the peers of two CIDRs see each other',
    examples: ['add-association acme engineers servers', 'add-association acme'],
  });
  actsOn<ChangeOptions>(pair(add), open, addAssociation);

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
