#!/bin/bash
# SPDX-License-Identifier: MIT
#
# test_wait.sh - `ipcfs wait`: any and all of many objects, of every kind; what is taken (nothing), what is
# printed, what ends it.
# shellcheck disable=SC2016,SC2317 # scripts for other shells, and functions that are called by name
set -u
# shellcheck source=tests/shell/lib.sh
. "$(dirname "$0")/lib.sh"
export IPCFS_MOUNT=$M
cd "$M" || exit 1

# answers NAME STATUS OUT WORDS COMMAND...: exit status, output, *WORDS* in its standard error.
answers()
{
	local name=$1 want=$2 text=$3 words=$4 out err status
	shift 4

	run "$@"
	if [ "$status" = "$want" ] && [ "$out" = "$text" ] && [[ $err == *$words* ]]; then
		pass "$name"
	else
		fail "$name" "status $status $(shown "$out") $(shown "$err")" "status $want $(shown "$text") $(shown "$words")"
	fi
}

# until_handles N: that many files are open, `status` itself included.
until_handles()
{
	local end=$((SECONDS + LIMIT - 10))

	until grep -qx "handles $1" "$M/status"; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.01
	done
}

touch queues/q locks/l semaphores/s events/e conditions/c barriers/b,parties=2 values/pending
echo 1 >values/v
echo '1 2' >arrays/a

# ---- the command line
answers no_object 2 '' 'which objects' "$IPCFS" wait --any
answers neither 2 '' 'one of --any and --all' "$IPCFS" wait queues/q locks/l
answers both 2 '' 'one of --any and --all' "$IPCFS" wait --any --all queues/q
answers both_of_two 2 '' 'one of --any and --all' "$IPCFS" wait --any --all queues/q locks/l
answers unknown_option 2 '' 'no such option: --some' "$IPCFS" wait --some queues/q
answers no_duration 2 '' 'is no duration' "$IPCFS" wait --timeout=soon queues/q
answers no_kind 2 '' 'does not begin with a kind' "$IPCFS" wait q
answers no_name 2 '' 'names no object' "$IPCFS" wait queues
answers bad_name 2 '' 'queues/,peek: Invalid argument: there is no name' "$IPCFS" wait queues/,peek
answers bad_option 2 '' 'there is no option "slow"' "$IPCFS" wait queues/q,slow
answers not_there 2 '' 'queues/none: No such file' "$IPCFS" wait --any locks/l queues/none
check it_was_not_made test ! -e queues/none
answers not_in_a_mount 2 '' 'it lies in no mount' "$IPCFS" wait "$T/queues/q"
answers another_mount 2 '' 'ipcfs is not mounted there' "$IPCFS" wait --mount "$T" queues/q
chmod 0 events/e
unreadable()
{
	setpriv --reuid 65534 --regid 65534 --clear-groups "$T/ipcfs" wait --any locks/l events/e
}
chmod 666 locks/l
cp "$IPCFS" "$T/ipcfs" # where everybody may go
answers unreadable 2 '' 'events/e: Permission denied' unreadable
chmod 666 events/e
answers output_is_lost 2 '' 'standard output: No space' bash -c '"$IPCFS" wait locks/l >/dev/full'

# ---- each kind, ready and not
ready_now()
{
	answers "$1_ready" 0 "$1"$'\n' '' "$IPCFS" wait --nonblock "$1"
}
not_now()
{
	answers "$1_not_ready" 1 '' "$1: it is not ready" "$IPCFS" wait --nonblock "$1"
}
not_now queues/q
echo -n m >queues/q
ready_now queues/q
expect nothing_is_taken $'messages 1\n' grep messages queues/q,stat
not_now semaphores/s
echo 1 >semaphores/s
ready_now semaphores/s
not_now semaphores/s,n=2
expect no_unit_is_taken $'1\n' cat semaphores/s,peek
not_now events/e
echo 1 >events/e
ready_now events/e
ready_now locks/l
expect it_is_not_locked $'free\n' cat locks/l,peek
exec 9<>locks/l
read -ru 9 _
not_now locks/l
not_now locks/l,shared
exec 9>&-
exec 9<locks/l,shared
read -ru 9 _
not_now locks/l
ready_now locks/l,shared
exec 9<&-
not_now conditions/c
not_now barriers/b
start cat barriers/b
check one_has_arrived until_stat barriers/b,stat 'arrived 1'
ready_now barriers/b
expect it_has_not_arrived $'1\n' cat barriers/b,peek
echo abort >barriers/b
ready_now barriers/b # a read would fail, at once
echo reset >barriers/b
ready_now values/v
ready_now values/pending
ready_now arrays/a
ready_now queues/q,stat
expect absolute "$M/queues/q"$'\n' "$IPCFS" wait "$M/queues/q"
timeout 60 cat queues/q semaphores/s >/dev/null
echo 0 >events/e

