#!/bin/bash
# SPDX-License-Identifier: MIT
#
# test_worker.sh - queues of tasks: `ipcfs submit`, `worker`, `result`, `join`, `close`; what becomes of a task whose
# worker is killed.
# shellcheck disable=SC2016 # commands are expanded by the shell that runs them
set -u
# shellcheck source=tests/shell/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/shell/lib_tasks.sh
. "$(dirname "$0")/lib_tasks.sh"
export IPCFS_MOUNT=$M
cd "$T" || exit 1

# the_worker: the one process that works for $pid
the_worker()
{
	xargs -n 1 <"/proc/$pid/task/$pid/children"
}

# ---- the command line
status_is no_queue 2 'which queue' "$IPCFS" worker
status_is no_command 2 'which command' "$IPCFS" worker queues/a
status_is no_command_behind_dashes 2 'which command' "$IPCFS" worker queues/a -j 2 --
status_is no_number_of_workers 2 '"0" is no number from 1 to' "$IPCFS" worker -j 0 queues/a true
status_is no_number_of_attempts 2 '"x" is no number from 1 to' "$IPCFS" worker --attempts x queues/a true
status_is unknown_option 2 'no such option: --all' "$IPCFS" worker queues/a --all true
status_is another_kind 2 'events/a is no queue' "$IPCFS" worker events/a true
status_is unknown_view 1 'no option "slow"' "$IPCFS" worker queues/a,slow true
status_is another_view 1 'queues/a,peek' "$IPCFS" worker queues/a,peek true
status_is no_folder 1 'No such file' "$IPCFS" worker queues/team/a true
status_is submit_no_queue 2 'which queue' "$IPCFS" submit
status_is submit_lines_and_text 2 '--lines reads standard input' "$IPCFS" submit --lines queues/a text
status_is submit_lines_and_null 2 'one of --lines and --null' "$IPCFS" submit --lines -0 queues/a
status_is result_no_task 2 'which task' "$IPCFS" result
status_is result_no_number 2 '"queues/a" is no number of a task' "$IPCFS" result queues/a
status_is result_no_number 2 '"-1" is no number' "$IPCFS" result queues/a -- -1
status_is result_two 2 'one task, not also 2' "$IPCFS" result queues/a 1 2
status_is result_no_mount 125 'ipcfs is not mounted there' "$IPCFS" result --mount "$T" 7
status_is result_nowhere 125 'no queue has a task 7' "$IPCFS" result 7
status_is result_no_such_queue 125 'No such file' "$IPCFS" result queues/a 0
status_is join_no_such_queue 1 'No such file' "$IPCFS" join queues/a
status_is join_two 2 'one queue, not also' "$IPCFS" join queues/a queues/b
status_is close_no_such_queue 1 'No such file' "$IPCFS" close queues/a
status_is close_another_kind 2 'is no queue' "$IPCFS" close values/a
expect nothing_was_made '' find "$M/queues" "$M/dicts" -mindepth 1

# ---- submit
expect numbers_from_0 $'0\n1\n' "$IPCFS" submit queues/jobs one 'two words'
expect goes_on $'2\n' "$IPCFS" submit queues/jobs --lines
check put_by_echo bash -c 'echo four >"$M/queues/jobs"'
expect counted_too $'4\n' bash -c 'echo five | "$IPCFS" submit queues/jobs'
expect lines $'5\n6\n' bash -c 'printf "six\n\nseven" | "$IPCFS" submit --lines queues/jobs'
expect nulls $'7\n8\n' bash -c 'printf "eight\n\0nine\0\0" | "$IPCFS" submit -0 queues/jobs'
echo text >file
expect files $'9\n' "$IPCFS" submit --files queues/jobs file
expect files_by_lines $'10\n11\n' bash -c 'printf "file\nfile\n" | "$IPCFS" submit --files queues/jobs'
check as_they_are bash -c 'exec 3<>"$M/queues/jobs,timeout=0"
	for want in one "two words" --lines $'\''four\n'\'' $'\''five\n'\'' six seven $'\''eight\n'\'' nine \
		$'\''text\n'\'' $'\''text\n'\'' $'\''text\n'\''; do
		got=$(dd bs=100 count=1 <&3 2>/dev/null && echo .) && [ "$got" = "$want." ] || exit 1
	done'
