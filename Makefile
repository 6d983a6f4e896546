# Thin on purpose: the work is in the program and in cargo.
ROWS ?= 1000000

.PHONY: demo test postgres postgres-versions

demo: postgres
	cargo run --release --quiet -- demo --rows $(ROWS)

test: postgres postgres-versions
	cargo test

postgres:
	@scripts/ensure-postgres

postgres-versions: postgres
	@scripts/ensure-postgres-versions
