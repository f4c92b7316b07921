/** What may be begun over an association, as it is typed: `humans:tcp/631,9100-9110`, `humans:icmp`, `none`. */
import * as z from 'zod';
import type { CommandOf } from '../domain/command.ts';
import { Port } from '../values/endpoint.ts';
import { Failure } from '../values/failure.ts';
import { RecordedName } from '../values/name.ts';
import { type Attempt, MAX_OPENINGS, Opening } from '../values/opening.ts';
import { Usage } from './usage.ts';

type Openings = CommandOf<'LimitAssociation'>['allow'];

const WAY = 'write CIDR:tcp/22, CIDR:udp/53,60000-61000, CIDR:tcp, CIDR:icmp or CIDR:any; or none alone';

const SHAPE = /^(?<from>[^:]+):(?<protocol>tcp|udp|icmp|any)(?:\/(?<ports>[\d,-]+))?$/;

const rangeOf = (text: string): unknown => {
  const [first, last = first, ...rest] = text.split('-');
  return rest.length > 0 || !first || !last ? text : [Number(first), Number(last)];
};

const openingOf = (text: string, context: z.RefinementCtx): Openings[number] => {
  const groups = SHAPE.exec(text)?.groups;
  const fail = (why: string): never => {
    context.addIssue({ code: 'custom', message: `"${text}": ${why}` });
    return z.NEVER;
  };
  if (!groups) return fail(WAY);
  const { from, protocol, ports } = groups;
  const ranges = ports === undefined ? {} : { ports: ports.split(',').map(rangeOf) };
  const named = RecordedName.safeParse(from);
  const what = z.object({ ...Opening.shape }).omit({ from: true });
  const found = what.safeParse({ protocol, ...ranges });
  if (!named.success) return fail(WAY);
  if (!found.success) return fail(found.error.issues[0]?.message ?? WAY);
  if (ports !== undefined && (protocol === 'icmp' || protocol === 'any'))
    return fail('only tcp and udp have ports');
  return { from: named.data, ...found.data };
};

const OpeningText = z.string().transform(openingOf);

/** Of ways that stand alone, whose CIDR may have any name. Throws a `Failure`. */
export const openingsOfWays = (ways: readonly string[]): Openings =>
  ways.map((way) => {
    const { data, error } = OpeningText.safeParse(way);
    if (data === undefined) throw new Failure(error.issues[0]?.message ?? WAY);
    return data;
  });

/** Several with spaces between them. `none`: nothing. */
export const OpeningsText = z.string().transform((text, context): Openings => {
  const words = text.split(/\s+/).filter(Boolean);
  if (words.length === 1 && words[0] === 'none') return [];
  if (words.length === 0) context.addIssue({ code: 'custom', message: WAY });
  if (words.length > MAX_OPENINGS)
    context.addIssue({ code: 'custom', message: `more than ${MAX_OPENINGS} openings` });
  return words.map((word) => openingOf(word, context));
});

/** What is asked about: `tcp/22`, `udp/53`, `icmp`; `tcp`: all its ports. */
export const AttemptText = z.string().transform((text, context): Attempt => {
  const [, protocol, port] = /^(tcp|udp|icmp)(?:\/(\d{1,5}))?$/.exec(text) ?? [];
  const number = Port.optional().safeParse(port === undefined ? undefined : Number(port));
  if (protocol === undefined || !number.success || (protocol === 'icmp' && port !== undefined)) {
    context.addIssue({ code: 'custom', message: `"${text}" is neither tcp/22, udp/53 nor icmp` });
    return z.NEVER;
  }
  return { protocol: protocol as Attempt['protocol'], port: number.data };
});

/** Parser of the flag --allow, which may be said several times. Throws `Usage`. */
export const allowed = (text: string, before: readonly string[] = []): string[] => {
  const result = OpeningsText.safeParse(text);
  if (!result.success) throw new Usage(`--allow ${result.error.issues[0]?.message ?? WAY}`);
  const all = [...before, ...text.split(/\s+/).filter(Boolean)];
  if (all.length > 1 && all.includes('none')) throw new Usage('--allow none stands alone: it allows nothing');
  return all;
};

/** Of checked texts. */
export const openingsOf = (texts: readonly string[]): Openings => OpeningsText.parse(texts.join(' '));
