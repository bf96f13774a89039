"""Python's http.server with TLS: python3 tls.py PORT DIRECTORY CERTIFICATES"""

import functools
import http.server
import pathlib
import ssl
import sys

port, directory, certificates = int(sys.argv[1]), sys.argv[2], pathlib.Path(sys.argv[3])


class Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"


context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(certificates / "server.crt", certificates / "server.key")
context.set_alpn_protocols(["http/1.1"])
server = http.server.ThreadingHTTPServer(("127.0.0.1", port), functools.partial(Handler, directory=directory))
# The handshake is left to the thread of the connection.
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
server.serve_forever()
