// A new member of a union cannot be forgotten: the compiler is red at every place that owes it a line.
import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** A member that is added in a copy: where, instead of what, and the places that owe it a line: `file: word of that line`. */
type Drill = { file: string; old: string; member: string; owed: readonly string[] };

const DRILLS: { [union: string]: Drill } = {
  'an event': {
    file: 'src/events/schema.ts',
    old: '  RouteClosed,\n]);',
    member:
      "  RouteClosed,\n  event('Drill', { peerId: PeerId }),\n  event('CidrDrill', { cidrId: CidrId }),\n]);",
    owed: [
      'src/events/bearing.ts: BEARING',
      'src/domain/network.ts: event satisfies never',
      'src/domain/sentences.ts: SENTENCES',
      'src/projections/topology.ts: event satisfies never',
    ],
  },
  'a field of a peer': {
    file: 'src/domain/peer.ts',
    old: '  signingKey: SigningKey.optional(),\n});',
    member: '  signingKey: SigningKey.optional(),\n  drill: z.boolean().optional(),\n});',
    owed: [
      'src/domain/signed-state.ts: PEER',
      'src/domain/return-plan.ts: WAYS_BACK',
      'src/cli/diff.ts: NEWS',
    ],
  },
  'an actor': {
    file: 'src/events/actor.ts',
    old: "  z.object({ kind: z.literal('server') }),",
    member: "  z.object({ kind: z.literal('server') }),\n  z.object({ kind: z.literal('drill') }),",
    owed: [
      'src/events/actor.ts: actingPeer',
      'src/events/actor.ts: actorText',
      'src/projections/history.ts: #who',
      'src/projections/history-pages.ts: isCalled',
      'src/server/past/past.ts: toldOf',
      'src/server/past/own-past.ts: kind',
    ],
  },
  'a file of a server': {
    file: 'src/server/disk/files.ts',
    old: "  /** Of innernet 2.0's server: never written. */\n  foreignDatabase: string;",
    member: '  foreignDatabase: string;\n  drill: string;',
    owed: ['src/server/disk/files.ts: filesOf', 'src/server/disk/secrets.ts: satisfies'],
  },
  'a secret of a server': {
    file: 'src/server/disk/secrets.ts',
    old: "  notified: 'no secret',",
    member: "  notified: 'secret',",
    owed: ['src/server/disk/secrets.ts: SECRETS'],
  },
  'a command': {
    file: 'src/domain/command.ts',
    old: '  DismissStandby,\n] as const;',
    member: "  DismissStandby,\n  command('Drill', {}),\n] as const;",
    owed: ['src/domain/askers.ts: ASKERS', 'src/domain/decide.ts: RULES'],
  },
  'a refusal': {
    file: 'src/domain/rejection.ts',
    old: "  | { code: 'NoNetwork' }",
    member: "  | { code: 'NoNetwork' }\n  | { code: 'Drill' }",
    owed: ['src/domain/rejection.ts: EXPLAIN', 'src/server/http/refusal.ts: STATUS'],
  },
  'a question': {
    file: 'src/protocol/past.ts',
    old: "  question('head', {}),",
    member: "  question('head', {}),\n  question('drill', {}),",
    owed: [
      'src/protocol/past.ts: satisfies { [A in Asked]',
      'src/server/past/past.ts: #answering',
      'src/server/past/own-past.ts: ask(question',
    ],
  },
  "a server's frame": {
    file: 'src/protocol/frames.ts',
    old: '  Carry,\n  Revoked,\n',
    member: "  Carry,\n  Revoked,\n  frame('drill', {}),\n",
    owed: ['src/client/sync/session.ts: #onFrame(frame'],
  },
  "a client's frame": {
    file: 'src/protocol/frames.ts',
    old: '  Consents,\n  Open,\n',
    member: "  Consents,\n  Open,\n  frame('drill', {}),\n",
    owed: ['src/server/stream/hub.ts: frame satisfies never'],
  },
  "a frame of the log's stream": {
    file: 'src/protocol/log-frames.ts',
    old: '[Greeting, Records, Observed]',
    member: "[Greeting, Records, Observed, frame('drill', {})]",
    owed: ['src/server/following/following.ts: frame satisfies never'],
  },
  "a standby's frame": {
    file: 'src/protocol/log-frames.ts',
    old: '[Reached, UpdateMe]',
    member: "[Reached, UpdateMe, frame('drill', {})]",
    owed: ['src/server/standby/followers.ts: frame satisfies never'],
  },
  "an end of a standby's stream": {
    file: 'src/server/following/log-stream.ts',
    old: "  | { kind: 'lost'; why: string };",
    member: "  | { kind: 'lost'; why: string }\n  | { kind: 'drill' };",
    owed: ['src/server/following/following.ts: #judge(end'],
  },
  'a verdict': {
    file: 'src/client/memory/mirror.ts',
    old: "  | { kind: 'known' }\n",
    member: "  | { kind: 'known' }\n  | { kind: 'drill' }\n",
    owed: ['src/client/sync/session.ts: #obey(verdict'],
  },
  'a field of an effect': {
    file: 'src/client/memory/mirror.ts',
    old: '  acknowledged?: boolean | undefined;',
    member: '  acknowledged?: boolean | undefined;\n  drill?: boolean | undefined;',
    owed: [
      'src/client/memory/mirror.ts: rest satisfies',
      'src/client/memory/state-file.ts: Required<Effect>',
    ],
  },
  'a judgement of the chain': {
    file: 'src/client/memory/chain.ts',
    old: "  | { kind: 'known' }\n",
    member: "  | { kind: 'known' }\n  | { kind: 'drill' }\n",
    owed: ['src/client/memory/mirror.ts: judgeDelta', 'src/client/memory/mirror.ts: #judgeWhole'],
  },
  'a rule that holds peers back': {
    file: 'src/client/memory/pins.ts',
    old: "  'PairTaken',",
    member: "  'PairTaken',\n  'Drill',",
    owed: ['src/client/memory/pins.ts: REASONS'],
  },
  'a doubt': {
    file: 'src/client/memory/doubt.ts',
    old: "  'NoHistory',",
    member: "  'NoHistory',\n  'Drill',",
    owed: ['src/client/memory/doubt.ts: SENTENCES'],
  },
  'an end of a connection': {
    file: 'src/client/sync/end.ts',
    old: "  | { kind: 'closed'; code: number };",
    member: "  | { kind: 'closed'; code: number }\n  | { kind: 'drill' };",
    owed: ['src/client/sync/end.ts: mayBeGone'],
  },
  "an event of a client's session": {
    file: 'src/client/sync/session-events.ts',
    old: "  | { kind: 'stop' };",
    member: "  | { kind: 'stop' }\n  | { kind: 'drill' };",
    owed: ['src/client/sync/session.ts: on(event'],
  },
  "an effect of a client's session": {
    file: 'src/client/sync/session-events.ts',
    old: "  | { do: 'repairDevice' }",
    member: "  | { do: 'repairDevice' }\n  | { do: 'drill' }",
    owed: ['src/client/sync/follower.ts: effect satisfies never'],
  },
  'a loss of a connection': {
    file: 'src/client/sync/end.ts',
    old: "  | 'otherAbilities';",
    member: "  | 'otherAbilities'\n  | 'drill';",
    owed: ['src/client/sync/end.ts: MAY_BE_GONE'],
  },
  "a step of a stream's opening": {
    file: 'src/caller/opening.ts',
    old: "  | { kind: 'wrong' };",
    member: "  | { kind: 'wrong' }\n  | { kind: 'drill' };",
    owed: ['src/client/sync/stream.ts: #begin'],
  },
  "a request to a network's owner": {
    file: 'src/client/owner/owned-network.ts',
    old: "  z.object({ ask: z.literal('stop') }),",
    member: "  z.object({ ask: z.literal('stop') }),\n  z.object({ ask: z.literal('drill') }),",
    owed: ['src/client/owner/owned-network.ts: #answer'],
  },
  'a change of the conf': {
    file: 'src/client/tunnels/conf-change.ts',
    old: 'endpoint: Endpoint.nullable() }),',
    member: "endpoint: Endpoint.nullable() }),\n  z.object({ what: z.literal('drill') }),",
    owed: ['src/client/tunnels/conf-change.ts: overrides.set', 'src/client/tunnels/conf-change.ts: stepsOf'],
  },
  'a step of a device': {
    file: 'src/wireguard/device.ts',
    old: "  | { kind: 'fwmark'; fwmark: number };",
    member: "  | { kind: 'fwmark'; fwmark: number }\n  | { kind: 'drill' };",
    owed: [
      'src/wireguard/uapi.ts: IS_OF_DEVICE',
      'src/wireguard/uapi.ts: linesOf',
      'src/wireguard/wg.ts: peerWords(step)',
    ],
  },
  "a step of a device's peer": {
    file: 'src/wireguard/device.ts',
    old: "  | { kind: 'remove'; publicKey: PublicKey }",
    member: "  | { kind: 'remove'; publicKey: PublicKey }\n  | { kind: 'peerDrill'; publicKey: PublicKey }",
    owed: ['src/wireguard/wg.ts: peerWords = '],
  },
  'an order to the thread of the past': {
    file: 'src/server/past/far-answerer.ts',
    old: "  | { order: 'digests'; after: Position; to: Position };",
    member: "  | { order: 'digests'; after: Position; to: Position }\n  | { order: 'drill' };",
    owed: ['src/server/past/past-thread.ts: carryOut'],
  },
  'a role at the door': {
    file: 'src/server/http/admission.ts',
    old: "'admin', 'standby'] as const",
    member: "'admin', 'standby', 'drill'] as const",
    owed: ['src/server/http/admission.ts: isOpenTo'],
  },
  'a result of an append': {
    file: 'src/store/log.ts',
    old: "  | { kind: 'conflict' }",
    member: "  | { kind: 'conflict' }\n  | { kind: 'drill' }",
    owed: ['src/server/commands/control-plane.ts: result.commits'],
  },
  "a way in which a peer's right ends": {
    file: 'src/domain/rights.ts',
    old: "'rekeyed' | 'joined' }",
    member: "'rekeyed' | 'joined' | 'drill' }",
    owed: ['src/server/sessions/sessions.ts: streams.revoke'],
  },
};

