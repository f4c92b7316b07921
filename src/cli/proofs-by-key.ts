/** The verbs require-proof and waive-proof: whether requests of all or one peer need a proof by key. */
import type { Command } from 'commander';
import type { Peer } from '../domain/peer.ts';
import { printable } from '../domain/rejection.ts';
import { SERVER_PEER } from '../values/id.ts';
import { RecordedName } from '../values/name.ts';
import { Questions } from './ask.ts';
import { addChangeOptions, change, named, type Said } from './change.ts';
import { type ChangeOptions, flag } from './options.ts';
import type { Plane } from './plane.ts';
import { actsOn, networkVerb, type Open } from './program.ts';

type ProofOptions = ChangeOptions & { name?: string };

/** Admins that would lose the ability to change anything remotely. */
const isAtRisk = ({ id, isAdmin, isRedeemed, isDisabled, isProofWaived, hasProved }: Peer): boolean =>
  isAdmin && isRedeemed && !isDisabled && id !== SERVER_PEER && !isProofWaived && !hasProved;

const riskIn = (peers: readonly Peer[]): string => {
  const names = peers.filter(isAtRisk).map(({ name }) => named(printable(name)));
  if (names.length === 0) return '';
  return ` Admins that have never proved themselves: ${names.join(', ')}. With innernet 2.0 they could only read.`;
};

const REQUIRED: Said = {
  done: 'proofs by key are required: without one nobody changes the network from a peer',
  already: 'proofs by key are required',
};
const WAIVED: Said = {
  done: 'proofs by key are waived: any program on the machine of an admin can change the network',
  already: 'proofs by key are waived',
};

const requireProof = async (plane: Plane, options: ProofOptions): Promise<void> => {
  const { name } = options;
  if (name !== undefined)
    return change(plane, { type: 'RequireProof', peer: name }, options, {
      done: `${named(name)} needs a proof by its key again`,
      already: `${named(name)} needs a proof by its key`,
    });
  const risk = options.yes || options.dryRun ? '' : riskIn((await plane.view()).peers);
  await new Questions(options).sure(`Require a proof by key of every peer?${risk}`);
  await change(plane, { type: 'RequireProof' }, options, REQUIRED);
};

const waiveProof = async (plane: Plane, options: ProofOptions): Promise<void> => {
  const { name } = options;
  if (name !== undefined)
    return change(plane, { type: 'WaiveProof', peer: name }, options, {
      done: `${named(name)} needs no proof by its key, as with innernet 2.0`,
      already: `${named(name)} needs no proof by its key`,
    });
  await new Questions(options).sure(
    'Waive proofs by key? Any program on the machine of an admin can then change the network.',
  );
  await change(plane, { type: 'WaiveProof' }, options, WAIVED);
};

export const addProofByKeyVerbs = (program: Command, open: Open): void => {
  const required = networkVerb(program, 'require-proof', {
    summary: 'require a proof by key with each request of a peer; --name: end the waiver of one',
    examples: ['require-proof acme', 'require-proof acme --name ann'],
  })
    .addOption(flag('--name <peer>', 'only of this peer: its waiver ends', RecordedName))
    .word('peer', '--name', 'only of this peer');
  actsOn<ProofOptions>(addChangeOptions(required), open, requireProof);
  const waived = networkVerb(program, 'waive-proof', {
    summary: 'let peers speak without a proof by their key, as innernet 2.0 does; --name: only that one',
    examples: ['waive-proof acme --name ann', 'waive-proof acme'],
  })
    .addOption(flag('--name <peer>', 'only of this peer, such as an admin with innernet 2.0', RecordedName))
    .word('peer', '--name', 'only of this peer');
  actsOn<ProofOptions>(addChangeOptions(waived), open, waiveProof);
};
