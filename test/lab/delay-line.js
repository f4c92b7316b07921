// Delay lines: each takes Ethernet frames from one TAP device and puts them out of another, some milliseconds later.
// @ts-check
//
// Reads orders from stdin, one JSON object a line: {"near": "d1n", "far": "d1f", "delayMs": 20}; makes both
// devices in its network namespace and answers with the name of the near one. Ends with its stdin.

import { openSync, read, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import koffi from 'koffi';

/** Source: linux/if_tun.h. */
const TUNSETIFF = 0x400454ca;
const IFF_TAP = 0x0002;
const IFF_NO_PI = 0x1000;
const FRAME_BYTES = 65_536;

const ioctl = koffi.load('libc.so.6').func('int ioctl(int fd, unsigned long request, uint8_t *arg)');

/** @param {string} name */
function tap(name) {
  const fd = openSync('/dev/net/tun', 'r+');
  const request = Buffer.alloc(40);
  request.write(name, 0, 15, 'latin1');
  request.writeUInt16LE(IFF_TAP | IFF_NO_PI, 16);
  if (ioctl(fd, TUNSETIFF, request) !== 0) throw new Error(`cannot make the TAP device ${name}`);
  return fd;
}

/**
 * Frames keep their order: all wait equally long.
 * @param {number} from
 * @param {number} to
 * @param {number} delayMs
 */
function carry(from, to, delayMs) {
  /** @type {{ due: number, frame: Buffer }[]} */
  const waiting = [];
  const release = () => {
    while (waiting[0] && waiting[0].due <= performance.now()) put(to, waiting.shift()?.frame);
    if (waiting[0]) setTimeout(release, Math.max(0, waiting[0].due - performance.now()));
  };
  const buffer = Buffer.alloc(FRAME_BYTES);
  // A read waits in a thread of the pool until there is a frame: two threads a line, see UV_THREADPOOL_SIZE.
  const next = () =>
    read(from, buffer, 0, FRAME_BYTES, null, (error, length) => {
      if (error) return void setTimeout(next, 10); // the device is not up yet
      waiting.push({ due: performance.now() + delayMs, frame: Buffer.from(buffer.subarray(0, length)) });
      if (waiting.length === 1) setTimeout(release, delayMs);
      next();
    });
  next();
}

/**
 * @param {number} fd
 * @param {Buffer | undefined} frame
 */
function put(fd, frame) {
  try {
    if (frame) writeSync(fd, frame);
  } catch {
    // a device that is down loses frames, as a cable that is out does
  }
}

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const { near, far, delayMs } = JSON.parse(line);
    const [one, other] = [tap(near), tap(far)];
    carry(one, other, delayMs);
    carry(other, one, delayMs);
    console.log(near);
  })
  // The waiting reads would hold an orderly end up.
  .on('close', () => process.kill(process.pid, 'SIGKILL'));
