# What a newcomer, a developer and CI run: `make help` lists it.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# How Go builds here, said once. Debian's OpenCV 4.6 has what gocv's core,
# imgproc, imgcodecs and videoio need; the tags leave the rest of gocv out, and
# customenv takes the flags below instead of a pkg-config file that only the
# all-in libopencv-dev ships. `eval "$(make env)"` gives a shell the same.
build_vars := GOFLAGS CGO_ENABLED CGO_CPPFLAGS CGO_CXXFLAGS CGO_LDFLAGS
export GOFLAGS := $(strip $(filter-out -tags=%,$(GOFLAGS)) -tags=customenv,gocv_specific_modules,gocv_videoio)
export CGO_ENABLED := 1
export CGO_CPPFLAGS := -I$(CURDIR)/scripts/opencv -I/usr/include/opencv4
export CGO_CXXFLAGS := -O2 --std=c++11 -DNDEBUG
export CGO_LDFLAGS := -lopencv_videoio -lopencv_imgcodecs -lopencv_imgproc -lopencv_core

version := $(shell cat VERSION)$(addprefix +,$(shell git describe --always --dirty --exclude '*' 2>/dev/null))
stamp := -ldflags '-s -w -X main.version=$(version)'
arch := $(if $(filter aarch64 arm64,$(shell uname -m)),arm64,x64)

##@ Use

.PHONY: help
help: ## list the targets
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@/ { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z0-9-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: build ## run everything on the built-in demo drive, or on VIDEO= NMEA= HOTLIST=, or on CAMERA= GPS=
	@trap : INT; bin/alpr demo $(foreach v,VIDEO NMEA HOTLIST CAMERA GPS,$(if $($(v)),--$(shell tr A-Z a-z <<<$(v)) '$($(v))')) || [ $$? = 130 ]

.PHONY: build
build: deps ## build bin/alpr and bin/alpr-backend, which run from the checkout as they are
	@scripts/step "Building bin/alpr and bin/alpr-backend (minutes the first time: OpenCV's bindings, SQLite)" \
		go build -v $(stamp) -o bin/ ./cmd/alpr ./cmd/alpr-backend
	@install -D -m 755 build/lib/libonnxruntime.so.1 bin/lib/libonnxruntime.so.1

.PHONY: deps
deps: ## install what building needs: Debian packages, ONNX Runtime
	@scripts/install-deps.sh build
	@scripts/fetch-onnxruntime.sh $(arch) build/lib

##@ Develop

.PHONY: test
test: deps ## install what is missing and run every test
	@scripts/install-deps.sh test
	@scripts/test.sh

.PHONY: lint
lint: deps ## check formatting, vet, staticcheck, who imports whom, shell and Python scripts
	@scripts/install-deps.sh test
	@scripts/lint.sh

.PHONY: fuzz
fuzz: deps ## fuzz every parser of outside bytes for FUZZTIME each (20s), FUZZJOBS at a time (1), or all within FUZZTOTAL
	@scripts/fuzz.sh $(or $(FUZZTIME),20s) -j $(or $(FUZZJOBS),1) $(if $(FUZZTOTAL),-t $(FUZZTOTAL))

.PHONY: bench
bench: deps ## run every benchmark once, or BENCH=regexp; then what a frame costs by scene, size, cameras and speed, as ratios
	@go test -run '^$$' -bench '$(or $(BENCH),.)' -benchmem ./...
	@$(if $(BENCH),true,go run ./tools/passes cost)

.PHONY: accuracy
accuracy: build ## measure alpr read on the labelled sets in DIR= (HOLDOUT=file: only its pictures of its set; ARGS= for alpr read)
	@go run ./tools/accuracy $(if $(HOLDOUT),-holdout '$(HOLDOUT)') $(if $(ARGS),-args '$(ARGS)') '$(or $(DIR),$(error give the folder of the labelled sets: make accuracy DIR=…))'

.PHONY: passes
passes: build ## one read a pass: the demo drive (or labelled clips in DIR=), then drawn traffic by speed and frame rate (ROAD= for its flags)
	@go run ./tools/passes $(if $(DIR),'$(DIR)',--truth demo/drive.truth.jsonl demo/drive.mp4)
	@go run ./tools/passes road $(ROAD)

.PHONY: soak
soak: deps ## the long proofs: hundreds of kills, a thousand power cuts, a million waiting reads, a thousand vehicles (about an hour)
	@scripts/install-deps.sh test
	@go test -count 1 -v -timeout 2h -run '^TestKill$$|^TestPowerCut$$' ./store -kills 300 -cuts 1000
	@ALPR_SOAK_KILLS=300 go test -count 1 -v -timeout 2h -run '^TestKill$$' ./cmd/alpr
	@ALPR_SOAK_KILLS=300 ALPR_SOAK_BACKLOG=1000000 ALPR_SOAK_VEHICLES=1000 \
		go test -count 1 -v -timeout 2h -run 'TestKilling|TestABacklog|TestManyVehicles' ./cmd/alpr-backend

.PHONY: torture
torture: deps ## the built programs under a random sequence of faults, for TIME= (1h); SEED= does a run again, ONLY= takes faults by name
	@scripts/install-deps.sh test
	@nice go test -count 1 -v -timeout 0 -run '^TestTorture$$' ./tools/torture -time $(or $(TIME),1h) -seed $(or $(SEED),0) -only '$(ONLY)'

.PHONY: console-look
console-look: deps ## look at the officer's page in a headless browser: pictures for the docs, contrast, touch targets
	@scripts/install-deps.sh screenshots
	@go run ./console/internal/look

##@ ARM64

.PHONY: arm64
arm64: ## cross-compile for 64-bit ARM boards into bin/arm64
	@scripts/install-deps.sh arm64
	@scripts/build-arm64.sh $(stamp)

.PHONY: test-arm64
test-arm64: arm64 ## let the arm64 program read a picture under emulation
	@scripts/test-arm64.sh

.PHONY: image-arm64
image-arm64: ## build the container image of Dockerfile.arm64 without a registry
	@scripts/install-deps.sh image
	@scripts/fetch-onnxruntime.sh arm64 build/arm64/lib
	@scripts/image-arm64.sh

##@ Release

.PHONY: release
release: build arm64 ## what a release holds, in dist: an archive for each architecture, SBOMs, checksums
	@scripts/release.sh $(shell cat VERSION)

.PHONY: package
package: build ## a Debian package of what runs in the car, in dist
	@scripts/package.sh $(shell cat VERSION) $(subst x64,amd64,$(arch)) bin

.PHONY: test-package
test-package: package ## as root: install the package in a bare Debian 12 made for it, use it there, upgrade, purge
	@scripts/install-deps.sh image
	@scripts/test-package.sh dist/alpr_$(shell cat VERSION)_$(subst x64,amd64,$(arch)).deb

##@ House-keeping

.PHONY: env
env: ## print the build settings for your shell: eval "$(make env)"
	@$(foreach v,$(build_vars),echo 'export $(v)="$($(v))"';)

.PHONY: clean
clean: ## delete what was built here; fetched files stay in build/npm
	@rm -rf bin dist build/lib build/arm64
