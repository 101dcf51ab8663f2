# Two commands do everything: `make dashboard` and `make test`. Python 3.11, 3.12 or 3.13 with pip is all they need.
PYTHON ?= python3
# Another Python has an environment of its own: make test PYTHON=python3.13
VENV := .venv$(if $(filter command line,$(origin PYTHON)),-$(notdir $(PYTHON)))
RUN := $(VENV)/bin/python

LOG ?= trial.sqlite

# What the tests see is the invented example, whatever log this shell names.
WITHOUT_LOG := $(foreach name,LOG LOG_READ ACTOR ROLE ROLES SHARED LANGUAGE,-u PROTOCOL_$(name))

# Without network: `make wheelhouse` where there is one, then `make dashboard WHEELS=wheels` where there is none.
ifdef WHEELS
export PIP_NO_INDEX := 1
export PIP_FIND_LINKS := $(abspath $(WHEELS))
endif

.PHONY: dashboard lab log wheelhouse test outputs quick lowest check docs bench attacks messages clean

dashboard: $(VENV)/for-running ## open the committee's pages
	@$(RUN) -m protocol dashboard $(OPTIONS)

lab: $(VENV)/for-running ## open JupyterLab on the notebooks
	@$(RUN) -m protocol lab $(OPTIONS)

log: $(VENV)/for-running ## begin an empty log of a real trial: make log LOG=trial.sqlite
	@$(RUN) -m protocol log start '$(LOG)'

wheelhouse: ## every package, and what builds the workbook, in wheels/ for a machine without network
	$(PYTHON) -m pip download --quiet --disable-pip-version-check --dest wheels '.[test,docs]' \
	  $$($(PYTHON) -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"])')

test: check ## everything that can fail: style, types, floors, documentation, tests, notebooks, browser
	env $(WITHOUT_LOG) $(RUN) -m pytest -n auto --maxprocesses 4 --dist loadfile \
	  --nbval --nbval-current-env --nbval-sanitize-with notebooks/explore/outputs.cfg \
	  tests notebooks/[0-9][0-9]-*.ipynb notebooks/explore
	@$(MAKE) --no-print-directory docs

outputs: $(VENV)/for-testing ## run the notebooks of the workbook and keep what they show, for the tests to compare
	$(RUN) tests/support/notebooks.py notebooks/[0-9][0-9]-*.ipynb notebooks/explore/*.ipynb

quick: $(VENV)/for-testing ## style, and the tests without browser, Java, server or anything long: about a minute
	$(RUN) -m ruff check
	$(RUN) -m ruff format --check
	$(RUN) -m pytest -q -p no:nbval -n auto --maxprocesses 4 --dist loadfile \
	  -m "not browser and not server and not spark and not slow" tests

lowest: $(VENV)-lowest/bounds.txt ## the core of the tests at the lowest versions that pyproject.toml allows
	@PIP_CONSTRAINT=$$($(PYTHON) -c 'from pathlib import Path; print(Path("$<").absolute().as_uri())') $(MAKE) --no-print-directory VENV=$(VENV)-lowest $(VENV)-lowest/for-testing
	$(VENV)-lowest/bin/python -m pytest -q -n auto --maxprocesses 4 --dist loadfile \
	  -m "not browser and not server and not spark and not slow" tests/eligibility tests/exchange tests/escalation

check: $(VENV)/for-testing
	$(RUN) -m ruff check
	$(RUN) -m ruff format --check
	$(RUN) -m mypy
	$(VENV)/bin/lint-imports

bench: $(VENV)/for-testing ## how fast and how large, in figures; judges only ratios measured in the same run
	$(RUN) tests/benchmarks

attacks: $(VENV)/for-testing ## kills, copies during writes, changed bytes, wrong certificates: an hour; OPTIONS='tampering --count 50'
	$(RUN) tests/attacks $(OPTIONS)

docs: $(VENV)/for-docs ## the documentation as a site: docs/_build/html/index.html; a warning is an error
	$(RUN) -m sphinx --builder html --fresh-env --write-all --jobs auto --fail-on-warning --keep-going --quiet \
	  docs docs/_build/html

LOCALE := src/protocol/locale

messages: $(VENV)/for-testing ## collect the texts of code, templates and record, and compile the translations
	$(VENV)/bin/pybabel -q extract -F $(LOCALE)/babel.cfg --no-location --sort-output --omit-header \
	  -o $(LOCALE)/protocol.pot .
	$(VENV)/bin/pybabel -q update --domain protocol --input-file $(LOCALE)/protocol.pot --output-dir $(LOCALE) \
	  --no-fuzzy-matching --no-wrap --ignore-pot-creation-date --ignore-obsolete
	$(VENV)/bin/pybabel -q compile --domain protocol --directory $(LOCALE) --use-fuzzy

clean:
	rm -rf docs/_build docs/reference/api .venv .venv-* .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

# A comma inside a call would separate its arguments.
comma := ,

# Debian's python3 may come without pip, without venv's pip, or refuse to install outside an environment: one of
# these two ways works with what is there.
define install
	@$(PYTHON) -c 'import sys; (3, 11) <= sys.version_info < (3, 14) or sys.exit("Python 3.11, 3.12 or 3.13 is needed")'
	@if $(PYTHON) -m pip --version >/dev/null 2>&1; then \
	  $(PYTHON) -m venv --without-pip $(VENV) && \
	  $(PYTHON) -m pip --python $(VENV)/bin/python install --quiet --disable-pip-version-check --editable '$(1)'; \
	elif $(PYTHON) -c 'import ensurepip' 2>/dev/null; then \
	  $(PYTHON) -m venv $(VENV) && \
	  $(RUN) -m pip install --quiet --disable-pip-version-check --editable '$(1)'; \
	else \
	  echo 'pip is missing. On Debian and Ubuntu: apt-get install python3-pip' >&2; exit 1; \
	fi
	@touch $@
endef

# Each lower bound as the one version to install; what is needed only indirectly is as new as it may be.
$(VENV)-lowest/bounds.txt: pyproject.toml
	@mkdir -p $(@D)
	@$(PYTHON) -c 'import re, tomllib; project = tomllib.load(open("pyproject.toml", "rb"))["project"]; \
	  lists = [project["dependencies"], *project["optional-dependencies"].values()]; \
	  print(*(re.sub(">=([^,]+).*", r"==\1", one) for one in sum(lists, [])), sep="\n")' >$@

$(VENV)/for-running: pyproject.toml
	$(call install,.)

$(VENV)/for-docs: pyproject.toml
	$(call install,.[docs])
	@touch $(VENV)/for-running

$(VENV)/for-testing: pyproject.toml
	$(call install,.[test$(comma)docs])
	@touch $(VENV)/for-running $(VENV)/for-docs
