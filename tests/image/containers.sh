# Sourced after lib.sh: the image's names, and buildah and podman with a store of this clone's own.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # the scripts that source this use what it sets; lib.sh sets `root` and `state`

readonly base_image=docker.io/library/debian:trixie-slim
readonly image=localhost/clink-checkout:dev
readonly images=$state/image
readonly store=(--root "$images/store" --runroot "$images/run")
export CONTAINERS_CONF=$root/tests/image/containers.conf

podman() { command podman "${store[@]}" "$@"; }

# Below TMPDIR buildah keeps the caches that a Dockerfile mounts: the compiler's.
build_cache=$images/tmp
buildah() { TMPDIR=$build_cache BUILDAH_ISOLATION=chroot command buildah "${store[@]}" "$@"; }
