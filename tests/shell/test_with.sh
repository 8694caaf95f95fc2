#!/bin/bash
# SPDX-License-Identifier: MIT
#
# test_with.sh - `ipcfs with`: the lock around a command, whatever kills the one or the other.
# shellcheck disable=SC2016 # commands are expanded by the shell that runs them
set -u
# shellcheck source=tests/shell/lib.sh
. "$(dirname "$0")/lib.sh"
export IPCFS_MOUNT=$M
cd "$T" || exit 1
mkfifo go

# status_is NAME STATUS WORDS COMMAND...: its exit status, and *WORDS* in its standard error.
status_is()
{
	local name=$1 want=$2 words=$3 out err status
	shift 3

	run "$@"
	if [ "$status" = "$want" ] && [[ $err == *$words* ]]; then
		pass "$name"
	else
		fail "$name" "status $status $(shown "$err")" "status $want $(shown "$words")"
	fi
}

# until_file FILE: it has something in it.
until_file()
{
	local end=$((SECONDS + LIMIT - 10))

	until [ -s "$1" ]; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.01
	done
}

# own_group COMMAND...: in the background, in a process group of its own, whose number is in $group; a shell
# ignores SIGINT for what it puts there, that is taken back.
own_group()
{
	rm -f group
	start setsid env --default-signal=INT,QUIT bash -c 'echo $$ >group.new; mv group.new group; exec "$@"' - "$@"
	until_file group
	group=$(<group)
}

# ---- the command line
status_is no_operand 2 'which lock or semaphore' "$IPCFS" with
status_is no_command 2 'which command' "$IPCFS" with locks/a
status_is no_command_behind_dashes 2 'which command' "$IPCFS" with locks/a --shared --
status_is another_kind 2 'no lock and no semaphore' "$IPCFS" with queues/a true
status_is no_kind 2 'does not begin with a kind' "$IPCFS" with lock/a true
status_is no_duration 2 'is no duration' "$IPCFS" with --timeout soon locks/a true
status_is unknown_option 2 'no such option: --all' "$IPCFS" with --all locks/a true
status_is unknown_option_behind 2 'no such option: --all' "$IPCFS" with locks/a --all true
status_is shared_semaphore 2 '--shared is for locks' "$IPCFS" with --shared semaphores/a true
for view in peek watch stat ctl; do
	status_is "view_$view" 2 "through the view \"$view\" nothing is held" "$IPCFS" with "locks/a,$view" true
done
status_is unknown_view 1 'there is no option "slow"' "$IPCFS" with locks/a,slow true
status_is repeated_view 1 'no option "n"' "$IPCFS" with locks/a,n=2 true
status_is bad_name 1 'Invalid argument' "$IPCFS" with locks/.hidden true
status_is no_folder 1 'No such file or directory: there is no folder' "$IPCFS" with locks/team/a true
status_is no_semaphore 1 'No such file or directory: a semaphore is made by ipcfs create NAME,value=N' "$IPCFS" with semaphores/none true
status_is not_in_the_mount 1 'it lies in no mount of ipcfs' "$IPCFS" with "$T/locks/a" true
expect nothing_was_made '' ls "$M/locks"

# ---- what the command gets, and what becomes of it
expect its_output $'hello\n' "$IPCFS" with locks/a echo hello
check made_the_lock test -e "$M/locks/a"
expect options_are_the_commands_own $'--shared --\n' "$IPCFS" with locks/a echo --shared --
expect its_input $'text\n' bash -c 'echo text | "$IPCFS" with locks/a cat'
for status in 0 1 7 126 255; do
	status_is "status_$status" "$status" '' "$IPCFS" with locks/a -- sh -c "exit $status"
done
status_is not_there 127 'nonesuch: No such file' "$IPCFS" with locks/a nonesuch
status_is not_a_program 126 'Permission denied' "$IPCFS" with locks/a /etc/passwd
expect free_after_all_that $'free\n' cat "$M/locks/a,peek"
tokens=$(for _ in 1 2 3; do "$IPCFS" with locks/a sh -c 'echo $IPCFS_TOKEN'; done)
check tokens_grow sort -nuc <<<"$tokens"
expect three_tokens $'3\n' wc -l <<<"$tokens"
expect the_token_is_the_holders $'same\n' "$IPCFS" with locks/a bash -c \
	'read -r token pid rest <"$M/locks/a,peek"; [ "$token $pid" = "$IPCFS_TOKEN $PPID" ] && echo same'