status_is a_closed_stream 1 'standard output: Bad file' bash -c '"$IPCFS" submit queues/jobs a b >&-'
check is_no_object until_stat queues/jobs,stat 'put 13'
status_is empty_task 1 'empty task' "$IPCFS" submit queues/jobs ''
status_is no_such_file 1 'nonesuch: No such file' "$IPCFS" submit --files queues/jobs nonesuch
status_is too_long 1 'Message too long' bash -c 'head -c 1044481 /dev/zero | "$IPCFS" submit queues/jobs'
status_is a_line_too_long 1 'a task of more than' bash -c 'head -c 2000000 /dev/zero | "$IPCFS" submit --lines queues/jobs'
touch "$M/queues/one,maxsize=1"
status_is full 3 'would have to wait' "$IPCFS" submit --nonblock queues/one a b
expect the_first_was_put $'a' cat "$M/queues/one"
status_is full_for_a_time 3 'timed out' "$IPCFS" submit --timeout=0.05 queues/one a b
rm "$M/queues/jobs" "$M/queues/one"

# ---- a worker, and results
in_background /dev/null "$IPCFS" worker queues/jobs -- bash -c 'cat; echo " is $IPCFS_TASK/$IPCFS_ATTEMPT: $1"; echo oops >&2; exit 7' - '{} {}'
check makes_the_queue until_is test -e "$M/queues/jobs"
expect submitted $'0\n1\n' "$IPCFS" submit queues/jobs 'a b' $'c\n'
status_is cannot_be_printed 125 'standard output: No space' bash -c '"$IPCFS" result queues/jobs 0 >/dev/full'
status_is nor_can_its_errors 125 '' bash -c '"$IPCFS" result queues/jobs 0 2>/dev/full'
status_is its_status_and_errors 7 'oops' "$IPCFS" result queues/jobs 0
status_is taken 125 'task 0 is done and has no result' bash -c '"$IPCFS" join queues/jobs; "$IPCFS" result queues/jobs 0'
expect its_output $'c\n is 1/1: c c\n7\n' bash -c '"$IPCFS" result --keep queues/jobs 1; echo $?'
expect kept $'c\n is 1/1: c c\n7\n' bash -c '"$IPCFS" result queues/jobs 1 --timeout 5; echo $?'
check put_by_echo_again bash -c 'echo d >"$M/queues/jobs"'
expect has_a_result $'d\n is 2/1: d d\n' bash -c '"$IPCFS" result queues/jobs --keep 2 || :'
mkdir "$M/queues/team"
echo e >"$M/queues/team/idle"
expect of_the_only_queue $'d\n is 2/1: d d\n' bash -c '"$IPCFS" result --keep 2 || :'
status_is of_the_one_with_results 7 '' bash -c '"$IPCFS" submit queues/jobs z; "$IPCFS" result 3'
rm -r "$M/queues/team"
expect is_a_file $'status 7\nattempt 1\nqueue ID\noutput 15\nerror 5\n\nd\n is 2/1: d d\noops\n' \
	bash -c 'sed "s/^queue [0-9]*\$/queue ID/" "$M/dicts/jobs-results/2"'
status_is not_there_yet 125 'task 4 is not there' "$IPCFS" result queues/jobs 4
expect joined '' "$IPCFS" join queues/jobs
status_is a_byte_0 126 'has a byte 0' bash -c 'printf "a\0b" | "$IPCFS" submit queues/jobs >id; "$IPCFS" result queues/jobs "$(<id)"'
expect closed '' "$IPCFS" close queues/jobs
check ends_when_it_is_closed ended "$started"
status_is closed_for_tasks 1 'the queue is closed' "$IPCFS" submit queues/jobs late

# ---- waiting for a result
touch "$M/queues/slow"
"$IPCFS" submit queues/slow x y >/dev/null
status_is waits_a_time 124 'timed out' "$IPCFS" result --timeout=0.05 queues/slow 0
status_is of_which_queue 2 'which queue? queues/' "$IPCFS" result 0
status_is only_looks 124 'would have to wait' "$IPCFS" result --nonblock queues/slow 0
start "$IPCFS" result queues/slow 0
first=$started
start "$IPCFS" result queues/slow 1
second=$started
check both_wait until_is test -e "$M/dicts/slow-results/0" -a -e "$M/dicts/slow-results/1"
in_background /dev/null "$IPCFS" worker queues/slow -j 2 cat
crew=$started crew_pid=$pid
check comes ended "$first"
expect comes_whole x cat "$T/out.$first"
check comes_too ended "$second"
expect comes_whole_too y cat "$T/out.$second"
expect removed_when_read '' ls "$M/dicts/slow-results"
status_is a_command_killed 143 '' bash -c '"$IPCFS" create queues/sig; "$IPCFS" submit queues/sig TERM; "$IPCFS" close queues/sig
	"$IPCFS" worker queues/sig -- bash -c "kill -{} \$\$"; "$IPCFS" result queues/sig 0'
