#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# run.sh SUITE... - runs the suites unit, crash, mount, shell, python, seed, model (all built before: make check) and
# prints one line a program, what failed in it, then "N skipped" if any were, and as the last line, alone,
# "N passed, N failed".
#
# A program tells its results as cmocka does, as lines "ok NAME", "not ok NAME", "skip NAME WHY", or as
# one closing line "N passed, N failed[, N skipped]"; exit status 77 skips it as a whole. To crash, to run out of
# time, to tell nothing, and to leave a mount or a process behind are failures too.
#
# It finds in its environment: BUILD (folder of this mode's objects and test programs), IPCFS (the
# command), MODE, LONG (1, or not set), TMPDIR (its own, checked and removed), IPCFS_STORE (not there yet, in
# TMPDIR's twin in /dev/shm). Knobs: MODE, LONG, ONLY (a glob: programs to run), TIME_LIMIT (seconds each).
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
shopt -s nullglob
umask 022

mode=${MODE:-release}
build=$PWD/build/$mode
ipcfs=$PWD/build/ipcfs
[ "$mode" = release ] || ipcfs=$build/ipcfs
case ${LONG:-} in '' | 0) unset LONG ;; *) export LONG=1 ;; esac
limit=600
[ "$mode" = release ] || limit=1800
[ -z "${LONG:-}" ] || limit=7200
limit=${TIME_LIMIT:-$limit}
logs=$build/logs
# Debian's own programs come first: deps.sh has installed them, a python3 elsewhere may lack numpy.
export BUILD=$build IPCFS=$ipcfs MODE=$mode LC_ALL=C.UTF-8 PATH="/usr/sbin:/usr/bin:/sbin:/bin:$PATH"
unset MAKEFLAGS MFLAGS MAKELEVEL CMOCKA_MESSAGE_OUTPUT CMOCKA_XML_FILE CDPATH ENV BASH_ENV

# The sanitizers of gcc 12 want an address space that is not shuffled too widely.
wrap=()
case $mode in
asan | tsan) setarch -R true 2>/dev/null && wrap=(setarch -R) ;;
valgrind) wrap=(valgrind -q --vgdb=no --error-exitcode=99 --leak-check=full --child-silent-after-fork=yes
	"--show-leak-kinds=definite,indirect,possible" "--errors-for-leak-kinds=definite,indirect,possible"
	--vex-iropt-register-updates=allregs-at-mem-access) ;; # what a SIGBUS handler returns to needs its registers
esac

tmp=$(mktemp -d "${TMPDIR:-/tmp}/ipcfs-test.XXXXXX") && shm=$(mktemp -d /dev/shm/ipcfs-test.XXXXXX) || exit 1
chmod 755 "$tmp" "$shm"
token=ipcfs-test-$$-$RANDOM
mkdir -p "$logs"
passed=0 failed=0 skipped=0

# Processes that were started by program $1: all inherit the token.
left_processes()
{
	grep -lzxF -- "IPCFS_TEST=$token-$1" /proc/[0-9]*/environ 2>/dev/null | sed 's|/proc/||; s|/environ||'
}

left_mounts()
{
	awk -v a="$tmp/" -v b="$shm/" 'index($5, a) == 1 || index($5, b) == 1 { print $5 }' /proc/self/mountinfo
}

# Says what program $1 left behind, and clears it away. A server may still be ending: it gets 30 s.
clear_up()
{
	local pids mounts i name p

	for ((i = 0; i < 300; i++)); do
		pids=$(left_processes "$1")
		[ -n "$pids" ] || break
		sleep 0.1
	done
	mounts=$(left_mounts)
	for p in $mounts; do
		echo "not ok left a mount behind: $p"
		umount -l "$p" 2>/dev/null || fusermount3 -u -z "$p"
	done
	for p in $pids; do
		name=$(tr '\0' ' ' 2>/dev/null <"/proc/$p/cmdline") || continue
		echo "not ok left a process behind: $p $name"
		kill -9 "$p"
	done
	rm -rf --one-file-system "${tmp:?}/$1" "${shm:?}/$1"
}

interrupted()
{
	[ -z "${current:-}" ] || clear_up "$current" >/dev/null
	rm -rf --one-file-system "$tmp" "$shm"
	exit 130
}
trap interrupted INT TERM HUP
trap 'rm -rf --one-file-system "$tmp" "$shm"' EXIT