expect an_outer_token_is_not_the_inner_ones $'other\n' "$IPCFS" with locks/a -- env outer=x bash -c \
	'export outer=$IPCFS_TOKEN; "$IPCFS" with locks/b bash -c '\''[ "$outer" != "$IPCFS_TOKEN" ] && echo other'\'
expect absolute_path $'in\n' "$IPCFS" with "$M/locks/a" echo in
ln -s "$M" way
expect a_path_with_a_link_in_it $'in\n' "$IPCFS" with "$T/way/locks/a" echo in
mkdir "$M/locks/team"
expect in_a_folder $'in\n' "$IPCFS" with locks/team/a echo in
expect temp_while_it_runs $'t\n' "$IPCFS" with locks/team/t,temp -- bash -c 'cd "$M/locks/team" && ls t'
check temp_is_gone test ! -e "$M/locks/team/t"

# ---- one at a time
echo 0 >sum
pids=()
for _ in 1 2 3 4 5 6; do
	start bash -c 'for i in 1 2 3 4 5; do
		"$IPCFS" with locks/sum bash -c '\''read -r n <sum; echo $((n + 1)) >sum.$$; mv sum.$$ sum'\''; done'
	pids+=("$started")
done
for pid in "${pids[@]}"; do ended "$pid"; done
expect thirty_times_one $'30\n' cat sum
status_is held_nonblock 1 'it would have to wait' "$IPCFS" with locks/a "$IPCFS" with --nonblock locks/a true
status_is held_timeout 1 'timed out' "$IPCFS" with locks/a "$IPCFS" with locks/a --timeout=0.05 true
status_is held_timeout_view 1 'timed out' "$IPCFS" with locks/a "$IPCFS" with locks/a,timeout=50ms true
expect shared_beside_shared $'in\n' "$IPCFS" with --shared locks/a "$IPCFS" with locks/a --shared --nonblock echo in
expect shared_view $'in\n' "$IPCFS" with locks/a,shared "$IPCFS" with locks/a --shared --nonblock echo in
status_is shared_beside_exclusive 1 'would have to wait' "$IPCFS" with locks/a "$IPCFS" with --shared --nonblock locks/a true
status_is exclusive_beside_shared 1 'would have to wait' "$IPCFS" with --shared locks/a "$IPCFS" with --nonblock locks/a true
expect shared_makes_it_too $'in\n' "$IPCFS" with --shared locks/new echo in
expect flock_is_the_same_lock $'1\n' "$IPCFS" with locks/a bash -c 'flock -n "$M/locks/a" true; echo $?'

# ---- who ends how
status_is killed_command 137 '' "$IPCFS" with locks/k sh -c 'kill -9 $$'
expect next_is_told $'token 1 abandoned 1\n' "$IPCFS" with locks/k bash -c '
	echo "token ${IPCFS_TOKEN:+1} abandoned ${IPCFS_ABANDONED:-none}"'
expect once $'abandoned none\n' "$IPCFS" with locks/k bash -c 'echo "abandoned ${IPCFS_ABANDONED:-none}"'
status_is terminated_command 143 '' "$IPCFS" with locks/k sh -c 'kill $$'
expect terminated_is_abandoned $'1\n' "$IPCFS" with locks/k sh -c 'echo $IPCFS_ABANDONED'

# `ipcfs with` is killed: the command holds on, alone.
own_group "$IPCFS" with locks/k sh -c 'echo in >in; read -r word <go'
check runs until_file in
kill -9 "$group"
status_is killed_with 137 '' ended "$started"
status_is command_holds_on 1 'would have to wait' "$IPCFS" with --nonblock locks/k true
start "$IPCFS" with locks/k bash -c 'echo "abandoned ${IPCFS_ABANDONED:-none}"'
check next_waits until_stat locks/k,stat 'waiters 1'
echo on >go
check next_runs ended "$started"
expect its_holder_was_killed $'abandoned 1\n' cat "$T/out.$started"