"$IPCFS" create queues/nobody
"$IPCFS" submit queues/nobody x >/dev/null
start "$IPCFS" result queues/nobody 0
check waits until_is test -e "$M/dicts/nobody-results/0"
check taken_by_another bash -c 'cat "$M/queues/nobody"; echo "done 1" >"$M/queues/nobody,ctl"'
status_is never_comes 125 '' ended "$started"
expect never_comes_in_words $'1\n' grep -c 'no `ipcfs worker` did it' "$T/err.$started"
"$IPCFS" submit queues/nobody x >/dev/null
start "$IPCFS" result queues/nobody 1
check waits_again until_is test -e "$M/dicts/nobody-results/1"
rm "$M/queues/nobody"
status_is the_queue_goes 125 '' ended "$started"
expect the_queue_goes_in_words $'1\n' grep -c 'its queue was removed' "$T/err.$started"
kill "$crew_pid"
status_is terminated_while_it_waits 143 '' ended "$crew"

# ---- side by side
touch "$M/barriers/four,parties=4"
seq 4 | "$IPCFS" submit --lines queues/wide >/dev/null
"$IPCFS" close queues/wide
check four_at_a_time "$IPCFS" worker -j 4 queues/wide -- sh -c 'cat "$M/barriers/four,timeout=30"'
expect all_four_met $'0 1 2 3\n' bash -c 'for i in 0 1 2 3; do "$IPCFS" result queues/wide $i; done | sort | xargs'

# ---- kills
# A worker is killed in the middle of a task: the next one gets it, and what the first one's command started has gone.
in_background /dev/null "$IPCFS" worker queues/k -- bash -c '
	if [ $IPCFS_ATTEMPT = 1 ]; then sleep 1000 & echo $$ $! >begun.new; mv begun.new begun; wait; fi; echo attempt $IPCFS_ATTEMPT'
"$IPCFS" submit queues/k a >/dev/null
check has_begun until_is test -s begun
read -r command orphan <begun
kill -9 "$(the_worker)"
expect another_has_it $'attempt 2\n' "$IPCFS" result queues/k 0
check nothing_is_left all_gone "$command" "$orphan"

# All of it is killed: the task goes back, and nothing is left.
rm begun
"$IPCFS" submit queues/k b >/dev/null
check has_begun_again until_is test -s begun
read -r command orphan <begun
worker=$(the_worker)
kill -9 "$pid"
status_is is_killed 137 '' ended "$started"
check goes_back until_stat queues/k,stat 'messages 1'
check its_command_is_gone all_gone "$worker" "$command" "$orphan"
in_background /dev/null "$IPCFS" worker queues/k -- bash -c 'echo attempt $IPCFS_ATTEMPT'
expect the_next_crew_has_it $'attempt 2\n' "$IPCFS" result queues/k 1
kill -INT "$pid"
status_is interrupted 130 '' ended "$started"

# It is stopped: the command is ended by TERM, even one that does not want to, and its task goes back.
for trap in 'trap "echo told >told" TERM' 'trap "" TERM'; do
	rm -f begun
	in_background /dev/null "$IPCFS" worker queues/t -j 2 -- bash -c "$trap"'; sleep 1000 & echo $$ $! >begun.new; mv begun.new begun; wait; wait'
	"$IPCFS" submit queues/t a >/dev/null
	check term_has_begun until_is test -s begun
	read -r command orphan <begun
	kill -INT "$pid"
	[ "$trap" = 'trap "echo told >told" TERM' ] || kill "$pid" # the second signal: at once
	status_is term_ends_it 130 '' ended "$started"
	check term_nothing_is_left all_gone "$command" "$orphan"
	expect term_goes_back a cat "$M/queues/t"
	expect term_has_no_result '' ls "$M/dicts/t-results"
	echo 'done 1' >"$M/queues/t,ctl"
done
check the_first_was_told test -e told

# A poisonous task ends, the others are unharmed.
seq 3 | "$IPCFS" submit --lines queues/p >/dev/null
"$IPCFS" close queues/p
poison='[ "$1" != 2 ] || { echo >>eaten; kill -9 $PPID; }; echo "$1"'
check poison_ends "$IPCFS" worker -j 2 --attempts 3 queues/p -- bash -c "$poison" - '{}'
status_is poison_is_lost 125 'no worker has survived it, in 3 attempts' "$IPCFS" result queues/p 1
expect others_are_done $'1\n3\n' bash -c '"$IPCFS" result queues/p 0; "$IPCFS" result queues/p 2'
expect so_many_attempts $'3\n' wc -l <eaten

