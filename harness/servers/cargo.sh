# shellcheck shell=bash
# Function that the builds of servers on crates.io share. To be sourced, not run: `source …/cargo.sh`, then call
# `build_cargo NAME` or `build_cargo NAME FEATURE`. The directory NAME contains the package NAME-server of the workspace
# beside this file.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# Compile NAME-server with AFL++'s instrumentation into target/servers/NAME/sbin/NAME, or with a feature into sbin/NAME-FEATURE:
# by cargo-afl, or by SOCKFUZZ, which brings a cargo-afl of its own.
build_cargo() {
    local name=$1 feature=${2-} target built program cargo=(cargo afl)
    if [[ ${SOCKFUZZ-} ]]; then cargo=("$SOCKFUZZ" cargo); fi
    target=$(realpath -m -- "${CARGO_TARGET_DIR:-$here/../../target}")
    built=$target/servers/cargo/release/$name-server
    program=$target/servers/$name/sbin/$name${feature:+-$feature}
    # Built one package at a time, so that a server gets only the features that it enables itself. Selected by its
    # manifest, because a dependency may have the same name.
    "${cargo[@]}" build --release --locked --quiet --manifest-path "$here/$name/Cargo.toml" --features "$feature" \
        --target-dir "$target/servers/cargo"
    if cmp --silent "$built" "$program"; then
        echo "$name: up to date: $program"
    else
        # Replaced in one step, because another process may build or run the same program.
        install -D -m 755 "$built" "$program.$$"
        mv "$program.$$" "$program"
        echo "$name: built $program"
    fi
}
