# Sourced after lib.sh: private PostgreSQL clusters, each in a directory of its own that holds the data, the
# log and the socket. The server refuses to run as root, so root runs it as Debian's user `postgres`.
# Over the socket only that user enters, without a password; TCP is on 127.0.0.1 with SCRAM passwords.
# shellcheck shell=bash

pg_bin=

# Debian keeps PostgreSQL's programs apart by version: the newest one, or the one that wrote the data.
pg_find() {
    local wanted=${1:-} found
    if [[ -n $wanted ]]; then
        found=/usr/lib/postgresql/$wanted/bin
        [[ -x $found/postgres ]] || fail "the data under $2 needs PostgreSQL $wanted, which is not installed"
    else
        found=$(find /usr/lib/postgresql -mindepth 3 -maxdepth 3 -path '*/bin/initdb' 2>/dev/null | sort -V | tail -n 1)
        [[ -n $found ]] || fail "the PostgreSQL server is not installed; run deploy/local/install run"
        found=${found%/initdb}
    fi
    pg_bin=$found
}

pg_user() { if ((EUID == 0)); then printf 'postgres'; else id -un; fi; }

# As the server's user, with nothing of this shell's environment.
as_pg() {
    local command=(env -i PATH="$pg_bin:/usr/bin:/bin" LC_ALL=C.UTF-8 HOME=/ "$@")
    if ((EUID == 0)); then
        command=(setpriv --reuid=postgres --regid=postgres --clear-groups "${command[@]}")
    fi
    (cd / && exec "${command[@]}")
}

# pg_make_home DIRECTORY: creates it for the server's user. Fails where that user cannot get to (a clone in root's
# home directory) or where the socket's path would be longer than a socket's path may be.
pg_make_home() {
    [[ -d $1 ]] || install -d -o "$(pg_user)" -m 700 -- "$1" || return 1
    if ((${#1} > 90)) || ! as_pg test -w "$1" 2>/dev/null; then
        rmdir -- "$1" 2>/dev/null || true
        return 1
    fi
}

pg_running() { [[ -d $1/data ]] && as_pg pg_ctl -D "$1/data" status >/dev/null 2>&1; }

# pg_create HOME: a fresh cluster, complete or not there at all.
pg_create() {
    local home=$1 half=$1/data.unfinished
    rm -rf -- "$half"
    as_pg initdb -D "$half" -U "$(pg_user)" --auth-local=peer --auth-host=scram-sha-256 -E UTF8 --locale=C.UTF-8 -N \
        </dev/null >"$home/initdb.log" 2>&1 || fail_with_log "$home/initdb.log" "PostgreSQL's initdb failed"
    as_pg sh -c "echo \"include 'local.conf'\" >>\"\$1/postgresql.conf\" && : >\"\$1/local.conf\"" sh "$half"
    mv -- "$half" "$home/data"
}

# pg_start HOME PORT [SETTING...]: settings are lines of postgresql.conf. Fails softly: the caller has the sentence.
pg_start() {
    local home=$1 port=$2
    shift 2
    printf '%s\n' "listen_addresses = '127.0.0.1'" "port = $port" "unix_socket_directories = '${home//\'/\'\'}'" "$@" \
        | as_pg tee "$home/data/local.conf" >/dev/null
    as_pg pg_ctl -D "$home/data" -l "$home/server.log" -w -t 60 start </dev/null >/dev/null 2>&1 9>&-
}

# pg_stop HOME: sessions are ended, data is safe. The second try is for a server that a client holds up.
pg_stop() {
    pg_running "$1" || return 0
    as_pg pg_ctl -D "$1/data" -m fast -w -t 30 stop >/dev/null 2>&1 \
        || as_pg pg_ctl -D "$1/data" -m immediate -w -t 10 stop >/dev/null 2>&1 \
        || fail "the PostgreSQL server in $1 does not stop (process $(as_pg head -n 1 "$1/data/postmaster.pid"))"
}

# pg_sql HOME PORT DATABASE: SQL from standard input, as the superuser, over the socket.
pg_sql() { as_pg psql -X -q -A -t -v ON_ERROR_STOP=1 -h "$1" -p "$2" -d "$3" -U "$(pg_user)" -f -; }