# The queue's own attempts and dead letters.
"$IPCFS" create queues/bad queues/d,attempts=2,dead=bad
"$IPCFS" submit queues/d 1 2 >/dev/null
"$IPCFS" close queues/d
check dead_ends "$IPCFS" worker queues/d -- bash -c "$poison" - '{}'
status_is dead_is_told 125 'task 1 is in queues/bad now' "$IPCFS" result queues/d 1
expect dead_is_there 2 cat "$M/queues/bad"
expect dead_spares_others $'1\n' "$IPCFS" result queues/d 0

# Workers that are killed and killed are not started for ever, unless they work.
in_background /dev/null "$IPCFS" worker queues/idle true
killed=' '
while [ "$(wc -w <<<"$killed")" -lt 100 ] && kill -0 "$started" 2>/dev/null; do
	worker=$(the_worker 2>/dev/null)
	[[ -n $worker && $killed != *" $worker "* ]] && kill -9 "$worker" 2>/dev/null && killed+="$worker "
done
status_is not_for_ever 1 '' ended "$started"
expect not_for_ever_in_words $'ipcfs: worker: 100 workers in a row were killed, and none had a task\n' cat "$T/err.$started"
expect many_had_a_task $'150 0\n' bash -c 'seq 150 | "$IPCFS" submit --lines queues/busy | wc -l | tr "\n" " "
	"$IPCFS" close queues/busy; "$IPCFS" worker --attempts 1 queues/busy -- bash -c '\''kill -9 $PPID'\''; echo $?'

# ---- failures that are tried again
"$IPCFS" submit queues/r a b >/dev/null
"$IPCFS" close queues/r
check retry_ends "$IPCFS" worker --retry --attempts 3 queues/r -- bash -c \
	'echo "$IPCFS_ATTEMPT"; [ $1 = a ] && [ $IPCFS_ATTEMPT = 2 ] || exit 4' - '{}'
expect succeeds_at_last $'2\n0\n' bash -c '"$IPCFS" result queues/r 0; echo $?'
expect fails_at_last $'3\n4\n' bash -c '"$IPCFS" result queues/r 1; echo $?'
"$IPCFS" create queues/rd,attempts=2,dead=bad
"$IPCFS" submit queues/rd c >/dev/null
"$IPCFS" close queues/rd
check retry_dead_ends "$IPCFS" worker --retry queues/rd false
status_is retry_dead_is_told 1 'task 0 is in queues/bad now' "$IPCFS" result queues/rd 0
expect retry_dead_is_there c cat "$M/queues/bad"

# ---- results of others
# One that an earlier attempt has stored is not made again.
"$IPCFS" submit queues/o x >/dev/null
check an_attempt_ends bash -c 'exec 3<>"$M/queues/o,ack"; dd bs=10 count=1 <&3 2>/dev/null'
mkdir "$M/dicts/o-results"
printf 'status 3\nattempt 1\nqueue %s\noutput 4\nerror 0\n\nold\n' "$(stat -c %i "$M/queues/o")" >"$M/dicts/o-results/0"
"$IPCFS" close queues/o
check not_made_again "$IPCFS" worker queues/o touch made_again
check was_not_made_again test ! -e made_again
expect the_stored_one_counts $'old\n3\n' bash -c '"$IPCFS" result queues/o 0; echo $?'

# That of an earlier queue of the same name is not this one's.
printf 'status 3\nattempt 1\nqueue 1\noutput 4\nerror 0\n\nold\n' >"$M/dicts/o-results/0"
rm "$M/queues/o"
"$IPCFS" submit queues/o x >/dev/null
status_is old_result_is_none 124 '' "$IPCFS" result --nonblock queues/o 0
"$IPCFS" close queues/o
start "$IPCFS" result queues/o 0
check new_one_is_made "$IPCFS" worker queues/o -- echo new
check new_one_comes ended "$started"
expect new_one_is_it $'new\n' cat "$T/out.$started"
echo garbage >"$M/dicts/o-results/0"
status_is no_result_at_all 125 'something else under its number' "$IPCFS" result queues/o 0

