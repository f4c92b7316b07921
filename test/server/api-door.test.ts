// Who gets in: identity is the source address, nothing else is believed, and a stranger hears next to nothing.
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { V1Peer } from '../../src/protocol/v1.ts';
import type { PeerId } from '../../src/values/id.ts';
import { keyOf } from '../acme.ts';
import { ServedNetwork } from './served-network.ts';

const STATE = '/v1/user/state';

describe('the door of the API', () => {
  let served: ServedNetwork;
  const ips = { ann: '', bob: '', ivy: '', off: '' };

  beforeAll(async () => {
    served = await ServedNetwork.start();
    ips.ann = (await served.peer('ann', { admin: true })).ip;
    ips.bob = (await served.peer('bob')).ip;
    ips.ivy = (await served.peer('ivy', { invited: true })).ip;
    ips.off = (await served.peer('off')).ip;
    await served.run({ type: 'DisablePeer', peer: 'off' });
  });
  afterAll(() => served.close());

  const expectEmpty = async (status: number, path: string, call: Parameters<ServedNetwork['call']>[1]) => {
    const answer = await served.call(path, call);
    expect([answer.status, answer.text, answer.headers['content-type']]).toEqual([status, '', undefined]);
  };

  it('lets a known peer in', async () => {
    expect((await served.call(STATE, { from: ips.bob })).status).toBe(200);
  });

  it.each(['127.42.1.200', '127.0.0.1'])('turns the unknown address %s away with an empty 401', (from) =>
    expectEmpty(401, STATE, { from }),
  );

  it('turns a disabled peer away', () => expectEmpty(401, STATE, { from: ips.off }));

  it('turns its own address away', () => expectEmpty(401, STATE, { from: '127.42.0.1' }));

  it.each([
    ['without the header', { 'x-innernet-server-key': undefined }],
    ['with another key', { 'x-innernet-server-key': keyOf('other') }],
    ['with a host that was rebound', { host: 'evil.example.org' }],
    ['from a web page', { origin: 'http://evil.example.org' }],
  ])('turns a call %s away', (_, headers) => expectEmpty(401, STATE, { from: ips.bob, headers }));

  it.each(['x-forwarded-for', 'forwarded', 'x-real-ip', 'x-client-ip', 'true-client-ip'])(
    'does not believe %s',
    (name) =>
      expectEmpty(401, STATE, {
        from: '127.42.1.200',
        headers: { [name]: name === 'forwarded' ? `for=${ips.ann}` : ips.ann },
      }),
  );

  it("an ended invitation's address takes no connection for five seconds, whoever has it by then", async () => {
    const old = await served.peer('old', { invited: true });
    const call = () => served.call('/v1/user/capabilities', { from: old.ip });
    expect((await call()).status).toBe(200);
    await served.run({ type: 'RevokeInvitation', peer: old.id });
    expect((await served.peer('new', { invited: true })).ip).toBe(old.ip);
    await expect(call()).rejects.toThrow(/ECONNRESET|hang up/);
    await sleep(5_100);
    expect((await call()).status).toBe(200);
  });

  it('knows no path outside /v1, for anybody', async () => {
    for (const from of [ips.ann, '127.42.1.200']) await expectEmpty(404, '/', { from });
    await expectEmpty(404, '/v2/user/state', { from: ips.ann });
    await expectEmpty(404, '/v1/user/nothing', { from: ips.ann });
    await expectEmpty(401, '/v1/user/nothing', { from: '127.42.1.200' });
    await expectEmpty(401, '/v1/user/%ff', { from: '127.42.1.200' });
    await expectEmpty(404, '/%ff', { from: '127.42.1.200' });
  });

  it('opens routes to roles', async () => {
    const admin = '/v1/admin/peers';
    expect((await served.call(admin, { from: ips.ann })).status).toBe(200);
    await expectEmpty(401, admin, { from: ips.bob });
    await expectEmpty(401, admin, { from: ips.ivy });
    await expectEmpty(401, STATE, { from: ips.ivy });
    expect((await served.call('/v1/user/capabilities', { from: ips.ivy })).status).toBe(200);
  });

  it('asks for the role anew with every request, also on the same connection', async () => {
    await served.run({ type: 'GrantAdmin', peer: 'bob' });
    expect((await served.call('/v1/admin/cidrs', { from: ips.bob })).status).toBe(200);
    await served.run({ type: 'RevokeAdmin', peer: 'bob' });
    await expectEmpty(401, '/v1/admin/cidrs', { from: ips.bob });
  });

  // Candidates are no event: no rule looks at who reports them, only the door does.
  it('asks for the role again when the body is there', async () => {
    const { ip } = await served.peer('eve', { admin: true });
    const rows = (await served.call('/v1/admin/peers', { from: ip })).json() as V1Peer[];
    const row = rows.find(({ name }) => name === 'bob')!;
    const body = JSON.stringify({ ...row, candidates: ['192.168.66.6:6'] });
    const head = served.head(`PUT /v1/admin/peers/${row.id} HTTP/1.1`, `Content-Length: ${body.length}`);
    const socket = connect({ host: '127.42.0.1', port: served.port, localAddress: ip });
    const answer = new Promise<string>((resolve) => socket.once('data', (data) => resolve(data.toString())));
    socket.write(head + body.slice(0, 10));
    await new Promise((resolve) => setTimeout(resolve, 50));
    await served.run({ type: 'RevokeAdmin', peer: 'eve', confirmed: true });
    socket.write(body.slice(10));
    expect(await answer).toMatch(/^HTTP\/1.1 401 /);
    socket.destroy();
    expect(served.observations.of(row.id as PeerId).candidates).toEqual([]);
  });

  it('does not even speak HTTP errors with strangers', async () => {
    expect(await served.raw('127.42.1.200', 'nonsense\r\n\r\n')).toBe('');
    expect(await served.raw(ips.bob, 'nonsense\r\n\r\n')).toMatch(/^HTTP\/1.1 400 /);
  });

  it('ends the connections of a peer that is disabled', async () => {
    const { ip } = await served.peer('max');
    const socket = connect({ host: '127.42.0.1', port: served.port, localAddress: ip });
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.on('error', () => {});
    socket.resume();
    socket.write(served.head(`GET ${STATE} HTTP/1.1`));
    await new Promise((resolve) => socket.once('data', resolve));
    await served.run({ type: 'DisablePeer', peer: 'max' });
    await closed;
    await expectEmpty(401, STATE, { from: ip });
  });

  it('has four connections for a peer, and refuses the fifth alone', async () => {
    const { ip } = await served.peer('zed');
    const open = async () => {
      const socket = connect({ host: '127.42.0.1', port: served.port, localAddress: ip });
      const heard = new Promise<string>((resolve) => {
        socket.once('data', (data) => resolve(data.toString()));
        socket.once('close', () => resolve(''));
      });
      socket.on('error', () => {});
      socket.write(served.head(`GET ${STATE} HTTP/1.1`));
      return { socket, heard: await heard };
    };
    const all = [await open(), await open(), await open(), await open(), await open()];
    expect(all.map(({ heard }) => /^HTTP\/1.1 (\d+)/.exec(heard)?.[1])).toEqual([
      '200',
      '200',
      '200',
      '200',
      '429',
    ]);
    expect((await served.call(STATE, { from: ips.bob })).status).toBe(200);
    for (const { socket } of all) socket.destroy();
  });

  it('answers twenty calls a second to a peer, and refuses more to it alone', async () => {
    const { ip } = await served.peer('hurried');
    const line = 'GET /v1/user/capabilities HTTP/1.1';
    // Without waiting for answers: a slow machine would not ask twenty times a second.
    const text = await served.raw(ip, served.head(line).repeat(99) + served.head(line, 'Connection: close'));
    const statuses = Array.from(text.matchAll(/HTTP\/1\.1 (\d+)/g), ([, status]) => status);
    expect(statuses).toHaveLength(100);
    expect(statuses.slice(0, 20).every((status) => status === '200')).toBe(true);
    expect(statuses).toContain('429');
    expect((await served.call(STATE, { from: ips.bob })).status).toBe(200);
  });

  it('does not register a route without a role', async () => {
    const { default: fastify } = await import('fastify');
    const { installHooks } = await import('../../src/server/http/hooks.ts');
    const app = fastify();
    installHooks(
      app,
      { admit: () => undefined, callerNow: () => undefined, proofOf: () => undefined },
      { report: () => {}, held: async () => {} },
    );
    expect(() => app.get('/v1/user/secret', () => 'x')).toThrow('does not say whom it is open to');
  });

  it('had no trouble of its own', () => expect(served.troubles).toEqual([]));
});
