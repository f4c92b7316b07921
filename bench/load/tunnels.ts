/** Clients with WireGuard: the very programs on hosts of a lab, while peers among them come and go. */
import { setTimeout as pause } from 'node:timers/promises';
import { DEVICE, delaysAfter, PATHS, type Path, type Peer, Scene } from '../scene.ts';

/** The hosts that every scene has. */
const ALREADY_THERE = 3;

export class Tunnels {
  readonly #scene: Scene;
  readonly #watchers: Peer[];

  private constructor(scene: Scene, watchers: Peer[]) {
    this.#scene = scene;
    this.#watchers = watchers;
  }

  /** A server and so many clients, all of them up and live. */
  static async create(count: number, say: (text: string) => void): Promise<Tunnels> {
    const scene = await Scene.create(PATHS[0] as Path);
    const watchers = [scene.ann];
    try {
      for (let number = ALREADY_THERE; number < count; number++) {
        const { peer } = await scene.install(await scene.invite());
        await scene.goLive(peer);
        watchers.push(peer);
      }
      say(`${count} clients with WireGuard are live`);
      return new Tunnels(scene, watchers);
    } catch (error) {
      await scene.close();
      throw error;
    }
  }

  /**
   * One of them is disabled and enabled in turn; milliseconds until the last device of the others shows it. The more
   * there are, the less often each is looked at: the looking must not be what the machine is busy with.
   */
  async press(minutes: number, changes: number): Promise<number[]> {
    const [, ...others] = this.#watchers;
    const target = others.pop() ?? this.#scene.bob;
    const end = performance.now() + minutes * 60_000;
    const delays: number[] = [];
    for (let round = 0; performance.now() < end; round++) {
      const present = round % 2 === 1;
      const seen = [this.#scene.ann, ...others].map(({ machine }) =>
        machine.sees(DEVICE, target.key, present, this.#watchers.length),
      );
      const command = { type: present ? 'EnablePeer' : 'DisablePeer', peer: target.name };
      const each = await delaysAfter(target === this.#scene.bob ? [] : seen, () =>
        this.#scene.command(command),
      );
      delays.push(Math.max(...each));
      await pause(1000 / changes);
    }
    return delays;
  }

  close(): Promise<void> {
    return this.#scene.close();
  }
}