const folder = mkdtempSync(join(tmpdir(), 'innernet-unions-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let errors: string[] = [];

/** Every error of the compiler as `file: the line that it points at`. */
const compile = async (): Promise<string[]> => {
  const tsc = join('node_modules', 'typescript', 'bin', 'tsc');
  const out = await new Promise<string>((resolve) =>
    execFile(process.execPath, [tsc, '--pretty', 'false'], { cwd: folder }, (_, stdout) => resolve(stdout)),
  );
  return [...out.matchAll(/^(\S+?)\((\d+),\d+\): error/gm)].map(([, file = '', line]) => {
    const text = readFileSync(join(folder, file), 'utf8').split('\n')[Number(line) - 1] ?? '';
    return `${file}: ${text.trim()}`;
  });
};

beforeAll(async () => {
  cpSync('src', join(folder, 'src'), { recursive: true });
  for (const name of ['package.json', 'tsconfig.json']) cpSync(name, join(folder, name));
  symlinkSync(join(process.cwd(), 'node_modules'), join(folder, 'node_modules'));
  for (const { file, old, member } of Object.values(DRILLS)) {
    const text = readFileSync(join(folder, file), 'utf8');
    if (text.split(old).length !== 2) throw new Error(`${file} does not hold this once: ${old}`);
    writeFileSync(join(folder, file), text.replace(old, member));
  }
  errors = await compile();
}, 120_000);

describe.each(Object.entries(DRILLS))('%s that is new', (_, { owed }) => {
  it.each(owed)('is missed in %s', (place) => {
    const [file = '', word = ''] = place.split(': ');
    expect(errors.filter((error) => error.startsWith(`${file}: `) && error.includes(word))).not.toEqual([]);
  });
});
