/** The verbs of standbys: name-standby, dismiss-standby, standbys. */
import type { Command } from 'commander';
import type { AdminCommand } from '../domain/command.ts';
import { isPlain, type Peer } from '../domain/peer.ts';
import { printable } from '../domain/rejection.ts';
import type { StandbyStanding } from '../protocol/rows.ts';
import { Failure } from '../values/failure.ts';
import { Questions } from './ask.ts';
import { addChangeOptions, change, named, type Said } from './change.ts';
import type { ChangeOptions } from './options.ts';
import { peerChoices } from './peer-choices.ts';
import type { NetworkView, Plane } from './plane.ts';
import { answer, answerJson, localTime, table } from './print.ts';
import { actsOn, networkVerb, type Open } from './program.ts';

type StandbyOptions = ChangeOptions & { name?: string };

type Act = {
  /** Imperative, for questions. */
  question: string;
  passes: (peer: Peer) => boolean;
  none: string;
  command: (peer: string) => AdminCommand;
  said: (peer: string, network: string) => Said;
  enter: 'yes' | 'no';
};

const NAMING: Act = {
  question: 'Peer whose machine may take over',
  passes: (peer) => peer.isRedeemed && !peer.isDisabled && !isPlain(peer) && !peer.isStandby,
  none: 'no peer can be named: one must have joined, be enabled and be no phone',
  command: (peer) => ({ type: 'NameStandby', peer }),
  said: (peer, network) => ({
    done: `${named(peer)} is a standby; it follows once its machine has a kit. On the server: innernet-server kit ${network} --save FILE; there: innernet-server standby ${network} --of FILE`,
    already: `${named(peer)} is a standby`,
  }),
  enter: 'yes',
};

const DISMISSING: Act = {
  question: 'Standby to dismiss',
  passes: ({ isStandby }) => isStandby === true,
  none: 'no standby is named',
  command: (peer) => ({ type: 'DismissStandby', peer }),
  said: (peer) => ({
    done: `${named(peer)} is no standby any more; the log that it has, and a kit, stay on its machine`,
  }),
  enter: 'no',
};

const act =
  ({ question, passes, none, command, said, enter }: Act) =>
  async (plane: Plane, options: StandbyOptions): Promise<void> => {
    const questions = new Questions(options);
    const peer = await questions.choice({
      flag: '--name',
      question,
      given: options.name,
      choices: async () => peerChoices(await plane.view(), passes),
      none,
    });
    await questions.confirmIfAsked(`${question}: "${peer}"?`, enter);
    return change(plane, command(peer), options, said(peer, plane.network));
  };

type Row = { peer: Peer; standing: StandbyStanding | undefined; view: NetworkView };

/** Records that it has not on its disk; null: not known. */
const behind = ({ standing, view }: Row): number | null =>
  standing?.position == null ? null : Math.max(0, view.position - standing.position);

const standingText = ({ peer, standing, view }: Row): string => {
  if (view.promotion?.peerId === peer.id) return 'its machine serves';
  if (peer.isDisabled) return 'disabled';
  if (!standing) return 'not known';
  if (standing.trouble !== undefined) return `away: ${printable(standing.trouble)}`;
  if (standing.isConnected) return standing.isLevel ? 'follows' : 'catches up';
  return standing.heard === null ? 'not heard since the server started' : 'away';
};

const rowsOf = (view: NetworkView): Row[] =>
  view.peers
    .filter(({ isStandby }) => isStandby)
    .sort((left, right) => left.id - right.id)
    .map((peer) => ({
      peer,
      standing: view.standbys?.standbys.find(({ peerId }) => peerId === peer.id),
      view,
    }));

const jsonOf = (row: Row): object => {
  const { id: peerId, name, ip, isDisabled } = row.peer;
  return { peerId, name, ip, isDisabled, ...row.standing, behind: behind(row) };
};

const textOf = (rows: readonly Row[], view: NetworkView): string => {
  if (rows.length === 0) return 'no standby is named';
  const lines = rows.map((row) => {
    const missing = behind(row);
    const { heard = null } = row.standing ?? {};
    return [
      row.peer.name,
      row.peer.ip,
      standingText(row),
      missing === null ? '' : String(missing),
      heard === null ? '' : localTime(heard),
    ];
  });
  return [table(['NAME', 'ADDRESS', 'STANDING', 'BEHIND', 'LAST HEARD'], lines), ...aloneLines(view)].join(
    '\n',
  );
};

const aloneLines = ({ standbys }: NetworkView): string[] => {
  if (!standbys) return ['who follows is known to a running server alone'];
  const { aloneSince } = standbys;
  return aloneSince === null
    ? []
    : [`the server is alone since ${localTime(aloneSince)}: newer changes are on its own disk only`];
};

const list = async (plane: Plane, { json }: { json?: true }): Promise<void> => {
  const view = await plane.view();
  if (view.isPartial)
    throw new Failure('only an admin sees the standbys', { hint: 'ask an admin of the network' });
  const rows = rowsOf(view);
  if (!json) return answer(textOf(rows, view));
  const { position, standbys, promotion = null } = view;
  answerJson({ position, aloneSince: standbys?.aloneSince ?? null, promotion, standbys: rows.map(jsonOf) });
};

export const addStandbyVerbs = (program: Command, open: Open): void => {
  const name = networkVerb(program, 'name-standby', {
    summary: "name a peer whose machine follows the whole log, so that it can take over from the server's",
    examples: ['name-standby acme nas', 'name-standby acme nas --dry-run'],
  }).about('peer', 'the peer on that machine');
  actsOn<StandbyOptions>(addChangeOptions(name), open, act(NAMING));
  const dismiss = networkVerb(program, 'dismiss-standby', {
    summary: 'end that a peer is a standby: it is told nothing more of the log',
    examples: ['dismiss-standby acme nas'],
  }).about('peer', 'the standby');
  actsOn<StandbyOptions>(addChangeOptions(dismiss), open, act(DISMISSING));
  const listed = networkVerb(program, 'standbys', {
    summary: 'list the standbys: who follows, how far behind, and since when the server is alone',
    examples: ['standbys acme', 'standbys acme --json'],
  }).option('--json', 'answer with JSON: the standbys, the end of the log, since when the server is alone');
  actsOn<{ json?: true }>(listed, open, list);
};
