# holdfast: the front door for make.  `make help` says what there is.
BUILD ?= build
ASAN  ?= build-asan
TSAN  ?= build-tsan

.PHONY: all demo check test tsan valgrind bench lint install clean help

all: ## build ./build/holdfast
	@tool/install-packages build
	@test -d $(BUILD) || meson setup $(BUILD) >/dev/null
	@meson compile -C $(BUILD) holdfast:executable

demo: ## back up, lose and restore a throw-away etcd
	@tool/install-packages build demo
	@$(MAKE) --no-print-directory all
	@tool/demo $(BUILD)/holdfast

check: ## install the real servers and run every test
	@tool/install-packages build check
	@test/peers/install.sh
	@$(MAKE) --no-print-directory all
	@tool/check $(ASAN) $(BUILD)

test: ## the fast tests: no server, under two minutes
	@tool/install-packages build
	@tool/check $(ASAN) '' unit contract fuzz

tsan: ## unit and contract tests under ThreadSanitizer
	@test -d $(TSAN) || meson setup $(TSAN) -Db_sanitize=thread -Db_lundef=false >/dev/null
	@meson compile -C $(TSAN)
	@meson test -C $(TSAN) --suite unit --suite contract --print-errorlogs

valgrind: all ## unit tests under valgrind
	@meson test -C $(BUILD) --suite unit --print-errorlogs -t 20 \
		--wrap 'valgrind -q --error-exitcode=9 --leak-check=full'

bench: all ## compare with restic, borg, tar and etcdctl, side by side
	@tool/install-packages dev demo
	@test/bench/run $(BUILD)

lint: all ## layers, format, clang-tidy, shellcheck
	@tool/lint $(BUILD)

install: all ## install below DESTDIR and the prefix
	@meson install -C $(BUILD)

clean: ## remove what was built
	rm -rf $(BUILD) $(ASAN) $(TSAN)

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 24
