#!/bin/bash
# SPDX-License-Identifier: MIT
#
# test_map.sh - `ipcfs map`: results in the order of the input, whatever is killed meanwhile.
# shellcheck disable=SC2016 # commands are expanded by the shell that runs them
set -u
# shellcheck source=tests/shell/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/shell/lib_tasks.sh
. "$(dirname "$0")/lib_tasks.sh"
export IPCFS_MOUNT=$M
cd "$T" || exit 1

# ---- the command line
status_is no_command 2 'which command' "$IPCFS" map
status_is no_command_behind_dashes 2 'which command' "$IPCFS" map -j 2 --
status_is no_number_of_workers 2 '-j: "many" is no number from 1 to' "$IPCFS" map -j many cat
status_is no_number_of_attempts 2 '--attempts: "0" is no number' "$IPCFS" map --attempts 0 cat
status_is lines_and_nulls 2 'one of --lines and --null' "$IPCFS" map --lines -0 cat
status_is unknown_option 2 'no such option: --all' "$IPCFS" map --all cat
status_is no_mount 1 'ipcfs is not mounted there' "$IPCFS" map --mount "$T" cat
status_is no_input 0 '' "$IPCFS" map false
status_is a_folder_as_input 1 'standard input: Is a directory' bash -c '"$IPCFS" map cat <.'
expect options_are_the_commands_own $'--lines x\n' bash -c 'echo x | "$IPCFS" map echo --lines {}'

# ---- the same as a loop, and as xargs
text=$HERE/../../README.md
expect a_loop_of_input $'same\n' bash -c 'while IFS= read -r line; do printf "%s\n" "$line" | md5sum; done <"$1" >want
	"$IPCFS" map -j 3 md5sum <"$1" >got; cmp got want && echo same' - "$text"
expect a_loop_of_arguments $'same\n' bash -c 'xargs -d "\n" -n 1 printf "<%s>\n" <"$1" >want
	"$IPCFS" map -j 3 printf "<%s>\n" {} <"$1" >got; cmp got want && echo same' - "$text"
expect bytes_through_and_back $'same\n' bash -c 'head -c 300000 /dev/urandom >bytes; "$IPCFS" map -j 3 cat <bytes | cmp - bytes && echo same'
expect no_last_newline $'<a>\n<>\n<b>\n' bash -c 'printf "a\n\nb" | "$IPCFS" map echo "<{}>"'
expect more_in_one_word $'a-a.b\n' bash -c 'echo a | "$IPCFS" map echo "{}-{}.b"'
expect nulls $'1:a 0: 3:b\nc ' bash -c 'printf "a\0\0b\nc" | "$IPCFS" map -0 -- sh -c '\''printf %s: "$(wc -c)"; printf "%s " "$1"'\'' - {}'
printf 'one\n' >one
printf 'two\ntwo\n' >'two files'
expect files $'1 one\n2 two files\n' bash -c 'printf "%s\n" one "two files" | "$IPCFS" map --files -- sh -c '\''echo "$(wc -l) $1"'\'' - {}'
expect files_by_nulls $'1\n2\n' bash -c 'printf "%s\0" one "two files" | "$IPCFS" map -0 --files wc -l'
status_is no_such_file 1 'nonesuch: No such file' bash -c 'printf "%s\n" one nonesuch one | "$IPCFS" map --files cat'
mkfifo filled
expect a_fifo_is_a_file $'filled\n' bash -c 'echo filled >filled & echo filled | "$IPCFS" map --files cat'
expect numbers $'0/1 1/1 2/1\n' bash -c 'seq 3 | "$IPCFS" map -j 2 -- sh -c '\''echo $IPCFS_TASK/$IPCFS_ATTEMPT'\'' | xargs'
expect umask_and_folder $'27 '"$T"$'\n' bash -c 'umask 27; echo | "$IPCFS" map -- sh -c '\''echo "$(umask | sed s/^0*//) $PWD"'\'
check nothing_stays no_objects

# ---- order, errors, statuses
mkdir "$M/queues/own" && touch "$M/events/last" "$M/barriers/four,parties=4" "$M/semaphores/two,value=2,max=2"
rmdir "$M/queues/own"
expect in_order $'1 2 3 4\n' bash -c 'seq 4 | "$IPCFS" map -j 4 -- bash -c '\''
	[ "$1" = 4 ] && echo 1 >"$M/events/last"; cat "$M/events/last" >/dev/null; echo $1'\'' - {} | xargs'
