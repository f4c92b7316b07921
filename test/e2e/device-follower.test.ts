// The server's own WireGuard device after each commit: who is on it with which key and address, for real.
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Command } from '../../src/domain/command.ts';
import { RecordedCidr } from '../../src/values/ip.ts';
import type { Hostname, InterfaceName } from '../../src/values/name.ts';
import { keyOf, keysOf } from '../acme.ts';
import { type Host, Lab } from '../lab.ts';
import { bundled } from '../server/bundled.ts';
import type { Calls } from '../server/followed-device.ts';
import { makeDriver, remoteOn } from '../wireguard/remote.ts';

type Remote = {
  [C in keyof Calls]: (...args: Parameters<Calls[C]>) => Promise<Awaited<ReturnType<Calls[C]>>>;
};

/** Calls a program that runs on a host as if it were here. */
const remote = (child: ChildProcess): Remote => {
  const waiting = new Map<number, (reply: { value?: unknown; error?: string }) => void>();
  let last = 0;
  child.on('message', (reply: { id: number; value?: unknown; error?: string }) =>
    waiting.get(reply.id)?.(reply),
  );
  const call = (name: string, args: unknown[]) =>
    new Promise((resolve, reject) => {
      const id = ++last;
      waiting.set(id, ({ value, error }) =>
        error === undefined ? resolve(value) : reject(new Error(error)),
      );
      child.send({ id, call: name, args });
    });
  return new Proxy({} as Remote, {
    get: (_, name: string) => (name === 'then' ? undefined : (...args: unknown[]) => call(name, args)),
  });
};

let program: Awaited<ReturnType<typeof bundled>>;
let driver: Awaited<ReturnType<typeof makeDriver>>;
let lab: Lab;
let host: Host;
let server: Remote;
let folder: string;

beforeAll(async () => {
  program = await bundled('test/server/followed-device.ts');
  driver = await makeDriver();
});
afterAll(() => {
  program.remove();
  driver.remove();
});
beforeEach(async () => {
  lab = await Lab.create();
  host = await lab.host('server');
  server = remote(host.fork(program.path));
  folder = mkdtempSync(join(tmpdir(), 'followed-'));
  await server.start(folder);
  await server.run({ type: 'AddCidr', name: 'humans' as Hostname, cidr: '10.42.1.0/24' as never });
});
afterEach(async () => {
  await lab.close();
  rmSync(folder, { recursive: true, force: true });
});

const OWNERS = [
  ...['ann', 'bob', 'invitation of ann', 'invitation of bob', 'second invitation', 'stranger'],
  ...['question', 'another question'],
];
const device = () => server.onDevice(OWNERS);

const invite = (name: string, owner = `invitation of ${name}`): Promise<void> =>
  server.run({
    type: 'AddPeer',
    name: name as Hostname,
    cidr: 'humans',
    isAdmin: false,
    publicKey: keyOf(owner),
    inviteExpires: null,
  });

const joined = async (name: string): Promise<void> => {
  await invite(name);
  await server.redeem(name, name);
  await server.answered(name);
};

