# ferry: one Makefile, nothing recursive.
#
#   make                     build/default/ferry, libferry.a, libferry.so
#   make demo                the main job on this machine, from nothing
#   make test                all tests (as root: with real registries, Docker)
#   make SANITIZE=address,undefined test
#   make show-faults         what hostile registries did, and ferry; FAULTS="row71 row89"
#   make check-instructions  whether a hot path takes more instructions
#   make static-fetch static one file that runs where there is nothing; ARCH=arm64
#   make bench               against what else there is; BENCH="pack --runs 1"
#   make lint format fuzz-smoke deps install clean
#
# Objects lie under build/VARIANT/, so that variants live side by side.

VERSION := $(shell sed -n 's/.*FERRY_VERSION "\(.*\)"/\1/p' include/ferry/ferry.h)
SANITIZE ?=
comma := ,
ifeq ($(origin CC),default)
CC := gcc
endif
VARIANT ?= $(if $(SANITIZE),$(subst $(comma),-,$(SANITIZE)),default)$(if $(filter-out cc gcc,$(CC)),-$(notdir $(CC)))
B := build/$(VARIANT)

PREFIX ?= /usr/local
AR ?= ar
OBJCOPY ?= objcopy
PYTHON ?= /usr/bin/python3
V ?= 0
Q := $(if $(filter 0,$(V)),@)
say = $(if $(filter 0,$(V)),@printf '  %-6s %s\n' '$(1)' '$(2)')

PKGS := libcurl libzstd libxxhash jansson libssl libcrypto yaml-0.1 libarchive libmicrohttpd
WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion \
	-Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wcast-qual \
	-Wwrite-strings -Wundef -Wvla -Wformat=2 -Wnull-dereference \
	-Wimplicit-fallthrough
HARDENING := -fstack-protector-strong $(if $(SANITIZE),,-D_FORTIFY_SOURCE=2)
CFLAGS ?= -O2 -g
ALL_CFLAGS := -std=gnu11 $(CFLAGS) -fPIC -pthread \
	$(WARNINGS) $(if $(WERROR),-Werror) $(HARDENING) \
	$(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer)
ALL_CPPFLAGS := -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -Iinclude -Isrc \
	$(shell pkg-config --cflags $(PKGS) 2>/dev/null) $(CPPFLAGS)
ALL_LDFLAGS := -pthread -Wl,-z,relro,-z,now -Wl,--as-needed \
	$(if $(SANITIZE),-fsanitize=$(SANITIZE)) $(LDFLAGS)
LIBS = $(shell pkg-config --libs $(PKGS))

