/** The lease on a network: of several servers one has the device, the clients and the timers. The database's clock decides. */
import { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../../values/failure.ts';
import type { PostgresAddress } from '../../values/postgres-address.ts';
import { type Query, Session } from './primary.ts';
import { DatabaseAway, LeaseLost } from './troubles.ts';

const RENEW_EVERY_MS = 1_000;
const ANSWER_MS = 2_000;
/** A holder that hears nothing ends so long after what it asked last, before the lease does: `LEASE`. */
const GIVE_UP_MS = 3_000;
const LEASE = `interval '5 s'`;

/** A machine's id and its name for people. */
export type Server = { holder: string; name: string };

const TAKE: Query = {
  name: 'take-lease',
  text: `INSERT INTO innernet_leases AS l VALUES ($1, $2, $3, clock_timestamp() + ${LEASE}, false)
    ON CONFLICT (network) DO UPDATE
      SET holder = $2, name = $3, until = clock_timestamp() + ${LEASE}, others = l.others OR l.holder <> $2
      WHERE l.holder = $2 OR l.until < clock_timestamp()
    RETURNING others`,
};

const WAIT: Query = {
  name: 'wait-for-lease',
  text: 'UPDATE innernet_leases SET others = true WHERE network = $1 AND holder <> $2 RETURNING name',
};

/** What another has taken is not taken back in passing. */
const RENEW: Query = {
  name: 'renew-lease',
  text: `UPDATE innernet_leases SET until = clock_timestamp() + ${LEASE}
    WHERE network = $1 AND holder = $2 RETURNING others`,
};

const RELEASE: Query = {
  name: 'release-lease',
  text: 'UPDATE innernet_leases SET until = clock_timestamp() WHERE network = $1 AND holder = $2',
};

const HOLDER: Query = {
  name: 'lease-holder',
  text: 'SELECT holder, name FROM innernet_leases WHERE network = $1 AND until > clock_timestamp()',
};

/** Who serves the network now; undefined: nobody. Throws `Failure` as `Session.open`. */
export const holderOf = async (address: PostgresAddress, network: string): Promise<Server | undefined> => {
  const session = await Session.open(address);
  try {
    return (await session.query<Server>(HOLDER, [network]))[0];
  } finally {
    session.close();
  }
};

export class Lease {
  readonly #address: PostgresAddress;
  readonly #network: string;
  readonly #server: Server;
  readonly #events = new EventEmitter();
  #session: Session | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** When the last renewal that was answered had been asked for. */
  #renewed = 0;
  #hasOthers = false;
  #isRenewing = false;

  private constructor(address: PostgresAddress, network: string, server: Server) {
    this.#address = address;
    this.#network = network;
    this.#server = server;
  }

  /**
   * Waits until the lease is free and takes it; undefined if the signal comes first. `onWait` hears, once for
   * each reason, why it has to wait.
   */
  static async take(
    address: PostgresAddress,
    network: string,
    server: Server,
    { signal, onWait }: { signal: AbortSignal; onWait: (reason: string) => void },
  ): Promise<Lease | undefined> {
    const lease = new Lease(address, network, server);
    let said = '';
    while (!signal.aborted) {
      const reason = await lease.#take();
      if (reason === undefined) return lease;
      if (reason !== said) onWait(reason);
      said = reason;
      await sleep(RENEW_EVERY_MS, undefined, { signal }).catch(() => {});
    }
    lease.#session?.close();
    return undefined;
  }

  /** Why it is not taken; undefined: it is. */
  async #take(): Promise<string | undefined> {
    try {
      const asked = performance.now();
      const session = await this.#connected();
      const [taken] = await session.query<{ others: boolean }>(
        TAKE,
        [this.#network, ...this.#own],
        ANSWER_MS,
      );
      if (taken) return this.#begin(asked, taken.others);
      const [other] = await session.query<{ name: string }>(
        WAIT,
        [this.#network, this.#server.holder],
        ANSWER_MS,
      );
      return `${this.#network} is served by ${other?.name ?? 'another server'}`;
    } catch (error) {
      if (error instanceof DatabaseAway || !(error instanceof Failure)) return (error as Error).message;
      throw error;
    }
  }

  get #own(): [string, string] {
    return [this.#server.holder, this.#server.name];
  }

  #begin(asked: number, others: boolean): undefined {
    this.#renewed = asked;
    this.#hasOthers = others;
    this.#timer = setInterval(() => this.#look(), RENEW_EVERY_MS);
  }

  async #connected(): Promise<Session> {
    if (!this.#session?.isOpen) this.#session = await Session.open(this.#address);
    return this.#session;
  }

  /** Rejects with `LeaseLost`; an only server holds it also while the database is away. */
  lost(): Promise<never> {
    return new Promise((_, reject) => this.#events.once('lost', reject));
  }

  #look(): void {
    const silence = performance.now() - this.#renewed;
    if (!this.#hasOthers || silence <= GIVE_UP_MS) void this.#renew();
    else this.#end(`the log's database has not answered for ${Math.round(silence / 1000)} s`);
  }

  async #renew(): Promise<void> {
    if (this.#isRenewing) return;
    this.#isRenewing = true;
    try {
      const asked = performance.now();
      const session = await this.#connected();
      const [renewed] = await session.query<{ others: boolean }>(
        RENEW,
        [this.#network, this.#server.holder],
        ANSWER_MS,
      );
      if (!renewed) return this.#end('another server has taken it over');
      this.#renewed = asked;
      this.#hasOthers = renewed.others;
    } catch {
      // how long that may last is for `#look`
    } finally {
      this.#isRenewing = false;
    }
  }

  #end(reason: string): void {
    clearInterval(this.#timer);
    const sentence = `${this.#network} is no longer served here: ${reason}`;
    this.#events.emit(
      'lost',
      new LeaseLost(sentence, { hint: 'it is served here again when its turn comes' }),
    );
  }

  /** Others need not wait for its end. */
  async release(): Promise<void> {
    clearInterval(this.#timer);
    const session = this.#session;
    if (session?.isOpen)
      await session.query(RELEASE, [this.#network, this.#server.holder], ANSWER_MS).catch(() => {});
    session?.close();
  }
}
