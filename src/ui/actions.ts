/** Actions of the page: prepared by the server's own dry run, then committed as they were shown. */
import { advised } from '../cli/advice.ts';
import { endsAfter, type Invitation, inviteInto, rehearseInvitation } from '../cli/invitation.ts';
import type { Executed, Plane } from '../cli/plane.ts';
import type { AdminCommand } from '../domain/command.ts';
import { Rejected } from '../domain/rejection.ts';
import type { Rehearsal } from '../protocol/commands.ts';
import type { Committed, Intent, Prepared } from '../protocol/page.ts';
import type { AnswerTo, QuestionOf } from '../protocol/past.ts';
import { undoingOf } from '../protocol/undoing.ts';
import { Failure } from '../values/failure.ts';
import type { Position } from '../values/id.ts';
import { INVITATION_SECONDS } from '../values/time.ts';
import { commandOf, type Invite, type Phone, type Plain, type Undo } from './intents.ts';
import { handPhone, rehearsePhone } from './phone-files.ts';
import type { Suggest } from './refusals.ts';

type Words = { commandLine: (intent: Intent) => string; suggest: Suggest };

/** A plan may not fit a request; an undo then goes by name. */
const MAX_REHEARSED_BYTES = 12 * 1024;

/** Refused if the network moves on from what was shown. */
const asShown = (command: AdminCommand, at: Position): AdminCommand =>
  ({ type: 'AllOf', commands: [command], at }) as AdminCommand;

const invitationOf = (intent: Invite): Omit<Invitation, 'file'> => {
  const { name, cidr, ip, isAdmin = false, inviteExpiresSeconds = INVITATION_SECONDS } = intent;
  const expires = endsAfter(inviteExpiresSeconds);
  const address = ip === undefined ? {} : { ip };
  return {
    peer: name,
    expires,
    command: (publicKey) => ({
      type: 'AddPeer',
      name,
      cidr,
      ...address,
      isAdmin,
      publicKey,
      inviteExpires: expires,
    }),
  };
};

const undoQuestion = ({ do: what, position }: Undo): QuestionOf<'undo'> =>
  what === 'undo' ? { ask: 'undo', reverts: position } : { ask: 'undo', to: position };

const isUndo = (intent: Intent): intent is Undo => intent.do === 'undo' || intent.do === 'undo-since';

const isPhone = (intent: Intent): intent is Phone => intent.do === 'add-phone' || intent.do === 'rekey-phone';

const isLastAdmin = (error: unknown): error is Rejected =>
  error instanceof Rejected && error.rejection.code === 'LastAdmin';

export class Actions {
  readonly #plane: Plane;
  readonly #words: Words;

  constructor(plane: Plane, words: Words) {
    this.#plane = plane;
    this.#words = words;
  }

  /** Throws `Rejected` or `Failure`. */
  async prepare(intent: Intent): Promise<Prepared> {
    const commandLine = this.#words.commandLine(intent);
    if (isUndo(intent)) return { commandLine, ...(await this.#prepareUndo(intent)) };
    const { rehearsal, warning } = await advised(this.#plane, () => this.#rehearse(intent));
    const { position, sentences, events, reach } = rehearsal;
    const told = { commandLine, position, sentences, events, reach, obstacles: [] };
    return warning === undefined ? told : { ...told, warning };
  }

  /** Commits what was shown at a position. Throws `Rejected`, with `PlanOutdated` where that has moved on. */
  async commit(intent: Intent, at: Position, confirmed: boolean): Promise<Committed> {
    if (intent.do === 'invite') return this.#invite(intent, at);
    if (isPhone(intent)) {
      const { outcome, download } = await handPhone(this.#plane, intent, (command) => asShown(command, at));
      return { ...committed(outcome), download };
    }
    const command = isUndo(intent)
      ? undoingOf(this.#possible(await this.#plane.ask({ ...undoQuestion(intent), at })))
      : asShown(commandOf(intent, confirmed), at);
    return committed(await this.#plane.execute(command));
  }

  async #rehearse(intent: Plain | Invite | Phone): Promise<{ rehearsal: Rehearsal; warning?: string }> {
    if (isPhone(intent)) return rehearsePhone(this.#plane, intent);
    if (intent.do === 'invite')
      return { rehearsal: await rehearseInvitation(this.#plane, invitationOf(intent)) };
    try {
      return { rehearsal: await this.#plane.rehearse(commandOf(intent, false)) };
    } catch (error) {
      if (!isLastAdmin(error)) throw error;
      return { rehearsal: await this.#plane.rehearse(commandOf(intent, true)), warning: error.message };
    }
  }

  async #prepareUndo(intent: Undo): Promise<Omit<Prepared, 'commandLine'>> {
    const plan = await this.#plane.ask(undoQuestion(intent));
    const { at: position, sentences, reach } = plan;
    const obstacles = plan.obstacles.map(({ sentence, hint, verb }) => ({
      sentence,
      hint,
      ...(verb === undefined ? {} : { commandLine: this.#words.suggest(verb) }),
    }));
    const told = { position, sentences, reach, obstacles };
    if (plan.commands.length === 0) return { ...told, events: [] };
    const command = undoingOf(plan);
    if (JSON.stringify(command).length > MAX_REHEARSED_BYTES) return told;
    return { ...told, events: (await this.#plane.rehearse(command)).events };
  }

  #possible(plan: AnswerTo<'undo'>): AnswerTo<'undo'> {
    if (plan.commands.length > 0) return plan;
    throw new Failure(plan.obstacles[0]?.sentence ?? 'nothing has to be undone: it is so already');
  }

  /** The text goes to the page alone. */
  async #invite(intent: Invite, at: Position): Promise<Committed> {
    const invitation = invitationOf(intent);
    const name = `${intent.name}.toml`;
    let text = '';
    const kept = {
      fill: async (written: string) => {
        text = written;
      },
      discard: async () => {},
    };
    const atShown = {
      ...invitation,
      file: name,
      command: (key: Parameters<Invitation['command']>[0]) => asShown(invitation.command(key), at),
    };
    const { outcome } = await inviteInto(this.#plane, atShown, async () => kept);
    return { ...committed(outcome), download: { name, text } };
  }
}

const committed = ({ position, events, inForce }: Executed): Committed => ({
  position,
  isNothing: events.length === 0,
  ...(inForce === false ? { isUntold: true } : {}),
});
