// The page that tells how to move over, typed word for word on machines that innernet has set up.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../e2e/small-network.ts';
import { Stage } from '../page.ts';
import { OldClient, OldServer } from './programs.ts';

let stage: Stage;

beforeAll(async () => {
  stage = await Stage.create();
  const server = new OldServer(await stage.host('server'));
  await server.create();
  for (const [name, cidr] of [
    ['bakers', '10.61.1.0/24'],
    ['machines', '10.61.2.0/24'],
  ] as const)
    await server.sure('add-cidr', 'acme', '--name', name, '--cidr', cidr, '--parent', 'acme', '--yes');
  const serving = await server.serve();
  const invite = async (name: string, cidr: string): Promise<string> => {
    const file = join(stage.folder, `${name}.toml`);
    await server.sure(
      ...['add-peer', 'acme', '--name', name, '--cidr', cidr, '--auto-ip', '--admin', 'true'],
      ...['--invite-expires', '7d', '--save-config', file, '--yes'],
    );
    return file;
  };
  const ann = new OldClient(await stage.host('ann'));
  const press = new OldClient(await stage.host('press'));
  await ann.install(await invite('ann', 'bakers'));
  await press.install(await invite('press', 'machines'));
  await invite('eve', 'bakers');
  await ann.sure('add-association', 'acme', 'bakers', 'machines', '--yes');
  await ann.sure('rename-cidr', 'acme', '--name', 'bakers', '--new-name', 'Bakers & Co', '--yes');
  await ann.sure('fetch', 'acme');
  await serving.stop();
  await until('the old server has gone', async () => !serving.running);
});
afterAll(() => stage.close());

describe('docs/moving-over.md', () => {
  it('runs as it stands', async () => {
    expect(await stage.play(readFileSync('docs/moving-over.md', 'utf8'))).toBeGreaterThan(8);
  });
});
