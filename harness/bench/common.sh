# What the measurements on real servers share. To be sourced in the top directory.

built=${CARGO_TARGET_DIR:-target}/servers

# choose SERVER: sets the command that starts it, its options and its seeds. Applications keep their data in the directory $work, which
# must be below /tmp: in the sandbox it begins each time as it is now.
choose() {
    local application=harness/bench/applications/$1 build=harness/servers/$1/build
    corpus=corpus/http1
    options=(--writable "$built/$1/tmp")
    if [[ -d $application ]]; then
        corpus=$application/seeds options=() build=harness/bench/applications/build
        export RUST_LOG=off
    fi
    case $1 in
        nginx) server=("$built/nginx/sbin/nginx") ;;
        lighttpd) server=("$built/lighttpd/sbin/lighttpd" -D -f "$PWD/$built/lighttpd/lighttpd.conf") ;;
        hyper) server=("$built/hyper/sbin/hyper" 127.0.0.1:18083) options=() ;;
        axum) server=("$built/axum/sbin/axum" 127.0.0.1:18084) options=() ;;
        h2o) server=("$built/h2o/sbin/h2o" -c "$PWD/$built/h2o/h2o.conf") corpus=corpus/http2 ;;
        apate) server=("$built/apate/bin/apate" -p 18087 "$PWD/$application/specs.toml") ;;
        jserve)
            cp "$application/db.json" "$work/jserve.json"
            server=("$built/jserve/bin/jserve" -p 18088 -f "$work/jserve.json")
            ;;
        yvdb)
            # The periodic snapshot is left out: when it is taken depends on the clock.
            export YVDB_BIND_ADDR=127.0.0.1:18089 YVDB_DATA_DIR=$work/yvdb YVDB_SNAPSHOT_INTERVAL_SECS=1000000000
            server=("$built/yvdb/bin/yvdb")
            ;;
        *) echo "${0##*/}: no command starts $1: add one to choose() in harness/bench/common.sh" >&2 && exit 2 ;;
    esac
    [[ -x ${server[0]} ]] || { echo "${0##*/}: ${server[0]} is missing: run $build" >&2 && exit 1; }
}
