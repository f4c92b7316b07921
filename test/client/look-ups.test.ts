// What peers name as their place is looked up once, however often they and others come and go.
import { expect, it } from 'vitest';
import { KEPT_FOR_MS, LookUps } from '../../src/client/tunnels/look-ups.ts';
import { endpoint } from '../acme.ts';

/** A resolver whose answers come when the test says so. */
const resolver = () => {
  const asked: string[] = [];
  const answers = new Map<string, { give: (address: string) => void; fail: () => void }>();
  const resolve = (name: string) =>
    new Promise<{ address: string; family: number }[]>((give, reject) => {
      asked.push(name);
      answers.set(name, {
        give: (address) => give([{ address, family: 4 }]),
        fail: () => reject(new Error('ENOTFOUND')),
      });
    });
  return { asked, answers, resolve };
};

const settled = () => new Promise((resolve) => setImmediate(resolve));

it('asks once for a name, whoever wants it and at whichever port', async () => {
  const dns = resolver();
  const lookUps = new LookUps(dns.resolve, () => 0);
  const asks = ['a.example:1', 'a.example:2', 'A.example:1'].map((text) =>
    lookUps.addressesOf(endpoint(text)),
  );
  dns.answers.get('a.example')?.give('192.0.2.1');
  expect(await Promise.all(asks)).toEqual([['192.0.2.1:1'], ['192.0.2.1:2'], ['192.0.2.1:1']]);
  expect(await lookUps.addressesOf(endpoint('a.example:3'))).toEqual(['192.0.2.1:3']);
  expect(dns.asked).toEqual(['a.example']);
});

it('asks again after five minutes, also for a name that was not known', async () => {
  const dns = resolver();
  let now = 0;
  const lookUps = new LookUps(dns.resolve, () => now);
  const first = lookUps.addressesOf(endpoint('a.example:1'));
  dns.answers.get('a.example')?.fail();
  expect(await first).toEqual([]);
  now = KEPT_FOR_MS - 1;
  expect(await lookUps.addressesOf(endpoint('a.example:1'))).toEqual([]);
  expect(dns.asked).toHaveLength(1);
  now = KEPT_FOR_MS;
  const second = lookUps.addressesOf(endpoint('a.example:1'));
  dns.answers.get('a.example')?.give('192.0.2.1');
  expect(await second).toEqual(['192.0.2.1:1']);
  expect(dns.asked).toHaveLength(2);
});

it('asks two at a time: names without an answer leave the threads to others', async () => {
  const dns = resolver();
  const lookUps = new LookUps(dns.resolve, () => 0);
  const asks = ['a', 'b', 'c', 'd'].map((name) => lookUps.addressesOf(endpoint(`${name}.example:1`)));
  await settled();
  expect(dns.asked).toEqual(['a.example', 'b.example']);
  dns.answers.get('b.example')?.fail();
  await settled();
  expect(dns.asked).toEqual(['a.example', 'b.example', 'c.example']);
  for (const name of ['a', 'c']) dns.answers.get(`${name}.example`)?.give('192.0.2.1');
  await settled();
  dns.answers.get('d.example')?.give('192.0.2.1');
  expect((await Promise.all(asks)).map(({ length }) => length)).toEqual([1, 0, 1, 1]);
});
