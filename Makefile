# What a newcomer and a developer do with azpreflight. Every target does all of its own set-up: as root on a fresh
# Debian machine nothing has to be installed beforehand. `make` lists the targets.

SHELL = /bin/sh
PY = .venv/bin/python
SCENARIO =
RANDOM =
SEED = 1
HEALTHY =
CASE =
OUT =
KEY =
RUNS = 9
MINUTES = 10
SECONDS = 10
TESTS =
TREE =

.PHONY: help run test test-quick coverage lint types format schema pages demo scenarios boots rehearsals boottime bench profile \
	property fuzz sweep hostile wheel deb rpm zipapp \
	dist sign repository site clean prepared

help: ## list the targets
	@echo "make TARGET, where TARGET is one of:"
	@sed -n 's/^\([a-z-]*\):.*## /  \1	/p' $(MAKEFILE_LIST) | expand -t 14

run: ## install azpreflight here and check this machine
	@tools/prepare run
	@if [ "$$(cat /sys/class/dmi/id/chassis_asset_tag 2>/dev/null)" != 7783-7084-3265-9085-8269-3286-77 ]; then \
		echo "This is not an Azure VM: checks of the platform's own endpoints do not apply here."; \
	fi
	@echo "$$ azpreflight check"; echo
	@status=0; .venv/bin/azpreflight check || status=$$?; echo; \
	case $$status in \
		0|1|3) echo "The report is complete. azpreflight itself would have ended with exit code $$status." ;; \
		*) echo "There is no reliable report: azpreflight ended with exit code $$status."; exit $$status ;; \
	esac

test: lint ## pass every test; those that need root are skipped without it
	@$(PY) -m pytest -q -n 2 --dist loadgroup

test-quick: prepared ## pass the unit tests alone, which need neither root nor a network
	@$(PY) -m pytest -q -n auto tests/unit

coverage: prepared ## which lines and branches all tests together reach, programs that they start included: for information
	@$(PY) -m coverage erase
	@$(PY) -m coverage run -m pytest -q -n 2 --dist loadgroup $(TESTS)
	@$(PY) -m coverage combine --quiet
	@$(PY) -m coverage report --sort cover

lint: prepared ## format, lint, types, spelling and shell scripts
	@$(PY) -m ruff format --check --quiet agent tests packaging
	@$(PY) -m ruff check --quiet agent tests packaging
	@$(MAKE) --no-print-directory types
	@git ls-files -z | xargs -0 .venv/bin/codespell
	@if command -v shellcheck >/dev/null; then \
		git ls-files -s | awk '/^100/ {print $$4}' \
		| xargs awk 'FNR == 1 && /^#!.*(\/|env )(ba)?sh/ {print FILENAME} {nextfile}' | xargs shellcheck; \
	fi
	@echo "format, lint, types, spelling and shell: OK"

types: prepared ## types of the program as for the oldest Python, and of tests and packaging, whose libraries want a newer one
	@$(PY) -m mypy --no-error-summary
	@$(PY) -m mypy --no-error-summary --python-version 3.11 --implicit-reexport tests packaging/sbom.py packaging/zipapp.py

format: prepared ## reformat the code
	@$(PY) -m ruff format agent tests packaging
	@$(PY) -m ruff check --fix agent tests packaging

schema: prepared ## regenerate the JSON Schemas in docs/schema, the list of checks and the completions
	@$(PY) -m tests.generate schema
	@$(PY) -m tests.generate data

pages: prepared ## regenerate the output on the pages of the checks
	@$(PY) -m tests.generate pages

demo: prepared ## show a failing VM in the stand-in platform: make demo SCENARIO=dns-dead
	@$(PY) -m tests.netns.demo $(SCENARIO)

scenarios: prepared ## run every scenario of the stand-in platform, or random faults: make scenarios RANDOM=500 SEED=7
	@if [ -n "$(RANDOM)$(CASE)" ]; then \
		$(PY) -m tests.netns.drawn.run --seed $(SEED) $(if $(RANDOM),--count $(RANDOM)) \
			$(if $(HEALTHY),--healthy $(HEALTHY)) $(if $(OUT),--out $(OUT)) $(foreach case,$(CASE),--case $(case)); \
	else $(PY) -m tests.netns.demo --table; fi

boots: prepared ## only the tests that boot real images in an emulator
	@$(PY) -m pytest -q -n 2 --dist loadgroup -m emulator

rehearsals: prepared ## only the rehearsals of whole images, which take an hour or two
	@$(PY) -m pytest -q -m rehearsals tests/rehearse

boottime: prepared ## boot with and without the package, and compare
	@$(PY) -m tests.bench.boottime

bench: prepared ## measure time and memory; bench CURVES=rules,users or CURVES=all, and FULL=1: as work grows; bench PEERS=1: others
ifdef CURVES
	@$(PY) -m tests.bench.curves $(CURVES) $(RUNS) $(if $(FULL),full)
else ifdef PEERS
	@$(PY) -m tests.bench.peers
else
	@$(PY) -m tests.bench $(RUNS)
	@echo; $(PY) -m tests.bench.packages $(RUNS)
	@echo; $(PY) -m tests.bench.initramfs
	@echo; $(PY) -m tests.bench.firewall $(RUNS)
	@echo; $(PY) -m tests.bench.fleet 1000 85000
endif

profile: prepared ## show where the time of a first boot goes, by import and by probe: make profile TREE=/mnt/image
	@$(PY) -m tests.bench.profile $(TREE)

property: prepared ## plan the sealing of RUNS hostile random machines
	@TEST_PROPERTY_RUNS=$(RUNS) $(PY) -m pytest -q tests/unit/support/test_hostile.py

fuzz: prepared ## fuzz every parser, guided by coverage where atheris is installed: make fuzz MINUTES=10
	@$(PY) -m tests.fuzz $(MINUTES)

sweep: prepared ## fill every file that is read with each kind of hostile text, and print what broke
	@$(PY) -m tests.fuzz.sweep

hostile: prepared ## run the program among servers, tools and disks that mean harm, and print a table
	@$(PY) -m tests.fuzz.hostile $(SECONDS)

wheel: prepared ## build a wheel into dist/
	@PYTHON=$(PY) packaging/build-wheel

deb: ## build the Debian package into dist/
	@tools/prepare deb
	@packaging/build-deb

rpm: ## build the package for Fedora, RHEL, SLES and Azure Linux into dist/
	@tools/prepare rpm
	@packaging/build-rpm

zipapp: ## build the program as one file for a machine without packages into dist/
	@tools/prepare zipapp
	@packaging/build-zipapp

dist: prepared ## build all release files into dist/, with an SBOM and checksums
	@PYTHON=$(CURDIR)/$(PY) packaging/dist

sign: ## sign the checksums in dist/: make sign KEY=~/.ssh/id_ed25519
	@packaging/sign $(KEY)

repository: dist ## make repositories for apt and dnf of dist/, signed if gpg has the key: make repository KEY=ADDRESS
	@packaging/build-repository "" $(KEY)

site: prepared ## build the documents as a site into site/
	@PYTHON=$(CURDIR)/$(PY) packaging/build-site

clean: ## remove what the other targets made
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage .coverage.* build dist site agent/*.egg-info
	find agent tests -name __pycache__ -type d -prune -exec rm -rf {} +

prepared:
	@tools/prepare test