# The command closes all that it has inherited, and is inside as long as it runs.
own_group "$IPCFS" with locks/k python3 -c '
import os
os.closerange(3, 256)
open("in2", "w").write("in")
open("go").read()'
check runs_without_descriptors until_file in2
status_is still_inside 1 'would have to wait' "$IPCFS" with --nonblock locks/k true
echo on >go
check ends_by_itself ended "$started"
expect that_is_clean $'none\n' "$IPCFS" with locks/k sh -c 'echo ${IPCFS_ABANDONED:-none}'

# What the command leaves running holds the lock too.
expect a_child_stays $'' "$IPCFS" with locks/k sh -c 'sleep 1000 >/dev/null 2>&1 & echo $! >heir'
status_is the_heir_holds 1 'would have to wait' "$IPCFS" with --nonblock locks/k true
kill -9 "$(<heir)"
expect the_heir_is_dead $'1\n' "$IPCFS" with locks/k sh -c 'echo ${IPCFS_ABANDONED:-none}'

# A waiting one is killed: it takes nothing.
own_group "$IPCFS" with locks/k sh -c 'echo in >in3; read -r word <go'
check holds until_file in3
start bash -c 'echo $$ >waiter; exec "$IPCFS" with locks/k echo never'
check waits until_stat locks/k,stat 'waiters 1'
kill -9 "$(<waiter)"
status_is killed_waiter 137 '' ended "$started"
check waits_no_longer until_stat locks/k,stat 'waiters 0'
start "$IPCFS" with locks/k true
check another_waits until_stat locks/k,stat 'waiters 1'
rm "$M/locks/k"
status_is removed 1 '' ended "$started"
expect removed_in_words $'ipcfs: with: locks/k: Identifier removed\n' cat "$T/err.$started"
echo on >go

# ---- signals
traps='trap "echo int >>got" INT; trap "echo usr1 >>got" USR1; trap "echo term >>got; exit 5" TERM
	echo in >in4; while :; do sleep 0.01; done'
own_group "$IPCFS" with locks/s bash -c "$traps"
check has_its_traps until_file in4
kill -USR1 "$group"
check usr1_is_passed_on until_file got
kill -INT "$group"
check int_is_passed_on bash -c 'until grep -q int got; do sleep 0.01; done'
kill "$group"
status_is its_status_after_a_signal 5 '' ended "$started"
expect each_once $'usr1 int term\n' xargs <got
expect clean_end $'none\n' "$IPCFS" with locks/s sh -c 'echo ${IPCFS_ABANDONED:-none}'

own_group "$IPCFS" with locks/s bash -c 'echo in >in5; sleep 1000'
check sleeps until_file in5
kill -INT -- "-$group"
status_is int_to_the_group 130 '' ended "$started"
expect interrupted_is_abandoned $'1\n' "$IPCFS" with locks/s sh -c 'echo ${IPCFS_ABANDONED:-none}'

# Ctrl-C and Ctrl-\ from a terminal go to both by the kernel's hand, and come once.
cat >on_a_terminal.py <<'END'
import os, pty, sys
pid, tty = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
told = b""
while True:
    try:
        more = os.read(tty, 1000)
    except OSError:
        break # it has closed its terminal
    if not more:
        break
    told += more
    if told.count(b"ready") == 1 and b"sent" not in told:
        os.write(tty, b"\x03")
        told += b"sent"
status = os.waitpid(pid, 0)[1]
print("ints", told.count(b"interrupt"), "status", os.waitstatus_to_exitcode(status))
END
expect ctrl_c_comes_once $'ints 1 status 3\n' python3 on_a_terminal.py "$IPCFS" with locks/s python3 -c '
import os, signal, sys
def on_int(*_):
    print("interrupt", flush=True)
    os.kill(os.getppid(), signal.SIGUSR1) # comes back behind a second one, if that was passed on
