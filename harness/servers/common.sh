# shellcheck shell=bash
# Functions that all `build` scripts share. To be sourced, not run: `source …/common.sh`, then call `build_main "$@"`.
#
# A `build` sets   name        the name of the server and of its Debian source package
#                  port        the port on which its configuration listens
#                  tls_port    optional: the port on which its configuration for TLS listens
#                  packages    packages that are needed to compile it, besides the common ones below
# and defines      compile SOURCE BINARY    compile the tree SOURCE, private to this build, into the file BINARY,
#                                           with $CC, $CXX, $CFLAGS and $LDFLAGS
#                  configure ROOT           optional: write files that only the server of this build reads

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
workspace=$(cd "$here/../.." && pwd)

common_packages=(dpkg-dev libc6-dev make)
log=/dev/null

say() { printf '%s: %s\n' "$name" "$*"; }

fail() {
    printf '%s: error: %s\n' "${name:-servers}" "$*" >&2
    exit 1
}

# Run a command with its output in the log. If it fails, print the end and the name of the log.
logged() {
    printf '\n$ %s\n' "$*" >>"$log"
    "$@" >>"$log" 2>&1 </dev/null && return
    tail -n 25 "$log" >&2
    fail "\`$1\` failed; the whole log is in $log"
}

# Print the absolute path of the directory for cargo's output of this workspace.
target_directory() { realpath -m -- "${CARGO_TARGET_DIR:-$workspace/target}"; }

# --- prerequisites --------------------------------------------------------------------------------------------------

