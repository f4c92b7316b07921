// What goes on in a soak: one thing after another, chosen by dice that a seed repeats, and a count of each.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Host } from '../lab.ts';
import { DEVICE, GROUPS, type Member, type World } from './world.ts';

type Deed = { what: string; weight: number; act: () => Promise<unknown> };

export class Churn {
  readonly counts = new Map<string, number>();
  readonly #world: World;
  readonly #dice: () => number;
  readonly #disabled = new Set<string>();
  readonly #unplugged = new Set<Host>();
  readonly #away = new Set<string>();
  #names = 0;
  /** Restarts of the server end its curve: they are over when the second half begins. */
  mayRestart = true;

  constructor(world: World, dice: () => number) {
    this.#world = world;
    this.#dice = dice;
  }

  /** Does one thing; throws where it did not succeed. */
  async step(): Promise<void> {
    const deeds = this.#deeds().filter(({ weight }) => weight > 0);
    let throwOf = this.#dice() * deeds.reduce((sum, { weight }) => sum + weight, 0);
    const deed = deeds.find(({ weight }) => {
      throwOf -= weight;
      return throwOf < 0;
    });
    if (!deed) return;
    this.counts.set(deed.what, (this.counts.get(deed.what) ?? 0) + 1);
    await deed.act().catch((error: Error) => {
      throw new Error(`${deed.what}: ${error.message}`, { cause: error });
    });
  }

  /** Makes everything whole again, so that all can come level. */
  async rest(): Promise<void> {
    for (const host of this.#unplugged) await this.#world.lab.cable(host, 'in');
    this.#unplugged.clear();
    for (const name of this.#disabled) await this.#world.command({ type: 'EnablePeer', peer: name });
    this.#disabled.clear();
    for (const address of this.#away) await this.#world.followInCrowd(address);
    this.#away.clear();
  }

  #pick<T>(list: readonly T[]): T {
    const picked = list[Math.floor(this.#dice() * list.length)];
    if (picked === undefined) throw new Error('there is nothing to choose from');
    return picked;
  }

  #deeds(): Deed[] {
    const { guests, steady, crowd } = this.#world;
    const here = guests.filter(({ daemon }) => daemon !== undefined);
    const gone = guests.filter(({ daemon }) => daemon === undefined);
    return [
      { what: 'joined', weight: gone.length > 0 ? 4 : 0, act: () => this.#join(this.#pick(gone)) },
      { what: 'left', weight: here.length > 1 ? 3 : 0, act: () => this.#leave(this.#pick(here)) },
      { what: 'renamed peers', weight: 8, act: () => this.#renamePeer() },
      { what: 'renamed ranges', weight: 8, act: () => this.#renameCidr() },
      { what: 'changed associations', weight: 12, act: () => this.#associate() },
      { what: 'disabled and enabled', weight: 4, act: () => this.#toggle() },
      {
        what: 'unplugged and plugged in',
        weight: 4,
        act: () => this.#unplug(this.#pick([...steady, ...here]).host),
      },
      { what: 'moved', weight: 3, act: () => this.#move() },
      {
        what: 'killed and followed again',
        weight: here.length > 0 ? 2 : 0,
        act: () => this.#refollow(this.#pick(here)),
      },
      { what: 'streams left and came', weight: 8, act: () => this.#comeAndGo(this.#pick(crowd)) },
      { what: 'restarted the server', weight: this.mayRestart ? 2 : 0, act: () => this.#restart() },
    ];
  }

  async #join(member: Member): Promise<void> {
    this.#names += 1;
    if (this.#unplugged.delete(member.host)) await this.#world.lab.cable(member.host, 'in');
    await this.#world.join(member, `guest-${this.#names}`, 'guests');
  }

  /** Deleted first or last: a machine that is told, or one that goes by itself. */
  async #leave(member: Member): Promise<void> {
    const forget = () => this.#sure({ type: 'DeletePeer', peer: member.name });
    if (this.#dice() < 0.5) {
      await forget();
      await sleep(this.#dice() * 1000);
      await this.#world.leave(member);
    } else {
      await this.#world.leave(member);
      await forget();
    }
  }

  /** To another name and back, since everything else here goes by names. */
  async #renamePeer(): Promise<void> {
    const number = 1 + Math.floor(this.#dice() * this.#world.crowd.length);
    await this.#sure({ type: 'RenamePeer', peer: `crowd${number}`, name: `mob${number}` });
    await this.#sure({ type: 'RenamePeer', peer: `mob${number}`, name: `crowd${number}` });
  }

  async #renameCidr(): Promise<void> {
    await this.#sure({ type: 'RenameCidr', cidr: 'robots', name: 'machines' });
    await this.#sure({ type: 'RenameCidr', cidr: 'machines', name: 'robots' });
  }

  async #associate(): Promise<void> {
    const [one, other] = [this.#pick(GROUPS), this.#pick(GROUPS)];
    if (one === other) return;
    const status = await this.#world.command({ type: 'AddAssociation', cidrs: [one, other] });
    if (status >= 400) await this.#sure({ type: 'DeleteAssociation', cidrs: [one, other] });
  }

  async #toggle(): Promise<void> {
    const [disabled] = this.#disabled;
    if (disabled !== undefined && this.#dice() < 0.6) {
      await this.#sure({ type: 'EnablePeer', peer: disabled });
      this.#disabled.delete(disabled);
      return;
    }
    const name = this.#pick(['bob', 'cam', 'dan', 'crowd1', 'crowd2']);
    await this.#sure({ type: 'DisablePeer', peer: name });
    this.#disabled.add(name);
  }

  async #unplug(host: Host): Promise<void> {
    const isOut = this.#unplugged.delete(host);
    if (!isOut && this.#unplugged.size === 0 && host.name !== 'ann') this.#unplugged.add(host);
    await this.#world.lab.cable(host, this.#unplugged.has(host) ? 'out' : 'in');
  }

  /** To another address; whoever is behind the router stays there. */
  async #move(): Promise<void> {
    const { steady } = this.#world;
    const member = this.#pick(
      steady.filter(({ name, host }) => name !== 'cam' && !this.#unplugged.has(host)),
    );
    await this.#world.lab.move(member.host);
  }

  async #refollow(member: Member): Promise<void> {
    await member.daemon?.stop(this.#dice() < 0.5 ? 'SIGKILL' : 'SIGTERM');
    await this.#world.follow(member);
  }

  async #comeAndGo(address: string): Promise<void> {
    if (this.#away.delete(address)) return this.#world.followInCrowd(address);
    this.#away.add(address);
    await this.#world.leaveCrowd(address);
  }

  async #restart(): Promise<void> {
    await this.#world.stopServing(this.#dice() < 0.5 ? 'SIGKILL' : 'SIGTERM');
    await sleep(this.#dice() * 2000);
    await this.#world.serve();
  }

  /** Again and again while the server or the way to it is away; a refusal means that the name is gone, or so already. */
  async #sure(command: object): Promise<void> {
    for (let attempt = 0; attempt < 100; attempt += 1) {
      const status = await this.#world.command(command);
      if (status >= 200 && status < 500 && status !== 429 && status !== 401) return;
      await sleep(200);
    }
    const { said } = this.#world;
    throw new Error(`no answer to ${JSON.stringify(command)} of ${DEVICE}\n${said.slice(-20).join('\n')}`);
  }
}
