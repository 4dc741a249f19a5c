# make demo    shows sampan on a real stack (with root rights)
# make test    runs all tests; without root those that need it are skipped and say so
# make test-vm runs some of them on cgroup v2 and Debian's kernel 6.1, or KERNEL=6.12, in a virtual machine
# make test-vm-all runs all tests that need root there, for hours
# make bench   measures sampan, beside its peers where they are installed (with root rights)
# make bench-load measures only how it reads stack files, which needs no rights
# make fuzz    looks for stack files, Dockerfiles and layers that reading is wrong about, a minute each target or SECONDS=1800
# make lint    checks format, lints, and dependencies (deny.toml)
# make fmt     formats the code

export PATH := $(PATH):$(HOME)/.cargo/bin
need := .ci/need
KERNEL = 6.1
TESTS = some
SECONDS = 60
sudo := $(if $(filter-out 0,$(shell id -u)),sudo)
# The host is named as the target in .cargo/config.toml, hence the folder in between.
release = $(or $(CARGO_TARGET_DIR),target)/$(shell rustc -vV | sed -n 's/^host: //p')/release/sampan

.PHONY: help demo test test-vm test-vm-all bench bench-load fuzz fmt lint release

help:
	@sed -n 's/^# make /make /p' Makefile

release:
	@$(need) gcc libc6-dev
	cargo build --release --locked -p sampan

demo: release
	@$(need) busybox-static curl
	@$(sudo) examples/shop/demo.sh $(abspath $(release))

test:
	@$(need) gcc libc6-dev busybox-static iproute2 nftables curl docker-registry skopeo openssl redis-tools
	cargo build --workspace --locked
	cargo test --workspace --locked

test-vm:
	@$(need) gcc libc6-dev busybox-static iproute2 nftables curl
	cargo build --workspace --locked
	cargo test --workspace --locked --no-run
	@$(sudo) env PATH="$(PATH)" tests/vm/scenarios.sh $(KERNEL) $(TESTS)

test-vm-all:
	@$(need) gcc libc6-dev busybox-static iproute2 nftables curl redis-tools
	cargo build --workspace --locked
	programs=$$(cargo test -p engine -p e2e --tests --locked --no-run --message-format=json | \
		sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | grep -v '/sampan$$\|/bench') && \
	$(sudo) env PATH="$(PATH)" tests/vm/all.sh $(KERNEL) $$programs

bench: release
	@$(need) busybox-static iproute2
	cargo build --release --locked -p e2e --bin bench
	@$(sudo) tests/bench/run.sh $(abspath $(dir $(release)))/bench $(abspath $(release))

bench-load: release
	cargo build --release --locked -p e2e --bin bench
	@$(dir $(release))bench --load $(release)

fuzz:
	@$(need) gcc g++ libc6-dev
	@tests/fuzz/run.sh $(SECONDS)

fmt:
	@$(need)
	cargo fmt --all

lint:
	@$(need) gcc libc6-dev
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	@.ci/deny