MODULES := base codec json oci net registry engine archive bundle list source target host serve op
LIB_SRC := $(sort $(foreach m,$(MODULES),$(wildcard src/$(m)/*.c)))
CLI_SRC := $(sort $(wildcard src/cli/*.c))
UNIT_SRC := $(sort $(wildcard tests/unit/test_*.c))
FUZZ_SRC := $(sort $(wildcard tests/fuzz/fuzz_*.c))

LIB_OBJ := $(LIB_SRC:%.c=$(B)/%.o)
CLI_OBJ := $(CLI_SRC:%.c=$(B)/%.o)
UNIT := $(UNIT_SRC:%.c=$(B)/%)
FUZZ_REPLAY := $(FUZZ_SRC:%.c=$(B)/%-replay)

.PHONY: all unit
all: $(B)/ferry $(B)/libferry.a $(B)/libferry.so

$(LIB_OBJ) $(CLI_OBJ): | deps-build

$(B)/%.o: %.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# Internal names stay inside: the archive is one object whose other symbols
# have become local, so that it cannot clash with the program it is put into.
$(B)/libferry.o: $(LIB_OBJ)
	$(call say,LD,$@)
	$(Q)$(LD) -r -o $@.tmp $^ && $(OBJCOPY) --wildcard --keep-global-symbol='ferry_*' $@.tmp $@
	@rm -f $@.tmp

$(B)/libferry.a: $(B)/libferry.o
	$(call say,AR,$@)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

$(B)/libferry.so: $(LIB_OBJ)
	$(call say,LD,$@)
	$(Q)$(CC) -shared -Wl,-soname,libferry.so.0 -Wl,--version-script=src/libferry.map -o $@ $^ $(ALL_LDFLAGS) $(LIBS)

$(B)/ferry: $(CLI_OBJ) $(LIB_OBJ)
	$(call say,LD,$@)
	$(Q)$(CC) -o $@ $^ $(ALL_LDFLAGS) $(LIBS)

# Unit tests see inside the library: they link its objects, not its face.
$(B)/tests/unit/%: $(B)/tests/unit/%.o $(LIB_OBJ)
	$(call say,LD,$@)
	$(Q)$(CC) -o $@ $^ $(ALL_LDFLAGS) $(LIBS) -lcmocka

unit: $(UNIT)

# Fuzzers: with clang they search, with any compiler they replay the corpus.
FUZZ_CC ?= clang
F := build/fuzz
FUZZ := $(FUZZ_SRC:%.c=$(F)/%)
FUZZ_SECONDS ?= 10
FUZZ_SANITIZE := address,undefined

$(B)/tests/fuzz/%-replay: $(B)/tests/fuzz/%.o $(B)/tests/fuzz/replay.o $(LIB_OBJ)
	$(call say,LD,$@)
	$(Q)$(CC) -o $@ $^ $(ALL_LDFLAGS) $(LIBS)

$(F)/%.o: %.c
	$(call say,FUZZCC,$<)
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(ALL_CPPFLAGS) -std=gnu11 -O1 -g -pthread \
		-fsanitize=fuzzer-no-link,$(FUZZ_SANITIZE) \
		-fno-sanitize-recover=all -MMD -MP -c -o $@ $<

$(F)/tests/fuzz/%: $(F)/tests/fuzz/%.o $(LIB_SRC:%.c=$(F)/%.o)
	$(call say,LD,$@)
	$(Q)$(FUZZ_CC) -fsanitize=fuzzer,$(FUZZ_SANITIZE) -pthread -o $@ $^ $(LIBS)

.PHONY: replay fuzz fuzz-smoke
replay: $(FUZZ_REPLAY)
fuzz: $(FUZZ)

# What a fuzzer finds new stays under build/; what it crashes on is printed.
fuzz-smoke: $(FUZZ)
	$(Q)tools/fuzz $(FUZZ_SECONDS) $(FUZZ)

include static.mk

.PHONY: test
test: deps-test all unit replay
	$(Q)FERRY_BUILD=$(abspath $(B)) CC=$(CC) $(PYTHON) tests/run.py $(TESTS)

# After a change of what ferry says: tests/faults/table.py --write.
.PHONY: show-faults
show-faults: all
	$(Q)FERRY=$(abspath $(B))/ferry $(PYTHON) tests/faults/table.py $(FAULTS)

.PHONY: check-instructions record-instructions
check-instructions record-instructions: deps-test $(B)/ferry
	$(Q)FERRY=$(abspath $(B)/ferry) $(PYTHON) tests/bench/instructions.py \
		$(if $(filter record-%,$@),--record)

# As root, on a quiet machine: rivals and ferry take turns, half an hour in all.
.PHONY: bench
bench: deps-bench
	$(Q)$(MAKE) --no-print-directory $(B)/ferry
	$(Q)FERRY=$(abspath $(B)/ferry) $(PYTHON) tests/bench/bench.py $(BENCH)

.PHONY: demo
demo: deps-demo
	$(Q)$(MAKE) --no-print-directory $(B)/ferry
	$(Q)FERRY=$(abspath $(B)/ferry) $(PYTHON) tools/demo.py

.PHONY: deps deps-build deps-test deps-demo deps-bench deps-lint deps-static deps-static-arm64
deps: deps-build
deps-build deps-test deps-demo deps-bench deps-lint deps-static deps-static-arm64:
	$(Q)tools/deps $(@:deps-%=%)

FORMATTED := $(wildcard include/ferry/*.h src/*/*.[ch] tests/*/*.[ch])
HEADERS := $(wildcard include/ferry/*.h src/*/*.h)
SCRIPTS := tools/deps tools/fuzz tools/static .ci/run

.PHONY: format lint check-format check-headers check-modules check-scripts tidy
format:
	clang-format -i $(FORMATTED)

lint: deps-lint check-format check-headers check-modules check-scripts tidy

check-format:
	$(Q)clang-format --dry-run -Werror $(FORMATTED)

# Each header stands by itself.
check-headers:
	$(Q)for header in $(HEADERS); do \
		$(CC) $(ALL_CPPFLAGS) -std=gnu11 -Wall -Wextra -Werror \
			-Wno-unused-function -fsyntax-only -include $$header \
			-x c /dev/null || exit 1; \
	done

check-modules:
	$(Q)$(PYTHON) tests/lint/modules.py

check-scripts:
	$(Q)shellcheck $(SCRIPTS)


tidy:
	$(Q)clang-tidy --quiet $(LIB_SRC) $(CLI_SRC) -- $(ALL_CPPFLAGS) -std=gnu11 2>/dev/null

.PHONY: install
install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/include/ferry \
		$(DESTDIR)$(PREFIX)/lib/pkgconfig \
		$(DESTDIR)$(PREFIX)/share/man/man1
	install -m 755 $(B)/ferry $(DESTDIR)$(PREFIX)/bin/ferry
	install -m 644 include/ferry/*.h $(DESTDIR)$(PREFIX)/include/ferry/
	install -m 644 $(B)/libferry.a $(DESTDIR)$(PREFIX)/lib/
	install -m 755 $(B)/libferry.so $(DESTDIR)$(PREFIX)/lib/libferry.so.$(VERSION)
	ln -sf libferry.so.$(VERSION) $(DESTDIR)$(PREFIX)/lib/libferry.so.0
	ln -sf libferry.so.0 $(DESTDIR)$(PREFIX)/lib/libferry.so
	install -m 644 docs/man/*.1 $(DESTDIR)$(PREFIX)/share/man/man1/
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@VERSION@|$(VERSION)|' \
		-e 's|@PKGS@|$(PKGS)|' src/ferry.pc.in \
		> $(DESTDIR)$(PREFIX)/lib/pkgconfig/ferry.pc

.PHONY: clean
clean:
	rm -rf build

-include $(LIB_OBJ:.o=.d) $(CLI_OBJ:.o=.d) $(UNIT_SRC:%.c=$(B)/%.d) \
	$(FUZZ_SRC:%.c=$(B)/%.d)
-include $(LIB_SRC:%.c=$(F)/%.d) $(FUZZ_SRC:%.c=$(F)/%.d)
.SECONDARY:
