// Ways of a relay that come and go while nft runs; says at the end whether the kernel has those that are wanted.
import { setTimeout as sleep } from 'node:timers/promises';
import { LentForwarding } from '../../src/filter/lent-forwarding.ts';
import { RelayWays } from '../../src/filter/relay-ways.ts';
import type { Ip } from '../../src/values/ip.ts';
import { InterfaceName } from '../../src/values/name.ts';
import { sure } from '../../src/wireguard/program.ts';
import { diceOf } from '../torture/seed.ts';

const [own = '', other = '', journal = '', seed = '0'] = process.argv.slice(2);
const network = InterfaceName.parse('acme');
const CHANGES = 400;
const WAYS = 40;

const ways = new RelayWays({
  network,
  family: 4,
  port: 51821,
  ownHost: own as Ip,
  forwarding: new LentForwarding(journal),
  say: (line) => console.log(line),
});
const way = (index: number) => ({
  fromHost: other as Ip,
  fromPort: 1000 + index,
  index,
  toHost: other as Ip,
  toPort: 7,
});

const kept = async (): Promise<string> => {
  const listing = await sure('nft', ['list', 'map', 'ip', 'innernet-relay-acme', 'addr']);
  const ports = [...listing.matchAll(/[\d.]+ \. (\d+) \. 0x/g)].map(([, port]) => Number(port) - 1000);
  return ports.sort((left, right) => left - right).join(' ');
};

const dice = diceOf(Number(seed));
const open = new Set<number>();
ways.admit(new Set([other]));
for (let count = 0; count < CHANGES; count += 1) {
  const index = Math.floor(dice() * WAYS);
  if (open.delete(index)) ways.close(way(index));
  else {
    open.add(index);
    ways.open(way(index), 100_000);
  }
  if (count % 3 === 0) await sleep(dice() * 6);
}
const wanted = [...open].sort((left, right) => left - right).join(' ');
for (let look = 0; look < 50 && (await kept()) !== wanted; look += 1) await sleep(100);
const has = await kept();
console.log(has === wanted ? 'the kernel has what is wanted' : `wanted ${wanted}, has ${has}`);
await ways.leave();
