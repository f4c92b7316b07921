// The kit: every secret of the server's machine in one file, which only its passphrase opens.
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { READ_MODELS } from '../../src/projections/projections.ts';
import { formatConf } from '../../src/server/disk/conf.ts';
import { filesOf } from '../../src/server/disk/files.ts';
import { type KitHead, kitHead, openKit, sealKit } from '../../src/server/disk/kit.ts';
import { readQuestionKey } from '../../src/server/disk/question-key.ts';
import { readSecrets, SECRET_FILES, type Secrets, writeSecrets } from '../../src/server/disk/secrets.ts';
import { loadNetwork } from '../../src/server/live/load-network.ts';
import { kit } from '../../src/server/verbs/kit.ts';
import type { KitOptions } from '../../src/server/verbs/options.ts';
import { openSqliteLog } from '../../src/store/sqlite-log.ts';
import { acme, endpoint, keyOf, keysOf } from '../acme.ts';
import { NOON } from '../given.ts';
import { tempFolder } from '../store/temp-log.ts';
import { ACME, acmeFolders } from './acme-folders.ts';

vi.setConfig({ testTimeout: 60_000 }); // each opening costs half a second on purpose

const PASSPHRASE = 'correct horse battery';

const secrets: Secrets = {
  questionKey: `${keysOf('question').privateKey.reveal()}\n`,
  relaySecret: `${Buffer.alloc(32, 7).toString('base64')}\n`,
  conf: formatConf({
    privateKey: keysOf('server').privateKey,
    listenPort: 51820,
    address: acme.at('server', 1),
    prefix: 16,
  }),
};

const head: KitHead = {
  network: 'acme',
  networkId: 'ab'.repeat(32) as KitHead['networkId'],
  publicKey: keyOf('server'),
  address: acme.at('server', 1),
  range: acme.range,
  port: 51820,
  endpoint: endpoint('vpn.example.org:51820'),
  made: NOON,
};

const reasonOf = async (opening: Promise<unknown>): Promise<string> => {
  try {
    await opening;
    return 'opened';
  } catch (error) {
    return (error as Error).message;
  }
};

