"""A small ASGI application (https://asgi.readthedocs.io), without a framework."""

import json
from urllib.parse import parse_qsl

LINE = b"All work and no play makes Jack a dull boy.\n"


async def app(scope, receive, send):
    """Answers one request."""
    if scope["type"] != "http":
        return
    method, path, query = scope["method"], scope["path"], scope["query_string"]
    if (method, path) == ("GET", "/"):
        await answer(send, 200, b"hello\n")
    elif (method, path) == ("GET", "/big"):
        await big(send, dict(parse_qsl(query)).get(b"size", b"0"))
    elif (method, path) == ("GET", "/query"):
        await answer(send, 200, listed(query))
    elif (method, path) == ("PATCH", "/echo"):
        try:
            await answer(send, 200, json.dumps(json.loads(await body(receive))).encode())
        except ValueError:
            await answer(send, 400, b"")
    elif path == "/echo":
        await answer(send, 200, await body(receive))
    elif (method, path) == ("POST", "/form"):
        await answer(send, 200, listed(await body(receive)))
    else:
        await answer(send, 404, b"")


async def answer(send, status, content):
    """Sends a whole response at once."""
    length = str(len(content)).encode()
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", length)]})
    await send({"type": "http.response.body", "body": content})


async def big(send, size):
    """Sends the requested number of lines, in chunks."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _ in range(min(int(size), 10_000)):
        await send({"type": "http.response.body", "body": LINE, "more_body": True})
    await send({"type": "http.response.body"})


async def body(receive):
    """Collects the request's body."""
    parts, more = [], True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)


def listed(encoded):
    """Formats the decoded pairs of a form or a query, one per line."""
    return b"".join(b"%s = %s\n" % pair for pair in parse_qsl(encoded, keep_blank_values=True))
