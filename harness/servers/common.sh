# shellcheck shell=bash
# What every server's `build` shares. Sourced, never run: `source …/common.sh`, then call `build_main "$@"`.
#
# A `build` sets   name        the server, which is also the Debian source package
#                  port        where its configuration listens
#                  packages    what must be installed to compile it, besides the common ones below
# and defines      compile SOURCE BINARY    compile the tree SOURCE, which is private to this build, into the file BINARY,
#                                           with $CC, $CFLAGS and $LDFLAGS
#                  configure ROOT           optional: files that only this build's server understands

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
workspace=$(cd "$here/../.." && pwd)

common_packages=(dpkg-dev libc6-dev make)
log=/dev/null

say() { printf '%s: %s\n' "$name" "$*"; }

fail() {
    printf '%s: error: %s\n' "${name:-servers}" "$*" >&2
    exit 1
}

# Run a command with its output in the log; when it fails, show the log's end and its name.
logged() {
    printf '\n$ %s\n' "$*" >>"$log"
    "$@" >>"$log" 2>&1 </dev/null && return
    tail -n 25 "$log" >&2
    fail "\`$1\` failed; the whole log is in $log"
}

# Where cargo puts this workspace's output, as an absolute path.
target_directory() { realpath -m -- "${CARGO_TARGET_DIR:-$workspace/target}"; }

# --- what must be there first ---------------------------------------------------------------------------------------

