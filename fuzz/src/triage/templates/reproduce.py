#!/usr/bin/env python3
"""Starts the server, sends it the inputs, and tells how it ended. Needs only Python 3.

Usage: reproduce.py [PORT]    (the server's command line is in SERVER below)
Exit status: 0 if it happened, 1 if it did not, 2 if the server did not start.
"""
{% if references %}import json
{% endif %}import re
import select
import socket
import struct
import subprocess
import sys
import tempfile
import time
{%- if references %}
import urllib.parse
{%- endif %}

SERVER = {{ command }}
DIRECTORY = {{ directory }}
PORT = {{ port }}
# What is to happen: "ended", "exited", "panicked", "reported", "timed-out", "stopped-accepting" or "answered".
KIND = "{{ kind }}"
# Status of the wrong answer, if KIND is "answered".
STATUS = {{ status }}

# Each input is a list of steps: connection, action, bytes.
INPUTS = [
{%- for input in inputs %}
    [{{ input }}],
{%- endfor %}
]

START_SECONDS = 10
IDLE_SECONDS = 0.05
ANSWER_SECONDS = {{ answer_seconds }}
END_SECONDS = 1

# What the server has sent, over all connections.
received = []


def receive(client):
    """Returns what has come; nothing at the end of the stream."""
    received.append(client.recv(65536))
    return received[-1]


def connect(port):
    for host in ("127.0.0.1", "::1"):
        try:
            return socket.create_connection((host, port), ANSWER_SECONDS)
        except OSError:
            pass
    return None


def read_until_idle(client):
    """Reads until nothing has come for a while, and returns what has come."""
    deadline = time.monotonic() + ANSWER_SECONDS
    pieces = []
    try:
        while time.monotonic() < deadline and select.select([client], [], [], IDLE_SECONDS)[0]:
            pieces.append(receive(client))
            if not pieces[-1]:
                break
    except OSError:
        pass
    return b"".join(pieces)

{% if references %}
{{ references }}
{% endif %}
def read_to_the_end(client):
    """Returns whether the server closes the connection in time."""
    deadline = time.monotonic() + ANSWER_SECONDS
    try:
        while time.monotonic() < deadline:
            client.settimeout(max(0.01, deadline - time.monotonic()))
            if not receive(client):
                return True
    except socket.timeout:
        pass
    except OSError:
        return True
    return False


def play(steps, port):
    """Returns whether the server answers all connections in time."""
    clients = {}
{%- if references %}
    answers = []
{%- endif %}
    for number, action, chunk in steps:
        if action in ("send", "open") and clients.get(number) is None:
            clients[number] = connect(port)
        client = clients.get(number)
        if client is None:
            continue
        try:
            if action == "send":
                client.sendall({% if references %}fill(chunk, answers){% else %}chunk{% endif %})
            elif action == "half-close":
                client.shutdown(socket.SHUT_WR)
            elif action == "reset":
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            pass
        if action in ("close", "reset"):
            client.close()
            del clients[number]
{%- if references %}
        for _, client in sorted(clients.items()):
            if client is not None:
                answers.extend(answers_in(read_until_idle(client)))
{%- else %}
        time.sleep(IDLE_SECONDS if len(steps) > 1 else 0)
{%- endif %}
    answered = True
    for client in clients.values():
        if client is not None:
            # A server may drop what it has not read or answered yet at the end of the stream.
            read_until_idle(client)
            try:
                client.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            answered = read_to_the_end(client) and answered
            client.close()
    return answered


def start(port, log):
    server = subprocess.Popen(SERVER, cwd=DIRECTORY, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    deadline = time.monotonic() + START_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        client = connect(port)
        if client is not None:
            client.close()
            return server
        time.sleep(0.02)
    server.kill()
    print("the server does not listen on port %d" % port)
    sys.exit(2)


def main():
    port = int(sys.argv[1]) if len(sys.argv) > 1 else PORT
    with tempfile.TemporaryFile() as log:
        server = start(port, log)
        try:
            answered = True
            for steps in INPUTS:
                answered = play(steps, port)
            try:
                server.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                pass
            status = server.poll()
            probe = [(0, "send", b"GET / HTTP/1.0\r\n\r\n")]
            serves = status is None and KIND == "stopped-accepting" and play(probe, port)
        finally:
            server.kill()
        log.seek(0)
        output = log.read()
    sys.stdout.write(output[-4096:].decode(errors="replace"))
    answers = b"".join(received)
    if KIND == "answered":
        sys.stdout.write(answers[-4096:].decode(errors="replace") + "\n")
    if status is None:
        print("the server still runs")
    else:
        print("the server ended: %s" % ("signal %d" % -status if status < 0 else "status %d" % status))
    happened = {
        "ended": status not in (None, 0),
        "exited": status is not None,
        "panicked": b"panicked at" in output,
        "reported": b"Sanitizer" in output or b"runtime error" in output,
        "timed-out": status is None and not answered,
        "stopped-accepting": status is None and not serves,
        "answered": re.search(rb"^HTTP/1.. %d[ \r]" % STATUS, answers, re.MULTILINE) is not None,
    }[KIND]
    print("it happened" if happened else "it did not happen")
    sys.exit(0 if happened else 1)


if __name__ == "__main__":
    main()
