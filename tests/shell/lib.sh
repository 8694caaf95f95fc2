# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# lib.sh - what the shell tests share. A test sources it and then has a mount of its own:
#   M     the mount point        S     its store, below /dev/shm
#   T     a folder for files     IPCFS the command
# all exported, and gone at the end, whatever happened. The last line of a test is `finish`.
#
#   check NAME COMMAND...          ok if COMMAND ends with 0
#   expect NAME WANT COMMAND...    ok if it also prints exactly WANT (also its final newline: $'5\n')
#   fails NAME WANT COMMAND...     ok if it ends with another status, by itself, and its standard error matches *WANT*
#   skip NAME WHY
#   start COMMAND...               in the background, its output in $T/out.PID; the pid in $started
#   ended PID                      waits for what was started, gives its status
#   until_stat OBJECT,stat LINE    waits until that view has the line LINE ("waiters 1"), or fails
#
# Each COMMAND is a program (bash -c '...' for more than one), or until_stat or ended. What has not ended in $LIMIT
# seconds hangs; so much, because a machine may be busy with other things.
set -u

LC_ALL=C.UTF-8
LANGUAGE=
PATH="/usr/sbin:/usr/bin:/sbin:/bin:$PATH" # Debian's own programs: a python3 elsewhere may lack numpy
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
IPCFS=${IPCFS:-$HERE/../../build/ipcfs}
export LC_ALL LANGUAGE PATH HERE IPCFS
umask 022

bad=0 finished='' M='' S='' T='' started=''
test_name=$(basename "$0" .sh)
export LIMIT=60

if [ ! -c /dev/fuse ]; then
	echo "skip $test_name there is no /dev/fuse"
	exit 77
fi
if [ "$(id -u)" != 0 ]; then
	echo "skip $test_name it needs root"
	exit 77
fi
if [ ! -x "$IPCFS" ]; then
	echo "not ok $test_name $IPCFS is not built"
	exit 1
fi

clean_up()
{
	local status=$? pids

	trap - EXIT
	trap '' INT TERM HUP
	mapfile -t pids < <(jobs -p)
	[ ${#pids[@]} = 0 ] || kill -9 "${pids[@]}" 2>/dev/null
	if [ -n "$M" ] && mountpoint -q "$M" 2>/dev/null; then
		timeout -k 1 "$LIMIT" "$IPCFS" umount --force "$M" || {
			echo "not ok umount"
			bad=$((bad + 1))
			umount -l "$M"
		}
	fi
	[ -z "$M" ] || rmdir "$M" || bad=$((bad + 1))
	[ -z "$S" ] || rm -rf --one-file-system "$S"
	[ -z "$T" ] || rm -rf --one-file-system "$T"
	if [ -z "$finished" ]; then
		echo "not ok $test_name ran to its end (status $status)"
		exit 1
	fi
	[ "$bad" = 0 ] || exit 1
	exit 0
}
trap clean_up EXIT
trap 'exit 1' INT TERM HUP

# Beside the store that run.sh gives, which it looks after.
store_home=/dev/shm
[ -z "${IPCFS_STORE:-}" ] || [ ! -d "${IPCFS_STORE%/*}" ] || store_home=${IPCFS_STORE%/*}
unset IPCFS_STORE IPCFS_MOUNT
T=$(mktemp -d) && M=$(mktemp -d) && S=$(mktemp -d "$store_home/store.XXXXXX") || exit 1
chmod 755 "$T" "$M"
export M S T
rmdir "$S" # the server makes it
if ! timeout -k 1 "$LIMIT" "$IPCFS" mount -o "store=$S" "$M" </dev/null >"$T/mount.log" 2>&1; then
	echo "not ok mount ($(<"$T/mount.log"))"
	finished=1 bad=1
	exit 1
fi

# One line, with nothing in it that cannot be shown.
shown()
{
	printf '%q' "${1:0:400}"
}

pass()
{
	printf 'ok %s\n' "$1"
}

fail()
{
	printf 'not ok %s (got %s, want %s)\n' "$1" "$2" "$3"
	bad=$((bad + 1))
}

skip()
{
	printf 'skip %s %s\n' "$1" "$2"
}

# run COMMAND...: sets out, err (exact but for NUL), status
run()
{
	status=0
	if declare -F "$1" >/dev/null; then # until_stat and ended, which keep time themselves
		"$@" >"$T/.out" 2>"$T/.err" || status=$?
	else
		timeout -k 1 "$LIMIT" "$@" >"$T/.out" 2>"$T/.err" || status=$?
	fi
	IFS= read -r -d '' out < <(tr -d '\0' <"$T/.out") || true
	IFS= read -r -d '' err < <(tr -d '\0' <"$T/.err") || true
}

check()
{
	local name=$1 out err status
	shift

	run "$@"
	if [ "$status" = 0 ]; then
		pass "$name"
	else
		fail "$name" "status $status $(shown "$out$err")" "status 0"
	fi
}

expect()
{
	local name=$1 want=$2 out err status
	shift 2

	run "$@"
	if [ "$status" = 0 ] && [ "$out" = "$want" ]; then
		pass "$name"
	else
		fail "$name" "status $status $(shown "$out") stderr $(shown "$err")" "$(shown "$want")"
	fi
}

fails()
{
	local name=$1 want=$2 out err status
	shift 2

	run "$@"
	# shellcheck disable=SC2053 # want is a pattern
	if [ "$status" != 0 ] && [ "$status" -lt 124 ] && [[ $err == *$want* ]]; then
		pass "$name"
	else
		fail "$name" "status $status $(shown "$out") stderr $(shown "$err")" "a failure with $(shown "$want")"
	fi
}

start()
{
	local file out_fd err_fd

	file=$(mktemp "$T/out.XXXXXX")
	# Opened here: the child might open them only when they have got their names.
	exec {out_fd}>"$file" {err_fd}>"$file.err"
	timeout -k 1 "$LIMIT" "$@" >&"$out_fd" 2>&"$err_fd" </dev/null {out_fd}>&- {err_fd}>&- &
	started=$!
	exec {out_fd}>&- {err_fd}>&-
	mv "$file" "$T/out.$started"
	mv "$file.err" "$T/err.$started"
}

ended()
{
	wait "$1"
}

until_stat()
{
	local end=$((SECONDS + LIMIT - 10))

	while [ "$SECONDS" -lt "$end" ]; do
		! timeout -k 1 20 grep -qxF -- "$2" "$M/$1" || return 0
		sleep 0.01
	done
	return 1
}
export -f until_stat

finish()
{
	finished=1
	exit 0
}
