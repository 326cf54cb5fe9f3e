# Sourced after lib.sh: programs that keep running after the script that started them. Each has a file under
# .local/run with its process id, the time that process started (ids are used again) and what it was started as.
# shellcheck shell=bash
# shellcheck disable=SC2154 # lib.sh sets `state` and `logs`

run_dir=$state/run

# process_field PID INDEX: a field of /proc/PID/stat, counted from the state as 1; the name before it may hold blanks.
process_field() {
    local stat
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
    # shellcheck disable=SC2086 # fields are split on purpose
    set -- "$2" ${stat##*) }
    printf '%s' "${@:$1+1:1}"
}

# alive NAME: sets `pid` when its process is there and is no zombie.
alive() {
    local started launch
    [[ -f $run_dir/$1 ]] && read -r pid started launch <"$run_dir/$1" || return 1
    [[ $(process_field "$pid" 20) == "$started" && $(process_field "$pid" 1) != Z ]]
}

# stop NAME SECONDS: asks with SIGTERM, waits, then insists.
stop() {
    local i
    if alive "$1"; then
        kill -TERM "$pid" 2>/dev/null || true
        for ((i = 0; i < $2 * 20; ++i)); do
            alive "$1" || break
            sleep 0.05
        done
        if alive "$1"; then
            say "$1 did not stop within $2 s; killing process $pid"
            kill -KILL "$pid" 2>/dev/null || true
        fi
    fi
    rm -f -- "$run_dir/$1"
}

# answers URL: any 2xx or 3xx.
answers() { curl --noproxy '*' --silent --fail --max-time 2 --output /dev/null "$1" 2>/dev/null; }

# What a command is started as: its words, and which builds of the programs among them.
launch_of() {
    local word
    for word in "$@"; do
        printf '%s\n' "$word"
        [[ ! -f $word || ! -x $word ]] || stat -c '%i %Y %s' -- "$word"
    done | sha256sum | cut -c 1-64
}

# start NAME PORTS URL COMMAND...: starts the command in a session of its own and waits until the URL answers. What
# runs already is kept if it was started the same way from the same program and answers. PORTS is a list of
# `number:what:variable`.
start() {
    local name=$1 ports=$2 url=$3 launch port what variable i log=$logs/$1.log
    shift 3
    launch=$(launch_of "$@")
    if alive "$name"; then
        if [[ $(cut -d ' ' -f 3 "$run_dir/$name") == "$launch" ]] && answers "$url"; then
            say "$name is running (process $pid)"
            return
        fi
        say "restarting $name"
        stop "$name" 30
    else
        say "starting $name"
    fi
    for port in $ports; do
        IFS=: read -r port what variable <<<"$port"
        need_port "$port" "${what//_/ }" "$variable"
    done
    [[ ! -f $log ]] || mv -f -- "$log" "$log.old"
    setsid "$@" </dev/null >"$log" 2>&1 9>&- &
    pid=$!
    disown "$pid"
    printf '%s %s %s\n' "$pid" "$(process_field "$pid" 20)" "$launch" >"$run_dir/$name"
    for ((i = 0; i < 300; ++i)); do
        ! answers "$url" || return 0
        alive "$name" || fail_with_log "$log" "$name stopped right after its start"
        sleep 0.1
    done
    fail_with_log "$log" "$name does not become ready: $url does not answer"
}
