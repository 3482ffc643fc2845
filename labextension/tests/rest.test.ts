import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { WebSocketServer } from 'ws';
import { RestClient } from '../src/clients/rest';

type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => void;

let server: Server;
let sockets: WebSocketServer;
let answer: Answer;
let client: RestClient;
let ended: AbortController;

beforeEach(async () => {
  server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => answer(request, response, Buffer.concat(parts).toString()));
  });
  sockets = new WebSocketServer({ server });
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  ended = new AbortController();
  client = new RestClient({
    url: `http://127.0.0.1:${port}/jupyter-tracker/api/`,
    changes: `ws://127.0.0.1:${port}/jupyter-tracker/api/changes`,
    request: (url, init) => fetch(url, init)
  });
});

afterEach(async () => {
  ended.abort();
  sockets.clients.forEach(socket => socket.terminate());
  sockets.close();
  server.closeAllConnections();
  await new Promise(done => server.close(done));
});

const json = (response: ServerResponse, status: number, body: unknown): void => {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
};

const tell = (epoch: number): void => {
  sockets.clients.forEach(socket => socket.send(JSON.stringify({ epoch })));
};

it('asks a query by name with its parameters', async () => {
  answer = (request, response, body) =>
    json(response, 200, [{ asked: `${request.method} ${request.url} ${body}` }]);
  expect(await client.query('run.detail', { run_id: 'a' })).toEqual([
    { asked: 'POST /jupyter-tracker/api/query/run.detail {"run_id":"a"}' }
  ]);
});

it("tells the server's message and hint", async () => {
  answer = (_, response) => json(response, 400, { message: 'wrong', hint: 'mend it' });
  await expect(client.status()).rejects.toMatchObject({ message: 'wrong', hint: 'mend it', status: 400 });
});

it('explains an answer that is none of ours', async () => {
  answer = (_, response) => response.writeHead(404).end('<html>');
  await expect(client.status()).rejects.toMatchObject({ status: 404, hint: /jupyter server extension/ });
});

it('explains a server that is gone', async () => {
  const gone = new RestClient({
    url: 'http://127.0.0.1:1/',
    changes: 'ws://127.0.0.1:1/',
    request: (url, init) => fetch(url, init)
  });
  await expect(gone.status()).rejects.toMatchObject({ message: /does not answer/ });
});

it('passes on that nobody waits any more', async () => {
  answer = () => {
    ended.abort();
  };
  await expect(client.status(ended.signal)).rejects.toMatchObject({ name: 'AbortError' });
});

it('tells of changes, and of what was missed while the connection was lost', async () => {
  let told = 0;
  client.watch(() => told++, ended.signal);
  await vi.waitFor(() => expect(sockets.clients.size).toBe(1));
  tell(0);
  tell(1);
  await vi.waitFor(() => expect(told).toBe(1));
  const again = new Promise(connected => sockets.once('connection', connected));
  sockets.clients.forEach(socket => socket.terminate());
  await again;
  tell(1);
  await vi.waitFor(() => expect(told).toBe(2));
});

it('hangs up when nobody listens any more', async () => {
  client.watch(() => undefined, ended.signal);
  await vi.waitFor(() => expect(sockets.clients.size).toBe(1));
  ended.abort();
  await vi.waitFor(() => expect(sockets.clients.size).toBe(0));
});
