# The tasks of this repository. `make` lists them.

.DEFAULT_GOAL := help
.PHONY: help demo test lint deny bench scaling soak alert-quality fuzz reproducible docs build-tools deploy-tools test-tools

DEPLOY_TOOLS = $(or $(SIGNIN_DIAGNOSTICS_DEPLOY_TOOLS),$(HOME)/.cache/signin-diagnostics/deploy-tools)

# $(call need,program,package): stops where the program is missing, and says what installs it.
need = command -v $(1) >/dev/null || { echo "$(1) is missing; install it with: $(2)" >&2; exit 1; }

help: ## list the tasks
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 24

demo: build-tools ## run the whole pipeline on generated sign-ins; needs no server (Ctrl-C ends it)
	cargo run -- demo

# The broker tests wait for the most part: four at a time, also on two cores.
test: build-tools test-tools lint ## check formatting and lints, then run all tests, on a real Kafka too
	@rm -rf $(or $(CARGO_TARGET_DIR),target)/tmp/said
	RUST_TEST_THREADS=$(or $(RUST_TEST_THREADS),4) cargo test
	@tests/find-leaks

lint: build-tools ## check formatting and lints
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings

deny: build-tools ## check the licences, duplicates and sources of the dependencies
	@cargo deny --version >/dev/null 2>&1 || { echo "cargo-deny is missing; install it with: cargo install --locked cargo-deny" >&2; exit 1; }
	cargo deny check licenses bans sources

bench: build-tools ## measure beside a program that only moves the bytes, then stage by stage, then searches (Kafka; 15 minutes)
	@$(call need,java,apt-get install openjdk-17-jre-headless)
	@$(call need,mvn,apt-get install maven)
	cargo bench --bench end_to_end
	cargo bench --bench stages
	cargo bench --bench search

scaling: build-tools ## measure by workers, partitions, sizes, instances, backlog; latency and start (Kafka; 15 minutes)
	@$(call need,java,apt-get install openjdk-17-jre-headless)
	@$(call need,mvn,apt-get install maven)
	cargo bench --bench end_to_end -- scaling
	cargo bench --bench end_to_end -- latency
	cargo bench --bench end_to_end -- start

soak: build-tools test-tools ## faults at random for 10 minutes on a real Kafka (MINUTES=n SEED=n; benches/README.md)
	cargo bench --profile dev --bench soak -- $(or $(MINUTES),10) $(SEED)

alert-quality: ## simulate spikes and say how well the spike alerts find them (about 20 minutes; docs/alert-quality.md)
	@$(call need,python3,apt-get install python3)
	@$(call need,prometheus,apt-get install --no-install-recommends prometheus)
	@python3 -B deploy/prometheus/quality/alert_quality.py

# Without a sanitizer: the crate forbids unsafe code, and the pinned toolchain needs no nightly.
TARGETS ?= $(notdir $(wildcard fuzz/seeds/*))
FUZZ_SECONDS ?= 300
fuzz: build-tools ## fuzz each target for FUZZ_SECONDS (fuzz/README.md)
	@cargo fuzz --version >/dev/null 2>&1 || { echo "cargo-fuzz is missing; install it with: cargo install --locked cargo-fuzz" >&2; exit 1; }
	@for target in $(TARGETS); do \
	  mkdir -p fuzz/corpus/$$target; \
	  cargo fuzz run --sanitizer none $$target fuzz/corpus/$$target fuzz/seeds/$$target -- \
	    -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 || exit 1; \
	done

reproducible: build-tools ## build the release twice, and compare the bytes (10 minutes and more)
	tests/reproducible

docs: build-tools ## build the documentation of the code
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --document-private-items

# librdkafka's own build wants a C++ compiler; OpenSSL's wants perl with its standard modules.
build-tools:
	@$(call need,cargo,https://rustup.rs)
	@$(call need,cc,apt-get install build-essential)
	@$(call need,c++,apt-get install build-essential)
	@perl -MFindBin -MIPC::Cmd -e1 2>/dev/null || { echo "perl is missing; install it with: apt-get install perl" >&2; exit 1; }

# What the files of deploy/ are held against; some minutes, once.
deploy-tools: ## install helm, hadolint, actionlint, shellcheck and the schemas that the deployment tests need
	@$(call need,python3,apt-get install python3 python3-venv)
	@tests/deploy/install-tools

# The broker tests start Apache Kafka; promtool reads what /metrics answers, and with amtool the
# rules and routes of deploy/.
test-tools:
	@$(call need,java,apt-get install openjdk-17-jre-headless)
	@$(call need,mvn,apt-get install maven)
	@$(call need,promtool,apt-get install --no-install-recommends prometheus)
	@$(call need,amtool,apt-get install --no-install-recommends prometheus-alertmanager)
	@$(call need,jq,apt-get install jq)
	@$(call need,systemd-analyze,apt-get install systemd)
	@$(call need,bwrap,apt-get install bubblewrap)
	@command -v google-chrome >/dev/null || $(call need,chromium,apt-get install --no-install-recommends chromium)
	@$(call need,script,apt-get install bsdutils)
	@[ -e "$(DEPLOY_TOOLS)/installed" ] || { echo "helm, hadolint and others are missing; install them with: make deploy-tools" >&2; exit 1; }
