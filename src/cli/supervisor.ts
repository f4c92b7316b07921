/** Reports this process's state to its supervisor, mostly systemd (sd_notify(3)): ready, alive, stopping. */
import { setTimeout as sleep } from 'node:timers/promises';
import { openKoffi } from '../machine/koffi.ts';

/** From asm-generic/socket.h, linux/socket.h, asm-generic/errno.h. */
const LINUX = {
  AF_UNIX: 1,
  SOCK_DGRAM_CLOEXEC: 2 | 0o2000000,
  MSG_DONTWAIT_NOSIGNAL: 0x40 | 0x4000,
  MAX_PATH_BYTES: 107,
};

/** Between looks at the status. */
const LOOK_EVERY_MS = 2_000;
/** Between tries to report readiness while the supervisor's queue is full. */
const RETRY_EVERY_MS = 100;
const MAX_TRIES = 100;

type Send = (message: string) => boolean;

/** A leading `@` means an abstract name. */
const sockaddr = (path: string): Buffer => {
  const isAbstract = path.startsWith('@');
  const name = Buffer.from(isAbstract ? `\0${path.slice(1)}` : `${path}\0`);
  const bytes = Buffer.alloc(2 + name.length);
  new Uint16Array(bytes.buffer, bytes.byteOffset, 1)[0] = LINUX.AF_UNIX;
  name.copy(bytes, 2);
  return bytes;
};

/** Node has no datagram Unix sockets; koffi is loaded only for a supervisor. */
const senderTo = (path: string): Send | undefined => {
  if (!/^[/@]./.test(path) || Buffer.byteLength(path) > LINUX.MAX_PATH_BYTES) return undefined;
  const libc = openKoffi().load(null);
  const socket = libc.func('int socket(int family, int type, int protocol)');
  const sendto = libc.func(
    'intptr_t sendto(int fd, const void *text, uintptr_t size, int flags, const void *address, uint32_t length)',
  );
  const fd = socket(LINUX.AF_UNIX, LINUX.SOCK_DGRAM_CLOEXEC, 0) as number;
  if (fd < 0) return undefined;
  const to = sockaddr(path);
  return (message) => {
    const text = Buffer.from(message);
    return Number(sendto(fd, text, text.length, LINUX.MSG_DONTWAIT_NOSIGNAL, to, to.length)) === text.length;
  };
};

/** Milliseconds; undefined without a watchdog for this process. */
const watchdogOf = ({ WATCHDOG_USEC, WATCHDOG_PID }: NodeJS.ProcessEnv): number | undefined => {
  const isOurs = WATCHDOG_PID === undefined || Number(WATCHDOG_PID) === process.pid;
  const milliseconds = Number(WATCHDOG_USEC) / 1000;
  return isOurs && milliseconds > 0 ? milliseconds : undefined;
};

export class Supervisor {
  readonly #send: Send;
  readonly #watchdog: number | undefined;
  #timers: NodeJS.Timeout[] = [];
  #said = '';

  private constructor(send: Send, watchdog: number | undefined) {
    this.#send = send;
    this.#watchdog = watchdog;
  }

  /** Reads and clears the environment: children do not inherit it. Without a supervisor nothing is sent. */
  static find(environment: NodeJS.ProcessEnv = process.env): Supervisor {
    const send = environment.NOTIFY_SOCKET ? senderTo(environment.NOTIFY_SOCKET) : undefined;
    const supervisor = new Supervisor(send ?? (() => true), send ? watchdogOf(environment) : undefined);
    for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) delete environment[name];
    return supervisor;
  }

  /**
   * `status` is one line for people, polled from now on. The watchdog is fed as long as the event loop turns.
   */
  async ready(status: () => string): Promise<void> {
    this.#said = status();
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      if (this.#send(`READY=1\nSTATUS=${this.#said}\n`)) break;
      await sleep(RETRY_EVERY_MS);
    }
    this.#every(LOOK_EVERY_MS, () => this.#tell(status()));
    if (this.#watchdog !== undefined) this.#every(this.#watchdog / 3, () => this.#send('WATCHDOG=1\n'));
  }

  stopping(): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.#send('STOPPING=1\n');
  }

  #every(milliseconds: number, act: () => void): void {
    this.#timers.push(setInterval(act, milliseconds).unref());
  }

  #tell(status: string): void {
    if (status !== this.#said && this.#send(`STATUS=${status}\n`)) this.#said = status;
  }
}
