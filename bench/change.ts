/** From an admin's command to the one affected client's WireGuard, beside the same path with nothing on it. */
import { resolve } from 'node:path';
import type { Running } from '../test/lab.ts';
import { alone, beside, type Measured, type SceneRow } from './figure.ts';
import { someKey } from './log.ts';
import { interleave } from './sample.ts';
import { DEVICE, delaysAfter, type Scene, SERVER_IP } from './scene.ts';

const ROUNDS = 15;
const TYPED_ROUNDS = 3;

/** One figure of several rounds, taken one after the other. */
const repeat = async (rounds: number, measure: () => Promise<number>): Promise<number[]> => {
  const values: number[] = [];
  for (let round = 0; round < rounds; round++) values.push(await measure());
  return values;
};

/** A peer that only bob can see is enabled and disabled in turn. */
class Phantom {
  readonly #scene: Scene;
  #present = true;

  constructor(scene: Scene) {
    this.#scene = scene;
  }

  /** Milliseconds from a request over an open connection to bob's device. */
  async change(): Promise<number> {
    const { bob, phantom } = this.#scene;
    this.#present = !this.#present;
    const type = this.#present ? 'EnablePeer' : 'DisablePeer';
    const seen = bob.machine.sees(DEVICE, phantom.key, this.#present);
    const [delay = Number.NaN] = await delaysAfter([seen], () =>
      this.#scene.command({ type, peer: phantom.name }),
    );
    return delay;
  }

  /** Milliseconds from the start of the program that an admin types. */
  async type(): Promise<number> {
    const { ann, bob, phantom } = this.#scene;
    this.#present = !this.#present;
    const verb = this.#present ? 'enable-peer' : 'disable-peer';
    const seen = bob.machine.sees(DEVICE, phantom.key, this.#present);
    const [delay = Number.NaN] = await delaysAfter([seen], () =>
      ann.machine.type('innernet', verb, DEVICE, '--name', phantom.name, '--yes'),
    );
    return delay;
  }
}

/** The yardstick's programs, on the same hosts and through the same tunnels, and a device of their own. */
class BarePath {
  readonly #scene: Scene;
  readonly #programs: Running[];
  readonly #key = someKey();
  #present = false;

  private constructor(scene: Scene, programs: Running[]) {
    this.#scene = scene;
    this.#programs = programs;
  }

  static async lay(scene: Scene): Promise<BarePath> {
    const { server, bob } = scene;
    const program = [process.execPath, resolve('bench/bare/change.js')];
    await bob.machine.host.sure(['wireguard-go', 'bare']);
    const serving = server.host.spawn([...program, 'server', SERVER_IP, server.path('bare')]);
    await serving.line(/listening/);
    const following = bob.machine.host.spawn([
      ...program,
      'client',
      SERVER_IP,
      bob.machine.path('bare'),
      'bare',
    ]);
    await following.line(/connected/);
    return new BarePath(scene, [serving, following]);
  }

  async change(): Promise<number> {
    const { ann, bob } = this.#scene;
    this.#present = !this.#present;
    const hex = Buffer.from(this.#key, 'base64').toString('hex');
    const operation = `set=1,public_key=${hex},${this.#present ? 'allowed_ip=10.99.0.1/32' : 'remove=true'}`;
    const seen = bob.machine.sees('bare', this.#key, this.#present);
    const [delay = Number.NaN] = await delaysAfter([seen], () =>
      ann.machine.post(`http://${SERVER_IP}:7070`, {}, operation),
    );
    return delay;
  }

  async takeUp(): Promise<void> {
    await Promise.all(this.#programs.map((program) => program.stop('SIGKILL')));
  }
}

const measure = async (scene: Scene): Promise<Measured[]> => {
  const phantom = new Phantom(scene);
  const bare = await BarePath.lay(scene);
  try {
    const [ours = [], yardstick = []] = await interleave(ROUNDS, [
      () => phantom.change(),
      () => bare.change(),
    ]);
    const typed = await repeat(TYPED_ROUNDS, () => phantom.type());
    const limit = 50 + 3 * scene.path.oneWayMs;
    return [
      beside({ name: 'change to WireGuard', unit: 'ms' }, ours, yardstick, { atMost: 2 }),
      alone({ name: 'change in force', unit: 'ms' }, ours, limit),
      alone({ name: 'change typed', unit: 'ms' }, typed),
    ];
  } finally {
    await bare.takeUp();
  }
};

export const change: SceneRow = {
  name: 'change',
  what: "an admin's command to the affected client's WireGuard; yardstick: the same path with nothing on it",
  measure,
};
