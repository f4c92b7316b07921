// A client that takes one frame after another and says which ones it has written down, until it is killed.
import { Journal } from '../../src/client/memory/journal.ts';
import { ground, History, own, row, server } from './sight.ts';

const [state = '', journal = ''] = process.argv.slice(2);
const kept = await Journal.open({ state, journal }, ground);
const { mirror } = kept.kept;
const history = new History(3000);

const take = async (verdict: ReturnType<typeof mirror.judgeSnapshot>) => {
  if (verdict.kind !== 'take') throw new Error(verdict.kind);
  await kept.append(verdict.effect);
  mirror.take(verdict.effect);
  process.stdout.write(`${mirror.head?.position}\n`);
};

if (!mirror.filled) await take(mirror.judgeSnapshot(history.snapshot(1, 1, [server, own])));
for (let at = mirror.head?.position ?? 1; at < history.length; at += 1) {
  const newcomer = row(at + 10, `10.42.${2 + (at >> 8)}.${at & 255}`, at + 100);
  await take(mirror.judgeDelta(history.delta(at, at + 1, { changed: [newcomer], removed: [at + 5] })));
  if (at % 7 === 0) await kept.fold();
}