missing_packages() {
    local package
    # clang may come from elsewhere than Debian's package of that name.
    [[ -n ${CC-} ]] || command -v clang >/dev/null || echo clang
    for package in "${common_packages[@]}" "${packages[@]}"; do
        [[ $(dpkg-query --show --showformat '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || echo "$package"
    done
}

require_packages() {
    local install=$1 missing
    command -v apt-get >/dev/null || fail "the source comes from a Debian source package, and this system has no apt-get"
    mapfile -t missing < <(missing_packages)
    ((${#missing[@]})) || return 0
    if [[ $install == no ]]; then
        fail "packages are missing; as root: apt-get install --no-install-recommends ${missing[*]} (or: build --install-deps)"
    fi
    ((EUID == 0)) || fail "--install-deps needs root"
    say "installing ${missing[*]}"
    # One unreachable third-party archive makes `update` fail; `install` is the judge of what matters.
    apt-get --quiet update >>"$log" 2>&1 || true
    logged env DEBIAN_FRONTEND=noninteractive apt-get --quiet --yes --no-install-recommends install "${missing[@]}"
}

# AFL++'s runtime object: from AFL_PATH, or as cargo-afl compiled it for sockfuzz or for the user (the newest of several).
afl_runtime() {
    local found own home=${XDG_DATA_HOME:-$HOME/.local/share}
    if [[ ${AFL_PATH-} ]]; then
        found=$AFL_PATH/afl-compiler-rt.o
        [[ -f $found ]] || fail "no $found; unset AFL_PATH to use cargo-afl's"
    else
        own=$(target_directory)/cargo-afl/share
        found=$(ls -t {"$own","$home"}/afl.rs/rustc-*/afl.rs-*/afl-llvm/afl-compiler-rt.o 2>/dev/null | head -n 1) || true
        [[ $found ]] || fail "no AFL++ runtime in $own or $home; 'cargo sockfuzz fuzz' builds one when it starts"
    fi
    echo "$found"
}

require_clang() {
    [[ $("$CC" --version 2>/dev/null) == *clang* ]] || fail "CC=$CC is not a clang; unset CC, or name one"
}

require_asan() {
    echo 'int main(void) { return 0; }' | "$CC" -fsanitize=address -x c -o /dev/null - >>"$log" 2>&1 ||
        fail "$CC comes without AddressSanitizer; as root: apt-get install libclang-rt-$("$CC" -dumpversion | cut -d. -f1)-dev"
}

# --- the source -----------------------------------------------------------------------------------------------------

# Write into directory $1 the distribution's own archives as this machine's apt knows them, as sources of source packages.
# The machine's apt configuration stays as it is: mirror, suites, keys and options are read from it.
write_source_entries() {
    local directory=$1 distribution entry file number count=0
    distribution=$(. /etc/os-release && echo "$ID")
    while read -r entry; do
        file=${entry%:*} number=${entry##*:} count=$((count + 1))
        case $file in
        *.sources) # NUMBER counts stanzas
            sed '/^#/d' "$file" | awk -v RS= -v number="$number" 'NR == number' |
                sed 's/^types:.*/Types: deb-src/I' >"$directory/$count.sources" ;;
        *) # NUMBER counts lines
            sed -n "${number}s/^[[:space:]]*deb\(-src\)\?[[:space:]]/deb-src /p" "$file" >"$directory/$count.list" ;;
        esac
    done < <(apt-get indextargets --format '$(ORIGIN) $(SOURCESENTRY)' 'Created-By: Packages' |
        awk -v distribution="$distribution" 'tolower($1) == distribution { print $2 }' | sort -u)
    ((count)) || fail "apt knows no package list of $distribution; as root: apt-get update"
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
        -o APT::Sandbox::User="$(id -un)" # apt's own download user may not be able to look in here
    )
    logged apt-get --quiet "${options[@]}" update
    # Newest first. A mirror may list a security update whose source it does not hold: then the version before has to do.
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

# Configuration files and makefiles name the server's directory: it must not need quoting there.
require_plain_path() {
    [[ $1 =~ ^[[:alnum:]/._+-]+$ ]] || fail "servers cannot live in '$1': use a path of letters, digits and / . _ + -"
}

# Render template $1 into file $2, for the server's directory $3 and port $4. Settings KEY=VALUE may follow: a template has
# each as @KEY=DEFAULT@.
render_template() {
    local template=$1 file=$2 root=$3 port=$4 text setting
    shift 4
    text=$(<"$template")
    text=${text//@ROOT@/$root}
    text=${text//@PORT@/$port}
    for setting; do
        [[ $setting =~ ^[A-Z_]+= ]] || fail "'$setting' is no setting: give KEY=VALUE"
        [[ $text == *"@${setting%%=*}="* ]] || fail "$template has no setting ${setting%%=*}"
        while [[ $text =~ @"${setting%%=*}"=[^@]*@ ]]; do text=${text//"${BASH_REMATCH[0]}"/"${setting#*=}"}; done
    done
    while [[ $text =~ @[A-Z_]+=([^@]*)@ ]]; do text=${text//"${BASH_REMATCH[0]}"/"${BASH_REMATCH[1]}"}; done
    printf '%s\n' "$text" >"$file"
}

# Make directory $2 a complete home for server $1 on port $3: configuration (with the settings that follow), documents, room
# for temporary files.
render_server() {
    local server=$1 root=$2 port=$3
    shift 3
    require_plain_path "$root"
    mkdir -p "$root"/tmp/dav "$root/www"
    if [[ -f $here/$server/$server.conf ]]; then
        render_template "$here/$server/$server.conf" "$root/$server.conf" "$root" "$port" "$@"
    fi
    if [[ -f $here/$server/users ]]; then cp "$here/$server/users" "$root/users"; fi
    cp -r "$here/www/." "$root/www/"
    # Larger than a socket's buffer, and every line tells where it is.
    seq --format 'line %06g of the big document' 4000 >"$root/www/big.txt"
    gzip -9 --no-name --stdout "$root/www/notes.txt" >"$root/www/notes.txt.gz"
    # The one file which a client can write.
    : >"$root/tmp/dav/file"
    # Entity tags and Last-Modified come from these times: fixed, so that seeds can name them.
    find "$root/www" -exec touch --date=2020-01-01T00:00:00Z {} +
}

# --- building -------------------------------------------------------------------------------------------------------

usage() {
    cat <<HELP
Usage: harness/servers/$name/build [--asan] [--force] [--install-deps]

Builds the unmodified $name of this Debian system, from its source package, with AFL++'s instrumentation, into
target/servers/$name, beside a configuration made for fuzzing. Nothing outside the target directory is changed.

  --asan          with AddressSanitizer, into target/servers/$name-asan: slower, and sees reads and writes out of bounds
  --force         compile again, even if nothing has changed
  --install-deps  install the packages that are missing (needs root)
  --help          show this

The downloaded source is kept in target/servers/$name/source; remove that directory to get the newest one.
Environment: CARGO_TARGET_DIR; CC (a clang); AFL_PATH (a directory with afl-compiler-rt.o, if not cargo-afl's).
HELP
}

# One line per thing that the binary depends on.
fingerprint() {
    "$CC" --version
    sha256sum "$here/common.sh" "$here/$name/build" "$1"
    ls "$2"
    echo "$CFLAGS $LDFLAGS"
    echo "$root" # compiled in
}

# How many edges an executable reports: one 32-bit guard each.
count_guards() {
    local size
    size=$(readelf --section-headers --wide "$1" | awk '{ sub(/.*\]/, "") } $1 == "__sancov_guards" { print $5 }')
    echo $((16#${size:-0} / 4))
}

build_main() {
    local asan='' force=no install=no argument root runtime binary stamp
    for argument; do
        case $argument in
        --asan) asan=-asan ;;
        --force) force=yes ;;
        --install-deps) install=yes ;;
        --help | -h) usage && exit ;;
        *) usage >&2 && fail "unknown argument '$argument'" ;;
        esac
    done

    root=$(target_directory)/servers/$name$asan
    require_plain_path "$root"
    binary=$root/sbin/$name
    mkdir -p "$root/sbin"
    exec 9>"$root/.lock"
    flock --nonblock 9 || { say "waiting for another build" && flock 9; }
    log=$root/download.log
    : >"$log"
    require_packages "$install"
    CC=${CC:-clang}
    require_clang
    runtime=$(afl_runtime)
    fetch_source "$root/source"

    # The compiler inserts a call at every edge and every comparison (the latter for cmplog); AFL++'s runtime answers them.
    # Without the last flag, linking would add clang's UBSan runtime, whose SIGSEGV handler hides crashes from the fuzzer.
    CFLAGS="-g -O2 -fno-omit-frame-pointer -fsanitize-coverage=trace-pc-guard,trace-cmp -fno-sanitize-link-runtime"
    LDFLAGS=$runtime
    if [[ $asan ]]; then
        require_asan
        # ASan's runtime does have to be linked; its handler is one that afl-fuzz knows how to turn off. Leaks of the
        # configure scripts' small programs are not of interest.
        CFLAGS="${CFLAGS/ -fno-sanitize-link-runtime/} -fsanitize=address"
        LDFLAGS+=" -fsanitize=address"
        export ASAN_OPTIONS=detect_leaks=0
    fi
    stamp=$(fingerprint "$runtime" "$root/source" | sha256sum)

    if [[ $force == no && -x $binary && $(cat "$root/.stamp" 2>/dev/null) == "$stamp" ]]; then
        say "up to date"
    else
        rm -rf "$root/build" "$root/.stamp"
        log=$root/build.log
        : >"$log"
        logged dpkg-source --no-copy --extract "$root"/source/*.dsc "$root/build"
        compile "$root/build" "$binary"
        (($(count_guards "$binary"))) || fail "$binary has no instrumentation; the whole log is in $log"
        echo "$stamp" >"$root/.stamp"
    fi
    render_server "$name" "$root" "$port"
    if declare -F configure >/dev/null; then configure "$root"; fi
    say "$binary, $(count_guards "$binary") edges, configuration $root/$name.conf"
}
