#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# demo.sh - `make demo`: mounts what was built ($IPCFS_MOUNT, else /ipc; $IPCFS_STORE, else the default
# store) unless it is mounted and answers already, runs the tour, and leaves the mount usable.
set -u
cd "$(dirname "$0")/.." || exit 1
ipcfs=${IPCFS:-$PWD/build/ipcfs}
mount=$(realpath -ms -- "${IPCFS_MOUNT:-/ipc}") # by its text alone: a dead mount cannot be asked
fail() { echo "demo: $*" >&2; exit 1; }
is_mounted() { awk -v m="$mount" '$2 == m && $3 == "fuse.ipcfs" { n = 1 } END { exit !n }' /proc/mounts; }

[ -x "$ipcfs" ] || fail "$ipcfs is not built"
# A mount whose server is gone answers nothing any more.
if is_mounted && ! timeout -k 1 10 cat "$mount/status" >/dev/null 2>&1; then
	"$ipcfs" umount "$mount" || exit
fi
if is_mounted; then
	store=$(awk '$1 == "store" { sub(/^store /, ""); print }' "$mount/status")
	[ "${IPCFS_STORE:-$store}" = "$store" ] || fail "$mount is mounted already, with the store $store"
	echo "ipcfs is mounted on $mount already; its store is $store."
else
	mkdir -p "$mount" || fail "another mount point can be named by IPCFS_MOUNT"
	"$ipcfs" mount ${IPCFS_STORE:+-o "store=$IPCFS_STORE"} "$mount" || exit
	echo "ipcfs is mounted on $mount."
fi
"$ipcfs" tour --mount "$mount" || exit
cat <<END

$mount stays mounted. Try, in two terminals:
  touch $mount/queues/hello
  cat $mount/queues/hello              # waits for a message
  echo hi > $mount/queues/hello        # in the other: sends it
  $ipcfs with $mount/locks/hello sleep 10   # in both: one after the other
and:
  cat $mount/README                    # the grammar on one screen
  cat $mount/errors                    # what went wrong last, in words
  $ipcfs --help
To unmount: $ipcfs umount $mount
END
