#!/usr/bin/env python3
"""What a fleet exchanges, computed from measured figures.

    scale.py [QUEUE] [--interval SECONDS] [--rate FILES_PER_S] ...

QUEUE is the queue of a main instance: the names of its files say when it found them. Without it, the figures of SCALE.md are
used. Prints the tables of SCALE.md, in Markdown.
"""

import argparse
import math
import pathlib
import re

# Measured, see SCALE.md.
FIND_SCALE, FIND_POWER, INPUT_BYTES = 1934, 0.18, 676


def fit(queue):
    """Fits finds(t) = a * t^b, t in minutes of fuzzing, by least squares of logarithms, at 100 times that are evenly spaced on
    a logarithmic scale. The first eighth of the time, in which nearly every input is new, is left out, as are inputs from other
    hosts and seeds. Returns a, b and the mean size of an input."""
    found = []
    for file in pathlib.Path(queue).glob("id:*"):
        time = re.search(r",time:(\d+)", file.name)
        if time and ",sync:fleet," not in file.name and ",orig:" not in file.name:
            found.append((int(time[1]) / 60000, file.stat().st_size))
    times = sorted(time for time, _ in found)
    first, last = times[-1] / 8, times[-1]
    at = [first * (last / first) ** (step / 99) for step in range(100)]
    xs = [math.log(time) for time in at]
    ys = [math.log(sum(other <= time for other in times)) for time in at]
    x_mean, y_mean = sum(xs) / len(xs), sum(ys) / len(ys)
    power = sum((x - x_mean) * (y - y_mean) for x, y in zip(xs, ys)) / sum((x - x_mean) ** 2 for x in xs)
    return math.exp(y_mean - power * x_mean), power, sum(size for _, size in found) / len(found)


def simulate(hosts, jobs, hours, args, learns):
    """Simulates exchanges. Each host finds as one instance that works `jobs` times as long. After an exchange, all hosts know
    what all know. If `learns`, the fleet is one large machine: the next finds of a host are those of a campaign that has worked
    as long as all hosts together, and a host keeps of the others' what such a campaign would have in its queue. Otherwise, what
    others find takes nothing away: a host goes on as if alone, and keeps the measured share. The truth is between.
    Returns, for the last hour, the finds of a host and what it keeps of the others', and the size of its queue."""

    def files(minutes):
        return args.find_scale * minutes**args.find_power

    step = args.interval / 60 * jobs
    time, queue, rounds = 0.0, 0.0, []
    for _ in range(max(1, round(hours * 3600 / args.interval))):
        found = files(time + step) - files(time)
        last_time, time = time, time + step * (hosts if learns else 1)
        kept = files(time) - files(last_time) - found if learns else args.kept * found * (hosts - 1)
        queue += found + max(0, kept)
        rounds.append((found, max(0, kept)))
    last = rounds[-max(1, round(3600 / args.interval)) :]
    hour = len(last) * args.interval / 3600
    return sum(found for found, _ in last) / hour, sum(kept for _, kept in last) / hour, queue


def size(count):
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024 or unit == "GiB":
            return f"{count:.0f} {unit}" if count >= 10 or unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return None


def number(count):
    return f"{count:,.0f}" if count >= 10 else f"{count:.1f}"


def span(low, high, shown):
    low, high = shown(low), shown(high)
    return low if low == high else f"{low} – {high}"


def table(args, hours):
    print(f"| instances | hosts × jobs | finds of a host | inputs to a host | to a host | through the hub | import | plain scheme: import |")
    print("|--:|--:|--:|--:|--:|--:|--:|--:|")
    for hosts, jobs in args.fleets:
        figures = []
        for learns in (True, False):
            found, kept, queue = simulate(hosts, jobs, hours, args, learns)
            to_host = found * (hosts - 1)
            listed = queue * args.list_bytes * 3600 / args.interval
            through_hub = hosts * ((to_host + found) * args.packed_bytes + listed)
            importing = to_host / args.rate / 3600
            # Each main queue is sent to every host, with what its instance kept of the others'.
            plain = (hosts - 1) * (found + kept) / args.rate / 3600
            figures.append((found, to_host, to_host * args.packed_bytes, through_hub, importing, plain))
        low, high = figures
        cells = [span(low[i], high[i], show) for i, show in ((0, number), (1, number), (2, size), (3, size))]
        cells += [span(low[i], high[i], lambda part: f"{part:.1%}") for i in (4, 5)]
        print(f"| {hosts * jobs:,} | {hosts} × {jobs} | " + " | ".join(cells) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("queue", nargs="?", help="queue of a main instance; its fit replaces that of SCALE.md")
    parser.add_argument("--interval", type=float, default=1800, help="seconds between two exchanges")
    parser.add_argument("--rate", type=float, default=3800, help="foreign inputs that a main instance runs per second")
    parser.add_argument("--kept", type=float, default=0.31, help="share of foreign inputs that an instance keeps")
    parser.add_argument("--packed-bytes", type=float, default=170, help="bytes on the wire for a new input")
    parser.add_argument("--list-bytes", type=float, default=78, help="bytes on the wire for an input that is there")
    parser.add_argument("--hours", type=float, nargs="*", default=[1, 24], help="ages of the campaign: the figures are of the hour before")
    args = parser.parse_args()
    args.find_scale, args.find_power, args.input_bytes = (
        fit(args.queue) if args.queue else (FIND_SCALE, FIND_POWER, INPUT_BYTES)
    )
    args.fleets = [(10, 1), (100, 1), (1000, 1), (2, 5), (10, 10), (20, 50)]
    print(f"finds(t) = {args.find_scale:.0f} × t^{args.find_power:.2f} (t in minutes of one instance), {args.input_bytes:.0f} bytes each;")
    print(f"{args.packed_bytes:.0f} bytes on the wire for a new input, {args.list_bytes:.0f} for one that is there;")
    print(f"{args.rate:.0f} foreign inputs run per second, {args.kept:.0%} kept; an exchange each {args.interval / 60:.0f} minutes\n")
    for hours in args.hours:
        print(f"In hour {hours:.0f} of the campaign:\n")
        table(args, hours)
        print()


if __name__ == "__main__":
    main()
