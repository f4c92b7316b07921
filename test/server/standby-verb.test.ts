// What `innernet-server standby` refuses, in one sentence and with nothing changed, and what it says beforehand.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Conf } from '../../src/protocol/conf.ts';
import { formatConf, parseConf } from '../../src/protocol/conf.ts';
import { kitHead } from '../../src/server/disk/kit.ts';
import { keyOf, keysOf } from '../acme.ts';
import { ServerProgram } from './program.ts';

const PASSPHRASE = { INNERNET_KIT_PASSPHRASE: 'correct horse battery staple' };
const server = new ServerProgram();
const machine = new ServerProgram();
const kit = join(server.folder, 'acme.kit');
const clientConf = join(machine.folder, 'client.conf');
const standby = (...flags: string[]) => machine.run('standby', 'acme', '--client-conf', clientConf, ...flags);

/** As `innernet install` writes it. */
const confFor = (publicKey = kitHead(readFileSync(kit, 'utf8'), kit).publicKey): Conf => ({
  ...parseConf(
    formatConf({
      networkName: 'acme' as never,
      address: '10.42.1.1/16' as never,
      privateKey: keysOf('ann').privateKey,
      server: {
        publicKey,
        externalEndpoint: 'vpn.example.org:51820' as never,
        internalEndpoint: '10.42.0.1:51820' as never,
      },
      peerEndpointOverrides: new Map(),
    }),
    'conf',
  ),
});

beforeAll(async () => {
  const made = await server.run(
    ...['new', '--no-relay', '--network-name', 'acme', '--network-cidr', '10.42.0.0/16', '--yes'],
    ...['--external-endpoint', 'vpn.example.org:51820'],
  );
  expect(made.stderr + made.stdout).toContain('acme');
  const kept = await server.runWith(PASSPHRASE, 'kit', 'acme', '--save', kit, '--yes');
  expect(kept.code, kept.stderr).toBe(0);
  for (const folder of [machine.configDir, machine.dataDir]) mkdirSync(folder, { mode: 0o700 });
});
afterAll(() => {
  server.remove();
  machine.remove();
});

describe('innernet-server standby', () => {
  it('is refused where the machine is in no such network', async () => {
    const { code, stderr } = await standby('--of', kit);
    expect(code).toBe(1);
    expect(stderr).toBe(
      `innernet-server: error: this machine is not in the network acme: there is no ${clientConf}\n` +
        'innernet-server: hint: a standby is a peer of its network: innernet install INVITATION\n',
    );
    writeFileSync(clientConf, formatConf(confFor()), { mode: 0o600 });
  });

  it('is refused without a kit, with another file, and with the kit of another server', async () => {
    expect((await standby()).stderr).toContain('this machine has no kit of acme yet');
    expect((await standby('--of', '/no/such.kit')).stderr).toContain('there is no /no/such.kit');
    const other = await standby('--of', clientConf);
    expect(other.code).toBe(1);
    expect(other.stderr).toContain(clientConf);
    writeFileSync(clientConf, formatConf(confFor(keyOf('mallory'))), { mode: 0o600 });
    expect((await standby('--of', kit)).stderr).toContain(`${kit} is the kit of another server`);
    writeFileSync(clientConf, formatConf(confFor()), { mode: 0o600 });
  });

  it('says with --dry-run what it would do, and does nothing', async () => {
    const { code, stdout } = await standby('--of', kit, '--dry-run', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      network: 'acme',
      dryRun: true,
      changes: [
        `keep the kit, sealed as it is, in ${machine.dataDir}/acme.kit`,
        `write what the server of acme at 10.42.0.1:51820 records into ${machine.dataDir}/acme.events, until stopped`,
      ],
    });
    expect(readdirSync(machine.dataDir)).toEqual([]);
  });

  it('is refused on the machine that serves', async () => {
    const { code, stderr } = await server.run('standby', 'acme', '--of', kit, '--client-conf', clientConf);
    expect(code).toBe(1);
    expect(stderr).toContain(`this machine serves acme, or did: it has ${server.configDir}/acme.conf`);
  });

  it('keeps the kit sealed, tries again without a tunnel, and ends by a signal; one at a time', async () => {
    const child = machine.start('standby', 'acme', '--client-conf', clientConf, '--of', kit);
    let said = '';
    child.stderr.on('data', (data) => {
      said += data;
    });
    const ended = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)));
    while (!said.includes('it is tried again')) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(said).toContain('the server cannot be followed: the network acme is not up on this machine');
    const second = await standby();
    expect(second.stderr).toContain('a server or standby of acme is running already');
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
    expect(readFileSync(join(machine.dataDir, 'acme.kit'), 'utf8')).toBe(readFileSync(kit, 'utf8'));
    expect(existsSync(join(machine.dataDir, 'acme.events'))).toBe(true);
    expect(JSON.parse(readFileSync(join(machine.dataDir, 'acme.standby'), 'utf8'))).toMatchObject({
      version: 1,
      position: 0,
      trouble: expect.stringContaining('is not up on this machine'),
    });
    expect((await standby('--dry-run')).stdout).not.toContain('keep the kit');
  });
});
