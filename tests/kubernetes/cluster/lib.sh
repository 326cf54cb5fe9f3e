# Sourced after lib.sh of deploy/local: where the tests' programs and the cluster's parts are kept, and the addresses that it
# uses, which are all of ranges for documentation and exist in its own network namespace only.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # the scripts that source this use what it sets; lib.sh sets `state`

KUSTOMIZE=$(command -v kustomize || printf '%s' "$state/deps/kustomize/usr/bin/kustomize")
export KUSTOMIZE
readonly kubernetes=$state/kubernetes
readonly tools=$kubernetes/tools     # Debian's etcd, Docker, kubectl …, unpacked
readonly programs=$kubernetes/bin    # what Debian has as source only
readonly cluster_logs=$logs/kubernetes
readonly node_address=192.0.2.10
readonly pod_range=198.51.100.1/24
readonly service_range=203.0.113.0/24
readonly api_server=https://127.0.0.1:6443

# The images' names inside the cluster.
readonly service_image=localhost/clink-checkout:tested
readonly neighbours_image=localhost/neighbours:tested
readonly pause_image=localhost/pause:tested
