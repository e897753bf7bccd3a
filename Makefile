# orko-vmm: every task starts here. `make help` lists them.

NODE := node_modules/.bin/node
VITEST := $(NODE) node_modules/vitest/vitest.mjs run
ORKO := $(NODE) src/main.ts
# Programs that npm packages start by name find the same Node.
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)

# An Arm machine with KVM needs no nested one.
HOW := $(if $(and $(filter aarch64,$(shell uname -m)),$(wildcard /dev/kvm)),run,nested)

# The figures of the rings need no guest.
comma := ,
BENCH_IDS := $(subst $(comma), ,$(ONLY))

help: ## Say what there is
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1\t/p' Makefile | while IFS="$$(printf '\t')" read -r name help; do printf '  make %-14s %s\n' "$$name" "$$help"; done

setup: ## Install what is missing (apt, npm); the other targets do it by themselves
	@.ci/setup

run: setup ## Boot Linux, its console on this terminal
	@$(NODE) guests/build.ts debian-kernel initramfs >/dev/null
	@$(ORKO) $(HOW) docs/examples/linux.yaml || { code=$$?; [ $$code = 13 ] || exit $$code; } # Ctrl-A x is no mistake

test: check nested ## All tests, and what else has to pass: format, lint, types

unit: setup ## Tests that run on any machine
	@$(VITEST) --project unit

nested: setup ## Tests on real KVM: here on an Arm machine, elsewhere in QEMU (FILES='test/nested/boot.test.ts …', TRANSPORT=pci)
	@$(NODE) guests/build.ts >/dev/null
	@$(if $(TRANSPORT),ORKO_TRANSPORT=$(TRANSPORT)) $(VITEST) --project nested $(FILES)

bench: setup ## Measure against QEMU (ONLY=id,id)
	@$(if $(filter-out ring-%,$(or $(BENCH_IDS),all)),$(NODE) guests/build.ts >/dev/null)
	@$(NODE) test/bench/bench.ts $(if $(ONLY),--only $(ONLY))

fuzz: setup ## Fuzz what a guest can reach (ONLY=target, ORKO_FUZZ_RUNS=n)
	@$(NODE) test/fuzz/fuzz.ts $(ONLY)

soak: setup ## The nested tests with every repeat count in full, about two hours (FILES='test/nested/pause.test.ts …', TRANSPORT=pci)
	@$(NODE) guests/build.ts >/dev/null
	@ORKO_SOAK=1 $(if $(TRANSPORT),ORKO_TRANSPORT=$(TRANSPORT)) $(VITEST) --project nested $(FILES)

check: setup ## Format, lint, types, unit tests: what has to pass before a commit
	@node_modules/.bin/biome check .
	@node_modules/.bin/tsc -p tsconfig.json
	@node_modules/.bin/tsc -p tsconfig.pure.json
	@$(VITEST) --project unit

dist: setup ## Make the npm tarball out/orko-vmm-VERSION.tgz
	@$(NODE) .ci/dist.ts --pack

abi: setup ## Write src/abi from the kernel's headers
	@$(NODE) native-headers/generate.ts

docs: setup ## Write docs/configuration.md and docs/orko-vmm.1
	@$(NODE) src/cli/reference.ts

nested-shell: setup ## Run CMD='…' in an Arm host that stays alive (L1='--cpu cortex-a72 --kernel 16k'); a shell without CMD
	@$(NODE) src/nested/shell.ts $(L1) -- $(if $(value CMD),'$(subst ','\'',$(value CMD))')

nested-stop: ## End the Arm hosts of nested-shell
	@$(NODE) src/nested/shell.ts --stop

clean: nested-stop ## Remove what was built in this tree (the cache stays)
	@rm -rf out

.PHONY: help setup run test unit nested bench fuzz soak check dist abi docs nested-shell nested-stop clean
