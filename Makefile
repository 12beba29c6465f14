# What one does here, from a fresh clone: `make run` and `make test`; each does its own set-up.
# Recipes only order the work. The commands themselves are scripts of package.json and files in scripts/.

.DEFAULT_GOAL := help
.PHONY: help setup run test torture lint build artifact bench clean node tools

# The folders too: one changes when a file in it goes away.
sources := $(shell find src) tsconfig.json package.json scripts/copy-docs-page.js
# Each is written last, so it is there only when all of its work succeeded.
installed := node_modules/.installed
built := dist/.built

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

setup: $(installed) ## install the packages (the other goals do it when it is needed)

run: build ## serve on 127.0.0.1:3000; flags: make run ARGS="--port 4000"
	@NODE_OPTIONS="--max-semi-space-size=16 --enable-source-maps $$NODE_OPTIONS" exec node dist/main.js serve $(ARGS)

test: $(installed) tools lint build ## form, types, build, and every test; some: make test ARGS=test/json
	@sh scripts/test.sh $(ARGS)

torture: $(installed) tools build ## the storage tests at full size, for hours; one: make torture ARGS=<file>
	@sh scripts/torture.sh $(ARGS)

lint: $(installed) ## check form, rules and types
	@echo '==> Checking form, rules and types'
	@npm run --silent lint

# The commit may be another one though no source changed.
build: $(built) ## compile src/ to dist/
	@node scripts/write-build-facts.js

artifact: build ## pack what runs into artifacts/, with its checksum
	@sh scripts/make-artifact.sh

bench: build ## measure; one question: make bench ARGS=<name>
	@npm run --silent bench -- $(ARGS)

clean: ## remove what was built and measured (not the packages, not the snapshots)
	@rm -rf dist dist-bench artifacts .tap

$(built): $(installed) $(sources)
	@echo '==> Building dist/'
	@rm -rf dist
	@npm run --silent build
	@touch $@

$(installed): package-lock.json | node
	@echo '==> Installing the packages (again only when package-lock.json changes)'
	@npm ci --ignore-scripts --no-audit --no-fund
	@touch $@

tools:
	@sh scripts/setup-test-tools.sh

node:
	@sh scripts/check-node.sh
