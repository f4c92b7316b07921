// Calls a program with the shared verbs as a person would, without a terminal, and keeps what it says.

import type { Command } from 'commander';
import { addAssociationVerbs } from '../../src/cli/associations.ts';
import { addCidrVerbs } from '../../src/cli/cidrs.ts';
import { addEndpointVerb } from '../../src/cli/endpoint.ts';
import { addExpiryVerb } from '../../src/cli/expiry.ts';
import { addInvitationVerbs } from '../../src/cli/invitations.ts';
import { addPeerVerbs } from '../../src/cli/peers.ts';
import { addPhoneVerbs } from '../../src/cli/phones.ts';
import { newProgram, type Open } from '../../src/cli/program.ts';
import { addProofByKeyVerbs } from '../../src/cli/proofs-by-key.ts';
import { addRelayVerbs } from '../../src/cli/relays.ts';
import { addRouteVerbs } from '../../src/cli/routes.ts';
import { run } from '../../src/cli/run.ts';
import { addStandbyVerbs } from '../../src/cli/standbys.ts';

export type Said = { code: number; stdout: string; stderr: string };

/** The program `innernet` with every shared verb, on networks found by `open`. */
export const programOn = (open: Open): Command => {
  const folders = { configDir: '/etc/innernet', dataDir: '/var/lib/innernet' };
  const program = newProgram('innernet', '1.2.3', 'a private network', folders);
  for (const add of [
    addPeerVerbs,
    addInvitationVerbs,
    addCidrVerbs,
    addAssociationVerbs,
    addProofByKeyVerbs,
    addRelayVerbs,
    addRouteVerbs,
    addPhoneVerbs,
    addStandbyVerbs,
  ])
    add(program, open);
  addEndpointVerb(program, open);
  addExpiryVerb(program, open);
  return program;
};

/** Runs a program and catches what it writes. */
export const caught = async (program: Command, args: readonly string[]): Promise<Said> => {
  const said = { stdout: '', stderr: '' };
  const streams = ['stdout', 'stderr'] as const;
  const writers = streams.map((name) => process[name].write);
  for (const name of streams)
    process[name].write = (text: string | Uint8Array) => {
      said[name] += text;
      return true;
    };
  try {
    return { code: await run(program, args), ...said };
  } finally {
    for (const [at, name] of streams.entries()) process[name].write = writers[at]!;
  }
};

/** Splits a command line at spaces; a word in single quotes may hold some, or be empty. */
export const words = (line: string): string[] =>
  [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
