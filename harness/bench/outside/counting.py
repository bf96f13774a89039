"""Hooks for Schemathesis that count answers, and operations with a 2xx among them, into the JSON file COUNTS."""

import json
import os
import time

import schemathesis

#: Seconds between two writes: the process is killed when its time is over.
INTERVAL = 0.5

counts = {"answers": 0, "operations": []}
written_at = 0.0


@schemathesis.hook
def after_call(context, case, response):
    global written_at
    counts["answers"] += 1
    operation = f"{case.method.upper()} {case.operation.path}"
    # Methods that the description does not have are tried, too.
    is_described = case.method.upper() == case.operation.method.upper()
    if is_described and 200 <= response.status_code < 300 and operation not in counts["operations"]:
        counts["operations"].append(operation)
    if time.monotonic() - written_at > INTERVAL:
        write()


def write():
    global written_at
    temporary = os.environ["COUNTS"] + ".new"
    with open(temporary, "w", encoding="utf-8") as file:
        json.dump(counts, file)
    os.replace(temporary, os.environ["COUNTS"])
    written_at = time.monotonic()
