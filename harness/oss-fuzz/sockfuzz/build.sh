#!/bin/bash -eu
# Builds the bundled server of sockfuzz, on hyper and tokio, with AFL++'s instrumentation and AddressSanitizer, and bundles it.

plain() { env -u CFLAGS -u CXXFLAGS -u RUSTFLAGS CC=cc CXX=c++ "$@"; }

if [ ! -x "$WORK/sockfuzz/bin/sockfuzz" ]; then
    plain cargo install --path "$SRC/sockfuzz/fuzz" --root "$WORK/sockfuzz"
fi
PATH=$WORK/sockfuzz/bin:$PATH

# With a target, the sanitizer does not apply to build scripts and macros. -Z needs a nightly compiler, or this variable.
host=$(rustc -vV | sed -n 's/^host: //p')
plain env RUSTC_BOOTSTRAP=1 RUSTFLAGS="-Zsanitizer=address" \
    sockfuzz cargo build --release --package sockfuzz-harness --target "$host" --target-dir "$WORK/harness"

tools=$WORK/afl-tools
mkdir -p "$tools"
mv "$OUT"/afl-* "$tools/" 2>/dev/null || true
for model in epoll tokio; do
    program=sockfuzz-server
    [ $model = tokio ] && program=sockfuzz-tokio
    server=$WORK/harness/$host/release/$program
    rm -rf "$WORK/bundle"
    ASAN_OPTIONS=detect_leaks=0 PATH=$tools:$PATH AFL_PATH=$tools sockfuzz bundle -o "$WORK/bundle" -- "$server" --model $model --listen 127.0.0.1:8080
    cp -r "$WORK/bundle/." "$OUT/"
done