# Counts the results in log $1 of a program that ended with status $2: "passed failed skipped".
count()
{
	awk -v status="$2" '
	/^\[  PASSED  \] [0-9]+ test/ { p += $4; told = 1; running = 0; next }
	/^\[  FAILED  \] [0-9]+ test/ { f += $4; told = 1; next }
	/^\[  SKIPPED \] [0-9]+ test/ { s += $4; told = 1; next }
	/^\[       OK \] /            { running++; next }
	/^ok .*# *[Ss][Kk][Ii][Pp]/ || /^not ok .*# *SKIP/ || /^skip / { s++; told = 1; next }
	/^ok /                        { lines++; told = 1; next }
	/^not ok /                    { bad++; told = 1; next }
	/^[0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?$/ { cp += $1; cf += $3; cs += $5; closed = told = 1 }
	END {
		p += running # of a group that crashed before it could tell
		if (closed) { p += cp; s = s > cs ? s : cs; f += cf > bad ? cf : bad } else { p += lines; f += bad }
		if (status == 77 && !f) { if (!s) s = 1 }
		else if (!f && (status != 0 || !told)) f = 1
		print p + 0, f + 0, s + 0
	}' "$1"
}

# run_one SUITE NAME COMMAND...
run_one()
{
	local suite=$1 name=$1-$2 log=$logs/$1-$2.log san=$logs/$1-$2.san start=${EPOCHREALTIME/./} status p f s took word leaks=1 f2
	shift 2

	# shellcheck disable=SC2053 # ONLY is a pattern
	[[ -z ${ONLY:-} || $name == *${ONLY}* ]] || return 0
	current=$name
	mkdir -m 1777 "$tmp/$name" && mkdir -m 1777 "$shm/$name" && rm -f "$san"*
	[ "$suite" = crash ] && leaks=0 # LeakSanitizer does not work in a traced process
	{
		env IPCFS_TEST="$token-$name" TMPDIR="$tmp/$name" IPCFS_STORE="$shm/$name/store" \
			ASAN_OPTIONS="log_path=$san:detect_leaks=$leaks:detect_stack_use_after_return=1${ASAN_OPTIONS:+:$ASAN_OPTIONS}" \
			UBSAN_OPTIONS="log_path=$san:print_stacktrace=1${UBSAN_OPTIONS:+:$UBSAN_OPTIONS}" \
			TSAN_OPTIONS="log_path=$san:second_deadlock_stack=1${TSAN_OPTIONS:+:$TSAN_OPTIONS}" \
			timeout -k 5 "$limit" "${wrap[@]}" "$@" >"$log" 2>&1 </dev/null
	} 2>/dev/null # bash's own word on a crash
	status=$?
	took=$(((${EPOCHREALTIME/./} - start) / 100000))
	{
		[ "$status" = 0 ] || [ "$status" = 77 ] || echo "exit status $status"
		[ "$status" -lt 129 ] || [ "$status" -gt 192 ] || echo "killed by signal $((status - 128)): $(kill -l $((status - 128)))"
		[ "$status" != 124 ] && [ "$took" -lt $((limit * 10)) ] || echo "not ok ended within $limit s"
		for f2 in "$san"*; do
			[ ! -s "$f2" ] || { echo "not ok clean by the sanitizer: $f2" && cat "$f2"; }
		done
		clear_up "$name"
	} >>"$log" 2>&1
	current=
	read -r p f s < <(count "$log" "$status")
	[ "$status" != 0 ] || ((p + s)) || echo "it told no results" >>"$log"
	word=ok
	[ "$p" != 0 ] || word=skip
	[ "$f" = 0 ] || word=FAIL
	printf '%-4s %-36s %6d.%d s  %d passed%s%s\n' "$word" "$suite/${name#"$suite"-}" $((took / 10)) $((took % 10)) "$p" \
		"$( ((f)) && echo ", $f failed")" "$( ((s)) && echo ", $s skipped")"
	[ "$f" = 0 ] || { grep -vE '^(\[ RUN  |\[       OK |ok |skip |\[=====)' "$log" | tail -n 60 | sed 's/^/     | /'; }
	[ "$s" = 0 ] || grep -E '^(skip |ok .*# *skip|\[  SKIPPED \] [^0-9])' "$log" | sort -u | head -n 20 | sed 's/^/     | /'
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
}

# The program of a source, or a failure of its own when it was not built.
run_built()
{
	local program=$build/${2%.c} name

	name=$(basename "$program")
	if [ -x "$program" ]; then
		run_one "$1" "$name" "$program"
	else
		echo "FAIL $1/$name: not built: $program"
		failed=$((failed + 1))
	fi
}

[ $# -gt 0 ] || set -- unit crash mount shell python seed model
for suite; do
	case $suite in
	unit) for f in tests/unit/test_*.c tests/unit/stress_*.c; do run_built unit "$f"; done ;;
	crash) for f in tests/crash/crash_*.c; do run_built crash "$f"; done ;;
	mount) for f in tests/mount/test_*.c; do run_built mount "$f"; done ;;
	shell)
		for f in tests/shell/*.sh; do
			case ${f##*/} in lib*.sh) continue ;; esac
			name=$(basename "$f" .sh)
			if [ -x "$f" ]; then run_one shell "$name" "$PWD/$f"; else run_one shell "$name" bash "$PWD/$f"; fi
		done
		;;
	python)
		for f in tests/python/test_*.py; do
			run_one python "$(basename "$f" .py)" bash "$PWD/tests/python/with_mount.sh" "$PWD/$f"
		done
		# CPython's own tests, where this Python has them.
		[ -z "${LONG:-}" ] || for method in fork spawn forkserver; do
			run_one python "cpython_$method" bash "$PWD/tests/python/with_mount.sh" "$PWD/tests/python/cpython.py" "$method"
		done
		;;
	seed) for f in tests/seed/test_*.sh; do run_one seed "$(basename "$f" .sh)" bash "$PWD/$f"; done ;;
	model) [ ! -e tests/model/run.sh ] || run_one model run bash "$PWD/tests/model/run.sh" ;;
	*)
		echo "run.sh: no such suite: $suite" >&2
		exit 2
		;;
	esac
done

[ "$failed" = 0 ] || echo "full output in ${logs#"$PWD"/}/"
[ "$skipped" = 0 ] || echo "$skipped skipped"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" != 0 ]
