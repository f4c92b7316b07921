// R11: real programs whose clocks jump by hours, the server's and a client's: streams and tunnels stand, only invitations end.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  CLIENT,
  follow,
  followWith,
  type Host,
  missedPings,
  reaches,
  reportOf,
  SERVER,
  SmallNetwork,
  until,
} from '../e2e/small-network.ts';
import { BROKEN } from '../lab/pings.ts';

/** Debian's package libfaketime, which `npm run torture` brings; without it there is nothing to try here. */
const LIBRARY = `/usr/lib/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu/faketime/libfaketime.so.1`;

const folder = mkdtempSync(join(tmpdir(), 'innernet-clocks-'));

/** A clock that is read anew at each look; the monotonic one stays, as it does when somebody sets a machine's time. */
class Clock {
  readonly #file: string;
  readonly env: Record<string, string>;

  constructor(name: string) {
    this.#file = join(folder, name);
    this.jump(0);
    this.env = {
      LD_PRELOAD: LIBRARY,
      FAKETIME_TIMESTAMP_FILE: this.#file,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    };
  }

  jump(hours: number): void {
    writeFileSync(this.#file, `${hours < 0 ? '-' : '+'}${Math.abs(hours) * 3600}\n`);
  }
}

const endOf = async (network: SmallNetwork): Promise<number> =>
  JSON.parse(await network.server.sure([...SERVER, 'head', 'acme', '--json'])).position;

describe.runIf(existsSync(LIBRARY) && process.env.TORTURE_LONG)(
  'R11: clocks that jump under real programs',
  () => {
    let network: SmallNetwork;
    let ann: Host;
    let bob: Host;
    let clocks: { server: Clock; ann: Clock };

    beforeAll(async () => {
      clocks = { server: new Clock('server'), ann: new Clock('ann') };
      network = await SmallNetwork.create();
      await network.stopServing('SIGTERM');
      await network.serveWith(clocks.server.env);
      ann = (await network.join('ann')).host;
      bob = (await network.join('bob')).host;
      await followWith(clocks.ann.env, ann);
      await follow(bob);
      await until('there is a tunnel', () => reaches(ann, '10.42.1.2'));
    });
    afterAll(async () => {
      await network.close();
      rmSync(folder, { recursive: true, force: true });
    });

    it.each([
      ['server', 3],
      ['server', -3],
      ['ann', 5],
      ['ann', -5],
      ['ann', 26],
      ['ann', 0],
      ['server', 0],
    ] as const)('the clock of %s at %i hours', { timeout: 180_000 }, async (whose, hours) => {
      const before = await endOf(network);
      const missed = await missedPings(ann, '10.42.1.2', async () => {
        clocks[whose].jump(hours);
        await network.admin('rename-peer', 'acme', '--name', 'bob', '--new-name', 'robert');
        await network.admin('rename-peer', 'acme', '--name', 'robert', '--new-name', 'bob');
        for (const host of [ann, bob])
          await until(`${host.name} has heard`, async () => {
            const { position, isConnected } = await reportOf(host);
            return isConnected && position === before + 2;
          });
        // Long enough for what looks at sessions again and again, and for two heartbeats.
        await sleep(65_000);
      });
      expect(missed).toBeLessThan(BROKEN);
      for (const host of [ann, bob]) expect((await reportOf(host)).isConnected).toBe(true);
      await network.server.sure([...SERVER, 'verify', 'acme']);
    });

    it("an invitation ends by the server's clock, not by its bearer's, and not by a jump of it", {
      timeout: 120_000,
    }, async () => {
      const wrong = new Clock('ivy');
      wrong.jump(48);
      const [ivy, eve] = [await network.invite('ivy'), await network.invite('eve')];
      const host = await network.lab.host('ivy');
      await host.sure([...CLIENT, 'install', ivy], { env: wrong.env });
      expect(await network.isRedeemed('ivy')).toBe(true);
      const soon = await network.lab.host('soon');
      const early = await network.invite('soon');
      clocks.server.jump(25);
      await soon.sure([...CLIENT, 'install', early], { timeout: 60_000 });
      // A server that starts has no older clock to hold a new one against.
      await network.stopServing('SIGTERM');
      await network.serveWith(clocks.server.env);
      const late = await network.lab.host('eve');
      const { code, stderr } = await late.exec([...CLIENT, 'install', eve], { timeout: 60_000 });
      expect(code).toBe(1);
      expect(stderr).toMatch(/ended|used, revoked|expire/);
      clocks.server.jump(0);
      await until('ann is connected', async () => (await reportOf(ann)).isConnected);
    });
  },
);
