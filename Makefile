# The commands of this project; `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help install run test quick matrix launchers lint format bench bench-compare bench-docs soak gpu tensorboard clean

help: ## list these targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 15

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13) and "rlrun needs Python 3.11 to 3.13: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv --clear $(VENV) # an interrupted installation leaves one that is broken
	$(PIP) install -q -c constraints.txt -e '.[dev]'
	@touch $@

install: $(VENV)/.installed ## a virtual environment in .venv with the tested versions

run: install ## train DQN on CartPole: ten seeds at once
	$(BIN)/rlrun agent=dqn env=CartPole-v1 $(ARGS)

test: install ## all tests, those that train included (ARGS='-m "not train"' leaves them out)
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist worksteal $(ARGS)

quick: install ## the fast tests, about 2 minutes on two cores, and the lines of each room they run
	$(BIN)/python -m pytest -q -n auto --maxprocesses 4 -m "not slow and not train" \
		--cov=rlrun --cov-report=json:$(VENV)/coverage.json $(ARGS)
	$(BIN)/python -m tests.coverage $(VENV)/coverage.json 60

matrix: ## the quick tests on every Python from 3.11 to 3.13 that is found
	.ci/matrix $(ARGS)

launchers: ## sweeps under submitit and Ray, in an environment of their own; heavy, takes minutes
	$(PYTHON) -m venv .venv-launchers
	# the launcher for Ray, and what it brings, need older ones of these
	grep -vE '^(cloudpickle|joblib|python-dateutil)==' constraints.txt > .venv-launchers/constraints.txt
	.venv-launchers/bin/python -m pip --disable-pip-version-check install -q \
		-c .venv-launchers/constraints.txt -e '.[joblib,slurm,ray,dev]'
	.venv-launchers/bin/python -m pytest tests/launchers $(ARGS)

lint: install ## ruff and a strict type check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: install ## put the code into its canonical form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.venv-bench/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv --clear .venv-bench # its own, so that lint and tests see no JAX
	.venv-bench/bin/python -m pip --disable-pip-version-check install -q -c constraints.txt -e '.[bench]'
	@touch $@

bench: .venv-bench/.installed ## speed beside Stable-Baselines3, SBX and compiled loops (ARGS='dqn --runs 3')
	.venv-bench/bin/python -m tests.bench $(ARGS)

bench-compare: install ## speed beside that of an earlier commit (BASE=main~5 ARGS='ppo --runs 3')
	$(BIN)/python -m tests.bench.compare "$(BASE)" $(ARGS)

bench-docs: install ## docs/benchmarks.md from docs/benchmarks.json (make bench ARGS=--docs measures both)
	$(BIN)/python -m tests.bench.peers

soak: install ## kill real runs 200 times, resume them and compare (ARGS='--kills 32')
	$(BIN)/python -m tests.soak $(ARGS)

# where everything is installed already, without a virtual environment: python3 -m tests.gpu
gpu: install ## the deep agents on a CUDA device, or with the CPU standing in (ARGS='--only speed')
	$(BIN)/python -m tests.gpu $(ARGS)

tensorboard: install ## look at everything under outputs/
	$(BIN)/tensorboard --logdir outputs

clean: ## remove the virtual environments and caches; outputs/ stays
	rm -rf $(VENV) .venv-* .hypothesis .mypy_cache .pytest_cache .ruff_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
