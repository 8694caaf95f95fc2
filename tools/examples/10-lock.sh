#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# 10-lock.sh - a lock: the first process acquires it and ends without releasing; the second waits until the parent
# releases it. It is a semaphore of one place, which anybody may release. And the pitfall, a lock that each process has
# made for itself, cannot happen: the name is the lock. Locks proper (locks/NAME) belong to who has acquired them.
# It prints:
#   the first has it, and ends
#   the parent releases
#   the second has it
#   the second releases
#   one more: semaphore or lock released too many times
#   a lock proper: the first has it, and ends: the next is told 2 abandoned
cd "${IPCFS_MOUNT:-/ipc}" || exit 1
lock=semaphores/example-$$ proper=locks/example-$$
trap 'rm -f "$lock" "$proper"' EXIT
touch "$lock,value=1,max=1" "$proper"

(
	read -r _ < "$lock"
	echo 'the first has it, and ends'
) &
wait
(
	read -r _ < "$lock"
	echo 'the second has it'
	echo 'the second releases'
	echo 1 > "$lock"
) &
until grep -qx 'waiters 1' "$lock,stat"; do sleep 0.01; done
echo 'the parent releases'
echo 1 > "$lock"
wait
bash -c "echo 1 > $lock" 2> /dev/null ||
	echo "one more: $(grep -F "$lock:" errors | tail -n 1 | grep -o 'semaphore or lock.*')"

(
	exec 3<> "$proper"
	read -ru3 _
) &
wait
exec 3<> "$proper"
read -ru3 token how
[ "$token" -gt 1 ] && token=2 # tokens grow over the life of the store
echo "a lock proper: the first has it, and ends: the next is told $token $how"