# ---- any
answers any_prints_the_ready 0 $'locks/l\nvalues/v\n' '' "$IPCFS" wait --any queues/q locks/l events/e values/v
answers any_times_out 1 '' 'timed out' "$IPCFS" wait --any --timeout 0.05 queues/q events/e
start "$IPCFS" wait --any queues/q events/e semaphores/s
check any_waits until_handles 4
echo 1 >events/e
check any_ends ended "$started"
expect any_which $'events/e\n' cat "$T/out.$started"
echo 0 >events/e
start "$IPCFS" wait --any queues/q events/e
check any_waits_again until_handles 3
rm queues/q
answers any_removed 2 '' '' ended "$started"
expect any_removed_words $'ipcfs: wait: queues/q: Identifier removed\n' cat "$T/err.$started"
touch queues/q
answers any_from_the_library_or_files 0 $'locks/l\nlocks/l\n' '' "$IPCFS" wait --any locks/l queues/q locks/l

# ---- all
answers all_at_once 0 $'locks/l\nvalues/v\n' '' "$IPCFS" wait --all locks/l values/v
answers all_names_the_late 1 '' 'events/e: timed out, it is not ready' "$IPCFS" wait --all --timeout=0.05 locks/l events/e values/v
answers all_in_vain 1 '' 'events/e: it is not ready' "$IPCFS" wait --all --timeout=0 locks/l events/e values/v
start "$IPCFS" wait --all locks/l events/e queues/q
check all_waits until_handles 4
echo -n m >queues/q
echo 1 >events/e
check all_ends ended "$started"
expect all_of_them $'locks/l\nevents/e\nqueues/q\n' cat "$T/out.$started"

# What was ready and is no longer is waited for again: the lock is taken before the event is set.
echo 0 >events/e
start "$IPCFS" wait --all locks/l events/e
check all_waits_for_the_event until_handles 3
exec 9<>locks/l
read -ru 9 _
echo 1 >events/e
answers not_yet 1 '' 'locks/l: timed out' "$IPCFS" wait --all --timeout 0.3 locks/l events/e
check it_still_waits kill -0 "$started"
expect it_has_told_nothing '' cat "$T/out.$started"
exec 9>&-
check all_together_at_last ended "$started"
expect both $'locks/l\nevents/e\n' cat "$T/out.$started"

# One that is ready is removed while the others are waited for.
echo 0 >events/e
start "$IPCFS" wait --all queues/q events/e
check waits_for_the_event until_handles 3
rm queues/q
answers all_removed 2 '' '' ended "$started"
expect all_removed_words $'ipcfs: wait: queues/q: Identifier removed\n' cat "$T/err.$started"

# A signal with a default action ends it, to be stopped and continued does not.
start bash -c 'echo $$ >"$T/waiter"; exec "$IPCFS" wait --any events/e'
check waits_to_be_stopped until_handles 2
kill -STOP "$(<"$T/waiter")"
kill -CONT "$(<"$T/waiter")"
echo 1 >events/e
check goes_on ended "$started"
echo 0 >events/e
start bash -c 'echo $$ >"$T/waiter"; exec "$IPCFS" wait --any events/e'
check waits_to_be_killed until_handles 2
kill -9 "$(<"$T/waiter")"
answers killed 137 '' '' ended "$started"
check no_handle_is_left until_handles 1

# ---- many
mapfile -t many < <(printf 'events/m%d\n' {1..100})
touch "${many[@]}"
start "$IPCFS" wait --any "${many[@]}"
check any_of_100_waits until_handles 101
echo 1 >events/m77
check any_of_100 ended "$started"
expect which_of_100 $'events/m77\n' cat "$T/out.$started"
start "$IPCFS" wait --all "${many[@]}"
check all_of_100_wait until_handles 101
for name in "${many[@]}"; do echo 1 >"$name"; done
check all_of_100 ended "$started"
expect each_of_100 $'100\n' bash -c 'sort -u "$1" | wc -l' - "$T/out.$started"
more_than_are_allowed()
{
	mapfile -t names < <(yes events/m1 | head -n 1500)
	(ulimit -Sn 64 && timeout -k 1 "$LIMIT" "$IPCFS" wait --all "${names[@]}" | wc -l)
}
expect more_than_the_soft_limit $'1500\n' more_than_are_allowed
too_many()
{
	(ulimit -n 64 && timeout -k 1 "$LIMIT" "$IPCFS" wait --all "${many[@]}")
}
answers more_than_the_hard_limit 2 '' 'Too many open files' too_many

# ---- the end of the server
start "$IPCFS" wait --all events/e locks/l
check waits_for_the_end until_handles 3
cd / || exit 1
timeout -k 1 "$LIMIT" "$IPCFS" umount --force "$M"
answers server_ended 2 '' '' ended "$started"
check server_ended_in_words grep -qE 'its server has ended|ipcfs is not mounted there' "$T/err.$started"

finish
