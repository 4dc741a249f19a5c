#!/bin/bash
# Runs whole test programs, one after another, in a virtual machine with control groups of version 2
# only (run.sh). Takes hours. What needs servers that are too slow there is left out.
# usage: all.sh KERNEL PROGRAM ...
set -eu
cd "$(dirname "$0")/../.."
kernel=$1
shift
export SAMPAN_REQUIRE_ROOT=1 SAMPAN_TEST_PATIENCE=${SAMPAN_TEST_PATIENCE:-10}
each='
    failed=
    for program; do
        case ${program##*/} in
            e2e-*) folder=tests args="--test-threads=3 --skip registries:: --skip corpus:: --skip tidy::" ;;
            *) folder=engine args= ;;
        esac
        echo "== ${program##*/}"
        (cd $folder && "$program" $args) || failed="$failed ${program##*/}"
        case ${program##*/} in
            e2e-*) SAMPAN_TEST_OWN_MACHINE=1 "$program" clock:: || failed="$failed clock" ;;
        esac
    done
    [ -z "$failed" ] || { echo "failed:$failed"; exit 1; }'
exec tests/vm/run.sh -k "$kernel" -t 30000 bash -c "$each" all "$@"
