# ferry: one Makefile, nothing recursive.
#
#   make                     build/default/ferry, libferry.a, libferry.so
#   make demo                the main job on this machine, from nothing
#   make test                all tests (as root: with real registries, Docker)
#   make SANITIZE=address,undefined test
#   make lint format fuzz-smoke deps install clean
#
# Objects lie under build/VARIANT/, so that variants live side by side.

VERSION := $(shell sed -n 's/.*FERRY_VERSION "\(.*\)"/\1/p' include/ferry/ferry.h)
SANITIZE ?=
VARIANT ?= $(if $(SANITIZE),$(subst $(comma),-,$(SANITIZE)),default)$(if $(filter-out cc gcc,$(CC)),-$(notdir $(CC)))
B := build/$(VARIANT)
comma := ,

PREFIX ?= /usr/local
CC ?= gcc
AR ?= ar
OBJCOPY ?= objcopy
PYTHON ?= /usr/bin/python3
V ?= 0
Q := $(if $(filter 0,$(V)),@)
say = $(if $(filter 0,$(V)),@printf '  %-6s %s\n' '$(1)' '$(2)')

PKGS := libcurl libzstd libxxhash jansson libcrypto
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

MODULES := base codec json oci net registry bundle list source target host op
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

.PHONY: clean
clean:
	rm -rf build

-include $(LIB_OBJ:.o=.d) $(CLI_OBJ:.o=.d) $(UNIT_SRC:%.c=$(B)/%.d)
.SECONDARY:
