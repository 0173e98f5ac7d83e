// A reverse proxy as people have: puts a path before ours, says for whom it asks.

import { createReadStream, existsSync } from 'node:fs';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';

export interface Proxy {
  /** Where the dashboard is found through it, without a slash at the end. */
  url: string;
  /** Paths that were asked for outside of the prefix. */
  strays: string[];
  close: () => Promise<void>;
}

interface Options {
  /** Path put before ours, such as `/api/hassio_ingress/abc`. */
  prefix?: string;
  /** Headers that it adds. */
  headers?: Record<string, string>;
  /** A folder whose files are answered instead: a dashboard that was built after the program. */
  files?: string;
}

const TYPES: Record<string, string> = {
  '.css': 'text/css',
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.svg': 'image/svg+xml',
};

export async function startProxy(upstream: string, options: Options = {}): Promise<Proxy> {
  const { prefix = '', headers = {}, files } = options;
  const strays: string[] = [];
  const server = createServer((asked, answer) => {
    const path = asked.url ?? '/';
    if (!path.startsWith(`${prefix}/`)) {
      strays.push(path);
      answer.writeHead(404).end();
      return;
    }
    const own = path.slice(prefix.length);
    const file = files && join(files, own === '/' ? 'index.html' : new URL(own, upstream).pathname);
    if (file && extname(file) && existsSync(file)) {
      answer.writeHead(200, { 'content-type': TYPES[extname(file)] ?? 'application/octet-stream' });
      createReadStream(file).pipe(answer);
    } else forward(upstream, own, headers, asked, answer);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  const close = () =>
    new Promise<void>((done) => {
      server.close(() => done());
      server.closeAllConnections();
    });
  return { url: `http://127.0.0.1:${port}${prefix}`, strays, close };
}

function forward(
  upstream: string,
  path: string,
  headers: Record<string, string>,
  asked: IncomingMessage,
  answer: ServerResponse,
): void {
  const passed = request(`${upstream}${path}`, { method: asked.method, headers: { ...asked.headers, ...headers } });
  passed.on('response', (got) => {
    answer.writeHead(got.statusCode ?? 502, got.headers);
    got.pipe(answer);
    got.on('error', () => answer.destroy());
  });
  passed.on('error', () => {
    if (answer.headersSent) answer.destroy();
    else answer.writeHead(502).end();
  });
  // Who leaves ends what was asked for them, streams too.
  answer.on('close', () => passed.destroy());
  asked.pipe(passed);
}
