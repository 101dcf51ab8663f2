# Two commands do everything: `make dashboard` and `make test`. Python 3.11 or newer with pip is all they need.
PYTHON ?= python3
RUN := .venv/bin/python

LOG ?= trial.sqlite

.PHONY: dashboard lab log test quick check docs bench attacks messages clean

dashboard: .venv/for-running ## open the committee's pages
	@$(RUN) -m protocol.dashboard $(OPTIONS)

lab: .venv/for-running ## open JupyterLab on the notebooks
	@$(RUN) -m protocol.dashboard.lab $(OPTIONS)

log: .venv/for-running ## begin an empty log of a real trial: make log LOG=trial.sqlite
	@$(RUN) -m protocol.conduct start '$(LOG)'

test: check ## everything that can fail: style, types, floors, documentation, tests, notebooks, browser
	@$(MAKE) --no-print-directory docs
	$(RUN) -m pytest --nbval-lax --nbval-current-env tests notebooks

quick: .venv/for-testing ## style, and the tests without browser, Java, server or long simulations: under a minute
	$(RUN) -m ruff check
	$(RUN) -m ruff format --check
	$(RUN) -m pytest -q -m "not browser and not server and not spark and not slow" tests

check: .venv/for-testing
	$(RUN) -m ruff check
	$(RUN) -m ruff format --check
	$(RUN) -m mypy
	.venv/bin/lint-imports

bench: .venv/for-testing ## how fast and how large, in figures; judges only ratios measured in the same run
	$(RUN) tests/benchmarks

attacks: .venv/for-testing ## kills, copies during writes, changed bytes, wrong certificates: an hour; OPTIONS='tampering --count 50'
	$(RUN) tests/attacks $(OPTIONS)

docs: .venv/for-docs ## the documentation as a site: docs/_build/html/index.html; a warning is an error
	$(RUN) -m sphinx --builder html --fresh-env --write-all --jobs auto --fail-on-warning --keep-going --quiet \
	  docs docs/_build/html

messages: .venv/for-running ## collect the texts to translate from code, templates and record
	.venv/bin/pybabel -q extract -F src/protocol/locale/babel.cfg --no-location --sort-output --omit-header \
	  -o src/protocol/locale/protocol.pot .

clean:
	rm -rf docs/_build docs/reference/api .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

# A comma inside a call would separate its arguments.
comma := ,

# Debian's python3 may come without pip, without venv's pip, or refuse to install outside an environment: one of
# these two ways works with what is there.
define install
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed")'
	@if $(PYTHON) -m pip --version >/dev/null 2>&1; then \
	  $(PYTHON) -m venv --without-pip .venv && \
	  $(PYTHON) -m pip --python .venv/bin/python install --quiet --disable-pip-version-check --editable '$(1)'; \
	elif $(PYTHON) -c 'import ensurepip' 2>/dev/null; then \
	  $(PYTHON) -m venv .venv && \
	  $(RUN) -m pip install --quiet --disable-pip-version-check --editable '$(1)'; \
	else \
	  echo 'pip is missing. On Debian and Ubuntu: apt-get install python3-pip' >&2; exit 1; \
	fi
	@touch $@
endef

.venv/for-running: pyproject.toml
	$(call install,.)

.venv/for-docs: pyproject.toml
	$(call install,.[docs])
	@touch .venv/for-running

.venv/for-testing: pyproject.toml
	$(call install,.[test$(comma)docs])
	@touch .venv/for-running .venv/for-docs
