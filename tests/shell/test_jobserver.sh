#!/bin/bash
# SPDX-License-Identifier: MIT
#
# test_jobserver.sh - the view `tokens` under real builds, and `ipcfs jobserver`: a recursive GNU make, gcc
# -flto=jobserver, a make that is killed, beside the same with a pipe; under LONG=1 make 4.4 from a newer
# Debian in a chroot.
# shellcheck disable=SC2016,SC2317 # commands are expanded, and functions run, by the shells that run them
set -u
# shellcheck source=tests/shell/lib.sh
. "$(dirname "$0")/lib.sh"
unset MAKEFLAGS MFLAGS MAKELEVEL MAKE
export IPCFS_MOUNT=$M S4="$M/semaphores/tokens"
mkdir "$T/build" && cd "$T/build" || exit 1

until_true()
{
	local end=$((SECONDS + LIMIT - 10))

	while [ "$SECONDS" -lt "$end" ]; do
		! timeout -k 1 20 bash -c "$1" || return 0
		sleep 0.01
	done
	return 1
}
export -f until_true

# ---- a recursive build: 3 makes, 20 jobs. Each meets others at a barrier before it ends, so that they only get
# through if so many run together; the log tells whether more do.
cat >Makefile <<'END'
all: a b c
a: COUNT = 1 2 3 4 5 6 7
b: COUNT = 1 2 3 4 5 6 7 8
c: COUNT = 1 2 3 4 5
a b c:
	+@$(MAKE) --no-print-directory -f jobs.mk NAME=$@ COUNT="$(COUNT)"
.PHONY: all a b c
END
cat >jobs.mk <<'END'
JOBS := $(COUNT:%=$(NAME)%)
all: $(JOBS)
$(JOBS):
	@echo begin >>log; read x <$(IPCFS_MOUNT)/barriers/jobs; echo end >>log
END

# The most that were there at once, and how many are.
together()
{
	awk '/begin/ { if (++n > most) most = n } /end/ { n-- } END { print most, n }' log
}
export -f together

# build TOGETHER COMMAND...
build()
{
	rm -f log "$M/barriers/jobs"
	touch "$M/barriers/jobs,parties=$1"
	shift
	"$@"
}
export -f build

touch "$S4,value=4,max=4"
check j8_over_4_tokens bash -c 'exec 4<$S4,tokens 5>$S4,tokens
	export MAKEFLAGS=" -j8 --jobserver-auth=4,5"; build 5 make'
expect four_tokens_and_its_own_job $'5 0\n' bash -c together
expect all_are_there_afterwards $'4\n' cat "$S4,peek"

check jobserver bash -c 'build 4 "$IPCFS" jobserver -j 4 -- make'
expect four_together $'4 0\n' bash -c together
expect it_is_gone $'tokens\n' ls "$M/semaphores"
expect all_came_back $'4\n' bash -c 'build 5 "$IPCFS" jobserver -j5 bash -c "make && for s in \$IPCFS_MOUNT/semaphores/jobserver-*; do cat \$s,peek; done"'
expect one_job $'1 0\n' bash -c 'build 1 "$IPCFS" jobserver -j1 make && together'

# ---- what MAKEFLAGS says
expect two_descriptors 'yes' "$IPCFS" jobserver -j3 --style=fds bash -c '
	[[ $MAKEFLAGS =~ ^\ -j3\ --jobserver-auth=([0-9]+),([0-9]+)$ ]] && read -rN1 -u "${BASH_REMATCH[1]}" &&
	read -rN1 -u "${BASH_REMATCH[1]}" && printf ++ >&"${BASH_REMATCH[2]}" && printf yes'
