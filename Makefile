# Two commands do everything on a fresh machine with Python 3.11+ and make:
#   make run    sets up, serves completions on the embedded model, and says what to do next
#   make test   sets up and runs all checks

PYTHON ?= python3
WORKSPACE ?= examples
BIN := .venv/bin

.PHONY: help setup run test check fast editors vsix calibration clean

help:
	@sed -n 's/^#   //p' Makefile

setup: .venv/.installed

.venv/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; set PYTHON=/path/to/it."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing into .venv (torch is large; this takes a minute or two) ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

run: setup
	$(BIN)/completer serve --workspace $(WORKSPACE)

# Real processes and editors wait for each other, and on a loaded machine one of some 7,000 tests may wait
# too long. What fails is tried once more, and named in the summary (R): it is to be mended all the same.
test: check
	$(BIN)/pytest -q -m "not slow" -n 2 --dist loadfile --reruns 1 -r fEsR
	$(BIN)/pytest -q -m "slow and not alone" -n 2 --dist loadfile --reruns 1 -r fEsR
	$(BIN)/pytest -q -m alone --reruns 1 -r fEsR

# Style and types only.
check: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

# What to run while working.
fast: setup
	$(BIN)/pytest -q -m "not slow" -n 2 --dist loadfile

# Real editors for the tests that drive them; what cannot be had is left out, its tests are skipped.
editors: setup
	.ci/fetch-editors

# The VS Code extension, as one file that `code --install-extension` takes. Needs Node.js 20 or newer.
vsix:
	cd lsp/editors/vscode && npm ci --silent && npm run -s check && npm test && \
		npm run -s build && npm run -s package

# Fit the embedded model's calibration again: after a change of blending, stopping or
# post-processing. The code lies outside of the checkout, whose rules would ignore it.
CALIBRATION ?= $(or $(TMPDIR),/tmp)/completer-calibration
PYTHON_CODE := babel boltons celery dns falcon jsonschema litestar loguru marshmallow playhouse \
	redis scrapy structlog tox websockets werkzeug

calibration: setup
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --upgrade \
		--target $(CALIBRATION)/python -r .ci/calibration-packages.txt
	.ci/fetch-sources .ci/calibration-sources.txt $(CALIBRATION)
	$(BIN)/completer calibrate --n 40 --force --output models/bundled/calibration.json \
		$(addprefix --repo $(CALIBRATION)/python/,$(PYTHON_CODE)) \
		$$(cd $(CALIBRATION) && for code in javascript typescript go rust java c; do \
			[ ! -d $$code ] || printf -- '--repo %s ' $$PWD/$$code/*; done)

clean:
	rm -rf .venv build dist lsp/editors/vscode/node_modules \
		lsp/editors/vscode/build lsp/editors/vscode/dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
