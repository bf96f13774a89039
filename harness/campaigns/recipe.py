#!/usr/bin/env python3
"""What harness/campaigns/run needs from recipes and reports.

recipe.py command SERVER TARGET HOME PORT    words for sockfuzz fuzz: options of the first row, --, program, arguments
recipe.py version SERVER TARGET HOME PORT    words of the command that prints the version
recipe.py head                               head of the table
recipe.py row SERVER OUT VERSION             row of the table, from OUT/report.json and OUT.scripts
"""
import json
import pathlib
import sys
import tomllib

SERVERS = pathlib.Path(__file__).resolve().parent.parent / "servers"

COLUMNS = [
    "server",
    "version",
    "minutes",
    "executions",
    "per second",
    "edges",
    "stability",
    "findings",
    "bugs",
    "confirmed",
    "scripts",
]


def recipe(name):
    return tomllib.loads((SERVERS / name / "server.toml").read_text())


def fill_in(words, name, target, home, port):
    """Replaces the placeholders that harness/servers/README.md describes."""
    binary = recipe(name)["row"][0].get("binary", "sbin/" + name)
    places = {
        "{program}": f"{target}/servers/{name}/{binary}",
        "{home}": home,
        "{recipe}": str(SERVERS / name),
        "{target}": f"{target}/servers/{name}",
        "{port}": port,
    }
    for word in words:
        for placeholder, value in places.items():
            word = word.replace(placeholder, value)
        yield word


def command(name):
    row = recipe(name)["row"][0]
    options = [word for flag, value in row.get("options", {}).items() for word in ("--" + flag, value)]
    return options + ["--", "{program}"] + row.get("arguments", recipe(name).get("arguments", []))


def row(name, out, version):
    report = json.loads((pathlib.Path(out) / "report.json").read_text())
    summary = report["summary"]
    confirmed = [bug for bug in report["bugs"] if bug["confirmation"]["happened"]]
    statuses = [line.split()[-1] for line in pathlib.Path(out + ".scripts").read_text().splitlines()]
    return [
        recipe(name)["title"],
        version,
        f"{summary['run_time_s'] / 60:.0f}",
        f"{summary['executions']:,}",
        f"{summary['per_second']:,.0f}",
        f"{summary['edges']:,}",
        f"{summary['stability']:.2f} %",
        summary["crash_files"] + summary["hang_files"],
        len(report["bugs"]),
        len(confirmed),
        f"{statuses.count('0')} of {len(statuses)}" if statuses else "–",
    ]


def table_line(cells):
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def main():
    match sys.argv[1:]:
        case ["command", name, *places]:
            lines = fill_in(command(name), name, *places)
        case ["version", name, *places]:
            lines = fill_in(recipe(name)["version"], name, *places)
        case ["head"]:
            lines = [table_line(COLUMNS), "|" + "---|" * len(COLUMNS)]
        case ["row", name, out, version]:
            lines = [table_line(row(name, out, version))]
        case _:
            sys.exit(__doc__)
    print("\n".join(lines))


if __name__ == "__main__":
    main()