expect a_name '++' "$IPCFS" jobserver -j3 --style=fifo bash -c '
	file=${MAKEFLAGS#" -j3 --jobserver-auth=fifo:"} && [ -e "$file" ] && dd if="$file" bs=10 count=1 2>/dev/null'
expect other_flags_stay $'kw -j2 --jobserver-auth=A --warn-undefined -- -j=1 B=a\\ -j9\n' bash -c '
	export MAKEFLAGS="kj8w -j 9 --jobserver-auth=7,8 --warn-undefined --jobs=4 -j -- -j=1 B=a\\ -j9"
	"$IPCFS" jobserver -j2 --style=fds bash -c "echo \"\$MAKEFLAGS\"" | sed "s/auth=[0-9]*,[0-9]*/auth=A/"'
mkdir "$T/odd \$name"
check odd_name mount --bind "$M" "$T/odd \$name"
expect odd_name_quoted '/odd\ $$name/semaphores' bash -c '
	"$IPCFS" jobserver -j2 --style=fifo --mount "$T/odd \$name" bash -c "echo \"\$MAKEFLAGS\"" | sed "s|.*fifo:$T||; s|/jobserver.*||" | tr -d "\n"'
check odd_name_again umount "$T/odd \$name"

# ---- it ends as the command does
expect its_status $'7\n' bash -c '"$IPCFS" jobserver -j2 -- bash -c "exit 7"; echo $?'
expect its_signal $'143\n' bash -c '"$IPCFS" jobserver -j2 -- bash -c "kill -TERM \$\$"; echo $?'
expect not_found $'127\n' bash -c '"$IPCFS" jobserver -j2 -- ./absent; echo $?'
expect not_executable $'126\n' bash -c '"$IPCFS" jobserver -j2 -- ./jobs.mk; echo $?'
fails jobs_0 'no number of jobs' "$IPCFS" jobserver -j0 true
fails jobs_x 'no number of jobs' "$IPCFS" jobserver -j 4x true
fails jobs_too_many 'no number of jobs' "$IPCFS" jobserver -j 2147483648 true
fails style 'fifo, fds, auto' "$IPCFS" jobserver --style=pipe true
fails no_command 'which command' "$IPCFS" jobserver -j2 --
fails no_mount '' "$IPCFS" jobserver --mount "$T" -j2 true
expect nothing_is_left $'tokens\n' ls "$M/semaphores"

for signal in TERM HUP INT KILL; do
	rm -f begun ended
	setsid env --default-signal=INT "$IPCFS" jobserver -j2 -- bash -c 'trap "echo >ended; exit 3" TERM HUP INT; echo >begun
		while [ -e "$S4" ]; do sleep 0.01; done' 2>/dev/null &
	pid=$!
	check "${signal}_begun" bash -c 'until_true "[ -e begun ]"'
	kill -"$signal" "$pid"
	{ wait "$pid"; } 2>/dev/null
	status=$?
	if [ "$signal" = KILL ]; then # nobody is there to pass it on; but the semaphore goes
		check KILL_ends test "$status" = 137
		kill -9 -- "-$pid"
	else
		check "${signal}_is_passed_on" test -e ended -a "$status" = 3
	fi
	check "${signal}_leaves_nothing" bash -c 'until_true "[ \"\$(ls \$IPCFS_MOUNT/semaphores)\" = tokens ]"'
done

# ---- kill -9 of a make below a make: its tokens come back; those of a pipe are lost
cat >top.mk <<'END'
all:
	+@$(MAKE) --no-print-directory -f below.mk
END
cat >below.mk <<'END'
PID := $(shell echo $$PPID >below.pid)
all: 1 2 3 4 5
1 2 3 4 5:
	@echo begin >>log; read x <$(IPCFS_MOUNT)/events/go
END
touch "$M/events/go"

# killed AUTH: when five jobs run their make is killed; and all else ends
killed()
{
	local top

	rm -f log below.pid
	echo 0 >"$M/events/go"
	MAKEFLAGS=" -j8 --jobserver-auth=$1" make -f top.mk >top.log 2>&1 &
	top=$!
	until_true '[ "$(grep -c begin log 2>/dev/null)" = 5 ]' || return 1
	kill -9 "$(<below.pid)"
	! wait "$top"
}
export -f killed

check a_make_is_killed bash -c 'exec 4<$S4,tokens 5>$S4,tokens; killed 4,5'
expect its_tokens_are_back $'4\n' bash -c 'until_stat semaphores/tokens,stat "value 4" && cat $S4,peek'
echo 1 >"$M/events/go"
mkfifo pipe
expect a_pipe_loses_them $'0\n' bash -c 'exec 6<>pipe 7>&6; printf ++++ >&6; killed 6,7 && echo 1 >$IPCFS_MOUNT/events/go &&
	dd if=pipe iflag=nonblock bs=10 count=1 2>/dev/null | wc -c'
expect without_a_kill_it_has_them $'4\n' bash -c 'exec 6<>pipe 7>&6; printf ++++ >&6
	MAKEFLAGS=" -j8 --jobserver-auth=6,7" make -f top.mk && dd if=pipe iflag=nonblock bs=10 count=1 2>/dev/null | wc -c'

# ---- gcc -flto=jobserver: the link's make has no -j of its own; two of its four parts run together
cat >lto.mk <<'END'
CFLAGS = -O1 -flto=jobserver -flto-partition=1to1
prog: 1.o 2.o 3.o 4.o
	+$(CC) $(CFLAGS) -o $@ $^
END
for i in 1 2 3; do
	echo "__attribute__((noipa)) int f$i(int n) { return n * $i; }" >"$i.c"
done
echo 'int f1(int), f2(int), f3(int); int main(int argc, char **argv) { (void)argv; return f1(argc) + f2(argc) + f3(argc) - 6; }' >4.c
cat >part.sh <<'END'
#!/bin/sh
# The shell of the make that lto-wrapper starts. A part has two commands, the second tidies up.
case $2 in *-fltrans*) ;; *) exec sh "$@" ;; esac
echo begin >>log
read x <"$IPCFS_MOUNT/barriers/jobs"
sh "$@"
status=$?
echo end >>log
exit "$status"
END
cat >ltomake.sh <<'END'
#!/bin/sh
case " $* " in *" -j"*) echo own >>own ;; esac
exec make SHELL="$PWD/part.sh" "$@"
END
chmod +x part.sh ltomake.sh
check lto_build bash -c 'build 2 "$IPCFS" jobserver -j2 -- make -f lto.mk MAKE=$PWD/ltomake.sh prog'
check lto_program ./prog
expect lto_parts $'4\n' grep -c begin log
expect lto_two_together $'2 0\n' bash -c together
check lto_has_no_j_of_its_own test ! -e own

