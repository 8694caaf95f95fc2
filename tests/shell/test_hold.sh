#!/bin/bash
# SPDX-License-Identifier: MIT
#
# test_hold.sh - units of semaphores that belong to somebody, and several at once, as a person types them: the
# views hold, n= and, by hand, tokens; in bash, dash and Python.
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

# ---- hold
fails a_view_does_not_create 'No such file' cat semaphores/door,hold
touch semaphores/door,value=3,max=3
for shell in bash dash; do
	expect "back_at_the_close_$shell" $'1 2 3\n' "$shell" -c \
		'exec 3<semaphores/door,hold; read n <&3; read left <semaphores/door,peek; exec 3<&-
		read all <semaphores/door,peek; echo "$n $left $all"'
	expect "released_by_hand_$shell" $'1\n2\n' "$shell" -c \
		'exec 3<>semaphores/door,hold,n=2; read n <&3; cat semaphores/door,peek; echo 1 >&3; cat semaphores/door,peek'
	expect "and_all_is_back_$shell" $'3\n' "$shell" -c 'cat semaphores/door,peek'
	fails "more_than_it_has_$shell" '' "$shell" -c 'exec 3<>semaphores/door,hold; read n <&3; echo 2 >&3'
done
expect too_many_in_words $'1\n' bash -c 'tail -n 1 errors | grep -c "EOVERFLOW semaphores/door: semaphore or lock released too many"'
expect python_holds $'b"2\\n" 1\n' python3 -c '
with open("semaphores/door,hold,n=2", "rb", buffering=0) as f:
    print("b\"2\\n\"" if f.read(100) == b"2\n" else "?", open("semaphores/door,peek").read().strip())'

# Its holder is killed: who waits has it, and `stat` had told who it was.
start bash -c 'exec 3<semaphores/door,hold,n=3; read -ru3 n; echo $$ >"$T/holder"; read -r never <semaphores/door,n=3'
holder=$started
check all_are_held until_stat semaphores/door,stat 'value 0'
check its_process_is_shown bash -c 'until [ -s "$T/holder" ]; do sleep 0.01; done
	grep -qE "^holder $(<"$T/holder") 0 [0-9]+ 3$" semaphores/door,stat'
start cat semaphores/door
check another_waits until_stat semaphores/door,stat 'waiters 2'
check the_holder_is_killed kill -9 "$(<"$T/holder")"
check it_was killed "$holder"
check the_other_has_one ended "$started"
expect it_reads_1 $'1\n' cat "$T/out.$started"
expect two_are_free $'2\n' cat semaphores/door,peek
echo 1 >semaphores/door

# A child that inherits the open file holds on.
start bash -c 'exec 3<semaphores/door,hold; read -ru3 n; sleep 1000 & echo $! >"$T/heir"'
check the_parent_has_ended ended "$started"
expect its_child_holds_on $'2\n' cat semaphores/door,peek
kill -9 "$(<"$T/heir")"
check until_it_too_is_killed until_stat semaphores/door,stat 'value 3'

# ---- several at once
fails above_max 'Invalid argument' cat semaphores/door,n=4
expect all_at_once $'3\n' cat semaphores/door,n=3
fails or_none 'timed out' cat semaphores/door,n=2,timeout=0.05
echo 1 >semaphores/door
start cat semaphores/door,n=2
two=$started
check who_wants_two_waits until_stat semaphores/door,stat 'waiters 1'
start cat semaphores/door
one=$started
check who_wants_one_stands_behind until_stat semaphores/door,stat 'waiters 2'
fails nor_does_anybody_overtake 'temporarily unavailable' cat semaphores/door,timeout=0
echo 1 >semaphores/door
check two_come_first ended "$two"
echo 1 >semaphores/door
check then_one ended "$one"
expect in_that_order $'2\n1\n' cat "$T/out.$two" "$T/out.$one"

# ---- tokens, by hand
touch semaphores/jobs,value=2,max=2
expect a_byte_each $'++ 0\n' bash -c 'exec 3<semaphores/jobs,tokens; read -ru3 -N 2 t; read -r left <semaphores/jobs,peek; echo "$t $left"'
check back_when_the_process_ends until_stat semaphores/jobs,stat 'value 2'
fails never_an_end_of_file 'temporarily unavailable' bash -c '
	exec 3<semaphores/jobs,tokens; read -ru3 -N 2 t; cat semaphores/jobs,tokens,timeout=0'
fails one_too_many '' bash -c 'until_stat semaphores/jobs,stat "value 2"; echo -n x >semaphores/jobs,tokens'
cd / || exit 1
finish
