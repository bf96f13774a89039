# What the measurements on real servers share. To be sourced in the top directory.

built=${CARGO_TARGET_DIR:-target}/servers

# choose SERVER: sets the command that starts it, its options and its seeds.
choose() {
    corpus=corpus/http1
    options=(--writable "$built/$1/tmp")
    case $1 in
        nginx) server=("$built/nginx/sbin/nginx") ;;
        lighttpd) server=("$built/lighttpd/sbin/lighttpd" -D -f "$PWD/$built/lighttpd/lighttpd.conf") ;;
        hyper) server=("$built/hyper/sbin/hyper" 127.0.0.1:18083) options=() ;;
        axum) server=("$built/axum/sbin/axum" 127.0.0.1:18084) options=() ;;
        h2o) server=("$built/h2o/sbin/h2o" -c "$PWD/$built/h2o/h2o.conf") corpus=corpus/http2 ;;
        *) echo "${0##*/}: no command starts $1: add one to choose() in harness/bench/common.sh" >&2 && exit 2 ;;
    esac
    [[ -x ${server[0]} ]] || { echo "${0##*/}: ${server[0]} is missing: run harness/servers/$1/build" >&2 && exit 1; }
}
