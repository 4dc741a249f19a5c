#!/bin/bash
# Runs end-to-end tests in a virtual machine with control groups of version 2 only (run.sh).
# usage: scenarios.sh KERNEL few|some|TEST ...    `few` is a subset of `some`; both print what they run
set -eu
cd "$(dirname "$0")/../.."
kernel=$1
shift
# Something of everything that the kernel does differently there: groups and their limits, want of
# memory, devices, standing still and killing; and of what every stack needs, with take-over.
few=(limits:: processes_in_the_way not_delegated
    a_signal_comes_when what_is_paused kill_sends no_node_of_a_device
    up_starts_every_replica a_port_answers_from names_resolve a_named_volume_outlives
    exec_joins exec_with_a_terminal containers_share_processes a_container_survives_its_supervisor)
some=("${few[@]}" groups:: pressure:: escapes:: process:: devices:: namespaces:: modes:: networks:: ports::
    volumes:: exec:: terminals:: sandbox:: confined:: lifecycle:: crash::supervisor a_service_starts_when)
seconds=900
case $1 in
    few) set -- "${few[@]}" ;;
    some) set -- "${some[@]}" && seconds=3600 ;;
esac
# Emulation is slow; what has to come true there may take longer.
export SAMPAN_REQUIRE_ROOT=1 SAMPAN_TEST_PATIENCE=${SAMPAN_TEST_PATIENCE:-10}
tests=$(ls -t "${CARGO_TARGET_DIR:-target}"/*/debug/deps/e2e-* | while read -r file; do
    case $file in *.d) continue ;; esac
    if "$file" --list 2>/dev/null | grep -q '^scenarios::'; then echo "$file"; break; fi
done)
[ -n "$tests" ] || { echo "the tests are not built: run make test-vm" >&2; exit 2; }
# The clock is of the whole machine: who sets it is alone.
each='"$0" --test-threads=3 "$@" && SAMPAN_TEST_OWN_MACHINE=1 "$0" clock::'
exec tests/vm/run.sh -k "$kernel" -t "$seconds" bash -c "$each" "$(realpath "$tests")" "$@"
