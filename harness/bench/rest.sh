# shellcheck shell=bash
# What the measurements of the REST service share. To be sourced in the top directory.

target=${CARGO_TARGET_DIR:-target}
sources=harness/servers/rest
program=$target/servers/rest/sbin/rest

# bug TEXT: prints the number of the planted bug that the service's messages tell: that above the line in which it fails.
bug() {
    local place
    case $1 in
        *'overflowed its stack'*) echo 8 && return ;;
    esac
    place=$(grep -ao 'panicked at [^ ]*src/[a-z]*\.rs:[0-9]*' <<<"$1" | head -n 1) || return 0
    place=${place##*/}
    sed -n "1,${place##*:}s/.*Planted bug \([0-9]*\):.*/\1/p" "$sources/src/${place%%:*}" | tail -n 1
}

# first_times: reads lines with a bug and a time in milliseconds, and prints for each bug the first time in seconds.
first_times() {
    awk 'NF == 2 && (!($1 in first) || $2 < first[$1]) {first[$1] = $2} END {for (bug in first) print bug, first[bug] / 1000}' | sort -n
}

# bugs_of OUT SOCKFUZZ: prints for each bug that the campaign in OUT found the seconds before it.
bugs_of() {
    local file name said
    for file in "$1"/default/crashes/id:*; do
        [[ -e $file ]] || continue
        name=${file##*time:}
        said=$(RUST_BACKTRACE=0 "$2" run --input session -- "$program" 127.0.0.1:18085 <"$file" 2>&1 || true)
        echo "$(bug "$said") ${name%%,*}"
    done | first_times
}

# table_of_bugs KEPT SECONDS RUNS NAME…: prints for each bug and name the median of the seconds in KEPT/NAME-SECONDS-RUN.
table_of_bugs() {
    python3 - "$sources" "$@" <<'PYTHON'
import math, pathlib, re, statistics, sys

sources, kept, seconds, runs = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
names = sys.argv[5:]
planted = {}
for source in (sources / "src").glob("*.rs"):
    for number, text in re.findall(r"Planted bug (\d+): (.*)\.$", source.read_text(), re.MULTILINE):
        planted[int(number)] = text


def found(name):
    """Returns the seconds before each bug, for each run."""
    lines = [(kept / f"{name}-{seconds}-{run + 1}").read_text().split() for run in range(runs)]
    return [dict(zip(map(int, words[::2]), map(float, words[1::2]))) for words in lines]


def cell(times):
    times = [time for time in times if time is not None]
    if not times:
        return "–"
    median = statistics.median(times + [math.inf] * (runs - len(times)))
    return (f"{median:.0f}" if median < math.inf else "–") + f" ({len(times)}/{runs})"


results = {name: found(name) for name in names}
print("| bug | " + " | ".join(names) + " |")
print("|---|" + "---|" * len(names))
for number, text in sorted(planted.items()):
    cells = [cell([run.get(number) for run in results[name]]) for name in names]
    print(f"| {number}: {text} | " + " | ".join(cells) + " |")
PYTHON
}