describe('the device of the server', () => {
  it('has its own key and port', async () =>
    expect(await server.own()).toEqual({ publicKey: keyOf('server'), listenPort: 51_820 }));

  it('answers the question of a standby, and takes no packet of it', async () => {
    await server.run({ type: 'SetQuestionKey', publicKey: keyOf('question') });
    await expect.poll(device).toEqual({ question: '' });
    await server.apply([{ kind: 'remove', publicKey: keyOf('question') }]);
    await server.compare();
    expect(await device()).toEqual({ question: '' });
    await server.run({ type: 'SetQuestionKey', publicKey: keyOf('another question') });
    await server.compare();
    expect(await device()).toEqual({ 'another question': '' });
  });

  it('has an invited peer with the invitation’s key', async () => {
    await invite('ann');
    await expect.poll(device).toEqual({ 'invitation of ann': '10.42.1.1/32' });
  });

  it('has the new key of an invitation that was issued again, and not the old one', async () => {
    await invite('ann');
    await server.run({
      type: 'ReissueInvitation',
      peer: 'ann',
      publicKey: keyOf('second invitation'),
      inviteExpires: null,
    });
    await expect.poll(device).toEqual({ 'second invitation': '10.42.1.1/32' });
  });

  it('knows a redeemed key at once, and gives it the address when the answer is through', async () => {
    await invite('ann');
    await server.redeem('ann', 'ann');
    expect(await device()).toEqual({ 'invitation of ann': '10.42.1.1/32', ann: '' });
    await server.answered('ann');
    await expect.poll(device).toEqual({ ann: '10.42.1.1/32' });
  });

  it('gives it the address anyway when nobody says that the answer is through', async () => {
    await invite('ann');
    await server.redeem('ann', 'ann');
    await expect.poll(device, { timeout: 10_000 }).toEqual({ ann: '10.42.1.1/32' });
  });

  it.each<[string, Command]>([
    ['disabled', { type: 'DisablePeer', peer: 'ann' }],
    ['deleted', { type: 'DeletePeer', peer: 'ann' }],
  ])('loses a peer that was %s once it has been told', async (_, command) => {
    await joined('ann');
    await joined('bob');
    await expect.poll(device).toEqual({ ann: '10.42.1.1/32', bob: '10.42.1.2/32' });
    await server.run(command);
    await expect.poll(device).toEqual({ bob: '10.42.1.2/32' });
  });

  it('loses a peer that cannot be told as well', async () => {
    await joined('ann');
    await server.holdTidings();
    await server.run({ type: 'DisablePeer', peer: 'ann' });
    await expect.poll(device).toEqual({});
  });

  it('keeps a peer that is enabled again before it was told', async () => {
    await joined('ann');
    await server.holdTidings();
    await server.run({ type: 'DisablePeer', peer: 'ann' });
    await server.run({ type: 'EnablePeer', peer: 'ann' });
    await server.tell();
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(await device()).toEqual({ ann: '10.42.1.1/32' });
  });

  it('loses both keys of a peer that is disabled while it redeems', async () => {
    await invite('ann');
    await server.redeem('ann', 'ann');
    await server.run({ type: 'DisablePeer', peer: 'ann' });
    await expect.poll(device).toEqual({});
  });

  it('keeps what a rename does not concern, also while a peer redeems', async () => {
    await invite('ann');
    await server.redeem('ann', 'ann');
    await server.run({ type: 'RenamePeer', peer: 'ann', name: 'anna' as Hostname });
    expect(await device()).toEqual({ 'invitation of ann': '10.42.1.1/32', ann: '' });
    await server.answered('anna');
    await expect.poll(device).toEqual({ ann: '10.42.1.1/32' });
  });

  it('gives the address of a revoked invitation to the next, and to nobody else', async () => {
    await invite('ann');
    await server.run({ type: 'RevokeInvitation', peer: 'ann' });
    await invite('bob');
    await expect.poll(device).toEqual({ 'invitation of bob': '10.42.1.1/32' });
  });

  it('is put right by a comparison after somebody else was at it', async () => {
    await joined('ann');
    await joined('bob');
    const stranger = { publicKey: keyOf('stranger'), allowedIps: ['10.42.1.1/32' as never] };
    await server.apply([
      { kind: 'set', ...stranger },
      { kind: 'remove', publicKey: keyOf('bob') },
      { kind: 'listenPort', listenPort: 40_000 },
    ]);
    await server.compare();
    expect(await device()).toEqual({ ann: '10.42.1.1/32', bob: '10.42.1.2/32' });
    expect((await server.own()).listenPort).toBe(51_820);
  });
});

describe('what the device tells', () => {
  /** A machine that is a peer, with the invitation's key or its own. */
  const peerOn = async (name: string) => {
    const machine = await lab.host(name);
    const wireguard = remoteOn(machine, driver.path);
    const acme = 'acme' as InterfaceName;
    await wireguard.bringUp({
      name: acme,
      address: RecordedCidr.parse('10.42.1.1/16'),
      network: RecordedCidr.parse('10.42.0.0/16'),
      backend: 'userspace',
    });
    const speakAs = (owner: string) =>
      wireguard.apply(acme, [
        { kind: 'privateKey', privateKey: keysOf(owner).privateKey.reveal() },
        {
          kind: 'recreate',
          publicKey: keyOf('server'),
          allowedIps: [RecordedCidr.parse('10.42.0.1/32')],
          endpoint: `${host.address}:51820` as never,
          keepalive: 25,
        },
      ]);
    return { machine, speakAs };
  };

  it('is where a peer was seen, over the change of its key as well', async () => {
    await invite('ann');
    const { machine, speakAs } = await peerOn('ann');
    await speakAs('invitation of ann');
    const seen = expect.stringMatching(new RegExp(`^${machine.address.replaceAll('.', '\\.')}:\\d+$`));
    await expect.poll(() => server.observed('ann'), { timeout: 10_000 }).toMatchObject({ endpoint: seen });
    const { endpoint } = await server.observed('ann');
    await server.redeem('ann', 'ann');
    expect((await server.observed('ann')).endpoint).toBe(endpoint);
  });

  it('is that the answer to a redeem got through: the new key shakes hands', async () => {
    await invite('ann');
    const { machine, speakAs } = await peerOn('ann');
    await speakAs('invitation of ann');
    await machine.sure(['ping', '-c1', '-W5', '10.42.0.1']);
    await server.redeem('ann', 'ann');
    await machine.sure(['ping', '-c1', '-W5', '10.42.0.1']); // still over the old key
    await speakAs('ann');
    await expect.poll(device, { interval: 20 }).toEqual({ ann: '10.42.1.1/32' });
    await machine.sure(['ping', '-c1', '-W5', '10.42.0.1']);
  });
});
