# `make` lists what there is. A fresh Debian or Ubuntu needs only python3, make and apt: what else is
# missing gets installed, and said; root is asked for only then, and to trace.

CFLAGS ?= -O2 -g -Wall -Wextra
VENV := .venv/bin
EXAMPLES := build/examples
GO_SOURCES := $(wildcard examples/cache/go/*)

AS_ROOT = $(shell [ "$$(id -u)" = 0 ] || echo sudo) env TRACEKIT_ENGINES=$(TRACEKIT_ENGINES)

# Where `make engines` puts the newer engines, and where the tests look for them.
export TRACEKIT_ENGINES ?= /var/cache/tracekit-engines

MAKEFLAGS += --no-builtin-rules --no-print-directory
.SUFFIXES:
.DELETE_ON_ERROR:
.PHONY: help venv demo test lint engines engines-down kernels arm64 truth generated soak fuzz bench examples pages clean

help: ## List what make can do.
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1|/p' Makefile | while IFS='|' read -r name what; do \
	    printf '  make %-14s %s\n' "$$name" "$$what"; done

venv: .venv/installed-dev ## Make .venv, with tracekit and all that its development needs.

demo: .venv/installed examples ## Build a cache in C and in Go, and trace both for real (needs root).
	@tools/demo.sh

test: lint examples ## Run all checks and all tests; as root, those of real engines too.
	@tools/test.sh

lint: .venv/installed-dev ## Check style, types and the direction of imports.
	$(VENV)/ruff check .
	$(VENV)/ruff format --check .
	$(VENV)/mypy
	$(VENV)/lint-imports

engines: ## Set up other versions of bpftrace, dtrace and gdb beside the system's (needs root).
	@tools/install.sh "a stub of arm64 for gdb" qemu-aarch64=qemu-user gdb-multiarch=gdb-multiarch
	$(AS_ROOT) python3 tools/engines.py up

kernels: .venv/installed-dev ## Run the eBPF engine on older kernels and on arm64, in virtual machines (ONLY="amd64-bullseye").
	@tools/install.sh "other kernels" qemu-system-x86_64=qemu-system-x86 qemu-system-aarch64=qemu-system-arm \
	    cpio=cpio gcc=gcc g++=g++ clang=clang ld.lld=lld go=golang-go rustc=rustc \
	    aarch64-linux-gnu-gcc=gcc-aarch64-linux-gnu aarch64-linux-gnu-g++=g++-aarch64-linux-gnu \
	    /usr/include/$$(uname -m)-linux-gnu/sys/sdt.h=systemtap-sdt-dev
	@$(VENV)/python -m tools.kernels $(ONLY)

arm64: ## Run it on arm64 only, which is emulated.
	@$(MAKE) kernels ONLY=arm64-trixie

engines-down: ## Remove them.
	$(AS_ROOT) python3 tools/engines.py down

truth: .venv/installed-dev ## Compare what is said of random functions by many compilers with what they are passed.
	@tools/install.sh "the truth" $$($(VENV)/python -m tests.truth --packages)
	@$(VENV)/python -m tests.truth $(TRUTH)

generated: .venv/installed-dev ## Compare what random programs count on tracekit's own engine with a model (needs root).
	@tools/install.sh "the target of random programs" gcc=gcc
	@$(VENV)/python -m tests.generated $(GENERATED)

soak: .venv/installed-dev ## Run tracekit under random faults for SOAK minutes (35); SEED=… RUN=… repeats one run (needs root).
	@tools/install.sh "the targets of the soak" gcc=gcc g++=g++ go=golang-go /usr/include/stdio.h=libc6-dev
	@$(VENV)/python -m tests.faults.soak --minutes $(or $(SOAK),35) $(if $(SEED),--seed $(SEED)) $(if $(RUN),--run $(RUN)) $(ONLY)

fuzz: .venv/installed-dev ## Read 100,000 hostile inputs of each kind (FUZZ="elf --inputs 1000 --seed 6" changes that).
	@tools/install.sh "programs to damage" gcc=gcc g++=g++ clang=clang go=golang-go rustc=rustc \
	    aarch64-linux-gnu-gcc=gcc-aarch64-linux-gnu
	@$(VENV)/python -m tests.fuzz $(FUZZ)

bench: .venv/installed-dev ## Measure what tracekit costs (the whole of it needs root).
	@for script in $(filter-out %/common.py,$(wildcard benchmarks/*.py)); do \
	    echo; $(VENV)/python $$script || exit; done

examples: $(EXAMPLES)/itest.test $(EXAMPLES)/arguments $(EXAMPLES)/cache ## Build the programs in examples/.

pages: .venv/installed-dev ## Write the pages that are made from the code: docs/support.md and man/tracekit.1.
	$(VENV)/python -m tools.support
	$(VENV)/python -m tools.manpage

clean: ## Remove what was built, .venv and caches.
	rm -rf build dist .venv .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find src tests tools -name __pycache__ -prune -exec rm -rf {} +

.venv/installed: pyproject.toml tools/venv.sh
	@tools/venv.sh

.venv/installed-dev: pyproject.toml tools/venv.sh
	@tools/venv.sh dev

$(EXAMPLES)/itest.test: examples/cache/c/itest.c
	@tools/install.sh "the sample in C" $(firstword $(CC))=gcc /usr/include/stdio.h=libc6-dev
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -o $@ $<

$(EXAMPLES)/arguments: examples/arguments/arguments.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -o $@ $<

$(EXAMPLES)/cache: $(GO_SOURCES)
	@mkdir -p $(@D)
	@if tools/install.sh "the sample in Go" go=golang-go; then \
	    set -x; cd examples/cache/go && GOFLAGS=-buildvcs=false go build -o ../../../$@ .; \
	else echo "Skipping the sample in Go: there is no Go, and it couldn't be installed."; fi
