#!/bin/bash
# SPDX-License-Identifier: MIT
#
# test_readme.sh - runs the session of README.md, all its console blocks line by line in one bash, and compares what
# comes with what is shown there. The session makes its own mount point and store; here below folders of this test.
set -u

root=$(cd "$(dirname "$0")/../.." && pwd)
ipcfs=${IPCFS:-$root/build/ipcfs}
name=readme_session_says_what_it_shows

if [ ! -c /dev/fuse ]; then
	echo "skip $name: there is no /dev/fuse"
	exit 77
fi
if [ ! -x "$ipcfs" ]; then
	echo "not ok $name: $ipcfs is not built"
	exit 1
fi
work=$(mktemp -d) || exit 1

# shellcheck disable=SC2317 # the trap calls it
clean_up() {
	local mount

	for mount in "$work"/tmp/*; do
		if mountpoint -q "$mount" 2>/dev/null; then
			"$ipcfs" umount --force "$mount" || umount -l "$mount"
		fi
	done
	[ ! -s "$work/store" ] || rm -rf "$(cat "$work/store")"
	rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 1' INT TERM HUP

# The session runs in a folder where build/ipcfs is the program under test.
mkdir -p "$work/tmp" "$work/tree/build"
ln -s "$ipcfs" "$work/tree/build/ipcfs"

awk '/^```console$/ { on = 1; next } /^```/ { on = 0 } on' "$root/README.md" >"$work/session"
grep -v '^\$ ' "$work/session" >"$work/expected"
{
	echo "set -o pipefail"
	# shellcheck disable=SC2016 # to be expanded by the session
	sed -n 's/^\$ //p' "$work/session" | while IFS= read -r line; do
		printf '%s\n' "$line"
		printf '%s\n' '[ $? = 0 ] || echo "a command failed" >&2'
		printf '%s\n' "printf '%s' \"\$store\" >'$work/store'"
	done
} >"$work/script"

if [ "$(grep -c '^\$ ' "$work/session")" -lt 15 ]; then
	echo "not ok $name: README.md has no session of fifteen lines"
	exit 1
fi
(cd "$work/tree" && TMPDIR="$work/tmp" timeout 60 bash ../script >"$work/got" 2>"$work/complaints" </dev/null)
status=$?
if [ $status = 0 ] && [ ! -s "$work/complaints" ] && diff -u "$work/expected" "$work/got"; then
	echo "ok $name"
	exit 0
fi
sed 's/^/# /' "$work/complaints"
echo "not ok $name (status $status)"
exit 1
