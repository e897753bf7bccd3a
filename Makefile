# orko-vmm: every task starts here. `make help` lists them.
NODE = node_modules/.bin/node
SHELL_OPTIONS ?=

nested-shell: ## Run CMD='…' in a development Arm host that stays alive (SHELL_OPTIONS='--cpu cortex-a72 --kernel 16k')
	@$(NODE) src/nested/shell.ts $(SHELL_OPTIONS) -- $(if $(value CMD),'$(subst ','\'',$(value CMD))')

nested-stop: ## End the development Arm hosts of this tree
	@$(NODE) src/nested/shell.ts --stop

.PHONY: nested-shell nested-stop
