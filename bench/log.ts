/** A log with its control plane as `serve` has them, and the commands that the bench fills it with. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { Command } from '../src/domain/command.ts';
import { Network } from '../src/domain/network.ts';
import type { Actor } from '../src/events/actor.ts';
import { READ_MODELS } from '../src/projections/projections.ts';
import { ControlPlane } from '../src/server/commands/control-plane.ts';
import { LoggedNetwork } from '../src/server/live/logged-network.ts';
import { openSqliteLog, type SqliteLog } from '../src/store/sqlite-log.ts';

export const ACTOR: Actor = { kind: 'operator', uid: 0, user: 'root' };

/** A valid public key that nobody has the private one of. */
export const someKey = (): string => {
  const bytes = randomBytes(32);
  bytes[31] = (bytes[31] ?? 0) & 0x7f;
  return bytes.toString('base64');
};

export class Bench {
  readonly log: SqliteLog;
  readonly control: ControlPlane;
  #peers = 0;

  private constructor(log: SqliteLog, control: ControlPlane) {
    this.log = log;
    this.control = control;
  }

  /** A new network with one CIDR that has room for 16 million peers. */
  static async create(folder: string): Promise<Bench> {
    const file = join(folder, 'acme.events');
    const log = await openSqliteLog({
      file,
      readModels: READ_MODELS,
      mode: 'create',
    });
    const bench = new Bench(log, new ControlPlane(log, new LoggedNetwork(log, new Network())));
    await bench.execute({
      type: 'CreateNetwork',
      name: 'acme',
      cidr: '10.0.0.0/7',
      serverKey: someKey(),
      endpoint: '203.0.113.1:51820',
    });
    await bench.execute({ type: 'AddCidr', name: 'humans', cidr: '11.0.0.0/8' });
    return bench;
  }

  execute(command: unknown) {
    return this.control.execute(Command.parse(command), { actor: ACTOR });
  }

  /** A peer is invited: the most ordinary command, with a row in each read model. */
  addPeer(): Command {
    this.#peers += 1;
    const inviteExpires = '2099-01-01T00:00:00.000Z';
    return Command.parse({
      type: 'AddPeer',
      name: `peer-${this.#peers}`,
      cidr: 'humans',
      isAdmin: false,
      publicKey: someKey(),
      inviteExpires,
    });
  }

  close(): Promise<void> {
    return this.log.close();
  }
}
