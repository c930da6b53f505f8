# FreeML. `make help` lists the verbs.
PYTHON := .venv/bin/python
.DEFAULT_GOAL := help
.PHONY: help setup demo device test powerfail overhead lint format size kernels bench msp430 accuracy compress-results exit-results energy-results fuzz generate clean

help: ## list these verbs
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## install what development needs (Debian packages, .venv)
	@tools/setup.sh develop

demo: ## pack a real model, run it in real MicroPython through hundreds of power cuts
	@tools/setup.sh run
	@$(PYTHON) tools/get_micropython.py
	@$(PYTHON) tools/demo.py

device: ## build what goes onto a device into build/device (ARCH=armv7m, ..., or all; SMALL=1: slower, less heap)
	@tools/setup.sh run
	@$(PYTHON) tools/get_micropython.py
	@$(PYTHON) tools/build_device.py --arch $(or $(ARCH),x64) $(if $(SMALL),--small)

test: setup ## run the whole test suite
	@$(PYTHON) tools/get_micropython.py
	@$(PYTHON) -m pytest -n 2 --dist loadgroup tests

powerfail: setup ## cut the power at every write of every model on every medium; show that broken cores are noticed
	@$(PYTHON) tests/powerfail/campaign.py

overhead: setup ## instructions that commits cost, of all
	@$(PYTHON) tests/powerfail/overhead.py

lint: setup ## ruff, mypy, clang-format
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m mypy
	@git ls-files 'native/*.[ch]' 'tests/*.[ch]' | xargs clang-format --dry-run -Werror
	@echo "lint: clean"

format: setup ## format Python and C sources
	@$(PYTHON) -m ruff format .
	@$(PYTHON) -m ruff check --fix .
	@git ls-files 'native/*.[ch]' 'tests/*.[ch]' | xargs clang-format -i

size: setup ## code size of the C core on a Cortex-M3
	@$(PYTHON) tools/code_size.py

kernels: setup ## instructions of multiply-accumulates in each encoding of weights, on an emulated Cortex-M3
	@$(PYTHON) tools/kernel_cost.py

bench: setup ## instructions of kernels and networks on emulated cores (Cortex-M0, M3, M4, RV32) and on this computer; build/bench.json
	@$(PYTHON) tools/instructions.py

msp430: setup ## figures of the MSP430FR5994 firmware in the simulator; power failures (BLOBS="MORE.fml", RESULTS=1 writes docs/results)
	@$(PYTHON) tools/msp430_figures.py $(if $(RESULTS),--results) $(BLOBS)

accuracy: setup ## int8 against float on Fashion-MNIST and HAR (DATA=folder; trains for minutes)
	@$(PYTHON) tools/accuracy.py $(if $(DATA),--data $(DATA))

compress-results: setup ## compress seven networks, compare with SparseComp (DATA=folder; hours, goes on where it was)
	@$(PYTHON) tools/compress_results.py $(if $(DATA),--data $(DATA))

exit-results: setup ## early exits of compressed networks, compared with other heads (DATA=folder; goes on where it was)
	@$(PYTHON) tools/exit_results.py $(if $(DATA),--data $(DATA))

energy-results: setup ## policies on harvest traces: right answers an hour and a joule (DATA=folder)
	@$(PYTHON) tools/energy_results.py $(if $(DATA),--data $(DATA))

fuzz: ## fuzz the C core: blobs, journals (FUZZ_SECONDS=60 each; RESULTS=1 writes fuzz.json; needs clang)
	@tools/setup.sh fuzz
	@$(PYTHON) tools/fuzz.py --seconds $(or $(FUZZ_SECONDS),60) $(if $(RESULTS),--results)

generate: setup ## regenerate code from schema/
	@$(PYTHON) schema/regenerate.py

clean: ## remove build products (keeps .venv)
	@rm -rf build *.egg-info host/*.egg-info
