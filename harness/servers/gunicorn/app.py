"""A small WSGI application (PEP 3333), without a framework."""


def app(environ, start_response):
    """Returns the body, or the method and the query if there is none."""
    body = environ["wsgi.input"].read()
    known = environ["PATH_INFO"] in ("/", "/echo", "/query", "/form")
    start_response("200 OK" if known else "404 Not Found", [("Content-Type", "text/plain")])
    return [body or "{REQUEST_METHOD} {QUERY_STRING}\n".format(**environ).encode("latin-1")]
