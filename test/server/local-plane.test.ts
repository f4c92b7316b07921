// The verbs' plane on the server machine: what is read is what is there, who asks is written down.
import { copyFileSync, rmSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Rejected } from '../../src/domain/rejection.ts';
import { READ_MODELS } from '../../src/projections/projections.ts';
import { LocalPlane, operator } from '../../src/server/verbs/local-plane.ts';
import { openSqliteLog } from '../../src/store/sqlite-log.ts';
import { DamagedLog } from '../../src/store/verify.ts';
import { acme, ids, keyOf } from '../acme.ts';
import { acmeFolders, ACME as NAME } from './acme-folders.ts';

const open = async (folders: Parameters<typeof LocalPlane.open>[1]): Promise<LocalPlane> => {
  const plane = await LocalPlane.open(NAME, folders);
  onTestFinished(() => plane.close());
  return plane;
};

it('shows the network, and where its server is', async () => {
  const { folders } = await acmeFolders();
  const plane = await open(folders);
  const view = await plane.view();
  expect(view).toMatchObject({ name: 'acme', position: acme.network.length });
  expect(view.peers.map(({ name }) => name)).toEqual(['innernet-server', 'ann', 'ryo', 'bob', 'oven', 'eve']);
  expect(await plane.server()).toEqual({
    publicKey: keyOf('server'),
    externalEndpoint: 'vpn.example.org:51820',
    internalEndpoint: '10.42.0.1:51820',
    proof: 1,
  });
});

it('reads what itself and others have done since', async () => {
  const { folders } = await acmeFolders();
  const [plane, other] = [await open(folders), await open(folders)];
  await plane.execute({ type: 'RenamePeer', peer: ids.bob, name: 'rob' as never });
  await other.execute({ type: 'RenamePeer', peer: ids.ryo, name: 'leo' as never });
  await plane.execute({ type: 'ChangeServerEndpoint', endpoint: 'new.example.org:51820' as never });
  for (const { view, server } of [plane, other].map((each) => ({
    view: each.view(),
    server: each.server(),
  }))) {
    expect((await view).peers.map(({ name }) => name)).toEqual(expect.arrayContaining(['rob', 'leo']));
    expect((await server).externalEndpoint).toBe('new.example.org:51820');
  }
  const taken = plane.execute({ type: 'RenamePeer', peer: ids.ann, name: 'leo' as never });
  await expect(taken).rejects.toBeInstanceOf(Rejected);
});

it('writes down who asked', async () => {
  const { folders, files } = await acmeFolders();
  const plane = await open(folders);
  const { position } = await plane.execute({ type: 'RenamePeer', peer: ids.bob, name: 'rob' as never });
  const log = await openSqliteLog({ file: files.log, readModels: READ_MODELS });
  const [record] = await log.read(position - 1, 1);
  await log.close();
  expect(JSON.parse(record!.actor)).toEqual(operator());
  expect(operator()).toMatchObject({ kind: 'operator', uid: process.getuid?.() });
});

describe('refuses', () => {
  it('a network that is not here', async () => {
    const { folders, files } = await acmeFolders();
    rmSync(files.conf);
    await expect(open(folders)).rejects.toThrow(files.conf);
  });

  it('an old copy of the log: what is appended to it would be another history', async () => {
    const { folders, files } = await acmeFolders();
    const copy = `${files.log}.old`;
    copyFileSync(files.log, copy);
    const plane = await LocalPlane.open(NAME, folders);
    await plane.execute({ type: 'RenamePeer', peer: ids.bob, name: 'rob' as never });
    await plane.close();
    rmSync(files.log);
    for (const end of ['-wal', '-shm']) rmSync(files.log + end, { force: true });
    copyFileSync(copy, files.log);
    await expect(open(folders)).rejects.toBeInstanceOf(DamagedLog);
  });
});
