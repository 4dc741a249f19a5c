#!/bin/bash
# Builds the fuzz targets and runs them one after the other, from what earlier runs came upon and
# from the seeds. Ends with the first finding, which then lies in target/fuzz/artifacts/.
# usage: run.sh SECONDS [TARGET...]
set -eu
cd "$(dirname "$0")/../.."
seconds=$1
shift
[ $# -gt 0 ] || set -- file project dockerfile layer
out=$(realpath -m "${CARGO_TARGET_DIR:-target}")/fuzz
tools=$(.ci/tool cargo-fuzz '^0.13')
export PATH=$PATH:$tools
# Keys and instructions are the words that mutations put in.
mkdir -p "$out/artifacts"
grep -ohE '^    \("[A-Z]+"' engine/src/build/dockerfile/instruction.rs | sed -E 's/.*"(.*)"/"\1 "/' >"$out/instructions.dict"
grep -ohE 'key\("[a-z_]+"' planner/src/source/schema/*.rs | sort -u | sed -E 's/.*"(.*)"/"\1: "/' >"$out/words.dict"
printf '"%s"\n' .wh. .wh..wh..opq ../ path= linkpath= size= GNU.sparse. SCHILY.xattr. ustar >"$out/names.dict"
# Layers are unpacked in memory where there is a file system in it.
[ ! -w /dev/shm ] || export TMPDIR=/dev/shm
cargo fuzz build --fuzz-dir tests/fuzz --target-dir "$out/build" --release --sanitizer none
for target in "$@"; do
    corpus=$out/corpus/$target
    mkdir -p "$corpus"
    cp "$out"/build/*/release/"$target" "$out/$target"
    case $target in
    dockerfile) seeds=dockerfiles dict=instructions ;;
    layer) seeds=layers dict=names ;;
    *) seeds=stacks dict=words ;;
    esac
    "$out/$target" "$corpus" "tests/fuzz/seeds/$seeds" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
        -max_len=16384 -dict="$out/$dict.dict" -artifact_prefix="$out/artifacts/" -print_final_stats=1
done