describe('a kit', () => {
  it('gives every secret to its passphrase, and its head to anybody', async () => {
    const text = await sealKit(head, secrets, PASSPHRASE);
    expect(kitHead(text, 'acme.kit')).toEqual(head);
    expect(await openKit(text, PASSPHRASE, 'acme.kit')).toEqual(secrets);
    const [line = ''] = text.split('\n');
    expect(JSON.parse(line)).toMatchObject({ kit: 1, scrypt: { N: 131_072, r: 8, p: 1 } });
  });

  it('shows nothing of the secrets, and is another text each time', async () => {
    const texts = [await sealKit(head, secrets, PASSPHRASE), await sealKit(head, secrets, PASSPHRASE)];
    for (const text of texts)
      for (const owner of ['server', 'question'])
        expect(text).not.toContain(keysOf(owner).privateKey.reveal().slice(0, 20));
    const [one, other] = texts.map((text) => text.split('\n')[1]);
    expect(one).not.toBe(other);
  });

  it('is opened by no other passphrase, and not when a byte of it is another', async () => {
    const text = await sealKit(head, secrets, PASSPHRASE);
    const refused = 'the passphrase does not open acme.kit, or the file has been changed';
    expect(await reasonOf(openKit(text, 'correct horse batterz', 'acme.kit'))).toBe(refused);
    const changed = [
      text.replace('"port":51820', '"port":51821'),
      text.replace('vpn.example.org', 'vpn.example.com'),
      text.replace(/\n(.)/, (_, first) => `\n${first === 'A' ? 'B' : 'A'}`),
      text.slice(0, -6),
      `${text.split('\n')[0]}\n`,
    ];
    for (const each of changed) expect(await reasonOf(openKit(each, PASSPHRASE, 'acme.kit'))).toBe(refused);
  });

  it('takes a passphrase as it is meant, whichever way its accents are typed', async () => {
    const text = await sealKit(head, secrets, 'caf\u00e9 au lait noir');
    expect(await openKit(text, 'cafe\u0301 au lait noir', 'acme.kit')).toEqual(secrets);
  });

  it('is refused where it is none, a newer one, or asks for all memory', async () => {
    const text = await sealKit(head, secrets, PASSPHRASE);
    for (const none of ['', 'PK', '{"kit":1}', text.replace('"kit":1', '"kit":"1"')])
      expect(() => kitHead(none, 'x.kit')).toThrow('x.kit is no kit');
    expect(() => kitHead(text.replace('"kit":1', '"kit":2'), 'x.kit')).toThrow(
      'x.kit is a kit of version 2, and this program knows version 1 alone',
    );
    const greedy = text.replace('"N":131072', '"N":1073741824');
    expect(await reasonOf(openKit(greedy, PASSPHRASE, 'x.kit'))).toBe('x.kit is no kit');
  });

  it('is not made of secrets that another machine could not use', async () => {
    const without = (change: Partial<Secrets>) =>
      reasonOf(sealKit(head, { ...secrets, ...change }, PASSPHRASE));
    expect(await without({ conf: null })).toBe("this machine lacks the conf with the server's key");
    expect(await without({ relaySecret: 'half' })).toBe(
      "this machine: the secret of the relay's mailboxes is not usable",
    );
    expect(await without({ questionKey: 'half' })).toMatch(
      /^this machine: the key by which .* is not usable$/,
    );
    expect(await without({ relaySecret: null })).toBe('opened');
  });

  it("that holds another server's key than it says is refused", async () => {
    const text = await sealKit({ ...head, publicKey: keyOf('ann') }, secrets, PASSPHRASE);
    expect(await reasonOf(openKit(text, PASSPHRASE, 'x.kit'))).toMatch(/another server's key/);
  });
});

describe('secrets on a machine', () => {
  it('are written for root alone, the conf last, and read back', async () => {
    const folder = tempFolder();
    const folders = { configDir: join(folder, 'etc'), dataDir: join(folder, 'lib') };
    const before = process.umask(0);
    try {
      await writeSecrets(ACME, folders, secrets);
    } finally {
      process.umask(before);
    }
    const files = filesOf(ACME, folders);
    expect(readSecrets(files)).toEqual(secrets);
    for (const file of SECRET_FILES) expect(statSync(files[file]).mode & 0o777).toBe(0o600);
    expect(SECRET_FILES.at(-1)).toBe('conf');
  });

  it('leave no conf where one of them cannot be written', async () => {
    const folder = tempFolder();
    const folders = { configDir: join(folder, 'etc'), dataDir: join(folder, 'lib') };
    const files = filesOf(ACME, folders);
    mkdirSync(files.relaySecret, { recursive: true, mode: 0o700 });
    chmodSync(folders.dataDir, 0o700);
    await expect(writeSecrets(ACME, folders, secrets)).rejects.toThrow();
    expect(existsSync(files.conf)).toBe(false);
  });
});

describe('the verb kit', () => {
  let there: Awaited<ReturnType<typeof acmeFolders>>;
  let path: string;
  let said: string;

  beforeEach(async () => {
    there = await acmeFolders();
    path = join(there.folders.dataDir, 'out.kit');
    said = '';
    vi.stubEnv('INNERNET_KIT_PASSPHRASE', PASSPHRASE);
    for (const stream of [process.stdout, process.stderr])
      vi.spyOn(stream, 'write').mockImplementation((text) => {
        said += text;
        return true;
      });
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    vi.restoreAllMocks();
  });

  const make = (options: Partial<KitOptions> = {}): Promise<void> =>
    kit(ACME, { ...there.folders, verbose: 0, routing: true, save: path, ...options });

  const state = async () => {
    const log = await openSqliteLog({ file: there.files.log, readModels: READ_MODELS });
    try {
      return await loadNetwork(log);
    } finally {
      await log.close();
    }
  };

  it('seals what is on this machine, and records the public half of the question', async () => {
    await make();
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const opened = await openKit(readFileSync(path, 'utf8'), PASSPHRASE, path);
    expect(opened).toEqual(readSecrets(there.files));
    expect(Object.values(opened)).not.toContain(null);
    const { questionKey, position } = await state();
    expect(questionKey).toBe(readQuestionKey(there.files.questionKey)?.publicKey);
    expect(position).toBe(acme.network.length + 1);
    expect(kitHead(readFileSync(path, 'utf8'), path)).toMatchObject({
      network: 'acme',
      publicKey: keyOf('server'),
      range: acme.range,
      port: 51820,
      endpoint: 'vpn.example.org:51820',
    });
    expect(said).toContain(`wrote ${path}, sealed by the passphrase`);
    expect(said).not.toContain(PASSPHRASE);
  });

  it('keeps the key of the question, and so records it once', async () => {
    await make();
    const first = (await state()).questionKey;
    await make({ save: `${path}2`, json: true });
    const { questionKey, position } = await state();
    expect([questionKey, position]).toEqual([first, acme.network.length + 1]);
    const json = JSON.parse(said.slice(said.indexOf('{')));
    expect(json).toEqual({
      network: 'acme',
      file: `${path}2`,
      questionKey,
      position,
      holds: ['questionKey', 'relaySecret', 'conf'],
    });
  });

  it('makes another key of the question where the file is gone, and records that', async () => {
    await make();
    const first = (await state()).questionKey;
    rmSync(there.files.questionKey);
    await make({ yes: true });
    expect((await state()).questionKey).not.toBe(first);
  });

  const nothing = async (): Promise<void> => {
    expect((await state()).position).toBe(acme.network.length);
    expect(readdirSync(there.folders.dataDir).filter((name) => /question|relay-key|kit/.test(name))).toEqual(
      [],
    );
  };

  it('only says with --dry-run what it would do', async () => {
    vi.stubEnv('INNERNET_KIT_PASSPHRASE', undefined);
    await make({ dryRun: true, json: true });
    expect(JSON.parse(said)).toEqual({
      network: 'acme',
      dryRun: true,
      changes: [
        `make the key of the question, in ${there.files.questionKey}`,
        'record its public half',
        `make the secret of the relay, in ${there.files.relaySecret}`,
        `make ${path}, with the secrets of this machine, sealed by a passphrase`,
      ],
    });
    await nothing();
  });

  it('wants a passphrase, and no short one', async () => {
    vi.stubEnv('INNERNET_KIT_PASSPHRASE', 'short');
    await expect(make()).rejects.toThrow(
      'INNERNET_KIT_PASSPHRASE: a passphrase has at least 12 characters, and this one has 5',
    );
    vi.stubEnv('INNERNET_KIT_PASSPHRASE', undefined);
    await expect(make()).rejects.toThrow('the passphrase of the kit is missing: set INNERNET_KIT_PASSPHRASE');
    await nothing();
  });

  it('writes over nothing without --yes, and wants a file in a folder that is there', async () => {
    const kept = join(there.folders.configDir, 'kept');
    writeFileSync(kept, 'mine', { mode: 0o644 });
    await expect(make({ save: kept })).rejects.toThrow(`${kept} is there already. Write over it? Say --yes`);
    expect(readFileSync(kept, 'utf8')).toBe('mine');
    await expect(make({ save: there.folders.configDir })).rejects.toThrow(
      `${there.folders.configDir} is a folder`,
    );
    await expect(make({ save: join(kept, '..', 'no', 'x.kit') })).rejects.toThrow('there is no folder');
    await expect(make({ save: undefined })).rejects.toThrow('--save is missing');
    await nothing();
    await make({ save: kept, yes: true });
    expect(statSync(kept).mode & 0o777).toBe(0o600);
    expect(kitHead(readFileSync(kept, 'utf8'), kept).network).toBe('acme');
  });

  it('refuses a conf that belongs to another network', async () => {
    const text = readFileSync(there.files.conf, 'utf8');
    writeFileSync(
      there.files.conf,
      text.replace(/private-key = ".*"/, `private-key = "${keysOf('eve').privateKey.reveal()}"`),
    );
    await expect(make()).rejects.toThrow('the key of the server differs');
    await nothing();
  });
});