# ---- GNU make 4.4: MAKEFLAGS names the file
export chroot_dir=$T/trixie
make_chroot()
{
	local mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}

	if ! command -v debootstrap >/dev/null; then
		why='there is no debootstrap'
	elif ! timeout 1000 debootstrap --variant=minbase --include=make trixie "$chroot_dir" "$mirror" >"$T/debootstrap.log" 2>&1; then
		why="no chroot could be made: $(tail -n 1 "$T/debootstrap.log")"
	elif ! mkdir -p "$chroot_dir$M" "$chroot_dir/build" || ! mount --bind "$M" "$chroot_dir$M"; then
		why='nothing can be mounted in the chroot'
	else
		return 0
	fi
	return 1
}

if [ -z "${LONG:-}" ]; then
	skip make_4_4 'a step of make check-long'
elif ! make_chroot; then
	skip make_4_4 "$why"
else
	cp Makefile jobs.mk top.mk below.mk "$chroot_dir/build"
	cd "$chroot_dir/build" || exit 1
	check it_is_4_4 bash -c 'chroot "$chroot_dir" make --version | grep -q "GNU Make 4\.[4-9]"'
	check fifo_build bash -c 'build 4 "$IPCFS" jobserver -j4 --style=fifo -- chroot "$chroot_dir" make -C build'
	expect fifo_four_together $'4 0\n' bash -c together
	make()
	{
		chroot "$chroot_dir" make -C build "$@"
	}
	export -f make
	check fifo_make_is_killed bash -c 'killed "fifo:$S4,tokens"'
	expect fifo_tokens_are_back $'4\n' bash -c 'until_stat semaphores/tokens,stat "value 4" && cat $S4,peek'
	echo 1 >"$M/events/go"
	mkdir "$T/bin"
	printf '#!/bin/sh\nexec chroot %s make "$@"\n' "$chroot_dir" >"$T/bin/make"
	chmod +x "$T/bin/make"
	unset -f make
	expect fifo_is_chosen $'fifo\n' bash -c 'PATH=$T/bin:$PATH "$IPCFS" jobserver -j2 -- bash -c "echo \"\$MAKEFLAGS\"" | grep -o fifo'
	cd "$T" || exit 1
	umount "$chroot_dir$M"
fi

finish
