# Thin on purpose: the work is in the program and in cargo.
ROWS ?= 1000000

.PHONY: demo test postgres

demo: postgres
	cargo run --release --quiet -- demo --rows $(ROWS)

test: postgres
	cargo test

postgres:
	@scripts/ensure-postgres
