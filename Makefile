# SPDX-License-Identifier: MIT
# ipcfs. `make help` lists the targets. All that is built lies in build/; each MODE (release, asan,
# tsan, valgrind) has a folder there, and release its results at the top: build/ipcfs, build/libipcfs.*
# Nothing of libfuse or cmocka is looked for while this file is read: `make test` installs them first.
MODE ?= release
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
MANDIR ?= $(PREFIX)/share/man
# mount(8) looks for its helpers here and nowhere else.
SBINDIR ?= /sbin
CFLAGS ?= -O2 -g
CXXFLAGS ?= -O2 -g
WERROR ?= 1
PKG_CONFIG ?= pkg-config
SUITES ?= unit crash mount shell python seed model

version := $(shell sed -n 's/^.define IPCFS_VERSION "\(.*\)"/\1/p' core/ipcfs.h 2>/dev/null)
soname := libipcfs.so.0
build := build/$(MODE)
out := $(if $(filter release,$(MODE)),build,$(build))
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:

Q := $(if $(filter 1,$(V)),,@)
say = $(if $(Q),@printf '  %-5s %s\n' $(1) $@)
submake = $(MAKE) --no-print-directory $(if $(findstring -j,$(MAKEFLAGS)),,-j$(shell nproc))
need_fuse = $(error libfuse3 is not found by $(PKG_CONFIG): run 'make deps')

