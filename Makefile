# Recipes for people who work on the project; `make` lists them.
.DEFAULT_GOAL := help
.PHONY: help setup check format test test-fast test-long demo ui bench bundled-data

help: ## list the recipes
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "%-14s %s\n", $$1, $$2}'

setup: ## create the environment with everything for development
	uv sync

check: ## run ruff, format, mypy (strict) and the layer contracts
	uv run ruff check .
	uv run ruff format --check .
	uv run mypy
	uv run lint-imports --no-logo 2>/dev/null || uv run lint-imports

format: ## fix style and format
	uv run ruff check --fix .
	uv run ruff format .

test: ## run every test but the long proofs
	uv run pytest

test-fast: ## run the tests without the slow ones
	uv run pytest -m "not slow and not long"

test-long: ## run the long proofs, which CI leaves out
	uv run pytest -m long

demo: ## run the whole pipeline on the bundled bars
	uv run trading-pipeline demo

ui: ## serve the web UI on http://127.0.0.1:3000
	uv run dagster dev

bench: ## print the tables of speed
	uv run python -m benchmarks.engine_speed
	uv run python benchmarks/storage_speed.py
	uv run python benchmarks/dataset_speed.py
	uv run python benchmarks/feature_speed.py
	uv run python benchmarks/cross_speed.py
	uv run python benchmarks/event_speed.py
	uv run python -m benchmarks.model_speed
	uv run python benchmarks/pattern_speed.py
	uv run python -m benchmarks.fan_out_speed

bundled-data: ## rebuild the bundled bars from their source package
	uv run --with bokeh-sampledata==2026.1 python tools/build_bundled_bars.py
