# What one does here, from a fresh clone: `make run` and `make test`; each does its own set-up.
# Recipes only order the work. The commands themselves are scripts of package.json and files in scripts/.

.DEFAULT_GOAL := help
.PHONY: help setup run dev test torture test-reports lint build artifact bench clean node tools
.PHONY: image push deploy rollout verify rollback sonar demo demo-down

# The folders too: one changes when a file in it goes away.
sources := $(shell find src) tsconfig.json package.json scripts/copy-docs-page.js
# Each is written last, so it is there only when all of its work succeeded.
installed := node_modules/.installed
built := dist/.built

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

setup: $(installed) ## install the packages (the other goals do it when it is needed)

run: build ## serve on 127.0.0.1:3000; flags: make run ARGS="--port 4000"
	@NODE_OPTIONS="--max-semi-space-size=16 --enable-source-maps $$NODE_OPTIONS" exec node dist/main.js serve $(ARGS)

dev: $(installed) ## the same, and anew at each save of src/
	@exec node scripts/dev.js $(ARGS)

test: $(installed) tools lint build ## form, types, build, and every test; some: make test ARGS=test/json
	@sh scripts/test.sh $(ARGS)

test-reports: ## after them: JUnit and coverage in artifacts/reports/, for Jenkins
	@sh scripts/test-reports.sh $(ARGS)

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

# The road that the Jenkinsfile drives. What they go by, REGISTRY and the like, is in scripts/delivery/common.sh.

image: ## build the image of this commit, tagged with its full hash
	@sh scripts/delivery/image.sh

push: ## push it to REGISTRY
	@sh scripts/delivery/push.sh

deploy: ## install or upgrade the release with it: NAMESPACE, ENVIRONMENT
	@sh scripts/delivery/deploy.sh

rollout: ## wait until its pod runs
	@sh scripts/delivery/rollout.sh

verify: ## check the deployed service from outside
	@sh scripts/delivery/verify.sh

rollback: ## go back to what was deployed before, and check that
	@sh scripts/delivery/rollback.sh

sonar: ## hand coverage and findings to SonarQube
	@sh scripts/delivery/sonar.sh

demo: $(installed) ## all of it on this machine: image, volume, pod, port, verify-api, Prometheus
	@sh scripts/delivery/demo.sh up

demo-down: ## take that away
	@sh scripts/delivery/demo.sh down

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