expect side_by_side $'0 1 2 3\n' bash -c 'seq 4 | "$IPCFS" map -j 4 -- sh -c '\''cat "$M/barriers/four,timeout=30"'\'' | sort | xargs'
expect no_more_than_said $'40\n' bash -c 'seq 40 | "$IPCFS" map -j 2 -- "$IPCFS" with --nonblock semaphores/two echo in | grep -c in'
status_is some_fail 1 '3 of 6 commands failed' bash -c 'seq 6 | "$IPCFS" map -j 2 -- sh -c '\''exit $(({} % 2))'\'
expect both_streams $'same\n' bash -c 'seq 50 | "$IPCFS" map -j 4 -- sh -c "echo out {}; echo error {} >&2" >out 2>errors
	cmp out <(seq -f "out %g" 50) && cmp errors <(seq -f "error %g" 50) && echo same'
expect each_its_own $'o1 e1 o2 e2 o3 e3\n' bash -c 'seq 3 | "$IPCFS" map -j 3 -- sh -c "echo e{} >&2; echo o{}" 2>&1 | xargs'
status_is killed_commands 1 'item 2: killed by signal 15 (Terminated)' bash -c 'seq 3 | "$IPCFS" map -- bash -c "[ {} != 2 ] || kill \$\$"'
status_is not_there 1 'nonesuch: No such file' bash -c 'seq 3 | "$IPCFS" map nonesuch'
status_is a_byte_0 1 'has a byte 0' bash -c 'printf "a\0b\n" | "$IPCFS" map echo {}'
status_is too_long 1 'item 2 is longer than' bash -c '(echo x; head -c 2000000 /dev/zero) | "$IPCFS" map true'
expect the_longest $'1044480\n' bash -c '(head -c 1044479 /dev/zero; echo) | "$IPCFS" map wc -c'
expect large_outputs $'same\n' bash -c 'head -c 3000000 /dev/urandom >big; seq 5 | "$IPCFS" map -j 2 cat big | cmp - <(cat big big big big big) && echo same'
expect what_stays_behind_is_not_waited_for $'hi\n' bash -c 'echo | "$IPCFS" map -- sh -c "sleep 1000 & echo \$! >stays; echo hi"'
check it_stays kill "$(<stays)"
expect tried_again $'1.1 2.3 3.1\n' bash -c 'seq 3 | "$IPCFS" map --retry -- sh -c '\''echo {}.$IPCFS_ATTEMPT; [ {} != 2 ] || [ $IPCFS_ATTEMPT = 3 ]'\'' | xargs'
status_is tried_so_often 1 '1 of 1 command failed' bash -c 'echo | "$IPCFS" map --retry --attempts 3 -- sh -c "echo >>tries; exit 1"'
expect so_often $'3\n' wc -l <tries
status_is without_standard_input 1 'standard input: Bad file descriptor' bash -c '"$IPCFS" map cat <&-'
status_is without_standard_output 1 'standard output: Bad file descriptor' bash -c 'echo x | "$IPCFS" map cat >&-'
check nothing_stays_again no_objects
if [ -n "${LONG:-}" ]; then
	status_is too_much 1 'it wrote more than' bash -c 'seq 2 | "$IPCFS" map head -c 70000000 /dev/zero >/dev/null'
fi

# ---- a window of tasks, not all of them
mkfifo first
in_background /dev/zero "$IPCFS" map -0 -j 2 -- bash -c '[ $IPCFS_TASK != 0 ] || cat first; echo $IPCFS_TASK'
queue() # its private queue
{
	basename "$M"/queues/map-*
}
export -f queue
check has_its_queue until_is bash -c '[ -e "$M/queues/$(queue)" ]'
check stops_at_the_window until_stat "queues/$(queue),stat" 'put 128'
check the_others_are_done until_stat "queues/$(queue),stat" 'unfinished 1'
expect none_is_printed '' cat "$T/out.$started"
echo 'the first' >first
check goes_on_then until_is grep -qx 999 "$T/out.$started"
kill "$pid"
status_is is_stopped 143 '' ended "$started"
expect in_order_from_the_first $'same\n' bash -c 'n=$(wc -l <"$1"); head -n "$n" "$1" | cmp - <(echo "the first"; seq 0 $((n - 2))) && echo same' - "$T/out.$started"
check stopped_leaves_nothing no_objects

