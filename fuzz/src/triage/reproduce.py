#!/usr/bin/env python3
"""Starts the server, sends it the inputs, and prints how it ended. Needs only Python 3.

Usage: reproduce.py [PORT]    (the server's command line is in SERVER below)
"""
import socket
import struct
import subprocess
import sys
import time

SERVER = @SERVER@
DIRECTORY = @DIRECTORY@
PORT = @PORT@

# Each input is a list of steps: connection, action, bytes.
INPUTS = @INPUTS@

START_SECONDS = 10
IDLE_SECONDS = 0.05
ANSWER_SECONDS = 2
END_SECONDS = 1


def connect(port):
    for host in ("127.0.0.1", "::1"):
        try:
            return socket.create_connection((host, port), ANSWER_SECONDS)
        except OSError:
            pass
    return None


def read_to_the_end(client):
    client.settimeout(ANSWER_SECONDS)
    try:
        while client.recv(65536):
            pass
    except OSError:
        pass


def play(steps, port):
    clients = {}
    for number, action, chunk in steps:
        if action == "send":
            if number not in clients:
                clients[number] = connect(port)
            if clients[number] is None:
                return
            try:
                clients[number].sendall(chunk)
            except OSError:
                pass
        elif action == "open":
            clients[number] = connect(port)
        elif number in clients and clients[number] is not None:
            client = clients[number]
            if action == "half-close":
                client.shutdown(socket.SHUT_WR)
            else:
                if action == "reset":
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                client.close()
                del clients[number]
        time.sleep(IDLE_SECONDS if len(steps) > 1 else 0)
    for client in clients.values():
        if client is not None:
            try:
                client.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            read_to_the_end(client)
            client.close()


def main():
    port = int(sys.argv[1]) if len(sys.argv) > 1 else PORT
    server = subprocess.Popen(SERVER, cwd=DIRECTORY, stdin=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + START_SECONDS
        client = None
        while client is None and server.poll() is None and time.monotonic() < deadline:
            client = connect(port)
            time.sleep(0.02)
        if client is None:
            sys.exit("the server does not listen on port %d" % port)
        client.close()
        for steps in INPUTS:
            play(steps, port)
        try:
            server.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        status = server.poll()
        if status is None:
            print("the server still runs; see its output above for panics, and its processor time for a hang")
        elif status < 0:
            print("the server was ended by signal %d" % -status)
        else:
            print("the server exited with status %d" % status)
    finally:
        server.kill()


if __name__ == "__main__":
    main()