# ---- flags: ours first, so that the user's CFLAGS and LDFLAGS have the last word
sanitized := -fno-omit-frame-pointer
mode_release := $(if $(filter-out -O0,$(filter -O%,$(CFLAGS))),-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
mode_asan := -fsanitize=address,undefined -fno-sanitize-recover=all $(sanitized)
mode_tsan := -fsanitize=thread $(sanitized)
mode_valgrind := -DIPCFS_VALGRIND -fno-omit-frame-pointer
$(if $(filter $(MODE),release asan tsan valgrind),,$(error MODE is one of release asan tsan valgrind))
our_flags := -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -iquote . -iquote core -pthread -fstack-protector-strong \
	-Wall -Wextra -Wshadow -Wvla -Wformat=2 $(if $(filter 1,$(WERROR)),-Werror) $(mode_$(MODE))
our_cflags := -std=gnu11 $(our_flags) -Wstrict-prototypes -Wmissing-prototypes
our_cxxflags := -std=gnu++17 $(our_flags)
our_ldflags := -pthread -Wl,-z,relro,-z,now -Wl,--as-needed $(filter -fsanitize%,$(mode_$(MODE)))
fuse_cflags = $(or $(shell $(PKG_CONFIG) --cflags fuse3),$(need_fuse))
fuse_libs = $(or $(shell $(PKG_CONFIG) --libs fuse3),$(need_fuse)) -lev

# ---- what there is to build
objects = $(addprefix $(build)/,$(addsuffix .o,$(basename $(1))))
core_src := $(sort $(wildcard core/*.c))
fs_src := $(sort $(wildcard fs/*.c))
tools_src := $(sort $(wildcard tools/*.c))
lib := $(if $(core_src),$(out)/libipcfs.a)
so := $(if $(core_src),$(if $(filter release,$(MODE)),$(out)/libipcfs.so))
bin := $(if $(tools_src),$(out)/ipcfs)

all: $(lib) $(so) $(bin) ## build build/ipcfs, build/libipcfs.a and build/libipcfs.so (the default)

# $(call suite,folder,patterns of programs): each is linked with the folder's other sources
define suite
$(1)_src := $$(sort $$(wildcard tests/$(1)/*.c tests/$(1)/*.cpp))
$(1)_main := $$(filter $$(addprefix tests/$(1)/,$(2)),$$($(1)_src))
$(1)_bin := $$(addprefix $$(build)/,$$(basename $$($(1)_main)))
$$($(1)_bin): %: %.o $$(call objects,$$(filter-out $$($(1)_main),$$($(1)_src))) $$(lib)
	$$(call say,LINK)
	$$(Q)$$(linker) -pie $$(our_ldflags) $$(LDFLAGS) -o $$@ $$^ $$(test_libs) -lm $$(LDLIBS)
endef
linker = $(CC)
test_libs = -lcmocka
$(eval $(call suite,unit,test_%.c stress_%.c))
$(eval $(call suite,mount,test_%.c))
$(eval $(call suite,crash,crash_%.c))
$(eval $(call suite,shell,%.c))
$(eval $(call suite,bench,bench_%.c bench_%.cpp))
$(bench_bin): linker = $(CXX)
$(bench_bin): test_libs = $(fuse_libs) -lrt
all_src := $(core_src) $(fs_src) $(tools_src) $(foreach s,unit mount crash shell bench,$($(s)_src))

# ---- rules
extra = -fPIE
$(build)/core/%.o: extra = -fPIC -fno-semantic-interposition
$(build)/fs/%.o $(build)/tests/bench/%.o: extra = -fPIE -fno-strict-aliasing $(fuse_cflags)

$(build)/%.o: %.c Makefile
	$(call say,CC)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(our_cflags) $(extra) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(build)/%.o: %.cpp Makefile
	$(call say,CXX)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) $(our_cxxflags) $(extra) $(CPPFLAGS) $(CXXFLAGS) -MMD -MP -c -o $@ $<

$(out)/libipcfs.a: $(call objects,$(core_src))
	$(call say,AR)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

# The shared library exports what core/ipcfs.h declares and nothing else.
$(build)/libipcfs.map: core/ipcfs.h Makefile
	$(Q)mkdir -p $(@D)
	$(Q){ echo '{ global:'; grep -o '\<ipcfs_[a-z0-9_]* *(' $< | sed 's/ *(/;/' | sort -u; echo 'local: *; };'; } >$@

$(out)/libipcfs.so.$(version): $(call objects,$(core_src)) $(build)/libipcfs.map
	$(call say,LINK)
	$(Q)$(CC) -shared -Wl,-soname,$(soname) -Wl,--version-script=$(build)/libipcfs.map -Wl,-z,defs \
		-Wl,-z,nodelete \
		$(our_ldflags) $(LDFLAGS) -o $@ $(filter %.o,$^) -lm $(LDLIBS)

$(out)/libipcfs.so: $(out)/libipcfs.so.$(version)
	$(Q)ln -sf $(<F) $(out)/$(soname) && ln -sf $(soname) $@

$(out)/ipcfs: $(call objects,$(fs_src) $(tools_src)) $(lib)
	$(call say,LINK)
	$(Q)$(CC) -pie $(our_ldflags) $(LDFLAGS) -o $@ $^ $(if $(fs_src),$(fuse_libs) -lcares) -lm $(LDLIBS)

-include $(patsubst %.o,%.d,$(call objects,$(all_src)))

# ---- targets for people
help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' Makefile | awk -F'\t' '{ printf "  %-12s %s\n", $$1, $$2 }'
	@echo 'Settings: V=1 WERROR=0 MODE=release|asan|tsan|valgrind SUITES="unit mount" ONLY=PATTERN PREFIX= SBINDIR= DESTDIR='
deps: ## install what building and testing need and is missing (Debian, as root)
	@sh tests/deps.sh build test
demo: ## install what is missing, build, mount /ipc and show it on real input
	@sh tests/deps.sh build demo
	+@$(submake) all
	@tools/demo.sh
test: ## install what is missing, build, run every suite in its short form
	@sh tests/deps.sh build test
	+@$(submake) check
check: all $(foreach s,$(SUITES),$($(s)_bin)) ## the same without installing anything
	@MODE=$(MODE) tests/run.sh $(SUITES)
check-long: ## install what is missing, build, run every suite with the full counts; takes hours
	@sh tests/deps.sh build test long
	+@LONG=1 $(submake) check
asan: ## unit, crash, mount and shell suites under AddressSanitizer and UBSan
tsan: ## the unit suite under ThreadSanitizer
valgrind: ## the unit suite under valgrind, leaks are errors
asan tsan valgrind:
	@sh tests/deps.sh build test $(filter valgrind,$@)
	+@$(submake) MODE=$@ SUITES='$(if $(filter asan,$@),unit crash mount shell,unit)' check
model: ## check the Promela models of the protocols
	@sh tests/deps.sh model
	@tests/model/run.sh
bench: ## measure, beside other means of IPC; prints one table
	@sh tests/deps.sh build bench
	+@$(submake) all bench-programs
	@tests/bench/run.sh
bench-programs: $(bench_bin)

examples := $(sort $(wildcard $(addprefix tools/examples/*.,c js pl py sh)))
man_dirs := $(addprefix $(MANDIR)/man,1 3 7)
ldconfig = [ -n '$(DESTDIR)' ] || [ "$$(id -u)" != 0 ] || ldconfig
install: all ## install below PREFIX (/usr/local), and the mount helper in SBINDIR (/sbin)
	install -d $(addprefix $(DESTDIR),$(PREFIX)/bin $(PREFIX)/share/ipcfs/examples $(PREFIX)/include $(LIBDIR)/pkgconfig $(man_dirs) $(SBINDIR))
	install -m 755 $(bin) $(DESTDIR)$(PREFIX)/bin
	install -m 755 tools/tour.sh $(DESTDIR)$(PREFIX)/share/ipcfs
	install -m 755 $(filter-out %.c,$(examples)) $(DESTDIR)$(PREFIX)/share/ipcfs/examples
	install -m 644 $(filter %.c,$(examples)) $(DESTDIR)$(PREFIX)/share/ipcfs/examples
	install -m 644 $(lib) $(out)/libipcfs.so.$(version) $(DESTDIR)$(LIBDIR)
	ln -sf libipcfs.so.$(version) $(DESTDIR)$(LIBDIR)/$(soname)
	ln -sf $(soname) $(DESTDIR)$(LIBDIR)/libipcfs.so
	install -m 644 core/ipcfs.h $(DESTDIR)$(PREFIX)/include
	sed 's|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(LIBDIR)|; s|@VERSION@|$(version)|' core/libipcfs.pc.in >$(DESTDIR)$(LIBDIR)/pkgconfig/libipcfs.pc
	$(foreach f,$(wildcard docs/*.[137]),install -m 644 $(f) $(DESTDIR)$(MANDIR)/man$(subst .,,$(suffix $(f))) &&) :
	ln -sf $(PREFIX)/bin/ipcfs $(DESTDIR)$(SBINDIR)/mount.fuse.ipcfs
	$(ldconfig)
uninstall: ## remove what install put there
	@# The helper may be another PREFIX's.
	[ "$$(readlink $(DESTDIR)$(SBINDIR)/mount.fuse.ipcfs)" != $(PREFIX)/bin/ipcfs ] || rm -f $(DESTDIR)$(SBINDIR)/mount.fuse.ipcfs
	rm -f $(addprefix $(DESTDIR),$(PREFIX)/bin/ipcfs $(PREFIX)/share/ipcfs/tour.sh $(PREFIX)/include/ipcfs.h \
		$(addprefix $(LIBDIR)/,libipcfs.a libipcfs.so $(soname) libipcfs.so.$(version) pkgconfig/libipcfs.pc) \
		$(foreach f,$(wildcard docs/*.[137]),$(MANDIR)/man$(subst .,,$(suffix $(f)))/$(notdir $(f))))
	rm -rf $(DESTDIR)$(PREFIX)/share/ipcfs/examples
	$(ldconfig)
clean: ## remove build/
	rm -rf build

empty :=
include_of := ^[[:space:]]*\#[[:space:]]*include[[:space:]]*
tools_may := $(subst $(empty) ,|,$(strip ipcfs.h core/ipcfs.h $(notdir $(wildcard tools/*.h))))
c_files := $(sort $(all_src) $(wildcard core/*.h fs/*.h tools/*.h tools/examples/*.c tests/*/*.h))
# The tests' harness clears up in signal handlers, come what may.
tidy := case $$1 in tests/*) no=-bugprone-signal-handler; esac; clang-tidy --quiet --checks=$$no "$$1" -- $(filter-out -Werror -fno-sanitize% -fsanitize%,$(our_cflags))
format: ## let clang-format rewrite the sources
	clang-format -i $(c_files)
lint: ## style, layers and static analysis of all sources, scripts and manual pages
	@sh tests/deps.sh build test lint bench
	@! grep -nHE '$(include_of)[<"](fuse|ev\.h|(\.\./)?(fs|tools)/)' core/*.[ch] || { echo 'lint: core uses FUSE, fs or tools'; exit 1; }
	@! grep -nHE '$(include_of)"' tools/*.[ch] | grep -vE '"($(tools_may))"|^tools/cmd_mount\.c:.*"fs/serve\.h"' || \
		{ echo 'lint: tools use core/ipcfs.h; only cmd_mount.c uses fs/serve.h'; exit 1; }
	@! git grep -nIE --untracked '/(work|root|farm)/[a-z.]|\.\./share[d]/' -- . || { echo 'lint: a path of one machine'; exit 1; }
	clang-format --dry-run -Werror $(c_files)
	cppcheck --quiet --enable=warning,performance,portability --error-exitcode=1 --inline-suppr --std=c11 \
		-j $$(nproc) -D_GNU_SOURCE -I. -Icore $(addprefix --include=,$(wildcard /usr/include/*/sys/queue.h)) $(core_src) $(fs_src) $(tools_src) $(wildcard tools/examples/*.c)
	shellcheck -x -P SCRIPTDIR $(sort $(wildcard .ci/run tests/*.sh tests/*/*.sh tools/*.sh tools/*/*.sh))
	$(if $(wildcard docs/*.[137]),mandoc -Tlint -Wwarning $(wildcard docs/*.[137]))
	@printf '%s\n' $(filter %.c,$(all_src) $(wildcard tools/examples/*.c)) | xargs -P $$(nproc) -n 1 sh -c '$(tidy) $(fuse_cflags) 2>/dev/null' tidy

.PHONY: all help deps demo test check check-long asan tsan valgrind model bench bench-programs install uninstall clean format lint
