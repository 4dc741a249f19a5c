#!/bin/bash
# The main job on a real stack: up, look, call, change, down. Called by `make demo`.
# usage: demo.sh SAMPAN
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d /var/tmp/sampan-demo.XXXXXX)
sampan=("$1" --root "$work/root" --runtime "/run/sampan-demo.$$")

bold='' plain=''
[ -t 1 ] && bold=$(printf '\033[1m') plain=$(printf '\033[0m')
say() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
show() { say "\$ sampan $*"; "${sampan[@]}" "$@"; }
finish() {
    "${sampan[@]}" -p shop down -v >/dev/null 2>&1 || true
    rm -rf "$work" "/run/sampan-demo.$$"
}
trap finish EXIT

cp -r "$here" "$work/shop"
cd "$work/shop"

say "An image from Debian's busybox-static"
"$here/../busybox-image.sh" | "${sampan[@]}" image import - sampan/busybox
show image ls

show up --wait
show ps -a
say "\$ curl http://localhost:8080/cgi-bin/index"
curl -sS --max-time 5 http://localhost:8080/cgi-bin/index

say "The file changes: a new greeting, and more memory for the API"
sed -i 's/Welcome to the shop/Fair winds/; s/memory: 32M/memory: 40M/' compose.yaml
show plan
show up --wait
say "\$ curl http://localhost:8080/cgi-bin/index"
curl -sS --max-time 5 http://localhost:8080/cgi-bin/index

show up -d
show down -v
