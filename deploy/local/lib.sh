# Sourced by the scripts of deploy/local, tests and .ci: one voice, one way to fail, and the facts about this
# clone and this machine that more than one of them needs. Sets `root` (the project) and `state` (.local).
# shellcheck shell=bash
set -Eeuo pipefail
export LC_ALL=C.UTF-8
umask 022
unset CDPATH

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd -P)
state=$root/.local
logs=$state/log

# A reader that went away must not stop a script half-way.
trap '' PIPE
say() { printf '%s\n' "$*" 2>/dev/null || true; }

fail() {
    trap - ERR
    printf '%s: %s\n' "${0##*/}" "$*" >&2 || true
    exit 1
}

unexpected() {
    ((BASH_SUBSHELL == 0)) || return 0
    fail "stopped at ${BASH_SOURCE[1]#"$root"/}:${BASH_LINENO[0]}: $BASH_COMMAND"
}
trap unexpected ERR

# fail_with_log FILE SENTENCE: the end of the log first, so that the sentence is the last thing read.
fail_with_log() {
    local log=$1
    shift
    if [[ -s $log ]]; then
        tail -n 25 -- "$log" >&2 || true
    fi
    fail "$* (log: ${log#"$root"/})"
}

# The version of the Debian release, "12" or "13"; empty elsewhere.
debian_release() {
    # shellcheck source=/dev/null
    (. /etc/os-release && [[ ${ID:-} == debian ]] && printf '%s' "${VERSION_ID:-}") || true
}

make_state() {
    mkdir -p -- "$state" "$logs" || fail "cannot write to $root: .local/ is where everything of this clone is kept"
}

# need_disk DIRECTORY: at least 2 GB free there.
need_disk() {
    local free
    free=$(df -Pk -- "$1" | awk 'NR == 2 { print $4 }')
    ((free >= 2 * 1024 * 1024)) \
        || fail "not enough disk: $((free / 1024)) MB free under $1, at least 2048 MB are needed"
}

# Compilers of Asio and Beast take more than a gigabyte each: as many jobs as cores, fewer on a small machine.
build_jobs() {
    local cores memory kib_per_job=$((1200 * 1024))
    cores=$(nproc)
    memory=$(awk -v each="$kib_per_job" '/^MemAvailable:/ { print int($2 / each) }' /proc/meminfo)
    ((memory >= 1)) || memory=1
    printf '%s' $((cores < memory ? cores : memory))
}

random_hex() { od -An -N "$1" -tx1 /dev/urandom | tr -d ' \n'; }

# listener PORT: the inode of a TCP socket that listens on the port, on any address; nothing when it is free.
listener() {
    local hex
    hex=$(printf '%04X' "$1")
    cat /proc/net/tcp /proc/net/tcp6 2>/dev/null \
        | awk -v port=":$hex" '$4 == "0A" && substr($2, length($2) - 4) == port && !found { print $10; found = 1 }'
}

# who_listens INODE: "name (process 123)", or "another process" where /proc does not tell.
who_listens() {
    local fd pid
    for fd in /proc/[0-9]*/fd/*; do
        if [[ $(readlink "$fd" 2>/dev/null) == "socket:[$1]" ]]; then
            pid=${fd#/proc/}
            pid=${pid%%/*}
            printf '%s (process %s)' "$(cat "/proc/$pid/comm" 2>/dev/null)" "$pid"
            return
        fi
    done
    printf 'another process'
}

# need_port NUMBER WHAT VARIABLE: the port must be free.
need_port() {
    local inode
    if [[ ! $1 =~ ^[1-9][0-9]{0,4}$ ]] || (($1 > 65535)); then
        fail "$3=$1 is not a port number"
    fi
    inode=$(listener "$1")
    [[ -z $inode ]] \
        || fail "port $1, wanted for $2, is taken by $(who_listens "$inode"); stop it or set $3 to a free port"
}

# A free port below the range that the kernel hands out to clients by itself.
free_port() {
    local port
    while :; do
        port=$((20000 + RANDOM % 12000))
        [[ -n $(listener "$port") ]] || break
    done
    printf '%s' "$port"
}

# configure PRESET; builds everything that follows with the same flags, so that `up` and the tests share objects.
configure() {
    local log=$logs/configure-$1.log home=$root/build options=()
    [[ $1 == release ]] || home=$root/build/$1
    # A compiler that nobody has tried may warn of something new; that must not keep the service from being built.
    [[ $(debian_release) =~ ^1[23]$ ]] || options+=(-DCHECKOUT_WERROR=OFF)
    if [[ -f $home/CMakeCache.txt ]] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$home/CMakeCache.txt"; then
        options+=(--fresh)
    fi
    (cd -- "$root" && cmake --preset "$1" "${options[@]}" </dev/null) >"$log" 2>&1 \
        || fail_with_log "$log" "CMake could not configure the $1 build"
}

# build PRESET [TARGET...]
build() {
    local preset=$1 log=$logs/build-$1.log status=0
    shift
    local command=(cmake --build --preset "$preset" --parallel "$(build_jobs)")
    (($# == 0)) || command+=(--target "$@")
    if [[ -t 1 ]]; then
        (cd -- "$root" && "${command[@]}" </dev/null) 2>&1 | tee -- "$log" || status=1
    else
        (cd -- "$root" && "${command[@]}" </dev/null) >"$log" 2>&1 || status=1
    fi
    ((status == 0)) || fail_with_log "$log" "the $preset build failed"
}
