# shellcheck shell=bash
# What the builds of servers on crates.io share. Sourced, never run: `source …/cargo.sh`, then call `build_cargo NAME`, where NAME
# holds the package NAME-server of the workspace beside this file.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# Compile NAME-server with AFL++'s instrumentation into target/servers/NAME/sbin/NAME.
build_cargo() {
    local name=$1 target built program
    target=$(realpath -m -- "${CARGO_TARGET_DIR:-$here/../../target}")
    built=$target/servers/cargo/release/$name-server
    program=$target/servers/$name/sbin/$name
    # One package at a time: a server gets the features that it asks for, not those that its neighbours do. By its
    # manifest: a dependency may have the same name.
    cargo afl build --release --locked --quiet --manifest-path "$here/$name/Cargo.toml" \
        --target-dir "$target/servers/cargo"
    if cmp --silent "$built" "$program"; then
        echo "$name: up to date: $program"
    else
        # In one step: others may be building the same, or running what is there.
        install -D -m 755 "$built" "$program.$$"
        mv "$program.$$" "$program"
        echo "$name: built $program"
    fi
}
