#!/bin/bash
# SPDX-License-Identifier: MIT
#
# test_deadlock.sh - what a person types with `deadlocks`, deadlock=error and `notify`: in bash and Python, with
# flock(1).
# shellcheck disable=SC2016 # commands are expanded by the shell that runs them
set -u
# shellcheck source=tests/shell/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$M" || exit 1

# ---- deadlocks
expect nobody_waits '' cat deadlocks
touch locks/a locks/b
crossed='
	exec 3<>locks/$1 4<>locks/$2
	read -ru3 token
	echo $$ >>"$T/pids.$3"
	until [ "$(wc -l <"$T/pids.$3")" = 2 ]; do sleep 0.01; done
	read -ru4 token && echo has both'
: >"$T/pids.1"
start bash -c "$crossed" bash a b 1
one=$started
start bash -c "$crossed" bash b a 1
two=$started
check two_shells_wait bash -c 'until_stat locks/a,stat "waiters 1" && until_stat locks/b,stat "waiters 1"'
check two_lines bash -c '
	for ((i = 0; i < 3000; i++)); do [ "$(wc -l <deadlocks)" = 2 ] && exit; sleep 0.01; done; exit 1'
check their_pids bash -c 'cmp <(cut -d" " -f1 deadlocks | sort) <(sort "$T/pids.1")'
expect their_locks $'holds locks/a waits locks/b\nholds locks/b waits locks/a\n' bash -c 'cut -d" " -f2- deadlocks | sort'
expect others_see_nothing '' setpriv --reuid=65534 --regid=65534 --clear-groups cat deadlocks
kill "$(head -n 1 "$T/pids.1")"
check the_other_goes_on bash -c 'while [ -n "$(cat deadlocks)" ]; do sleep 0.01; done'
wait "$one" "$two"
expect one_has_both $'has both\n' cat "$T/out.$one" "$T/out.$two"

# flock(1) takes it for the shell, and ends.
rm locks/a locks/b # what the shells open, they make
: >"$T/pids.2"
start bash -c '
	exec 3<>locks/a 4<>locks/b; flock 3
	echo $$ >>"$T/pids.2"; until [ "$(wc -l <"$T/pids.2")" = 2 ]; do sleep 0.01; done; read -ru4 token; echo one'
one=$started
start bash -c '
	exec 3<>locks/b 4<>locks/a; flock 3
	echo $$ >>"$T/pids.2"; until [ "$(wc -l <"$T/pids.2")" = 2 ]; do sleep 0.01; done; read -ru4 token; echo two'
two=$started
check two_shells_with_flock_1 bash -c '
	for ((i = 0; i < 3000; i++)); do cmp -s <(cut -d" " -f1 deadlocks | sort) <(sort "$T/pids.2") && exit; sleep 0.01; done
	exit 1'
kill "$(head -n 1 "$T/pids.2")" "$(tail -n 1 "$T/pids.2")"
wait "$one" "$two"

# Units that are held count as locks do.
touch semaphores/one,value=1 semaphores/two,value=1
: >"$T/pids.3"
crossed_units='
	exec 3<semaphores/$1,hold 4<semaphores/$2,hold
	read -ru3 n
	echo $$ >>"$T/pids.3"
	until [ "$(wc -l <"$T/pids.3")" = 2 ]; do sleep 0.01; done
	read -ru4 n && echo has both'
start bash -c "$crossed_units" bash one two
one=$started
start bash -c "$crossed_units" bash two one
two=$started
check two_with_units bash -c '
	for ((i = 0; i < 3000; i++)); do cmp -s <(cut -d" " -f1 deadlocks | sort) <(sort "$T/pids.3") && exit; sleep 0.01; done
	exit 1'
expect their_semaphores $'holds semaphores/one waits semaphores/two\nholds semaphores/two waits semaphores/one\n' \
	bash -c 'cut -d" " -f2- deadlocks | sort'
kill -9 "$(head -n 1 "$T/pids.3")"
wait "$one" "$two"
expect the_other_has_both $'has both\n' cat "$T/out.$one" "$T/out.$two"
expect nobody_waits_any_more '' cat deadlocks

# ---- deadlock=error, on a mount of its own
other=$(mktemp -d)
fails unknown_value 'no such option' "$IPCFS" mount -o "store=$S.other,deadlock=perhaps" "$other"
check mount_with_error "$IPCFS" mount -o "store=$S.other,deadlock=error" "$other"
touch "$other/locks/a"
fails read_is_refused 'deadlock' bash -c 'exec 3<>"$1/locks/a" 4<>"$1/locks/a"; read -ru3 t; read -ru4 t' bash "$other"
expect in_words $'1\n' bash -c 'grep -cE "EDEADLK locks/a: would wait for itself: ([0-9]+) holds locks/a waits locks/a$" "$1/errors"' bash "$other"
start bash -c '
	exec 3<>"$1/locks/b" 4<>"$1/locks/a"; read -ru3 t; echo held >"$T/held"
	until [ -e "$T/go" ]; do sleep 0.01; done; read -ru4 t && echo got it' bash "$other"