# ---- kills
# A worker is killed again and again.
count=1000 pause=0.05
[ -z "${LONG:-}" ] || count=10000 pause=1
seq "$count" >input
in_background input "$IPCFS" map -j 4 -- sh -c 'read -r x; echo $((x * x))'
map=$started kills=0
while kill -0 "$map" 2>/dev/null; do
	sleep "$pause" # how often, not what for
	worker=$(xargs -n 1 2>/dev/null <"/proc/$pid/task/$pid/children" | shuf -n 1)
	[ -z "$worker" ] || ! kill -9 "$worker" 2>/dev/null || kills=$((kills + 1))
done
check map_survives_its_workers ended "$map"
check they_were_killed test "$kills" -gt 0
expect all_results_in_order $'same\n' bash -c 'awk "{ printf \"%d\\n\", \$1 * \$1 }" input | cmp - "$1" && echo same' - "$T/out.$map"
expect no_words_of_it '' cat "$T/err.$map"
check kills_leave_nothing no_objects

# One item kills its workers.
status_is poison 1 'item 3: no worker has survived it, in 5 attempts' bash -c 'seq 6 | "$IPCFS" map -j 2 -- bash -c '\''
	[ {} != 3 ] || { echo >>eaten; kill -9 $PPID; }; echo {}'\'' >out'
expect the_others_are_unharmed $'1 2 4 5 6\n' xargs <out
expect five_were_eaten $'5\n' wc -l <eaten

# map is killed: nobody is left.
for signal in KILL INT TERM HUP; do
	rm -f begun
	in_background input "$IPCFS" map -j 1 -- bash -c 'sleep 1000 & echo $PPID $$ $! >begun.new; mv begun.new begun; wait'
	check "begun_$signal" until_is test -s begun
	read -ra pids <begun
	kill -s "$signal" "$pid"
	status_is "ends_$signal" $((128 + $(kill -l "$signal"))) '' ended "$started"
	[ "$signal" = KILL ] || expect "no_words_$signal" '' cat "$T/err.$started"
	check "nobody_is_left_$signal" all_gone "${pids[@]}"
	check "nothing_is_left_$signal" no_objects
done

# Nobody reads any more.
in_background input bash -c '"$IPCFS" map -j 2 cat | head -n 1; echo "${PIPESTATUS[0]}"'
check ends_with_its_reader ended "$started"
expect as_all_do $'1\n141\n' cat "$T/out.$started"
check eof_leaves_nothing no_objects

# The private queue is not so private: its owner removes it.
touch "$M/events/never"
in_background input "$IPCFS" map -j 2 -- cat "$M/events/never"
check has_a_queue until_is bash -c '[ -e "$M/queues/$(queue)" ]'
rm "$M/queues/$(queue)"
status_is its_queue_is_removed 1 '' ended "$started"
check removed_leaves_nothing no_objects

# So are its results: a worker that stores one later does not make them anew.
seq 2 >two
touch "$M/events/later"
in_background two "$IPCFS" map -j 2 -- sh -c 'cat "$M/events/later"; echo {}'
check has_a_queue_again until_is bash -c '[ -e "$M/queues/$(queue)" ]'
queue=$(queue)
check both_have_begun until_stat "queues/$queue,stat" 'unfinished 2'
check both_are_leased until_stat "queues/$queue,stat" 'messages 0'
mapfile -t workers < <(xargs -n 1 <"/proc/$pid/task/$pid/children")
kill -STOP "$pid"
rm -r "$M/dicts/$queue"
echo 1 >"$M/events/later"
check both_have_ended until_is bash -c 'for p in "${@:2}"; do
	[ -e "$1" ] || grep -q "^State:.Z" "/proc/$p/status" || exit 1; done' - "$M/dicts/$queue" "${workers[@]}"
kill -CONT "$pid"
status_is its_results_are_removed 1 '' ended "$started"
expect removed_in_words $'1\n' grep -c 'map: .*/dicts/map.*: Identifier removed\|map: .*/dicts/map.*: No such file' "$T/err.$started"
rm "$M/events/later"
check removed_results_leave_nothing no_objects

# Somebody has cut off one of them.
cat >forge.sh <<'END'
queue=$(basename "$M"/queues/map-*)
printf 'status 0\nattempt 1\nqueue %d\noutput 9\nerror 0\n\ncut' "$(stat -c %i "$M/queues/$queue")" >"$M/dicts/$queue/0"
END
in_background two "$IPCFS" map -j 1 -- sh -c '. ./forge.sh; exec sleep 1000'
status_is a_result_is_cut_off 1 '' ended "$started"
expect cut_off_in_words $'1\n' grep -c 'map: .*/dicts/map.*: there is something else in place of a result$' "$T/err.$started"
check a_cut_result_leaves_nothing no_objects

