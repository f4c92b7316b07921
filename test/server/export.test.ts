// The verb that writes a database for innernet 2.0's server, as a person calls it.
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ForeignDatabase } from '../../src/store/foreign-database.ts';
import { ServerProgram } from './program.ts';

let server: ServerProgram;
let folder: string;

beforeEach(async () => {
  server = new ServerProgram();
  folder = mkdtempSync(join(tmpdir(), 'innernet-export-'));
  await server.run(
    ...['new', '--no-relay', '--network-name', 'acme', '--network-cidr', '10.42.0.0/16', '--yes'],
    ...['--external-endpoint', 'vpn.example.org:51820'],
  );
});
afterEach(() => {
  server.remove();
  rmSync(folder, { recursive: true });
});

describe('innernet-server export --innernet-db', () => {
  it('writes the file, for the owner alone, and says what is lost', async () => {
    const file = join(folder, 'acme.db');
    const { code, stdout, stderr } = await server.run('export', 'acme', '--innernet-db', file);
    expect([code, stdout]).toEqual([0, `wrote ${file}: 1 peers, 2 CIDRs, 0 associations\n`]);
    expect(stderr).toContain('the history: 5 events');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const database = ForeignDatabase.open(file);
    expect(database.version).toBe(2);
    expect(database.rows('peers')).toMatchObject([
      { id: 1, name: 'innernet-server', ip: '10.42.0.1', endpoint: 'vpn.example.org:51820', is_admin: 1 },
    ]);
    database.close();
  });

  it('answers in JSON', async () => {
    const file = join(folder, 'acme.db');
    const { stdout } = await server.run('export', 'acme', '--innernet-db', file, '--json');
    expect(JSON.parse(stdout)).toMatchObject({
      ...{ file, position: 5, peers: 1, cidrs: 2, associations: 0 },
      losses: [
        { what: 'History', events: 5 },
        { what: 'Identity' },
        { what: 'Ids', peer: 2, cidr: 3 },
        { what: 'Proofs' },
      ],
    });
  });

  it('never overwrites', async () => {
    const file = join(folder, 'acme.db');
    writeFileSync(file, 'mine');
    const { code, stderr } = await server.run('export', 'acme', '--innernet-db', file);
    expect([code, stderr]).toEqual([1, expect.stringContaining('exists already')]);
    expect(readFileSync(file, 'utf8')).toBe('mine');
  });

  it('wants a network that is here', async () => {
    const file = join(folder, 'other.db');
    const { code } = await server.run('export', 'other', '--innernet-db', file);
    expect([code, existsSync(file)]).toEqual([1, false]);
  });
});
