#!/bin/bash
# Runs end-to-end tests in a virtual machine with control groups of version 2 only (run.sh).
# usage: scenarios.sh KERNEL few|some|TEST ...    `few` is a subset of `some`; both print what they run
set -eu
cd "$(dirname "$0")/../.."
kernel=$1
shift
few=(limits:: up_starts_every_replica a_port_answers_from processes_in_the_way not_delegated)
some=("${few[@]}" groups:: kill_sends a_port_of_another udp_is_published networks_are_isolated names_resolve
    a_new_volume_starts exec_joins a_service_starts_when)
case $1 in
    few) set -- "${few[@]}" ;;
    some) set -- "${some[@]}" ;;
esac
# Emulation is slow; what has to come true there may take longer.
export SAMPAN_REQUIRE_ROOT=1 SAMPAN_TEST_PATIENCE=${SAMPAN_TEST_PATIENCE:-10}
tests=$(ls -t "${CARGO_TARGET_DIR:-target}"/*/debug/deps/e2e-* | while read -r file; do
    case $file in *.d) continue ;; esac
    if "$file" --list 2>/dev/null | grep -q '^scenarios::'; then echo "$file"; break; fi
done)
[ -n "$tests" ] || { echo "the tests are not built: run make test-vm" >&2; exit 2; }
exec tests/vm/run.sh -k "$kernel" "$(realpath "$tests")" --test-threads=3 "$@"
