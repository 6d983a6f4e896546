# Thin on purpose: the work is in the program and in cargo.
ROWS ?= 1000000

.PHONY: demo test test-runners postgres postgres-versions linters runners

demo: postgres
	cargo run --release --quiet -- demo --rows $(ROWS)

test: postgres postgres-versions linters
	cargo test

test-runners: postgres runners
	cargo test --test runners

postgres:
	@scripts/ensure-postgres

postgres-versions: postgres
	@scripts/ensure-postgres-versions

runners:
	@scripts/ensure-runners

linters:
	@scripts/ensure-linters
