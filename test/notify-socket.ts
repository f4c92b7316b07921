// A supervisor's ear: a Unix socket for datagrams such as systemd names in NOTIFY_SOCKET, and all that was said to it.
import { closeSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import koffi from 'koffi';

const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000;
const MSG_DONTWAIT = 0x40;
const LONGEST = 8192;

const libc = koffi.load(null);
const socket = libc.func('int socket(int family, int type, int protocol)');
const bind = libc.func('int bind(int fd, const void *address, uint32_t length)');
const recv = libc.func('intptr_t recv(int fd, void *text, uintptr_t size, int flags)');

const addressOf = (path: string): Buffer => {
  const name = path.startsWith('@') ? `\0${path.slice(1)}` : `${path}\0`;
  return Buffer.concat([Buffer.from(new Uint16Array([AF_UNIX]).buffer), Buffer.from(name)]);
};

export class NotifySocket {
  readonly path: string;
  readonly #fd: number;
  readonly #said: string[] = [];
  /** The kernel keeps ten messages for one who does not listen, and refuses more. */
  readonly #listening = setInterval(() => this.said, 50).unref();

  /** `@` in front of the path: a name in no file system. */
  constructor(path: string) {
    this.path = path;
    this.#fd = socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0);
    const address = addressOf(path);
    if (bind(this.#fd, address, address.length) !== 0) throw new Error(`cannot listen at ${path}`);
  }

  /** Every message so far, each with its lines. */
  get said(): string[] {
    const text = Buffer.alloc(LONGEST);
    for (;;) {
      const length = Number(recv(this.#fd, text, text.length, MSG_DONTWAIT));
      if (length < 0) return this.#said;
      this.#said.push(text.toString('utf8', 0, length));
    }
  }

  count(line: string): number {
    return this.said.filter((message) => message.split('\n').includes(line)).length;
  }

  /** Waits until a line was said `times` times. */
  async hears(line: string, times = 1, seconds = 30): Promise<void> {
    const deadline = performance.now() + seconds * 1000;
    while (this.count(line) < times) {
      if (performance.now() > deadline) throw new Error(`${line} was not said ${times} times: ${this.said}`);
      await sleep(10);
    }
  }

  close(): void {
    clearInterval(this.#listening);
    closeSync(this.#fd);
    if (!this.path.startsWith('@')) rmSync(this.path, { force: true });
  }
}
