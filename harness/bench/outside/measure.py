"""Runs Schemathesis against a service for a given time.

Begins again with another seed when Schemathesis ends early, and starts the service again when it has crashed.

measure.py SECONDS SEED RESULT SERVICE ADDRESS -- SCHEMATHESIS ARGUMENTS…

Writes the JSON file RESULT: the seconds, the number of answers in them, the operations answered with 2xx, the starts of the service and of
Schemathesis, and the messages of its panics with the milliseconds before the first of each.
"""

import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

FAILURE = re.compile(rb"panicked at \S*|overflowed its stack")


class Service:
    """A service that is started again whenever it has ended, until it is stopped."""

    def __init__(self, command):
        self.command = command
        self.started_at = time.monotonic()
        self.starts = 0
        self.failures = {}
        self.error = None
        self.process = None
        self.is_wanted = True
        self.thread = threading.Thread(target=self.keep_running)
        self.thread.start()

    def keep_running(self):
        while self.is_wanted:
            self.starts += 1
            self.process = subprocess.Popen(self.command, stderr=subprocess.PIPE)
            line = b""
            for line in self.process.stderr:
                if failure := FAILURE.search(line):
                    milliseconds = round((time.monotonic() - self.started_at) * 1000)
                    self.failures.setdefault(failure.group().decode(errors="replace"), milliseconds)
            # A crash is a signal. A status is that of a service which cannot listen.
            if self.process.wait() > 0:
                self.error = line.decode(errors="replace").strip()
                return

    def stop(self):
        self.is_wanted = False
        # It may be about to start the service once more.
        while self.thread.is_alive():
            self.process.kill()
            self.thread.join(0.1)


def wait_for(address):
    host, port = address.rsplit(":", 1)
    for _ in range(100):
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    sys.exit(f"measure.py: nothing listens at {address}")


def main():
    split = sys.argv.index("--")
    seconds, seed, result, program, address = sys.argv[1:split]
    arguments = sys.argv[split + 1 :]
    total = {"answers": 0, "operations": set(), "runs": 0}
    service = Service([program, address])
    log = pathlib.Path(result).with_suffix(".log").open("wb")
    try:
        wait_for(address)
        end = time.monotonic() + float(seconds)
        while not service.error and (left := end - time.monotonic()) > 1:
            with tempfile.TemporaryDirectory() as directory:
                counts = pathlib.Path(directory, "counts.json")
                command = [*arguments, "--max-time", str(int(left)), "--seed", str(int(seed) * 1000 + total["runs"])]
                surroundings = os.environ | {"COUNTS": str(counts), "SCHEMATHESIS_HOOKS": "counting"}
                surroundings["PYTHONPATH"] = str(pathlib.Path(__file__).parent)
                client = subprocess.Popen(command, env=surroundings, cwd=directory, stdout=log, stderr=log)
                try:
                    client.wait(timeout=left)
                except subprocess.TimeoutExpired:
                    client.send_signal(signal.SIGKILL)
                    client.wait()
                if counts.exists():
                    counted = json.loads(counts.read_text())
                    total["answers"] += counted["answers"]
                    total["operations"] |= set(counted["operations"])
                elif total["runs"] == 0:
                    sys.exit(f"measure.py: Schemathesis got no answer; see {log.name}")
                total["runs"] += 1
    finally:
        service.stop()
    if service.error:
        sys.exit(f"measure.py: the service has ended: {service.error}")
    total |= {"seconds": float(seconds), "operations": sorted(total["operations"]), "starts": service.starts}
    total["failures"] = service.failures
    pathlib.Path(result).write_text(json.dumps(total, indent=1) + "\n")


main()
