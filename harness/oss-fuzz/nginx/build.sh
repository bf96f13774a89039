#!/bin/bash -eu
# Builds nginx as it is, with the given compiler and flags, and bundles it for AFL++.

prefix=$WORK/nginx
[ -x configure ] || ln -s auto/configure configure
./configure --with-cc="$CC" --with-cc-opt="$CFLAGS -Wno-error" --with-ld-opt="$CFLAGS" --prefix="$prefix" \
    --conf-path="$prefix/nginx.conf" --error-log-path=stderr --http-log-path=/dev/null --pid-path=/tmp/nginx/pid
make -j"$(nproc)"
mkdir -p "$prefix/sbin" "$prefix/html/files" /tmp/nginx
cp objs/nginx "$prefix/sbin/nginx"
cp "$SRC/nginx.conf" "$prefix/nginx.conf"
echo "<html><body>nginx</body></html>" >"$prefix/html/index.html"
cp README* "$prefix/html/files/" 2>/dev/null || true

# The tool itself is neither instrumented nor fuzzed.
if [ ! -x "$WORK/sockfuzz/bin/sockfuzz" ]; then
    env -u CFLAGS -u CXXFLAGS -u RUSTFLAGS CC=cc CXX=c++ cargo install --path "$SRC/sockfuzz/fuzz" --root "$WORK/sockfuzz"
fi

# AFL++ is the one that OSS-Fuzz has put into $OUT; the bundle brings launchers of the same names.
tools=$WORK/afl-tools
mkdir -p "$tools"
mv "$OUT"/afl-* "$tools/" 2>/dev/null || true
rm -rf "$WORK/bundle"
ASAN_OPTIONS=detect_leaks=0 PATH=$tools:$PATH AFL_PATH=$tools \
    "$WORK/sockfuzz/bin/sockfuzz" bundle -o "$WORK/bundle" --name nginx --include "$prefix/html" -- "$prefix/sbin/nginx"
cp -r "$WORK/bundle/." "$OUT/"
