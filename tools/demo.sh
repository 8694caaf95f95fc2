#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# demo.sh - `make demo`: mounts what was built ($IPCFS_MOUNT, else /ipc; $IPCFS_STORE, else the default store) unless
# it is mounted and answers already, runs the tour, and leaves the mount usable.
set -eu
cd "$(dirname "$0")/.."
ipcfs=$PWD/build/ipcfs
mount=${IPCFS_MOUNT:-/ipc}

# A mount whose server is gone answers nothing any more.
if ! timeout 10 ls "$mount" > /dev/null 2>&1 && grep -q " $mount fuse.ipcfs " /proc/mounts; then
	"$ipcfs" umount "$mount"
fi
if ! grep -q " $mount fuse.ipcfs " /proc/mounts; then
	mkdir -p "$mount"
	"$ipcfs" mount ${IPCFS_STORE:+-o "store=$IPCFS_STORE"} "$mount"
	echo "ipcfs is mounted on $mount."
else
	echo "ipcfs is mounted on $mount already."
fi
"$ipcfs" tour --mount "$mount"
cat << END

$mount stays mounted. Try, in two terminals:
  cat $mount/queues/hello              # waits for a message
  echo hi > $mount/queues/hello
  cat $mount/README                    # the grammar on one screen
  cat $mount/errors                    # what went wrong last, in words
To unmount: $ipcfs umount $mount
END
