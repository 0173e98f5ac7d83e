# The commands a person types. `ci` is the one optimised profile: everything shares it, so that polars is compiled once. That holds only while
# tests are built along: what they depend on turns on features of crates below polars, and without them cargo builds all of it a second time.
CARGO  ?= cargo
BIN    := $(or $(CARGO_TARGET_DIR),target)/ci/wattribute
DENY   := $(shell command -v cargo-deny)
NEXTEST := $(shell command -v cargo-nextest)

.DEFAULT_GOAL := help
.PHONY: help build run dashboard test test-api test-dashboard e2e screenshots bench-dashboard test-real test-real-all test-peers test-graphite check check-ops test-grafana test-dockerfile cross-aarch64 format clippy doc deny accept exam bench bench-api bench-store

help:           ## this list
	@sed -n 's/^\([a-z0-9-]*\): .*## /make \1\t/p' Makefile | expand -t 18

build: dashboard ## build the `wattribute` command, with the dashboard in it
	$(CARGO) build --profile ci --workspace --all-targets

run: build      ## run it on your home (HOME_ASSISTANT_URL and HOME_ASSISTANT_TOKEN), else the demo; HISTORY=file analyzes a history
ifdef HISTORY
	$(BIN) analyze $(HISTORY) $(ARGS)
else
	@if [ -n "$$HOME_ASSISTANT_URL" ] && [ -n "$$HOME_ASSISTANT_TOKEN$$WATTRIBUTE__HOME_ASSISTANT__TOKEN_FILE" ] || [ -e wattribute.toml ]; then \
	  exec $(BIN) run $(ARGS); \
	else \
	  echo "HOME_ASSISTANT_URL and HOME_ASSISTANT_TOKEN are not set: this is the DEMO, a made-up home."; \
	  exec $(BIN) demo $(ARGS); \
	fi
endif

# What was installed and built is looked at by its time, so that a second `make run` does not wait for npm.
dashboard: dashboard/dist/index.html ## build the dashboard

dashboard/node_modules/.package-lock.json: dashboard/package.json dashboard/package-lock.json
	cd dashboard && npm ci --no-audit --no-fund
	@touch $@

dashboard/dist/index.html: dashboard/node_modules/.package-lock.json $(shell find dashboard/src dashboard/public dashboard/index.html dashboard/vite.config.ts dashboard/tsconfig.json -type f 2>/dev/null)
	cd dashboard && npm run --silent build
	@touch $@

test-dashboard: dashboard ## types, lints and unit tests of the dashboard
	cd dashboard && npm run --silent check && npm run --silent test

e2e: build      ## the dashboard in a real browser, against the real binary (Debian's Chromium)
	WATTRIBUTE_BIN=$(BIN) scripts/e2e.sh $(ARGS)

screenshots: build ## the pictures of README and docs, taken anew by the browser tests
	WATTRIBUTE_SCREENSHOTS=docs/images WATTRIBUTE_BIN=$(BIN) scripts/e2e.sh screenshots

bench-dashboard: build ## first paint, interaction while live data flows, a year's zoom
	WATTRIBUTE_BENCH=1 WATTRIBUTE_BIN=$(BIN) WATTRIBUTE_YEAR=$(dir $(BIN))examples/year scripts/e2e.sh bench

test: test-dashboard ## all tests that need nothing but this folder
ifdef NEXTEST
	$(CARGO) nextest run --cargo-profile ci --workspace
else
	$(CARGO) test --profile ci --workspace
endif

test-api: build ## the API as others use it: schemathesis, generated clients, the examples of the documents (needs PyPI and npm)
	WATTRIBUTE_BIN=$(BIN) scripts/test_api.py

test-real: test-peers test-graphite ## against a real Home Assistant (of HOME_ASSISTANT_URL, else ../shared/ha-lab), foreign clients, Mosquitto, Graphite
	scripts/test-real.sh

test-peers:     ## adapters against foreign clients from PyPI and a real Mosquitto
	scripts/test-peers.sh

test-graphite:  ## the export against a real Carbon and graphite-web, from PyPI into ~/.cache/wattribute
	scripts/test-graphite.sh

test-real-all:  ## the same against every Home Assistant of ha-lab
	scripts/test-real.sh 2026.11.0 2026.2.3 2024.3.3

check: format clippy doc deny  ## formatting, lints, rustdoc, licences and bans

format:
	$(CARGO) fmt --all --check

clippy:
	$(CARGO) clippy --profile ci --workspace --all-targets -- -D warnings

doc:
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --profile ci --workspace --no-deps --document-private-items

deny:
ifdef DENY
	$(CARGO) deny check bans licenses sources
else
	@echo "SKIPPED: cargo deny is not installed (cargo install --locked cargo-deny)"
endif

check-ops:      ## compose file, Dockerfile, systemd's service, installer, Grafana's dashboards (Debian: docker-compose shellcheck python3-yaml)
	scripts/check-ops.sh

test-grafana:   ## every query of the dashboards against real servers: Graphite (PyPI), InfluxDB, Prometheus (Debian: influxdb prometheus)
	WATTRIBUTE_BIN=$(BIN) scripts/test_grafana.py $(ARGS)

# With examples cargo chooses the features of all tests, so that what the workspace depends on is not compiled twice.
test-dockerfile: ## what the Dockerfile's stages run, in order, on this machine, in a folder that gets only what they copy
	WATTRIBUTE_DOCKERFILE_ROOT=$${XDG_CACHE_HOME:-$$HOME/.cache}/wattribute/image WATTRIBUTE_CARGO_ARGS='--workspace --lib --bins --examples' \
	  CARGO_TARGET_DIR=$(abspath $(or $(CARGO_TARGET_DIR),target)) scripts/dockerfile.py $(ARGS)

cross-aarch64: dashboard ## the binary for a Raspberry Pi (64 bit): target/cross-aarch64/wattribute, by Debian's cross compiler
	contrib/docker/toolchain.sh arm64
	contrib/docker/build.sh arm64 target/cross-aarch64

accept:         ## take the snapshots that tests print as the new truth; read the diff
	INSTA_UPDATE=always INSTA_FORCE_PASS=1 $(CARGO) test --profile ci --workspace
	git diff --stat

exam:           ## the attribution exam, e.g. make exam ARGS='--homes small --per-home' (default: every home)
	WATTRIBUTE_BIN=$(BIN) scripts/exam.py $(or $(ARGS),--homes full)

bench:          ## time and memory on a year at 1 s and on 10 M states, beside the naive join; and the store beside others
	WATTRIBUTE_BIN=$(BIN) scripts/bench.py $(ARGS)
	scripts/bench_store.py
	WATTRIBUTE_YEAR=$(dir $(BIN))examples/year WATTRIBUTE_BIN=$(BIN) scripts/bench_api.py

bench-api: build ## 200 requests a second on the data API over a year of 5 s data and 100 series
	WATTRIBUTE_BIN=$(BIN) WATTRIBUTE_YEAR=$(dir $(BIN))examples/year scripts/bench_api.py

bench-store:    ## the store beside plain SQLite rows, InfluxDB and VictoriaMetrics, where these are installed
	scripts/bench_store.py $(ARGS)

exam bench: build
