// A server on node's own http module that aborts at one path.
'use strict';

const answer = (request, response) => {
  if (request.url === '/abort') process.abort();
  response.writeHead(request.url === '/' ? 200 : 404).end('hi');
};
require('node:http').createServer(answer).listen(8080, '127.0.0.1');
