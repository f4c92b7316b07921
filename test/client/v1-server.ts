// A server that knows nothing but the old protocol: state, capabilities and candidates over HTTP; else 404.
import { createServer, type IncomingMessage } from 'node:http';

/** What it shows from now on, and what clients have asked and reported since the start. */
export type V1Word = { state?: unknown };
export type V1Heard = { asked: string[]; candidates: unknown[] };

const [address = '', port = '', ear = ''] = process.argv.slice(2);
let state: unknown = { peers: [], cidrs: [] };
const heard: V1Heard = { asked: [], candidates: [] };

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  let text = '';
  for await (const chunk of request) text += chunk;
  return text;
};

const ANSWERS: { [call: string]: (body: string) => unknown } = {
  'GET /v1/user/state': () => state,
  'GET /v1/user/capabilities': () => ({ unspecified_ip_in_override_endpoint: true }),
  'PUT /v1/user/candidates': (body) => {
    heard.candidates.push(JSON.parse(body));
    return undefined;
  },
};

const api = createServer((request, response) => {
  response.setHeader('x-impostor', 'yes');
  const call = `${request.method} ${request.url?.split('?')[0]}`;
  heard.asked.push(call);
  void bodyOf(request).then((body) => {
    const answer = ANSWERS[call];
    if (!answer) return response.writeHead(404).end();
    const said = answer(body);
    return response.writeHead(said === undefined ? 204 : 200).end(said && JSON.stringify(said));
  });
});
api.listen(Number(port), address);

/** The test's own ear and mouth, at a Unix socket: POST a `V1Word`, get what clients have said. */
createServer((request, response) => {
  void bodyOf(request).then((text) => {
    state = (JSON.parse(text || '{}') as V1Word).state ?? state;
    response.end(JSON.stringify(heard));
  });
}).listen(ear, () => console.log('ready'));
