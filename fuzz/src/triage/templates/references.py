
# A step may refer to an earlier answer, counted from 1: {{1.json.id}}, {{1.header.etag}}, {{1.cookie.session}},
# {{1.location}}, {{1.location.id}}, {{1.status}}. What is not found is sent as it is.
REFERENCE = re.compile(rb"\{\{(\d+)\.(json|header|cookie|location|status)(?:\.([^{}\"\\\s]*))?\}\}")


def answers_in(received):
    """Yields status, fields and body of each answer."""
    rest = received[max(received.find(b"HTTP/"), 0) :]
    while rest:
        head, _, body = rest.partition(b"\r\n\r\n") if rest.startswith(b"HTTP/") else (b"", b"", rest)
        status = (head.split() + [b"", b""])[1]
        pairs = (line.partition(b":") for line in head.split(b"\r\n")[1:])
        fields = [(name.strip().lower(), value.strip()) for name, _, value in pairs]
        first = dict(reversed(fields))
        rest = b""
        if status.startswith(b"1") or status in (b"204", b"304"):
            body, rest = b"", body
        elif first.get(b"transfer-encoding", b"").lower() == b"chunked":
            body, rest = without_chunks(body)
        elif first.get(b"content-length", b"").isdigit():
            length = int(first[b"content-length"])
            body, rest = body[:length], body[length:]
        if not status.startswith(b"1"):
            yield status, fields, body


def without_chunks(text):
    """Returns the content of a chunked body, and what follows it."""
    content = b""
    while True:
        line, _, text = text.partition(b"\r\n")
        digits = re.match(rb"[0-9a-fA-F]*", line)[0]
        size = int(digits or b"0", 16)
        if size == 0:
            return content, text.partition(b"\r\n")[2]
        content, text = content + text[:size], text[size + 2 :]


def json_value(body, path):
    """Follows a path from the root, or else from the first member with the name of its first key."""
    try:
        root = json.loads(body)
    except ValueError:
        return None

    def follow(value, keys):
        for key in keys:
            if isinstance(value, list):
                value = dict(enumerate(value)).get(int(key) if key.isdigit() else -1)
            else:
                value = value.get(key) if isinstance(value, dict) else None
        return value

    def first(value, keys):
        found = follow(value, keys)
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        for element in inner if found is None else ():
            found = first(element, keys) if found is None else found
        return found

    value = first(root, [key for key in path.decode("latin-1").split(".") if key])
    if value is None or isinstance(value, str):
        return value and value.encode()
    return json.dumps(value, separators=(",", ":")).encode()


def fill(chunk, answers):
    """Puts values in the place of references; the length of the body follows."""

    def substituted(text, encode):
        def value(match):
            number, kind, name = int(match[1]), match[2], match[3] or b""
            if not 1 <= number <= len(answers):
                return match[0]
            status, fields, body = answers[number - 1]
            values = dict(reversed(fields))
            cookies = (value for field, value in fields if field == b"set-cookie")
            pairs = (cookie.split(b";")[0].partition(b"=") for cookie in cookies)
            location = urllib.parse.urlsplit(values.get(b"location", b""))
            target = location.path + (b"?" + location.query if location.query else b"")
            found = {
                b"json": lambda: json_value(body, name),
                b"header": lambda: values.get(name.lower()),
                b"cookie": lambda: {key: value for key, _, value in pairs}.get(name),
                b"location": lambda: target.split(b"?")[0].rstrip(b"/").split(b"/")[-1] if name == b"id" else target,
                b"status": lambda: status,
            }[kind]()
            return match[0] if found is None else encode(found, kind)

        return REFERENCE.sub(value, text)

    def for_target(value, kind):
        safe = "/:@!$'()*,~" + ("" if kind == b"json" else "%?&=+;")
        return urllib.parse.quote_from_bytes(value, safe).encode()

    def for_json(value, _):
        text = value.decode("latin-1")
        return value if text[:1] in "{[" else json.dumps(text, ensure_ascii=False)[1:-1].encode("latin-1")

    head, blank, body = chunk.partition(b"\r\n\r\n")
    line, end, fields = head.partition(b"\r\n")
    filled = substituted(body, for_json if body[:1] in (b"{", b"[") else lambda value, _: value)
    grown = len(filled) - len(body)
    length = lambda match: match[1] + b"%d" % (int(match[2]) + grown)
    fields = re.sub(rb"(?im)^(content-length:[ \t]*)(\d+)", length, fields)
    fields = substituted(fields, lambda value, _: re.sub(rb"[\r\n\0]", b"", value))
    return substituted(line, for_target) + end + fields + blank + filled
