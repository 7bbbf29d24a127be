# The versions of tools that are run but not linked in. They stay out of go.mod, which is what users of the module get.
STATICCHECK  := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOLANGCI     := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
VULNCHECK    := v1.8.0
TEMPL        := github.com/a-h/templ/cmd/templ@v0.3.977

# How long each fuzz target runs with `make fuzz`; how often and with how many people `make crashtest` kills the server, and
# its federated tasks, the accounts that they are about, the kills under them, and the seconds for which the database is frozen;
# then of each fault of nodes on PostgreSQL the users, tasks and accounts, the kills of nodes and of the database, the standbys
# that take over and how many seconds they are behind, the connections cut, the times that the disk is full, and the seconds for
# which a node stands still.
FUZZTIME     ?= 30s
KILLS        ?= 200
USERS        ?= 50000
TASKS        ?= 1000
ACCOUNTS     ?= 20000
TASK_KILLS   ?= 10
FREEZE       ?= 30
CLUSTER_USERS    ?= 6000
CLUSTER_TASKS    ?= 480
CLUSTER_ACCOUNTS ?= 3000
NODE_KILLS       ?= 50
DATABASE_KILLS   ?= 15
FAILOVERS        ?= 5
BEHIND           ?= 60
CUTS             ?= 500
FILLS            ?= 6
PAUSE            ?= 65

SHELL        := /bin/bash
.SHELLFLAGS  := -eu -o pipefail -c
.DEFAULT_GOAL := help

.PHONY: help
help: ## List these targets.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

.PHONY: demo
demo: build ## Start a server, provision two users, and leave it running to play with.
	@exec bin/muster demo

.PHONY: build
build: ## Build the binary, bin/muster.
	@go build -o bin/muster ./cmd/muster

.PHONY: test
test: format vet staticcheck race vulncheck ## Run everything that must hold before a change lands.

# Packages whose tests run without the race detector, under which they take minutes: commands, crash tests and the browser's tests drive
# processes of their own, in which passwords are hashed; the others do one thing after the other, on trees, files and tables that are large. What
# they start side by side is tried under the detector by the packages that they stand on.
SEQUENTIAL   := ./cmd/muster ./console ./crashtest ./directory ./spreadsheet ./store/transfer

# What the race detector does not watch, since it would take several times as long for nothing: SQLite and the C library that it calls,
# translated into Go, which work outside of Go's heap, where the detector sees nothing anyway; and hash functions made to be dear, in memory that
# nobody else knows. What calls them, the driver for one, is watched.
UNWATCHED    := modernc.org/sqlite/lib modernc.org/libc/... modernc.org/memory \
	golang.org/x/crypto/argon2 golang.org/x/crypto/blowfish golang.org/x/crypto/scrypt

.PHONY: race
race: ## Run the tests, under the race detector where things are done side by side.
	@scripts/need curl initdb:postgresql pgbouncer chromium; \
	race=$$(scripts/compiler); \
	if [ -n "$$race" ]; then export CGO_ENABLED=1; race="$$race $(UNWATCHED:%=-gcflags=%=-race=false)"; fi; \
	scripts/inmemory go test $$race -vet=off -timeout 15m $$(go list ./... | grep -vxFf <(go list $(SEQUENTIAL))); \
	scripts/inmemory go test -vet=off -timeout 15m $(SEQUENTIAL)

.PHONY: quick
quick: ## Run the tests without the race detector.
	@go test ./...

.PHONY: format
format: ## Say which files gofmt would change.
	@unformatted=$$(gofmt -l .); \
	if [ -n "$$unformatted" ]; then echo "gofmt -w these:"; echo "$$unformatted"; exit 1; fi

.PHONY: generate
generate: ## Make Go of the console's templates.
	@go run $(TEMPL) generate -path console

.PHONY: pictures
pictures: ## Take the pictures of docs/images anew.
	@scripts/need chromium; go test ./console -run TestTheCompany -count=1 -args -screenshots

.PHONY: vet
vet: ## Run go vet.
	@go vet ./...

.PHONY: staticcheck
staticcheck: ## Run staticcheck.
	@go run $(STATICCHECK) ./...

.PHONY: vulncheck
vulncheck: ## Look for known vulnerabilities in what the binary calls.
	@scripts/vulncheck $(VULNCHECK)

.PHONY: lint
lint: ## Run golangci-lint, which knows more than vet and staticcheck and takes minutes to build.
	@go run $(GOLANGCI) run ./...

.PHONY: tidy
tidy: ## Check that go.mod and go.sum are tidy.
	@go mod tidy -diff

.PHONY: fuzz
fuzz: ## Fuzz every parser of hostile input, FUZZTIME (30s) each.
	@go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}' ./... | while read -r package; do \
		go test -list '^Fuzz' "$$package" | { grep '^Fuzz' || true; } | while read -r target; do \
			echo "== $$package $$target"; \
			go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) "$$package"; \
		done; \
	done

.PHONY: crashtest
crashtest: ## Kill the server KILLS (200) times during a load of USERS (50,000), and nodes and their PostgreSQL in many ways, and see that nothing is lost or done twice.
	@CRASHTEST_USERS=$(USERS) CRASHTEST_KILLS=$(KILLS) CRASHTEST_TASKS=$(TASKS) CRASHTEST_ACCOUNTS=$(ACCOUNTS) \
	CRASHTEST_KILLS_FEDERATED=$(TASK_KILLS) CRASHTEST_FREEZE=$(FREEZE) CRASHTEST_CLUSTER_USERS=$(CLUSTER_USERS) \
	CRASHTEST_CLUSTER_TASKS=$(CLUSTER_TASKS) CRASHTEST_CLUSTER_ACCOUNTS=$(CLUSTER_ACCOUNTS) CRASHTEST_NODE_KILLS=$(NODE_KILLS) \
	CRASHTEST_DATABASE_KILLS=$(DATABASE_KILLS) CRASHTEST_FAILOVERS=$(FAILOVERS) CRASHTEST_BEHIND=$(BEHIND) CRASHTEST_CUTS=$(CUTS) \
	CRASHTEST_FILLS=$(FILLS) CRASHTEST_PAUSE=$(PAUSE) go test -count 1 -timeout 60m -v ./crashtest

.PHONY: bench
bench: ## Measure throughput, latency and memory.
	@go run ./bench

.PHONY: cover
cover: ## Print the tests' coverage by package.
	@go test -coverprofile coverage.out ./... && go tool cover -func coverage.out | tail -1

.PHONY: clean
clean: ## Remove what the other targets made.
	@rm -rf bin coverage.out