missing_packages() {
    local package
    # clang may be installed without Debian's package clang.
    command -v clang >/dev/null || echo clang
    for package in "${common_packages[@]}" "${packages[@]}"; do
        [[ $(dpkg-query --show --showformat '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || echo "$package"
    done
}

require_packages() {
    local install=$1 missing
    command -v apt-get >/dev/null || fail "this system has no apt-get, which downloads the source: build on Debian"
    mapfile -t missing < <(missing_packages)
    ((${#missing[@]})) || return 0
    if [[ $install == no ]]; then
        fail "packages are missing; as root: apt-get install --no-install-recommends ${missing[*]} (or: build --install-deps)"
    fi
    ((EUID == 0)) || fail "--install-deps needs root; as root: apt-get install --no-install-recommends ${missing[*]}"
    say "installing ${missing[*]}"
    # One unreachable third-party archive makes `update` fail; `install` fails only if a needed package is unavailable.
    apt-get --quiet update >>"$log" 2>&1 || true
    logged env DEBIAN_FRONTEND=noninteractive apt-get --quiet --yes --no-install-recommends install "${missing[@]}"
}

# Print the path of the sockfuzz whose compilers instrument: SOCKFUZZ, or the program of this workspace.
sockfuzz_program() {
    local program=${SOCKFUZZ-}
    if [[ ! $program ]]; then
        program=$(target_directory)/release/sockfuzz
        (cd "$workspace" && cargo build --release --quiet --package sockfuzz --no-default-features --target-dir "$(target_directory)") ||
            fail "sockfuzz cannot be built"
    fi
    echo "$program"
}

require_asan() {
    # shellcheck disable=SC2086 # several words
    echo 'int main(void) { return 0; }' | $CC -x c -o /dev/null - >>"$log" 2>&1 ||
        fail "clang has no AddressSanitizer; as root: apt-get install libclang-rt-$($CC -dumpversion | cut -d. -f1)-dev"
}

# --- the source -----------------------------------------------------------------------------------------------------

# Write deb-src entries for the distribution's own archives into directory $1. Mirror, suites, keys and options come
# from this machine's apt configuration, which is not changed.
write_source_entries() {
    local directory=$1 distribution entry file number count=0
    distribution=$(. /etc/os-release && echo "$ID")
    while read -r entry; do
        file=${entry%:*} number=${entry##*:} count=$((count + 1))
        case $file in
        *.sources) # NUMBER is the number of a stanza
            sed '/^#/d' "$file" | awk -v RS= -v number="$number" 'NR == number' |
                sed 's/^types:.*/Types: deb-src/I' >"$directory/$count.sources" ;;
        *) # NUMBER is the number of a line
            sed -n "${number}s/^[[:space:]]*deb\(-src\)\?[[:space:]]/deb-src /p" "$file" >"$directory/$count.list" ;;
        esac
    done < <(apt-get indextargets --format '$(ORIGIN) $(SOURCESENTRY)' 'Created-By: Packages' |
        awk -v distribution="$distribution" 'tolower($1) == distribution { print $2 }' | sort -u)
    ((count)) || fail "apt has no package list of $distribution; as root: apt-get update"
}

# Download the source package into directory $1, unless it is there already.
fetch_source() {
    local directory=$1 apt=$1.apt version
    compgen -G "$directory/*.dsc" >/dev/null && return
    say "downloading the Debian source package"
    rm -rf "$apt" "$directory.partial"
    mkdir -p "$apt"/{sources.d,lists/partial,cache/archives/partial}
    write_source_entries "$apt/sources.d"
    local options=(
        -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$apt/sources.d"
        -o Dir::State::Lists="$apt/lists" -o Dir::Cache="$apt/cache"
        -o APT::Sandbox::User="$(id -un)" # apt's own download user may have no access to this directory
    )
    logged apt-get --quiet "${options[@]}" update
    # Newest version first. A mirror may list a security update without its source: then an older version is downloaded.
    for version in $(apt-cache "${options[@]}" showsrc "$name" | sed -n 's/^Version: //p' | sort -ruV); do
        rm -rf "$directory.partial" && mkdir "$directory.partial"
        if (cd "$directory.partial" && apt-get --quiet "${options[@]}" source --download-only "$name=$version") \
            >>"$log" 2>&1; then
            mv "$directory.partial" "$directory"
            rm -rf "$apt"
            return
        fi
        say "the source of $version could not be downloaded (see $log)"
    done
    fail "no source package of $name could be downloaded; the whole log is in $log"
}

# --- the files around the server ------------------------------------------------------------------------------------

# Configuration files and makefiles contain the server's directory without quotes, so it must not need them.
require_plain_path() {
    [[ $1 =~ ^[[:alnum:]/._+-]+$ ]] || fail "the path '$1' needs quotes: use one of letters, digits and / . _ + -"
}

# Render template $1 into file $2, for the server's directory $3 and port $4. Settings KEY=VALUE may follow: a template
# contains each as @KEY=DEFAULT@. Lines that begin with @TLS@ are only for a server that speaks TLS ($variant is TLS), those
# with @PLAIN@ only for one that does not.
render_template() {
    local template=$1 file=$2 root=$3 port=$4 variant=${variant:-PLAIN} text setting
    shift 4
    text=$(sed "s/^@$variant@//; /^@\(TLS\|PLAIN\)@/d" "$template")
    text=${text//@ROOT@/$root}
    text=${text//@PORT@/$port}
    for setting; do
        [[ $setting =~ ^[A-Z_]+= ]] || fail "'$setting' is not a setting: use KEY=VALUE"
        [[ $text == *"@${setting%%=*}="* ]] || fail "$template has no setting ${setting%%=*}"
        while [[ $text =~ @"${setting%%=*}"=[^@]*@ ]]; do text=${text//"${BASH_REMATCH[0]}"/"${setting#*=}"}; done
    done
    while [[ $text =~ @[A-Z_]+=([^@]*)@ ]]; do text=${text//"${BASH_REMATCH[0]}"/"${BASH_REMATCH[1]}"}; done
    printf '%s\n' "$text" >"$file"
}

# Make the certificates of directory $1 for a server that speaks TLS, unless it has them.
make_certificates() {
    [[ -f $1/tls/server.key ]] && return
    "$(sockfuzz_program)" --quiet certificate -o "$1/tls" >/dev/null || fail "the certificates cannot be made"
}

# Fill directory $2 with all files that server $1 needs on port $3: configuration (with the settings that follow),
# documents, directories for temporary files, and for TLS certificates.
render_server() {
    local server=$1 root=$2 port=$3
    shift 3
    require_plain_path "$root"
    if [[ ${variant-} == TLS ]]; then make_certificates "$root"; fi
    mkdir -p "$root"/tmp/dav "$root/www"
    if [[ -f $here/$server/$server.conf ]]; then
        render_template "$here/$server/$server.conf" "$root/$server.conf" "$root" "$port" "$@"
    fi
    if [[ -f $here/$server/users ]]; then cp "$here/$server/users" "$root/users"; fi
    cp -r "$here/../www/." "$root/www/"
    # Larger than a socket's buffer; every line contains its number.
    seq --format 'line %06g of the big document' 4000 >"$root/www/big.txt"
    gzip -9 --no-name --stdout "$root/www/notes.txt" >"$root/www/notes.txt.gz"
    # The only file that a client can write.
    : >"$root/tmp/dav/file"
    # Entity tags and Last-Modified depend on these times, which are fixed so that seeds can contain them.
    find "$root/www" -exec touch --date=2020-01-01T00:00:00Z {} +
}

# --- building -------------------------------------------------------------------------------------------------------

usage() {
    cat <<HELP
Usage: harness/servers/$name/build [--asan | --coverage] [--force] [--install-deps]

Builds the unmodified $name of this Debian system, from its source package, with AFL++'s instrumentation, into
target/servers/$name, beside a configuration made for fuzzing. Nothing outside the target directory is changed.

  --asan          with AddressSanitizer, into target/servers/$name-asan: slower, but detects reads and writes out of bounds
  --coverage      with coverage of source lines, for sockfuzz cover, into target/servers/$name-coverage
  --force         compile again, even if nothing has changed
  --install-deps  install the packages that are missing (needs root)
  --help          show this

The downloaded source is kept in target/servers/$name/source; remove that directory to get the newest one.
Environment: CARGO_TARGET_DIR; SOCKFUZZ (a sockfuzz whose compilers instrument, instead of this workspace's).
HELP
}

# Print everything on which the binary depends.
fingerprint() {
    # shellcheck disable=SC2086 # several words
    $CC --version
    sha256sum "$here/common.sh" "$here/$name/build"
    ls "$1"
    echo "$CFLAGS $LDFLAGS $kind"
    echo "$root" # compiled in
}

# Print the number of edges of an executable, which has one 32-bit guard for each.
count_guards() {
    local size
    size=$(readelf --section-headers --wide "$1" | awk '{ sub(/.*\]/, "") } $1 == "__sancov_guards" { print $5 }')
    echo $((16#${size:-0} / 4))
}

build_main() {
    local asan='' kind='' force=no install=no argument root runtime binary stamp
    for argument; do
        case $argument in
        --asan | --coverage) kind=${argument#-} ;;
        --force) force=yes ;;
        --install-deps) install=yes ;;
        --help | -h) usage && exit ;;
        *) usage >&2 && fail "unknown argument '$argument'" ;;
        esac
    done

    [[ $kind == -asan ]] && asan=$kind
    root=$(target_directory)/servers/$name$kind
    require_plain_path "$root"
    binary=$root/sbin/$name
    mkdir -p "$root/sbin"
    exec 9>"$root/.lock"
    flock --nonblock 9 || { say "waiting for another build" && flock 9; }
    log=$root/download.log
    : >"$log"
    require_packages "$install"
    CC="$(sockfuzz_program) cc${kind:+ -$kind}"
    CXX=${CC/ cc/ c++}
    fetch_source "$root/source"
    CFLAGS="-O2 -fno-omit-frame-pointer"
    LDFLAGS=
    if [[ $asan ]]; then
        require_asan
        # Leaks of the test programs of configure scripts do not matter.
        export ASAN_OPTIONS=detect_leaks=0
    fi
    stamp=$(fingerprint "$root/source" | sha256sum)

    if [[ $force == no && -x $binary && $(cat "$root/.stamp" 2>/dev/null) == "$stamp" ]]; then
        say "up to date"
    else
        rm -rf "$root/build" "$root/.stamp"
        log=$root/build.log
        : >"$log"
        logged dpkg-source --no-copy --extract "$root"/source/*.dsc "$root/build"
        compile "$root/build" "$binary"
        [[ $kind == -coverage ]] || (($(count_guards "$binary"))) || fail "$binary has no instrumentation; the whole log is in $log"
        echo "$stamp" >"$root/.stamp"
    fi
    render_server "$name" "$root" "$port"
    if [[ ${tls_port-} ]]; then
        make_certificates "$root"
        variant=TLS render_template "$here/$name/$name.conf" "$root/$name-tls.conf" "$root" "$tls_port"
    fi
    if declare -F configure >/dev/null; then configure "$root"; fi
    if [[ $kind == -coverage ]]; then
        say "$binary with coverage of source lines, configuration $root/$name.conf"
    else
        say "$binary, $(count_guards "$binary") edges, configuration $root/$name.conf${tls_port:+, with TLS $name-tls.conf}"
    fi
}