# ---- names, modes, sizes
mkdir "$M/queues/team"
check in_a_folder bash -c '"$IPCFS" submit queues/team/100% x; "$IPCFS" close queues/team/100%; "$IPCFS" worker queues/team/100% cat'
expect in_a_folder_result x "$IPCFS" result "$M/queues/team/100%" 0
check no_folders_of_dicts test -d "$M/dicts/team%2F100%25-results"
status_is too_long_a_name 1 'File name too long' "$IPCFS" worker "queues/$(printf 'x%.0s' {1..200})" true
"$IPCFS" create -m 666 queues/open
"$IPCFS" submit queues/open x >/dev/null
"$IPCFS" close queues/open
check for_others "$IPCFS" worker queues/open cat
expect modes $'777 666\n' bash -c 'stat -c %a "$M/dicts/open-results" "$M/dicts/open-results/0" | xargs'
expect for_others_the_result x setpriv --reuid 12345 --regid 12345 --clear-groups "$IPCFS" result queues/open 0
# Whoever runs the workers, and whoever has waited first: results are for those for whom the queue is.
member() # UID COMMAND...: of the group 500
{
	setpriv --reuid "$1" --regid "$1" --groups 500 "${@:2}"
}
member 12345 "$IPCFS" submit queues/theirs x >/dev/null
"$IPCFS" close queues/theirs
check roots_workers "$IPCFS" worker queues/theirs cat
expect the_owners_result x setpriv --reuid 12345 --regid 12345 --clear-groups "$IPCFS" result queues/theirs 0
"$IPCFS" create -m 660 queues/group
chgrp 500 "$M/queues/group"
member 12345 "$IPCFS" submit queues/group x y >/dev/null
status_is one_waits 124 'timed out' setpriv --reuid 12345 --regid 12345 --groups 500 "$IPCFS" result --timeout 0.01 queues/group 0
"$IPCFS" close queues/group
check another_works setpriv --reuid 12346 --regid 12346 --groups 500 "$IPCFS" worker queues/group cat
expect results_of_a_group xy bash -c 'setpriv --reuid 12345 --regid 12345 --groups 500 "$IPCFS" result queues/group 0
	setpriv --reuid 12347 --regid 12347 --groups 500 "$IPCFS" result queues/group 1'
# A stranger cannot have them, whoever is first.
setpriv --reuid 12345 --regid 12345 --clear-groups mkdir -m 777 "$M/dicts/mine-results"
"$IPCFS" submit queues/mine x >/dev/null
status_is a_strangers_dict 1 'its owner may not write to the queue' "$IPCFS" worker queues/mine cat
status_is a_strangers_results 125 'its owner may not write to the queue' "$IPCFS" result queues/mine 0
rmdir "$M/dicts/mine-results"
chmod 644 "$M/queues/mine"
status_is makes_no_dict 125 'its owner may not write to the queue' \
	setpriv --reuid 12345 --regid 12345 --clear-groups "$IPCFS" result queues/mine 0
check made_none test ! -e "$M/dicts/mine-results"
touch "$M/queues/big,capacity=8M"
head -c 3000000 /dev/urandom >big
check put_a_large_one bash -c 'cat big >"$M/queues/big,block"'
"$IPCFS" close queues/big
check works_on_a_large_one "$IPCFS" worker queues/big -- sh -c 'cat; cat big >&2'
check large_output bash -c '"$IPCFS" result queues/big 0 2>errors | cmp - big && cmp errors big'
expect umask_is_the_commands $'27\n' bash -c 'umask 27; "$IPCFS" submit queues/u x >/dev/null; "$IPCFS" close queues/u
	"$IPCFS" worker queues/u -- sh -c "umask | sed s/^0*//"; "$IPCFS" result queues/u 0'

# A limit for files is an error of the task whose output is longer, and no part of that is a result.
"$IPCFS" submit queues/limited task >/dev/null
"$IPCFS" close queues/limited
check a_limit_for_files_kills_no_worker bash -c 'ulimit -f 1; exec "$IPCFS" worker queues/limited -- head -c 4000 /dev/zero'
status_is its_output_was_too_long 125 'its output of 4000 bytes could not be stored: File too large' "$IPCFS" result queues/limited 0
rm queues/limited
rm -r dicts/limited-results

# ---- the queue is removed, the server ends
in_background /dev/null "$IPCFS" worker queues/gone -j 2 true
check its_workers_wait until_stat queues/gone,stat 'waiters 2'
rm "$M/queues/gone"
status_is removed 1 '' ended "$started"
expect removed_in_words $'ipcfs: worker: queues/gone: Identifier removed\n' cat "$T/err.$started"
in_background /dev/null "$IPCFS" worker queues/last -j 2 true
check its_workers_wait_too until_stat queues/last,stat 'waiters 2'
check ended_by_force "$IPCFS" umount --force "$M"
status_is its_server_ends 1 '' ended "$started"
expect its_server_in_words $'1\n' grep -c 'its server has ended' "$T/err.$started"
finish
