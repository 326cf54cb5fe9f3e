# Sourced after lib.sh: another Debian release's archive, read apart from the machine's own apt, which stays as it is.
# Packages are checked against Debian's signatures; the mirror is the one that this machine's apt uses.
# shellcheck shell=bash
# shellcheck disable=SC2154 # lib.sh sets `logs`

# Nothing is ever asked: standard input is closed and debconf is told so.
apt() {
    DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 "$@" </dev/null >>"$logs/apt.log" 2>&1
}

apt_failed() {
    local unreachable='Could not (resolve|connect)|Failed to fetch|Unable to connect|Connection (failed|timed out)'
    if grep -qE "$unreachable" "$logs/apt.log"; then
        fail_with_log "$logs/apt.log" "$1: the Debian mirror of this machine's apt configuration cannot be reached"
    fi
    fail_with_log "$logs/apt.log" "$1"
}

# The mirror that this machine's apt uses for Debian itself, as apt reads its own configuration.
debian_mirror() {
    apt-get indextargets --no-release-info --format '$(CREATED_BY) $(REPO_URI) $(RELEASE) $(COMPONENT)' \
        | awk '$1 == "Packages" && $4 == "main" && $3 !~ /security|updates|backports/ && !found { print $2; found = 1 }'
}

# private_apt DIRECTORY TYPE RELEASE: an apt of its own in DIRECTORY, which knows the release's `deb` or `deb-src` list
# and no installed package. Sets and exports APT_CONFIG: call it in a subshell.
private_apt() {
    local mirror
    mirror=$(debian_mirror)
    [[ -n $mirror ]] || fail "this machine's apt configuration names no Debian mirror"
    mkdir -p -- "$1/lists/partial" "$1/cache/archives/partial" "$1/none"
    : >"$1/status"
    printf '%s [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' "$2" "$mirror" "$3" \
        >"$1/sources.list"
    cat >"$1/apt.conf" <<CONF
Dir::Etc::sourcelist "$1/sources.list";
Dir::Etc::sourceparts "$1/none";
Dir::Etc::preferencesparts "$1/none";
Dir::State::lists "$1/lists";
Dir::State::status "$1/status";
Dir::Cache "$1/cache";
APT::Sandbox::User "root";
CONF
    export APT_CONFIG=$1/apt.conf
    : >"$logs/apt.log"
    apt update -o APT::Update::Error-Mode=any || apt_failed "the package lists of Debian's $3 could not be fetched"
}

# fetch_source RELEASE PACKAGE DIRECTORY: the source package, unpacked below DIRECTORY as dpkg-source names it.
fetch_source() (
    private_apt "$3/apt" deb-src "$1"
    cd -- "$3" || exit
    apt source "$2" || apt_failed "the source package $2 of Debian's $1 could not be fetched"
)

# fetch_packages RELEASE DIRECTORY PACKAGE...: the files of binary packages unpacked to DIRECTORY/root, without what
# they depend on and without their scripts.
fetch_packages() (
    release=$1 home=$2
    shift 2
    private_apt "$home/apt" deb "$release"
    mkdir -p -- "$home/packages"
    cd -- "$home/packages" || exit
    apt download "$@" || apt_failed "these packages of Debian's $release could not be fetched: $*"
    for package in ./*.deb; do
        dpkg-deb --extract "$package" "$home/root"
    done
)