signal.signal(signal.SIGINT, on_int)
signal.signal(signal.SIGUSR1, lambda *_: sys.exit(3))
print("ready", flush=True)
while True:
    signal.pause()'
expect ctrl_c_kills $'ints 0 status 130\n' python3 on_a_terminal.py "$IPCFS" with locks/s sh -c 'echo ready; exec sleep 1000'

# Where signals are ignored they stay so, and a status is still had.
expect ignored_chld $'7\n' bash -c 'trap "" CHLD; "$IPCFS" with locks/s sh -c "exit 7"; echo $?'
expect nohup_stays $'alive\n' nohup "$IPCFS" with locks/s bash -c 'kill -HUP $PPID; kill -HUP $$; echo alive'

# ---- semaphores
status_is a_semaphore_is_not_made 1 '' "$IPCFS" with semaphores/none true
check it_was_not test ! -e "$M/semaphores/none"
touch "$M/semaphores/door,value=2,max=2"
expect one_unit_is_held $'1\n' "$IPCFS" with semaphores/door cat "$M/semaphores/door,peek"
expect two_units_are_held $'0\n' "$IPCFS" with semaphores/door,n=2 cat "$M/semaphores/door,peek"
expect hold_may_be_said $'1\n' "$IPCFS" with semaphores/door,hold cat "$M/semaphores/door,peek"
expect its_holder_is_known $'same\n' "$IPCFS" with semaphores/door,n=2 bash -c '
	read -r _ pid uid since units < <(grep ^holder "$M/semaphores/door,stat")
	[ "$pid $uid $units" = "$PPID 0 2" ] && echo same'
expect no_token $'none\n' "$IPCFS" with semaphores/door sh -c 'echo ${IPCFS_TOKEN:-none}'
expect not_a_lock_outside $'none\n' "$IPCFS" with locks/a "$IPCFS" with semaphores/door sh -c 'echo ${IPCFS_TOKEN:-none}'
status_is its_status 7 '' "$IPCFS" with semaphores/door sh -c 'exit 7'
status_is no_third 1 'would have to wait' "$IPCFS" with semaphores/door,n=2 "$IPCFS" with --nonblock semaphores/door true
status_is no_third_in_time 1 'timed out' "$IPCFS" with semaphores/door,n=2 "$IPCFS" with --timeout 50ms semaphores/door true
status_is three_of_two 1 "n=3 is above the semaphore's max" "$IPCFS" with semaphores/door,n=3 true
status_is nothing_is_held_by_tokens 2 'through the view "tokens"' "$IPCFS" with semaphores/door,tokens true
status_is killed_with_a_unit 137 '' "$IPCFS" with semaphores/door sh -c 'kill -9 $$'
expect all_are_back $'2\n' cat "$M/semaphores/door,peek"

# Two are let in at a time; the third waits, and is let in when one of them has ended.
own_group "$IPCFS" with semaphores/door,n=2 sh -c 'echo in >in6; read -r word <go'
check two_units_are_taken until_file in6
start "$IPCFS" with semaphores/door echo third
third=$started
check a_third_waits until_stat semaphores/door,stat 'waiters 1'
kill -9 "$group"
check the_command_stays_inside until_stat semaphores/door,stat 'value 0'
status_is and_nobody_else 1 'would have to wait' "$IPCFS" with --nonblock semaphores/door true
kill -9 -- "-$group"
check the_third_is_let_in ended "$third"
expect it_ran $'third\n' cat "$T/out.$third"
expect units_of_the_killed_are_back $'2\n' cat "$M/semaphores/door,peek"

# A waiting one is killed: it takes nothing.
own_group "$IPCFS" with semaphores/door,n=2 sh -c 'echo in >in7; read -r word <go'
check two_units_again until_file in7
start bash -c 'echo $$ >waiter2; exec "$IPCFS" with semaphores/door echo never'
check one_waits until_stat semaphores/door,stat 'waiters 1'
kill -9 "$(<waiter2)"
status_is killed_while_it_waits 137 '' ended "$started"
echo on >go
check both_units_are_back until_stat semaphores/door,stat 'value 2'

cd / || exit 1
finish
