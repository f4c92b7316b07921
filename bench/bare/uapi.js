// Yardstick: one write of a text to a userspace device's socket, and its answer; nothing of ours.
// @ts-check
import { connect } from 'node:net';

process.on('message', (/** @type {any} */ { id, with: { name, text } }) => {
  const socket = connect(`/var/run/wireguard/${name}.sock`);
  let answer = '';
  const begin = performance.now();
  socket.on('data', (chunk) => {
    answer += chunk;
    if (!answer.endsWith('\n\n')) return;
    const result = performance.now() - begin;
    process.send?.(answer === 'errno=0\n\n' ? { id, result } : { id, error: answer });
    socket.destroy();
  });
  socket.write(text);
});
process.on('disconnect', () => process.exit(0));
