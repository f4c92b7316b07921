// The secret of the mailboxes: made once, for root alone, and the same after a restart.
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { mailboxOf } from '../../src/relay/mailbox.ts';
import { relaySecret } from '../../src/server/disk/relay-secret.ts';
import { PublicKey } from '../../src/values/key.ts';
import { ids } from '../acme.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'innernet-secret-'));
  file = join(folder, 'acme.relay-key');
});
afterEach(() => rmSync(folder, { recursive: true }));

it('is made once, with mode 0600 whatever the umask', () => {
  const before = process.umask(0);
  try {
    const secret = relaySecret(file);
    expect(secret).toHaveLength(32);
    expect(relaySecret(file)).toEqual(secret);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(['acme.relay-key']);
  } finally {
    process.umask(before);
  }
});

it('is made again where the file holds none', () => {
  const first = relaySecret(file);
  writeFileSync(file, 'half a sec');
  const second = relaySecret(file);
  expect(second).toHaveLength(32);
  expect(second).not.toEqual(first);
  expect(relaySecret(file)).toEqual(second);
});

it('makes a key of WireGuard for each relay and peer, and other ones with another secret', () => {
  const [one, other] = [relaySecret(file), relaySecret(`${file}-2`)];
  const keys = [one, other].flatMap((secret) =>
    [ids.server, ids.ann].flatMap((relay) =>
      [ids.bob, ids.ryo].map((peer) => mailboxOf(secret, relay, peer)),
    ),
  );
  expect(new Set(keys).size).toBe(8);
  for (const key of keys) expect(PublicKey.parse(key)).toBe(key);
  expect(mailboxOf(one, ids.server, ids.bob)).toBe(keys[0]);
});