# What waits for ever is ended as well: a FIFO that nobody writes to, a file that is too long to be counted.
mkfifo silent
echo silent >names
in_background names "$IPCFS" map --files -j 1 cat
check has_one_queue until_is bash -c '[ -e "$M/queues/$(queue)" ]'
check has_leased until_stat "queues/$(queue),stat" 'unfinished 1'
check it_is_leased until_stat "queues/$(queue),stat" 'messages 0'
kill "$pid"
status_is ends_in_open 143 '' ended "$started"
truncate -s 4T endless
in_background endless "$IPCFS" map --progress -j 2 true
check has_yet_a_queue until_is bash -c '[ -e "$M/queues/$(queue)" ]'
check workers_wait until_stat "queues/$(queue),stat" 'waiters 2'
kill "$pid"
status_is ends_while_it_counts 143 '' ended "$started"
rm endless
check these_leave_nothing no_objects

# ---- on a terminal
cat >on_a_terminal.py <<'END'
import fcntl, os, pty, re, struct, sys, termios
# on_a_terminal.py KEY COMMAND...: KEY is typed when it has printed "ready". $WIDTH: columns of the terminal.
pid, tty = pty.fork()
if pid == 0:
    fcntl.ioctl(2, termios.TIOCSWINSZ, struct.pack("HHHH", 24, int(os.environ.get("WIDTH", 80)), 0, 0))
    os.dup2(os.open("input5", os.O_RDONLY), 0)
    os.execvp(sys.argv[2], sys.argv[2:])
told = b""
while True:
    try:
        more = os.read(tty, 1000)
    except OSError:
        break # it has closed its terminal
    if not more:
        break
    told += more.replace(b"^C", b"") # which the terminal shows
    if b"ready" in told and sys.argv[1]:
        os.write(tty, sys.argv[1].encode())
        sys.argv[1] = ""
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
# What the bar has left of each line.
lines = [line.split(b"\x1b[K")[-1] for line in told.replace(b"\r\n", b"\n").split(b"\n")]
plain = b" ".join(line for line in lines if line).decode()
drawn = max(map(len, re.findall(rb"[\r\n]([^\r\n\x1b]*)\x1b", told)), default=0)
if "WIDTH" in os.environ:
    print("fits" if drawn < int(os.environ["WIDTH"]) else told)
print("status", status, plain, "bar" if b"5/5, " in told and b"[=====" in told else "none")
END
seq 5 >input5
expect a_bar $'status 0 1 2 3 4 5 bar\n' python3 on_a_terminal.py '' "$IPCFS" map -j 2 cat
expect no_bar $'status 0 1 2 3 4 5 none\n' python3 on_a_terminal.py '' "$IPCFS" map --no-progress -j 2 cat
expect no_bar_elsewhere $'status 0 1 2 3 4 5 none\n' python3 on_a_terminal.py '' bash -c '"$IPCFS" map -j 2 cat 2>errors && ! [ -s errors ]'
expect a_line_at_the_end $'1\n' bash -c 'seq 5 | "$IPCFS" map --progress -j 2 cat 2>&1 >/dev/null | grep -c "^5/5, [0-9.]*/s"'
expect narrow $'fits\nstatus 1 ipcfs: map: 5 of 5 commands failed none\n' env WIDTH=20 python3 on_a_terminal.py '' "$IPCFS" map false
expect not_drawn_over $'status 0 1 2 3 4 5  bar\n' python3 on_a_terminal.py '' "$IPCFS" map printf '%s ' {}
rm -f begun
expect ctrl_c $'status -2 ready none\n' python3 on_a_terminal.py $'\x03' "$IPCFS" map --no-progress -j 2 -- sh -c \
	'[ {} != 1 ] && exec sleep 1000; echo ready'
check ctrl_c_leaves_nothing no_objects

# ---- its server is killed
in_background input5 "$IPCFS" map -j 2 -- sleep 1000
check has_begun_on_it until_is bash -c '[ -e "$M/queues/$(queue)" ]'
check sleeps until_stat "queues/$(queue),stat" 'messages 3'
sed -n 's/^pid //p' "$M/status" | xargs kill -9
status_is its_server_ends 1 '' ended "$started"
expect in_one_line $'1 1\n' bash -c 'echo $(wc -l <"$1") $(grep -c "its server has ended" "$1")' - "$T/err.$started"
finish
