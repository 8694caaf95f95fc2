#!/bin/bash
# SPDX-License-Identifier: MIT
#
# test_lease.sh - what a person types with queues whose messages are tasks: ack, done and back, join, close, dead
# letters; in bash, dash and Python.
# shellcheck disable=SC2016,SC2317 # commands are expanded by the shell that runs them; check calls functions
set -u
# shellcheck source=tests/shell/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$M" || exit 1

killed()
{
	local status=0

	wait "$1" || status=$?
	[ "$status" = 137 ]
}

# ---- leases
fails a_view_does_not_create 'No such file' cat queues/jobs,ack
touch queues/jobs
printf 'paint\n' >queues/jobs
printf 'mow\n' >queues/jobs
for shell in bash dash; do
	expect "back_$shell" $'paint, then again paint\n' "$shell" -c \
		'exec 3<>queues/jobs,ack; read a <&3; echo back >&3; read b <&3; echo "$a, then again $b"'
	expect "a_close_is_no_done_$shell" $'paint\nmow\n' "$shell" -c \
		'exec 3<>queues/jobs,ack; read a <&3; echo "$a"; read a <&3; echo "$a"; exec 3>&-'
	fails "done_with_nothing_$shell" '' "$shell" -c 'echo done >queues/jobs,ack'
	fails "other_words_$shell" '' "$shell" -c 'echo finished >queues/jobs,ack'
done
expect the_reason_in_words $'1\n' bash -c 'tail -n 1 errors | grep -c "EINVAL queues/jobs: \"finished\" is neither"'
expect cat_gives_it_back $'paint\n' cat queues/jobs,ack
expect nothing_is_lost $'2\n' bash -c 'sed -n "s/^messages //p" queues/jobs,stat'

# A worker is killed in the middle: the next one has its task, and is told that it is not the first attempt.
touch queues/never
start bash -c 'exec 3<>queues/jobs,ack; read -ru3 job; read -r never <queues/never; echo "$job $never"'
check the_task_is_leased until_stat queues/jobs,stat 'messages 1'
holder=$(sed -n 's/^lease \([0-9]*\) .*/\1/p' queues/jobs,stat)
check its_holder_is_shown kill -9 "$holder"
check it_is_killed killed "$started"
expect another_has_it $'paint\n' dash -c 'exec 3<>queues/jobs,ack; read job <&3; echo "$job"; echo done >&3'
expect one_is_left $'mow\n' cat queues/jobs
expect both_left $'messages 0\nunfinished 1\n' grep -e '^messages' -e '^unfinished' queues/jobs,stat

# ---- join
fails join_waits 'timed out' cat queues/jobs,join,timeout=0.1
start cat queues/jobs,join
check it_waits until_stat queues/jobs,stat 'waiters 1'
echo 'done 1' >queues/jobs,ctl
check it_has_waited ended "$started"
expect it_reads_0 $'0\n' cat "$T/out.$started"
expect nothing_to_wait_for $'0\n' cat queues/jobs,join
fails too_often '' bash -c 'echo "done 1" >queues/jobs,ctl'
expect too_often_in_words $'1\n' bash -c 'tail -n 1 errors | grep -c "EOVERFLOW queues/jobs: called too many times"'

# ---- close: the loops over a queue end
for shell in bash dash; do
	touch queues/loop
	start "$shell" -c 'while m=$(cat queues/loop); do echo "got $m"; done; echo end'
	loop=$started
	for m in 1 2 3; do
		echo "$m" >queues/loop
	done
	echo close >queues/loop,ctl
	check "the_loop_ends_$shell" ended "$loop"
	expect "it_got_all_$shell" $'got 1\ngot 2\ngot 3\nend\n' cat "$T/out.$loop"
	fails "no_more_puts_$shell" '' "$shell" -c 'echo 4 >queues/loop'
	expect "a_stream_has_an_end_$shell" '' cat queues/loop,stream
	fails "one_item_has_none_$shell" 'No data available' cat queues/loop
	rm queues/loop
done

# Three workers share tasks; who submits them joins them, then sends the workers home.
touch queues/work
workers=()
for name in a b c; do
	start dash -c 'exec 3<>queues/work,ack
		while read task <&3; do echo "$0 $task" >>"$T/log"; echo done >&3; done' "$name"
	workers+=("$started")
done
for i in $(seq 20); do
	echo "$i" >queues/work
done
expect joined $'0\n' cat queues/work,join
expect all_are_done $'20\n' bash -c 'cut -d" " -f2 "$T/log" | sort -un | wc -l'
echo close >queues/work,ctl
for pid in "${workers[@]}"; do
	check "worker_$pid" ended "$pid"
done

# ---- dead letters
touch queues/failed queues/tasks,attempts=2,dead=failed
echo poison >queues/tasks
for attempt in 1 2; do
	expect "attempt_$attempt" $'poison\n' cat queues/tasks,ack
done
expect the_queue_is_rid_of_it $'0\n' cat queues/tasks,join
expect it_is_a_dead_letter $'poison\n' cat queues/failed
fails dead_needs_attempts '' touch queues/t,dead=failed
expect why_in_words $'1\n' bash -c 'tail -n 1 errors | grep -c "dead= wants attempts="'

# ---- Python, as any file
expect python_worker "$(printf '%s\n' "[b'x', b'x', b'y']" "b''")"$'\n' python3 -c '
import os
for task in b"x", b"y":
    with open("queues/py", "wb", buffering=0) as q:
        q.write(task)
q = os.open("queues/py,ack", os.O_RDWR)
got = [os.read(q, 100)]
os.write(q, b"back")
for _ in range(2):
    got.append(os.read(q, 100))
    os.write(q, b"done")
print(got)
with open("queues/py,ctl", "w") as ctl:
    ctl.write("close")
print(os.read(q, 100))'

cd / || exit 1
finish