first=$started
check b_is_held bash -c 'until [ -s "$T/held" ]; do sleep 0.01; done'
expect who_closes_the_circle_is_refused $'refused\n' bash -c '
	exec 3<>"$1/locks/a" 4<>"$1/locks/b"; read -ru3 t; touch "$T/go"
	until grep -qx "waiters 1" "$1/locks/a,stat"; do sleep 0.01; done
	read -ru4 t 2>/dev/null || echo refused' bash "$other"
check the_other_goes_on_there ended "$first"
expect the_other_gets_it $'got it\n' cat "$T/out.$first"
expect the_circle_in_words $'1\n' bash -c '
	grep -cE "EDEADLK locks/b: would wait for itself: ([0-9]+ holds locks/[ab] waits locks/[ab](, |$)){2}" "$1/errors"' bash "$other"
check flock_1_waits_for_the_living bash -c '
	exec 3<>"$1/locks/a"; flock 3; ! flock -w 0.1 "$1/locks/a" true' bash "$other"
check umount_it "$IPCFS" umount --force "$other"
rmdir "$other"
rm -rf --one-file-system "$S.other"

# ---- notify
touch queues/jobs events/news
start bash -c '
	trap "told=1" USR1
	exec 3<>queues/jobs,notify=USR1
	echo ready >"$T/ready"
	for job in 1 2 3; do
		until [ -n "${told:-}" ]; do sleep 0.01; done
		told=
		read -ru3 text; echo "got $text"
		echo "$job" >"$T/done"
	done'
worker=$started
check worker_is_ready bash -c 'until [ -s "$T/ready" ]; do sleep 0.01; done'
for n in 1 2 3; do
	echo "job $n" >queues/jobs
	check "worker_is_told_$n" bash -c 'until [ "$(cat "$T/done" 2>/dev/null)" = '"$n"' ]; do sleep 0.01; done'
done
check worker_ends ended "$worker"
expect worker_got_them $'got job 1\ngot job 2\ngot job 3\n' cat "$T/out.$worker"
# As the manual shows it: the trap itself reads.
touch queues/told
start bash -c '
	trap "read -ru3 job && echo \"got \$job\"" USR1
	exec 3<>queues/told,notify=USR1
	echo ready >"$T/ready.told"
	until [ -e "$T/enough" ]; do sleep 0.01; done'
worker=$started
check trap_is_set bash -c 'until [ -s "$T/ready.told" ]; do sleep 0.01; done'
for n in 1 2 3; do
	echo "job $n" >queues/told
	check "trap_takes_it_$n" until_stat queues/told,stat 'messages 0'
done
touch "$T/enough"
check who_was_told_ends ended "$worker"
expect the_trap_got_them $'got job 1\ngot job 2\ngot job 3\n' cat "$T/out.$worker"

# Who inherits the descriptor gets nothing: it would die of it.
expect heirs_are_not_told $'told, heir ended by 143\n' bash -c '
	trap "told=1" USR1
	exec 3<events/news,notify=USR1
	sleep 1000 &
	heir=$!
	echo 1 >events/news
	until [ "${told:-}" ]; do sleep 0.01; done
	kill $heir
	wait $heir
	echo "told, heir ended by $?"'
fails unknown_signal 'nvalid argument' cat queues/jobs,notify=FOO
fails not_for_writing 'nvalid argument' bash -c 'echo 1 >queues/jobs,notify=USR1'
expect python_counts_changes $'3\n' python3 -c '
import signal
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGRTMIN])
open("values/n", "w").write("1")
handle = open("values/n,notify=RTMIN", "rb", buffering=0)
n = 0
for i in range(3):
    open("values/n", "w").write("add 1")
    n += signal.sigtimedwait([signal.SIGRTMIN], 50) is not None
print(n)'

# A server in a pid namespace of its own sees no numbers of ours.
other=$(mktemp -d)
start unshare --pid --fork "$IPCFS" mount -f -o "store=$S.other" "$other"
check server_in_a_pid_namespace bash -c 'until mountpoint -q "$1"; do sleep 0.01; done' bash "$other"
echo x >"$other/queues/q"
fails not_across_pid_namespaces 'not supported' cat "$other/queues/q,notify=USR1"
expect in_words_too $'1\n' bash -c 'grep -c "EOPNOTSUPP queues/q: the server does not see" "$1/errors"' bash "$other"
expect but_all_else $'x\n' cat "$other/queues/q"
check umount_that_as_well "$IPCFS" umount --force "$other"
wait "$started"
rmdir "$other"
rm -rf --one-file-system "$S.other"
cd / || exit 1
finish
