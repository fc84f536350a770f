# holdfast: the front door for make.  `make help` says what there is.
BUILD ?= build
ASAN  ?= build-asan

.PHONY: all test lint clean help

all: ## build ./build/holdfast
	@test -d $(BUILD) || meson setup $(BUILD)
	@meson compile -C $(BUILD)

test: ## the fast tests, with ASan and UBSan; no server, under two minutes
	@test -d $(ASAN) || meson setup $(ASAN) -Db_sanitize=address,undefined -Db_lundef=false
	@meson compile -C $(ASAN)
	@meson test -C $(ASAN) --suite unit --suite contract --print-errorlogs

lint: ## layers, format, clang-tidy
	@tool/check-layers

clean: ## remove what was built
	rm -rf $(BUILD) $(ASAN)

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 24
