// One trial of the direct way: tokens through the tunnel, probes, and the round trip that proves a place.
import { describe, expect, it } from 'vitest';
import { Budget } from '../../src/client/tunnels/budget.ts';
import { Trial } from '../../src/client/tunnels/trial.ts';
import { TrialPauses } from '../../src/client/tunnels/trial-pauses.ts';
import type { Token } from '../../src/protocol/talk-message.ts';
import type { SocketAddress } from '../../src/values/endpoint.ts';
import { key } from './sight.ts';

const peer = key(30);
const own = 'o'.repeat(22) as Token;
const theirs = 'T'.repeat(22) as Token;
const there = '198.51.100.7:51820' as SocketAddress;
const elsewhere = '198.51.100.7:40001' as SocketAddress;
const places = [there];

const started = () => new Trial({ peer, own, budget: new Budget(), now: 0 });
const asked = () => new Trial({ peer, own, other: theirs, budget: new Budget(), now: 0 });
const ready = () => {
  const trial = started();
  trial.ready(theirs, 40);
  return trial;
};
const probe = (number: number, to = there) => ({ do: 'probe', to, token: theirs, number });

describe('the side that starts', () => {
  it('tells its token, and again until the other has told its own; a probe before would prove nothing', () => {
    const trial = started();
    expect(trial.tell()).toEqual({ do: 'tell', peer, message: { do: 'try', token: own } });
    expect(trial.probe(places, 0)).toEqual([]);
    expect(trial.look(places, 200)).toEqual([]);
    expect(trial.look(places, 300)).toEqual([trial.tell()]);
    expect(trial.look(places, 500)).toEqual([]);
    expect(trial.look(places, 600)).toEqual([trial.tell()]);
  });

  it('gives up a program that does not answer', () => {
    expect(started().look(places, 1999)).not.toBeTypeOf('string');
    expect(started().look(places, 2000)).toBe('its program does not answer');
  });

  it('learns the round trip from the first answer alone', () => {
    const trial = started();
    expect(trial.ready(theirs, 40)).toBe(40);
    expect(trial.ready('X'.repeat(22) as Token, 90)).toBeUndefined();
    expect(trial.isWith(theirs)).toBe(true);
  });

  it('probes four times within a second, each with a number, and gives up then', () => {
    const trial = ready();
    const sent = [40, 50, 140, 340, 740, 900, 1039].map((now) => trial.look(places, now));
    expect(sent).toEqual([[probe(1)], [], [probe(2)], [probe(3)], [probe(4)], [], []]);
    expect(trial.look(places, 1040)).toBe('no probe got through the routers');
  });

  it('says to go, naming the probe that came back', () => {
    expect(ready().go(3)).toEqual({ do: 'tell', peer, message: { do: 'go', token: own, probe: 3 } });
  });
});

describe('the side that was asked', () => {
  it('tells its token and probes at once, so that its router lets the other in', () => {
    const trial = asked();
    expect(trial.tell()).toEqual({ do: 'tell', peer, message: { do: 'ready', token: own } });
    expect(trial.hasProbed).toBe(false);
    expect(trial.probe(places, 0)).toEqual([probe(1)]);
    expect(trial.hasProbed).toBe(true);
  });

  it('answers each probe where it came from, and probes a new place once', () => {
    const trial = asked();
    const answer = (number: number) => ({ do: 'answer', to: elsewhere, token: theirs, number });
    expect(trial.answer(7, elsewhere, places, false)).toEqual([answer(7), probe(1, elsewhere)]);
    expect(trial.answer(8, elsewhere, places, false)).toEqual([answer(8)]);
    expect([trial.placeOf(7), trial.placeOf(9)]).toEqual([elsewhere, undefined]);
  });

  it('waits a second longer for the word to go, and answers for two: the other may still ask', () => {
    const trial = asked();
    expect(trial.look(places, 1999)).not.toBeTypeOf('string');
    expect(trial.look(places, 2000)).toBeTypeOf('string');
    expect([trial.isForgotten(2000), trial.isForgotten(2001)]).toEqual([false, true]);
    expect(trial.answer(9, elsewhere, places, true)).toHaveLength(1);
  });
});

it('probes no more than eight places, nor one host more than four times a second in all trials', () => {
  const budget = new Budget();
  const many = Array.from({ length: 20 }, (_, number) => `198.51.100.${number}:51820` as SocketAddress);
  const trial = new Trial({ peer, own, other: theirs, budget, now: 0 });
  expect(trial.probe(many, 0)).toHaveLength(8);
  const others = Array.from({ length: 6 }, () => new Trial({ peer, own, other: theirs, budget, now: 0 }));
  expect(others.flatMap((other) => other.probe(places, 0))).toHaveLength(3);
});

describe('the next trial is due', () => {
  const pauseAfter = (pauses: TrialPauses, now: number): number => {
    pauses.fail(now);
    return pauses.nextAt - now;
  };

  it('ever later after failures, and at once after news', () => {
    const pauses = new TrialPauses(0);
    expect([0, 0, 0, 0, 0].map((now) => pauseAfter(pauses, now))).toEqual([
      30_000, 120_000, 600_000, 3_600_000, 3_600_000,
    ]);
    pauses.hearNews(5);
    expect(pauses.nextAt).toBe(5);
    expect(pauseAfter(pauses, 5)).toBe(30_000);
  });

  it('five seconds after a fall, so often that a way that heals is found; then as after failures', () => {
    const pauses = new TrialPauses(0);
    pauses.fall(0);
    expect(pauses.nextAt).toBe(5000);
    const waits = Array.from({ length: 13 }, () => pauseAfter(pauses, 0));
    expect(waits).toEqual([...Array(12).fill(5000), 30_000]);
  });

  it('ten minutes after the third fall within ten minutes', () => {
    const pauses = new TrialPauses(0);
    for (const at of [0, 300_000]) pauses.fall(at);
    expect(pauses.nextAt).toBe(305_000);
    pauses.fall(599_999);
    expect(pauses.nextAt).toBe(1_199_999);
    pauses.fall(1_300_000);
    expect(pauses.nextAt).toBe(1_305_000);
  });
});
