// The answer of `why`: what the log decides, and apart from that what is observed now.
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { AttemptText } from '../../src/cli/openings.ts';
import type { Past } from '../../src/cli/plane.ts';
import { why } from '../../src/cli/why.ts';
import type { ObservedWay } from '../../src/protocol/looking.ts';
import { NO_HASH } from '../../src/values/id.ts';
import { RecordedName } from '../../src/values/name.ts';
import { acme, ids } from '../acme.ts';

let said: string;
beforeEach(() => {
  said = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    said += text;
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = undefined;
});

const brief = (id: number, name: string, host: number) => ({
  id,
  name,
  ip: acme.at('engineers', host),
  cidr: 'engineers',
});
const found = {
  visible: true,
  at: { position: 9, hash: NO_HASH, time: null },
  peers: [brief(ids.ann, 'ann', 1), brief(ids.ryo, 'ryo', 2)],
  sight: [true, true],
  reasons: [],
  since: null,
};
const relayed: ObservedWay = {
  from: ids.ann,
  to: ids.ryo,
  way: 'relayed',
  relay: ids.server,
  relayName: RecordedName.parse('innernet-server'),
  reason: 'both routers\u001b[2J change ports',
};
const others: ObservedWay = { from: ids.ann, to: ids.oven, way: 'direct' };

const ask = async (options: object, past: Partial<Past> = {}): Promise<string> => {
  const log = { network: 'acme', ask: async () => found, close: async () => {}, ...past } as unknown as Past;
  await why(log, ['ann', 'ryo'], options, { suggest: (verb) => verb, reality: async () => [] });
  return said;
};

it('says by which way each of the two reaches the other, and what a client writes harms no terminal', async () => {
  const ways = async () => [relayed, others, { from: ids.ryo, to: ids.ann, way: 'direct' } as const];
  expect(await ask({}, { ways })).toBe(
    [
      'yes: ann and ryo can talk',
      '  observed: ann reaches ryo by the relay innernet-server: both routers\\u{1b}[2J change ports',
      '  observed: ryo reaches ann directly\n',
    ].join('\n'),
  );
});

it('has it in its JSON, and nothing of the past', async () => {
  const asked: unknown[] = [];
  const ways = async (peers: unknown) => {
    asked.push(peers);
    return [relayed];
  };
  expect(JSON.parse(await ask({ json: true }, { ways }))).toMatchObject({ reality: [], ways: [relayed] });
  said = '';
  expect(JSON.parse(await ask({ json: true, at: '9' }, { ways }))).toMatchObject({ ways: [] });
  expect(asked).toEqual([[ids.ann, ids.ryo]]);
});

it('says nothing where nobody knows', async () => {
  expect(await ask({})).toBe('yes: ann and ryo can talk\n');
});

it.each([
  'ssh',
  'tcp/',
  'tcp/0',
  'tcp/65536',
  'tcp/22-23',
  'tcp/022222',
  'icmp/8',
  'any',
  'TCP/22',
  ' tcp/22',
  '',
])('--port "%s" is refused as it is typed, with what would do', (text) =>
  expect(AttemptText.safeParse(text).error?.issues.map(({ message }) => message)).toEqual([
    `"${text}" is neither tcp/22, udp/53 nor icmp`,
  ]),
);

it.each([
  ['tcp/22', { protocol: 'tcp', port: 22 }],
  ['udp/65535', { protocol: 'udp', port: 65535 }],
  ['icmp', { protocol: 'icmp', port: undefined }],
  ['tcp', { protocol: 'tcp', port: undefined }],
])('--port %s is understood', (text, attempt) => expect(AttemptText.parse(text)).toEqual(attempt));
