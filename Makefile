# The tasks of this repository. `make` lists them.

.DEFAULT_GOAL := help
.PHONY: help demo test lint deny bench alert-quality docs build-tools test-tools

# $(call need,program,package): stops where the program is missing, and says what installs it.
need = command -v $(1) >/dev/null || { echo "$(1) is missing; install it with: $(2)" >&2; exit 1; }

help: ## list the tasks
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 24

demo: build-tools ## run the whole pipeline on generated sign-ins; needs no server (Ctrl-C ends it)
	cargo run -- demo

test: build-tools test-tools lint ## check formatting and lints, then run all tests, on a real Kafka too
	cargo test

lint: build-tools ## check formatting and lints
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings

deny: build-tools ## check the licences, duplicates and sources of the dependencies
	@cargo deny --version >/dev/null 2>&1 || { echo "cargo-deny is missing; install it with: cargo install --locked cargo-deny" >&2; exit 1; }
	cargo deny check licenses bans sources

bench: build-tools ## measure beside a program that only moves the bytes, then stage by stage (Kafka; 15 minutes)
	@$(call need,java,apt-get install openjdk-17-jre-headless)
	@$(call need,mvn,apt-get install maven)
	cargo bench --bench end_to_end
	cargo bench --bench stages

alert-quality: ## simulate spikes and say how well the spike alert finds them (some minutes; docs/alert-quality.md)
	@$(call need,python3,apt-get install python3)
	@$(call need,prometheus,apt-get install --no-install-recommends prometheus)
	@python3 -B deploy/prometheus/quality/alert_quality.py

docs: build-tools ## build the documentation of the code
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --document-private-items

# librdkafka's own build wants a C++ compiler; OpenSSL's wants perl with its standard modules.
build-tools:
	@$(call need,cargo,https://rustup.rs)
	@$(call need,cc,apt-get install build-essential)
	@$(call need,c++,apt-get install build-essential)
	@perl -MFindBin -MIPC::Cmd -e1 2>/dev/null || { echo "perl is missing; install it with: apt-get install perl" >&2; exit 1; }

# The broker tests start Apache Kafka; promtool reads what /metrics answers, and with amtool the
# rules and routes of deploy/.
test-tools:
	@$(call need,java,apt-get install openjdk-17-jre-headless)
	@$(call need,mvn,apt-get install maven)
	@$(call need,promtool,apt-get install --no-install-recommends prometheus)
	@$(call need,amtool,apt-get install --no-install-recommends prometheus-alertmanager)
	@$(call need,jq,apt-get install jq)
