#!/bin/bash
# SPDX-License-Identifier: MIT
#
# test_seed.sh - runs the programs of tools/examples: each prints what its head comment says ("It prints:"), and leaves
# nothing below the mount. Those in Python also as they are, but for the import, on multiprocessing itself; the one
# about turns again and again (LONG: 1,000 times). And rows.*, one object of each kind in C, Perl and Node.
set -u
# shellcheck source=tests/shell/lib.sh
. "$(dirname "$0")/../shell/lib.sh"

examples=$(cd "$HERE/../../tools/examples" && pwd)
mkdir "$T/bin" && ln -s "$(realpath "$IPCFS")" "$T/bin/ipcfs"
export IPCFS_MOUNT=$M PATH="$T/bin:$PATH" PYTHONPATH=$HERE/../../tools/python PYTHONDONTWRITEBYTECODE=1
"$IPCFS" umount "$M" && "$IPCFS" mount -o "tcp,store=$S" "$M" || exit 1

# The lines below "It prints:" in the head of file $1.
promised()
{
	awk '/It prints:$/ { on = 1; next } on { if (!sub(/^(#|\/\/| \*)   /, "")) exit; print }' "$1"
}

# Objects below the mount, but those of mq, which all mounts show. What a process that has just ended had open may be
# closed a moment later.
# shellcheck disable=SC2317 # expect calls it
left()
{
	local i found

	for ((i = 0; i < LIMIT * 20; i++)); do
		found=$(cd "$M" && timeout -k 1 20 find queues semaphores locks events conditions barriers values arrays lists dicts \
			pipes sockets signals topics -mindepth 1)
		[ -n "$found" ] || return 0
		sleep 0.05
	done
	echo "$found"
}

# program NAME FILE COMMAND...: COMMAND prints what FILE promises, and leaves nothing
program()
{
	local name=$1 want
	want=$(promised "$2")
	shift 2

	[ -n "$want" ] || fail "$name" 'no promise' 'lines below "It prints:"'
	expect "$name" "$want"$'\n' "$@"
	expect "${name}_leaves_nothing" '' left
}

# ---- the programs, in shell and in Python
python=/usr/bin/python3
for n in {01..13}; do
	for file in "$examples/$n"-*.sh "$examples/$n"-*.py; do
		[ -x "$file" ] || fail "$n" "no $file" 'a program in shell and one in Python'
		case $file in
		*.sh) program "$(basename "$file")" "$file" bash "$file" ;;
		*) program "$(basename "$file")" "$file" "$python" "$file" ;;
		esac
	done
done

# ---- by a user who owns nothing but what he makes
mkdir "$T/all" && cp -r "$examples" "$HERE/../../tools/python" "$(realpath "$IPCFS")" "$T/all" && chmod -R a+rX "$T/all"
for file in "$T/all/examples"/{01,05,12,13}-*.{sh,py}; do
	run_with=bash
	[ "${file##*.}" = sh ] || run_with=$python
	program "$(basename "$file")_as_nobody" "$file" setpriv --reuid=65534 --regid=65534 --clear-groups \
		env PATH="$T/all:$PATH" PYTHONPATH="$T/all/python" "$run_with" "$file"
done

# ---- changing nothing but the import
for file in "$examples"/{03,04,05,08,09,12}-*.py; do
	name=$(basename "$file" .py)
	sed 's/^from ipcfs import/from multiprocessing import/' "$file" >"$T/$name.py"
	expect "${name}_on_multiprocessing" "$(promised "$file")"$'\n' "$python" "$T/$name.py"
done

# ---- one object of each kind in other languages
check rows_c_builds "${CC:-cc}" -std=gnu11 -Wall -Wextra -Werror -o "$T/rows" "$examples/rows.c"
program rows.c "$examples/rows.c" "$T/rows"
program rows.pl "$examples/rows.pl" perl "$examples/rows.pl"
if command -v node >/dev/null; then
	program rows.js "$examples/rows.js" node "$examples/rows.js"
else
	skip rows.js 'there is no node'
fi
# Whoever has no mount there is told so.
fails no_mount "$T/none" env IPCFS_MOUNT="$T/none" bash "$examples/03-queue.sh"

# ---- turns: no wake-up is lost, however often
rounds=15
[ -z "${LONG:-}" ] || rounds=1000
for file in "$examples"/09-event.{sh,py}; do
	run_with=bash
	[ "${file##*.}" = sh ] || run_with=$python
	want=$(promised "$file")$'\n'
	for ((i = 0, right = 0; i < rounds; i++)); do
		run "$run_with" "$file"
		if [ "$status" != 0 ] || [ "$out" != "$want" ]; then
			echo "status $status: $out$err"
			break
		fi
		right=$((right + 1))
	done
	expect "turns_again_and_again_$(basename "$file")" "$rounds"$'\n' echo "$right"
done
finish
