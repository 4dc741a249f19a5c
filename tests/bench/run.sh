#!/bin/bash
# Runs the benchmark on a private host: own network, mounts and process numbers, so that nothing
# of it can stay behind, and /run in memory, as on every host with an init. The shell is the
# host's first process and reaps orphans.
# usage: run.sh BENCH SAMPAN
set -eu
exec unshare --mount --net --pid --fork --mount-proc --kill-child \
    bash -c '/bin/busybox ip link set lo up; mount -t tmpfs -o mode=755 tmpfs /run; "$@"; exit $?' bench "$@"
