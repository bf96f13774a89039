// A small server on node's own http module, or with a directory of certificates, on its http2 module, which speaks
// HTTP/1 as well.
//
//     node server.js PORT [CERTIFICATES]
'use strict';

const fs = require('node:fs');
const http = require('node:http');
const http2 = require('node:http2');
const path = require('node:path');

const LINE = 'All work and no play makes Jack a dull boy.\n';

const routes = {
  'GET /': (request, response) => response.end('hello\n'),
  'GET /big': big,
  'GET /query': (request, response, url) => list(response, url.searchParams),
  'PATCH /echo': async (request, response) => {
    const value = JSON.parse(await body(request));
    response.setHeader('Content-Type', 'application/json');
    response.end(JSON.stringify(value));
  },
  'POST /echo': (request, response) => request.pipe(response),
  'PUT /echo': (request, response) => request.pipe(response),
  'POST /form': async (request, response) => list(response, new URLSearchParams((await body(request)).toString())),
};

async function answer(request, response) {
  try {
    const url = new URL(request.url, 'http://localhost');
    const status = url.pathname.match(/^\/status\/([2-5]\d\d)$/);
    const route = routes[`${request.method} ${url.pathname}`];
    if (route) {
      await route(request, response, url);
    } else {
      response.writeHead(status ? Number(status[1]) : 404).end();
    }
  } catch (error) {
    response.writeHead(400).end(`${error.name}\n`);
  }
}

/** Sends the requested number of lines, in chunks. */
function big(request, response, url) {
  for (let lines = Math.min(url.searchParams.get('size'), 10_000); lines > 0; lines--) response.write(LINE);
  response.end();
}

async function body(request) {
  return Buffer.concat(await request.toArray());
}

/** Sends the decoded pairs of a form or a query, one per line. */
function list(response, pairs) {
  response.end([...pairs].map(([name, value]) => `${name} = ${value}\n`).join(''));
}

const [port, certificates] = process.argv.slice(2);
const certificate = (name) => fs.readFileSync(path.join(certificates, name));
const server = certificates
  ? http2.createSecureServer({ allowHTTP1: true, cert: certificate('server.crt'), key: certificate('server.key') }, answer)
  : http.createServer(answer);
server.listen(Number(port), '127.0.0.1');
