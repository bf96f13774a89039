# Runs on a host of a fleet, as `sh -s -- ACTION DIRECTORY …`, and prints `name=value` lines. In DIRECTORY:
#   bundle/      what the hub has copied          run.pid       process of bundle/run: its id, start time, boot, group
#   out/         output directory                 run.exit      its exit status
#   run.log      what bundle/run prints           run.stopped   exists after a stop
set -u
LC_ALL=C
export LC_ALL
action=$1
directory=$2
shift 2

fail() {
    echo "error=$*"
    exit 1
}

# Start time and process group of a process that has not ended, and the boot that both belong to.
identity() {
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
    # What follows the name of the command, which may contain anything.
    set -- ${stat##*) }
    [ "$1" != Z ] && [ "$1" != X ] || return 1
    echo "${20} $(cat /proc/sys/kernel/random/boot_id) $3"
}

# Sets pid and group if bundle/run, as it was started last, is running.
running() {
    read -r pid start boot group 2>/dev/null <run.pid || return 1
    [ "$(identity "$pid")" = "$start $boot $group" ]
}

# Whether something else than this script, such as systemd, runs sockfuzz fuzz here: it locks its output directory.
locked() {
    [ -e out/sockfuzz.target ] || return
    flock -n out/sockfuzz.target true 2>/dev/null
    # Other statuses are those of a missing or failing flock.
    [ $? = 1 ]
}

state() {
    echo "directory=$PWD"
    echo "machine=$(uname -m)"
    echo "cores=$(getconf _NPROCESSORS_ONLN 2>/dev/null)"
    command -v rsync >/dev/null || echo "missing=rsync"
    command -v setsid >/dev/null || echo "missing=setsid"
    [ -r /proc/self/stat ] || echo "missing=/proc"
    [ -x bundle/run ] && echo "bundle=yes"
    [ -e out/sockfuzz.target ] && echo "output=yes"
    [ -d out/fleet/queue ] && echo "fleet=$(ls out/fleet/queue | wc -l)"
    if running || locked; then
        echo "state=running"
    elif [ -e run.stopped ]; then
        echo "state=stopped"
    elif [ -e run.pid ] || [ -e run.exit ]; then
        echo "state=ended"
        [ -e run.exit ] && echo "exit=$(cat run.exit)"
    else
        echo "state=new"
    fi
    if [ -e run.log ]; then
        tail -c 2000 run.log | tail -n 8 | while IFS= read -r line; do printf 'log=%s\n' "$line"; done
    fi
    for stats in out/"$1"-main/fuzzer_stats out/"$1"-s[0-9]*/fuzzer_stats; do
        [ -e "$stats" ] || continue
        instance=${stats%/*}
        echo "instance=${instance##*/}"
        sed -n 's/^\([a-z_]*\) *: \(.*\)/stat.\1=\2/p' "$stats"
    done
}

start() {
    running && return
    [ -x bundle/run ] || fail "there is no bundle"
    rm -f run.pid run.exit run.stopped run.starting
    [ -e run.log ] && mv -f run.log run.log.before
    # A session of its own: the end of this connection does not reach it.
    setsid sh -c '
        cd bundle || exit
        "$@" >../run.log 2>&1 &
        echo $! >../run.starting
        wait $!
        echo $? >../run.exit
    ' sh "$@" </dev/null >/dev/null 2>&1 &
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        [ -s run.starting ] && break
        sleep 0.2
    done
    read -r pid <run.starting || fail "bundle/run could not be started"
    rm -f run.starting
    # It may have ended already.
    if id=$(identity "$pid"); then echo "$pid $id" >run.pid; fi
}

stop() {
    : >run.stopped
    running || return
    kill -TERM "$pid"
    # afl-fuzz gets time to write its state. Before a group's number, dash takes a signal only with -s.
    for second in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30; do
        sleep 1
        kill -s 0 -- "-$group" 2>/dev/null || return
        # What bundle/run may have started without passing the signal on.
        [ "$second" = 5 ] && ! running && kill -s TERM -- "-$group"
    done
    kill -s KILL -- "-$group" 2>/dev/null
}

mkdir -p -- "$directory" && cd -- "$directory" || fail "the directory $directory cannot be used"
case $action in
state) state "$@" ;;
start) start "$@" && echo "done=yes" ;;
stop) stop && echo "done=yes" || echo "done=yes" ;;
*) fail "unknown action $action" ;;
esac
