#!/usr/bin/env python3
"""What a fleet exchanges, computed from measured figures.

    scale.py [GROWTH.csv] [--interval SECONDS] [--rate FILES_PER_S] ...

GROWTH.csv is what `prove` writes: files and bytes of the main queues of two hosts over time. Without it, the figures of
SCALE.md are used. Prints the tables of SCALE.md, in Markdown.
"""

import argparse
import csv
import math

# Measured, see SCALE.md. The fits are from the host that was not interrupted.
DEFAULTS = {
    "find_scale": 0.0,  # files(t) = find_scale * t ** find_power, t in minutes of one instance
    "find_power": 0.0,
    "input_bytes": 0.0,
    "packed_bytes": 0.0,
    "list_bytes": 0.0,
    "rate": 0.0,
    "kept": 0.0,
}


def fit(path, host):
    """Fits files(t) = a * t^b, t in minutes, by least squares of logarithms. Returns a, b and the mean size of an input."""
    with open(path, newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["host"] == host]
    points = [(int(row["seconds"]) / 60, int(row["files"]), int(row["bytes"])) for row in rows]
    points = [point for point in points if point[0] >= 0.5 and point[1] > 0]
    xs = [math.log(time) for time, _, _ in points]
    ys = [math.log(files) for _, files, _ in points]
    x_mean, y_mean = sum(xs) / len(xs), sum(ys) / len(ys)
    power = sum((x - x_mean) * (y - y_mean) for x, y in zip(xs, ys)) / sum((x - x_mean) ** 2 for x in xs)
    return math.exp(y_mean - power * x_mean), power, points[-1][2] / points[-1][1]


def simulate(hosts, jobs, hours, interval, args, learns):
    """Simulates exchanges. Each host finds as one instance that works `jobs` times as long. After an exchange, all hosts know
    what all know; if `learns`, the next finds are those of a campaign that has worked as long as all hosts together (the
    fleet is one large machine), otherwise those of one host (what others find takes nothing away). The truth is between.
    Returns the finds of a host in the last hour, its queue, and the inputs in the pool."""

    def files(minutes):
        return args.find_scale * minutes**args.find_power

    step = interval / 60 * jobs
    effective, pool, own = 0.0, 0.0, 0.0
    rounds = round(hours * 3600 / interval)
    per_hour = round(3600 / interval)
    last_hour = 0.0
    for number in range(rounds):
        found = files(effective + step) - files(effective)
        effective += step * (hosts if learns else 1)
        pool += found * hosts
        own += found
        if number >= rounds - per_hour:
            last_hour += found
    return last_hour, own, pool


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
            found, own, pool = simulate(hosts, jobs, hours, args.interval, args, learns)
            to_host = found * (hosts - 1)
            exchanges = 3600 / args.interval
            listed = (own + args.kept * pool) * args.list_bytes * exchanges
            through_hub = hosts * (to_host * args.packed_bytes + found * args.packed_bytes + listed)
            importing = to_host / args.rate / 3600
            # Each main queue is sent to every host, with what the instance took over from others.
            plain = (hosts - 1) * (found + args.kept * to_host) / args.rate / 3600
            figures.append((found, to_host, to_host * args.packed_bytes, through_hub, importing, plain))
        low, high = figures
        cells = [span(low[i], high[i], show) for i, show in ((0, number), (1, number), (2, size), (3, size))]
        cells += [span(low[i], high[i], lambda part: f"{part:.1%}" if part < 10 else "> 1000 %") for i in (4, 5)]
        print(f"| {hosts * jobs:,} | {hosts} × {jobs} | " + " | ".join(cells) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("growth", nargs="?", help="GROWTH.csv of `prove`; its fit replaces that of SCALE.md")
    parser.add_argument("--host", default="beta", help="the host to fit, one that was not interrupted")
    parser.add_argument("--interval", type=float, default=1800, help="seconds between two exchanges")
    parser.add_argument("--rate", type=float, default=DEFAULTS["rate"], help="foreign inputs that a main instance runs per second")
    parser.add_argument("--kept", type=float, default=DEFAULTS["kept"], help="share of foreign inputs that an instance keeps")
    parser.add_argument("--packed-bytes", type=float, default=DEFAULTS["packed_bytes"], help="bytes on the wire for a new input")
    parser.add_argument("--list-bytes", type=float, default=DEFAULTS["list_bytes"], help="bytes on the wire for an input that is there")
    parser.add_argument("--hours", type=float, nargs="*", default=[1, 24], help="ages of the campaign: the figures are of the hour before")
    args = parser.parse_args()
    args.find_scale, args.find_power, args.input_bytes = (DEFAULTS[key] for key in ("find_scale", "find_power", "input_bytes"))
    if args.growth:
        args.find_scale, args.find_power, args.input_bytes = fit(args.growth, args.host)
    args.fleets = [(10, 1), (100, 1), (1000, 1), (2, 5), (10, 10), (20, 50)]
    print(f"files(t) = {args.find_scale:.0f} × t^{args.find_power:.2f} (t in minutes of one instance), {args.input_bytes:.0f} bytes each;")
    print(f"{args.packed_bytes:.0f} bytes on the wire for a new input, {args.list_bytes:.0f} for one that is there;")
    print(f"{args.rate:.0f} foreign inputs run per second, {args.kept:.0%} kept; an exchange each {args.interval / 60:.0f} minutes\n")
    for hours in args.hours:
        print(f"In hour {hours:.0f} of the campaign:\n")
        table(args, hours)
        print()


if __name__ == "__main__":
    main()
