/** The verb set-expiry: when a peer expires, or all new peers by default. */
import type { Command, Option } from 'commander';
import * as z from 'zod';
import type { End } from '../domain/command.ts';
import { Duration, durationText } from '../values/time.ts';
import { Questions } from './ask.ts';
import { addChangeOptions, change, named } from './change.ts';
import { timeSaid } from './moments.ts';
import { type ChangeOptions, flag } from './options.ts';
import { peerChoices } from './peer-choices.ts';
import type { Plane } from './plane.ts';
import { localTime } from './print.ts';
import { actsOn, networkVerb, type Open } from './program.ts';
import { Usage } from './usage.ts';

/** An end from a flag; not null, which commander takes for a flag without a value. */
export type SaidEnd = Exclude<End, null> | 'never';

export const endSaid = (said: SaidEnd): End => (said === 'never' ? null : said);

export const EndText = z.string().transform((text, context): SaidEnd => {
  const said = text.trim();
  if (said === 'never') return said;
  const seconds = Duration.safeParse(said).data;
  const end = seconds === undefined ? timeSaid(said) : seconds;
  if (end !== undefined && end !== 0) return end;
  context.addIssue({
    code: 'custom',
    message: `"${text}" is not an end such as 90d, 2027-01-31, 2027-01-31T18:00 or never`,
  });
  return z.NEVER;
});

const SpanText = EndText.refine((end) => end === 'never' || typeof end === 'number', {
  error: 'this must be a span such as 90d, or never',
});

/** `90d from now`, a moment, or `never`. */
const endWords = (end: SaidEnd): string => {
  if (end === 'never') return end;
  return typeof end === 'number' ? `${durationText(end)} from now` : localTime(end);
};

export const expiresFlag = (): Option =>
  flag('--expires <end>', 'when its time is over: 90d, 2027-01-31, 2027-01-31T18:00 or never', EndText);

type ExpiryOptions = ChangeOptions & { name?: string; expires?: SaidEnd; default?: number | 'never' };

const setDefault = (plane: Plane, seconds: number | null, options: ChangeOptions): Promise<void> => {
  const end = seconds === null ? 'do not end' : `end ${durationText(seconds)} after they are added`;
  return change(plane, { type: 'SetDefaultExpiry', seconds }, options, {
    done: `peers that are added from now on ${end}`,
    already: `peers that are added ${end}`,
  });
};

const setExpiry = async (plane: Plane, options: ExpiryOptions): Promise<void> => {
  const { name, expires: given, default: span } = options;
  if (span !== undefined) {
    const seconds = span === 'never' ? null : span;
    if (name === undefined && given === undefined) return setDefault(plane, seconds, options);
    throw new Usage('--default is for peers that are added later: leave out --name and --expires');
  }
  const questions = new Questions(options);
  const peer = await questions.choice({
    flag: '--name',
    question: 'Set the expiry of which peer',
    given: name,
    choices: async () => peerChoices(await plane.view(), () => true),
    none: 'there is no peer besides the server',
  });
  const expires = await questions.text({
    flag: '--expires',
    question: 'Until when (90d, 2027-01-31, never)',
    given,
    schema: EndText,
  });
  await questions.confirmIfAsked(`Set the end of "${peer}" to ${endWords(expires)}?`);
  await change(plane, { type: 'SetExpiry', peer, expires: endSaid(expires) }, options, {
    done: `set the end of ${named(peer)} to ${endWords(expires)}`,
    already: `the end of ${named(peer)} is ${endWords(expires)}`,
  });
};

export const addExpiryVerb = (program: Command, open: Open): void => {
  const verb = networkVerb(program, 'set-expiry', {
    summary: 'set when a peer is cut off by itself; --default: for peers that are added from now on',
    examples: [
      'set-expiry acme ann --expires 90d',
      'set-expiry acme ann --expires never',
      'set-expiry acme --default 90d',
    ],
  })
    .about('peer', "the peer's name")
    .addOption(expiresFlag())
    .addOption(
      flag(
        '--default <span>',
        'for peers that are added from now on: a span such as 90d, or never',
        SpanText,
      ),
    );
  actsOn<ExpiryOptions>(addChangeOptions(verb), open, setExpiry);
};
