# One static file, docs/static.md: `make static-fetch` once, with a network; `make
# static` without.  ARCH=arm64 for that.  The libraries are made once, by tools/static.

ARCH ?= x86_64
S := build/static/$(ARCH)
STATIC_TRIPLET := $(if $(filter arm64,$(ARCH)),aarch64,x86_64)-linux-gnu
STATIC_ROOT := $(CURDIR)/$(S)/sysroot
STATIC_CC := $(STATIC_TRIPLET)-gcc --sysroot=$(STATIC_ROOT)
# No path of the folder that it is built in gets into the file.
STATIC_CFLAGS := -O2 -g0 -fPIE -ffunction-sections -fdata-sections \
	-fstack-protector-strong -D_FORTIFY_SOURCE=2 -ffile-prefix-map=$(CURDIR)=.
# A compiler for the machine that it runs on would look there first.
STATIC_LIBDIR := $(STATIC_ROOT)/usr/lib/$(STATIC_TRIPLET)
STATIC_LDFLAGS := -B$(STATIC_LIBDIR) -L$(STATIC_LIBDIR) -static-pie -pthread \
	-Wl,-z,relro,-z,now,-z,noexecstack,-z,pack-relative-relocs \
	-Wl,--gc-sections -Wl,--build-id=none -Wl,--trace
STATIC_OWN := curl $(filter libmicrohttpd,$(PKGS))
STATIC_LIBS := $(STATIC_OWN:%=$(S)/%.a) -larchive -ljansson \
	-lyaml -lnghttp2 -lcares -lssl -lcrypto -lxxhash -lzstd -lz
STATIC_OBJ := $(LIB_SRC:%.c=$(S)/%.o) $(CLI_SRC:%.c=$(S)/%.o)

.PHONY: static static-fetch
static-fetch: $(if $(filter arm64,$(ARCH)),deps-static-arm64,deps-static)
	$(call say,FETCH,$(S)/fetched)
	$(Q)tools/static fetch $(ARCH)

static: $(S)/ferry
	$(Q)tools/static check $<

# As root: it runs where there is nothing, and where what there is would end it.
.PHONY: test-static
test-static: deps-test static
	$(Q)FERRY_BUILD=$(CURDIR)/$(S) $(PYTHON) tests/run.py static

$(S)/fetched/done:
	@echo "nothing was fetched for $(ARCH): make static-fetch ARCH=$(ARCH)" >&2; exit 1

$(S)/sysroot.done: $(S)/fetched/done tools/static
	$(call say,UNPACK,$(S)/sysroot)
	$(Q)tools/static sysroot $(ARCH)
	@touch $@

$(S)/%.done: $(S)/fetched/done tools/static
	$(call say,UNPACK,$(S)/$*)
	$(Q)tools/static unpack $(ARCH) $*
	@touch $@

$(S)/%.a: $(S)/%.done $(S)/sysroot.done
	$(call say,LIB,$@)
	+$(Q)FERRY_STATIC_CFLAGS="$(STATIC_CFLAGS)" tools/static build $(ARCH) $*

$(S)/static_versions.h: $(S)/fetched/done tools/static static.mk Makefile
	$(Q)tools/static versions $(ARCH) $(STATIC_OWN)

# Warnings are the other builds' business: -fPIE inlines more, and warns of that.
$(S)/%.o: %.c static.mk | $(S)/static_versions.h $(S)/sysroot.done $(STATIC_OWN:%=$(S)/%.done)
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(STATIC_CC) -std=gnu11 $(STATIC_CFLAGS) \
		-DFERRY_STATIC -DCURL_STATICLIB -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 \
		-Iinclude -Isrc -I$(S) -I$(S)/curl/include -I$(S)/libmicrohttpd/src/include \
		-pthread -MMD -MP -c -o $@ $<

# What the linker says of getaddrinfo and dlopen is seen to in src/cli/static.c.
$(S)/ferry: static.mk $(STATIC_OBJ) $(STATIC_OWN:%=$(S)/%.a)
	$(call say,LD,$@)
	$(Q)$(STATIC_CC) $(STATIC_LDFLAGS) -o $@.tmp $(STATIC_OBJ) $(STATIC_LIBS) >$@.log 2>&1 || \
		{ cat $@.log >&2; exit 1; }
	$(Q)$(STATIC_TRIPLET)-strip -o $@ $@.tmp && rm -f $@.tmp

-include $(STATIC_OBJ:.o=.d)
