#!/bin/bash
# SPDX-License-Identifier: MIT
#
# test_dash.sh - Debian's sh: it reads every line a byte at a time.
# shellcheck disable=SC2016 # commands are expanded by the dash that runs them
set -u
# shellcheck source=tests/shell/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$M" || exit 1

if ! command -v dash >/dev/null; then
	skip test_dash 'there is no dash'
	finish
fi

script()
{
	expect "$1" "$2" dash -c "$3"
}

script echo_and_cat $'hello\n' 'echo hello >queues/q; cat queues/q'
script append $'hello\n' 'echo hello >>queues/q; cat queues/q'
script read_line $'a b\n' 'echo a b >queues/q; read -r l <queues/q; echo "$l"'
script read_words $'a|b c\n' 'echo a b c >queues/q; read -r x y <queues/q; echo "$x|$y"'
script read_drops_the_rest_at_close $'first\nother\n' \
	'printf "first\nsecond\n" >queues/q; echo other >queues/q; read -r l <queues/q; echo "$l"; cat queues/q'
script read_without_newline $'1 abc\n' 'printf abc >queues/q; read -r l <queues/q; echo "$? $l"'
script printf_with_two_lines_is_one_message $'messages 1\na\nb\n' 'printf "a\nb\n" >queues/q; grep "^messages" queues/q,stat; cat queues/q'
script echo_with_two_lines_is_one_message $'messages 1\n' 'echo "a\nb" >queues/q; grep "^messages" queues/q,stat; cat queues/q >/dev/null'
script substitution '<hello>' 'echo hello >queues/q; printf "<%s>" "$(cat queues/q)"'
script while_read_ends $'l1\nl2\nend\n' 'printf "l1\nl2\n" >queues/q; while read -r l; do echo "$l"; done <queues/q; echo end'
script rdonly_one_item_then_end_of_file $'0 a\n1 \n0 b\n' \
	'echo a >queues/q; echo b >queues/q; exec 3<queues/q; for i in 1 2 3; do read -r l <&3; echo "$? $l"; done'
script rdwr_queue $'a b c \n' \
	'for m in a b c; do echo $m >queues/q; done; exec 3<>queues/q; for i in 1 2 3; do read -r l <&3; printf "%s " "$l"; done; echo'
script rdwr_queue_put_and_get $'me\nyou\n' 'exec 3<>queues/q; echo me >&3; echo you >&3; read -r l <&3; echo "$l"; read -r l <&3; echo "$l"'
script rdwr_creates $'n\n' 'exec 3<>queues/new; echo n >&3; read -r l <&3; echo "$l"'
script stream_view $'a\nb\n' 'echo a >queues/q; echo b >queues/q; exec 3<queues/q,stream; read -r l <&3; echo "$l"; read -r l <&3; echo "$l"'
script value $'42\n' 'echo 42 >values/v; read -r n <values/v; echo "$n"'
script value_loop_ends $'42\nend\n' 'while read -r l; do echo "$l"; done <values/v; echo end'
script value_add_and_read $'43\n' 'exec 3<>values/v; echo "add 1" >&3; read -r n <&3; echo "$n"'
script value_add_and_read_in_a_loop $'44 45 46 \n' 'exec 3<>values/v; for i in 1 2 3; do echo "add 1" >&3; read -r n <&3; printf "%s " "$n"; done; echo'
script value_read_twice_is_end_of_file $'0 46\n1 \n' 'exec 3<values/v; for i in 1 2; do read -r n <&3; echo "$? $n"; done'
script array $'1\n2\n3\nend\n' 'echo 1 2 3 >arrays/a,type=i,len=3; while read -r x; do echo "$x"; done <arrays/a; echo end'
script array_element $'9\n' 'echo 1=9 >arrays/a; cat arrays/a,at=1'
script array_snapshot_by_byte $'1\n9\n3\n' 'exec 3<arrays/a; read -r x <&3; echo "$x"; echo :=0 >arrays/a; cat <&3'
script semaphore $'1\n0\n' 'echo 1 >semaphores/s; read -r n <semaphores/s; echo "$n"; cat semaphores/s,peek'
script semaphore_rdwr $'1 1\n' 'exec 3<>semaphores/s; echo 2 >&3; read -r a <&3; read -r b <&3; echo "$a $b"'
script event $'1\n' 'echo 1 >events/e; read -r n <events/e; echo "$n"'
script errors_are_told $'1 42\n' 'echo 42 >values/v; echo abc 2>/dev/null >values/v; echo "$? $(cat values/v)"'
fails error_message 'echo: I/O error' dash -c 'echo abc >values/v' # its words for any errno
fails enoent_message 'values/none' dash -c 'read -r x <values/none'
script mutex $'200\n' \
	'touch semaphores/m,value=1,max=1; echo 0 >"$T/count"; for p in 1 2; do { i=0; while [ $i -lt 100 ]; do read -r t <semaphores/m; read -r n <"$T/count"; echo $((n + 1)) >"$T/count"; echo 1 >semaphores/m; i=$((i + 1)); done; } & done; wait; cat "$T/count"'
start dash -c 'read -r l <queues/q; echo "got $l"'
check read_waits until_stat queues/q,stat 'waiters 1'
echo late >queues/q
check read_woken ended "$started"
expect read_woken_with_it $'got late\n' cat "$T/out.$started"
start dash -c 'touch queues/full,maxsize=1; echo 1 >queues/full; echo 2 >queues/full; echo written'
check writer_waits until_stat queues/full,stat 'writers 1'
expect writer_first $'1\n' cat queues/full
check writer_woken ended "$started"
expect writer_second $'2\n' cat queues/full
# A signal with a handler ends dash's read, as on a pipe.
start dash -c 'trap "echo caught" USR1; read -r l <queues/q; echo "read $?"'
check trap_waits until_stat queues/q,stat 'waiters 1'
pkill -USR1 -P "$started" dash
check trap_ends_the_read ended "$started"
expect trap_is_run $'caught\nread 1\n' cat "$T/out.$started"
cd / || exit 1
finish
