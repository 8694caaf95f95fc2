#!/bin/bash
# SPDX-License-Identifier: MIT
#
# test_bash.sh - what is typed into bash: redirects, read, descriptors that stay open, loops.
# shellcheck disable=SC2016 # commands are expanded by the bash that runs them
set -u
# shellcheck source=tests/shell/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$M" || exit 1

# script NAME WANT TEXT: TEXT is run by a bash of its own
script()
{
	expect "$1" "$2" bash -c "$3"
}

# redirects
script redirect_puts_and_gets $'hello\n' 'echo hello >queues/q; cat <queues/q'
script append_puts $'1\n2\n' 'echo 1 >>queues/q; echo 2 >>queues/q; cat queues/q; cat queues/q'
script noclobber_override $'x\n' 'set -C; echo x >|queues/q; cat queues/q'
script noclobber_new_name $'y\n' 'set -C; echo y >queues/fresh; cat queues/fresh'
script stderr_redirect $'oops\n' 'echo oops 2>&1 1>&2 2>queues/q >&2; cat queues/q'
script both_redirect $'out\n' 'echo out &>queues/q; cat queues/q'
script here_string $'here\n' 'cat <<<here >queues/q; cat queues/q'
# A newline ends a write of bash's echo.
script echo_of_two_lines_is_two $'messages 2\na\nb\n' $'touch queues/two; echo "a\nb" >queues/two; grep ^messages queues/two,stat; cat queues/two; cat queues/two'
script echo_of_two_lines_leaves_the_last $'b\n' $'echo "a\nb" >values/two,type=s; cat values/two'
script two_lines_whole $'messages 3\na\nb\nc\nd\ne\nf' $'echo "a\nb" >queues/two,block; cat <<<$\'c\\nd\' >queues/two; "$IPCFS" put "$M/queues/two" $\'e\\nf\'
	grep ^messages queues/two,stat; for i in 1 2 3; do cat queues/two; done'
script two_lines_of_a_value $'a\nb\n' $'cat <<<$\'a\\nb\' >values/two; cat values/two'
script two_lines_of_a_key $'a\nb\n' $'mkdir dicts/two; echo "a\nb" >dicts/two/k; cat dicts/two/k'
script here_document $'two\nlines\n' $'cat >queues/q <<END\ntwo\nlines\nEND\ncat queues/q'
script pipe_in_and_out $'PIPED\n' 'echo piped | cat >queues/q; cat queues/q | tr a-z A-Z'
script process_substitution $'sub\n' 'echo sub >queues/q; cat <(cat queues/q)'
script braces_are_two_messages $'messages 2\n' '{ echo a; echo b; } >queues/q; grep "^messages" queues/q,stat; echo clear >queues/q,ctl'
script empty_redirect_puts_nothing $'messages 0\n' ': >queues/q; grep "^messages" queues/q,stat'
script printf_empty_puts_nothing $'messages 0\n' 'printf "" >queues/q; grep "^messages" queues/q,stat'
script builtin_printf_with_two_lines_is_two_messages $'messages 2\na\nb\n' \
	'printf "a\nb\n" >queues/q; grep "^messages" queues/q,stat; cat queues/q; cat queues/q'
script program_printf_with_two_lines_is_one_message $'messages 1\na\nb\n' \
	'env printf "a\nb\n" >queues/q; grep "^messages" queues/q,stat; cat queues/q'
script echo_e_is_by_line_as_well $'messages 2\n' 'echo -e "a\nb" >queues/q; grep "^messages" queues/q,stat; echo clear >queues/q,ctl'
script echo_n_exact 'abc' 'echo -n abc >queues/q; cat queues/q'

# $(<f), mapfile, read
script substitution 'v=<hello>' 'echo hello >queues/q; v=$(<queues/q); printf "v=<%s>" "$v"'
script substitution_value '42' 'echo 42 >values/v; printf %s "$(<values/v)"'
script substitution_many_lines $'1\n2\n3' 'echo 1 2 3 >arrays/a,type=i,len=3; printf %s "$(<arrays/a)"'
script mapfile_array '3 1-2-3' 'mapfile -t x <arrays/a; IFS=-; printf "%s %s" "${#x[@]}" "${x[*]}"'
script mapfile_message '2 a b' 'env printf "a\nb\n" >queues/q; mapfile -t x <queues/q; printf "%s %s" "${#x[@]}" "${x[*]}"'
script read_line $'<a b>\n' 'echo a b >queues/q; read -r l <queues/q; echo "<$l>"'
script read_words $'a|b c\n' 'echo a b c >queues/q; read -r x y <queues/q; echo "$x|$y"'
script read_without_newline $'1 abc\n' 'printf abc >queues/q; read -r l <queues/q; echo "$? $l"'
script read_drops_the_rest_at_close $'first\nother\n' \
	'env printf "first\nsecond\n" >queues/q; echo other >queues/q; read -r l <queues/q; echo "$l"; cat queues/q'
script read_value $'42\n' 'read -r n <values/v; echo "$n"'
script read_N 'abc' 'echo abcdef >queues/q; read -r -N 3 x <queues/q; printf %s "$x"'
script read_d $'a:\n' 'printf "a;b" >queues/q; read -r -d ";" x <queues/q; echo "$x:"'
script read_semaphore $'1\n' 'echo 1 >semaphores/s; read -r n <semaphores/s; echo "$n"'
script read_event $'1\n' 'echo 1 >events/e; read -r n <events/e; echo "$n"'
script read_key_value $'42\n' 'while read -r k v; do [ "$k" != value ] || echo "$v"; done <values/v,stat'

# while read loops end
script while_read_one_message_ends $'l1\nl2\nend\n' \
	'env printf "l1\nl2\n" >queues/q; echo more >queues/q; while read -r l; do echo "$l"; done <queues/q; echo end'
script while_read_left_the_next $'more\n' 'cat queues/q'
script while_read_array_ends $'1\n2\n3\nend\n' 'while read -r l; do echo "$l"; done <arrays/a; echo end'
script while_read_value_ends $'42\nend\n' 'while read -r l; do echo "$l"; done <values/v; echo end'
script for_in_array $'1 2 3 \n' 'for x in $(<arrays/a); do printf "%s " "$x"; done; echo'
script while_cat_nonblocking_ends $'1 2 3 end\n' \
	'for i in 1 2 3; do echo $i >queues/q; done; while m=$(cat queues/q,timeout=0 2>/dev/null); do printf "%s " "$m"; done; echo end'

# a handle for reading alone: one item, end of file, the next
script rdonly_one_item_then_end_of_file $'0 a\n1 \n0 b\n' \
	'echo a >queues/q; echo b >queues/q; exec 3<queues/q; for i in 1 2 3; do read -r -u3 l; echo "$? $l"; done'
script rdonly_cat_twice_on_one_handle $'a\n-\nb\n' 'echo a >queues/q; echo b >queues/q; { cat; echo -; cat; } <queues/q'

# a handle for both: no end of file
script rdwr_queue $'a b c \n' \
	'for m in a b c; do echo $m >queues/q; done; exec 3<>queues/q; for i in 1 2 3; do read -r -u3 l; printf "%s " "$l"; done; echo'
script rdwr_queue_put_and_get $'me\nyou\n' 'exec 3<>queues/q; echo me >&3; echo you >&3; read -r -u3 l; echo "$l"; read -r -u3 l; echo "$l"'
script rdwr_queue_lines_within_a_message $'1\n2\n3\n' \
	'exec 3<>queues/q; env printf "1\n2\n" >&3; echo 3 >&3; for i in 1 2 3; do read -r -u3 l; echo "$l"; done'
script rdwr_creates $'made\n' 'exec 3<>queues/made; echo made >&3; cat <&3 >"$T/made" & until [ -s "$T/made" ]; do sleep 0.01; done; kill $!; cat "$T/made"'
script rdwr_semaphore $'1 1 0\n' 'exec 3<>semaphores/s; echo 2 >&3; read -r -u3 a; read -r -u3 b; echo "$a $b $(cat semaphores/s,peek)"'
script rdwr_stream_view $'a\nb\n' 'echo a >queues/q; echo b >queues/q; exec 3<queues/q,stream; read -r -u3 l; echo "$l"; read -r -u3 l; echo "$l"'
script stream_loop $'1\n2\n3\n' 'for i in 1 2 3; do echo $i >queues/q; done; while read -r l; do echo "$l"; [ "$l" != 3 ] || break; done <queues/q,stream'
start bash -c 'exec 3<>queues/q; read -r -u3 l; echo "got $l"'
check rdwr_waits until_stat queues/q,stat 'waiters 1'
echo late >queues/q
check rdwr_woken ended "$started"
expect rdwr_woken_with_it $'got late\n' cat "$T/out.$started"
script write_while_own_read_waits $'ping\n' \
	'exec 3<>queues/q; { read -r -u3 l; echo "$l"; } & until_stat queues/q,stat "waiters 1" && echo ping >&3; wait'

# values: a handle for both
script value_add_and_read $'1\n' 'echo 0 >values/n; exec 3<>values/n; echo "add 1" >&3; read -r -u3 n; echo "$n"'
script value_add_and_read_in_a_loop $'2 3 4 5 6 \n' 'exec 3<>values/n; for i in 1 2 3 4 5; do echo "add 1" >&3; read -r -u3 n; printf "%s " "$n"; done; echo'
script value_own_result_although_another_wrote $'7\n100\n' \
	'exec 3<>values/n; echo "add 1" >&3; echo 100 >values/n; read -r -u3 n; echo "$n"; cat values/n'
script value_read_twice_is_end_of_file $'0 100\n1 \n' 'exec 3<>values/n; for i in 1 2; do read -r -u3 n; echo "$? $n"; done'
script value_set_and_read $'5\n' 'exec 3<>values/n; echo 5 >&3; read -r -u3 n; echo "$n"'
script value_operations $'15 12 24 8 12 10 \n' \
	'exec 3<>values/n; for o in "+=10" "sub 3" "mul 2" "and 8" "or 4" "xor 6"; do echo "$o" >&3; read -r -u3 n; printf "%s " "$n"; done; echo'
script value_float $'2.5\n' 'echo 1.5 >values/f; exec 3<>values/f; echo "add 1" >&3; read -r -u3 n; echo "$n"'
script value_string_lines $'a line\n' 'echo "a line" >values/s; exec 3<>values/s; read -r -u3 n; echo "$n"'
script value_longer_then_shorter $'1234567\n8\n' 'exec 3<>values/n; echo 1234567 >&3; read -r -u3 n; echo "$n"; echo 8 >&3; read -r -u3 n; echo "$n"'
script value_two_lines_of_printf_are_two_writes $'13\n' 'echo 10 >values/n; printf "add 1\nadd 2\n" >values/n; cat values/n'
script value_cas_counter $'1 2 3 \n' \
	'echo 0 >values/n; exec 3<>values/n,cas; for i in 1 2 3; do read -r -u3 n || read -r -u3 n; echo $((n + 1)) >&3; printf "%s " $((n + 1)); done; echo'
script value_cas_lost $'lost 50\n' 'echo 0 >values/n; exec 3<>values/n,cas; read -r -u3 n; echo 50 >values/n; echo $((n + 1)) >&3 2>/dev/null || echo "lost $(cat values/n)"'
script value_sum_of_four_shells $'400\n' \
	'echo 0 >values/n; for p in 1 2 3 4; do { for i in {1..100}; do echo "add 1" >values/n; done; } & done; wait; cat values/n'
script value_sum_results_are_unique $'200\n' \
	'echo 0 >values/n; { for p in 1 2; do { exec 3<>values/n; for i in {1..100}; do echo "add 1" >&3; read -r -u3 n; echo $n; done; } & done; wait; } | sort -u | wc -l'

# arrays
script array_element $'1\n9\n3\n' 'echo 1=9 >arrays/a; cat arrays/a'
script array_add $'10\n' 'echo 1+=1 >arrays/a; cat arrays/a,at=1'
script array_slice $'5\n6\n3\n' 'echo 0:2=5 6 >arrays/a; cat arrays/a'
script array_fill $'0\n0\n0\n' 'echo :=0 >arrays/a; cat arrays/a'
script array_all_on_lines $'7\n8\n9\n' 'env printf "7\n8\n9\n" >arrays/a; cat arrays/a'
script array_rdwr $'7\n8\n9\n' 'exec 3<>arrays/a; for i in 1 2 3; do read -r -u3 x; echo $x; done'
script array_element_by_view $'88\n' 'echo 88 >arrays/a,at=1; cat arrays/a,at=1'
script array_without_len_is_as_long_as_its_creator_wrote $'len 4\n' 'echo 1 2 3 4 >arrays/auto; grep "^len" arrays/auto,stat'

# bash asks a queue byte by byte, and a value by offset
script bytewise_long_line $'5000\n' 'env printf "%05000d\n" 7 | dd of=queues/q bs=5001 iflag=fullblock status=none; read -r l <queues/q; echo ${#l}'
script bytewise_n1 'a.b.c.' 'printf abc >queues/q; exec 3<queues/q; for i in 1 2 3; do read -r -u3 -N1 x; printf "%s." "$x"; done'
script bytewise_utf8 $'4 häé€\n' 'echo häé€ >queues/q; read -r l <queues/q; echo "${#l} $l"'
script offsets_of_an_array_go_on $'7\n88\n9\n' 'exec 3<arrays/a; read -r -u3 x; echo $x; cat <&3'
script offsets_snapshot_is_consistent $'7\n88\n' 'exec 3<arrays/a; read -r -u3 x; echo :=0 >arrays/a; echo $x; read -r -u3 x; echo $x'
script many_values_by_byte $'5000\n' 'env printf "%05000d" 7 | dd of=values/long,type=s,len=6000 bs=5000 iflag=fullblock status=none; read -r l <values/long; echo ${#l}'

# waiting
start bash -c 'read -r x <events/start,timeout=30 && echo "started $x"'
ended "$started" # there is no events/start yet
touch events/start
start bash -c 'read -r x <events/start && echo "started $x"'
check event_waits until_stat events/start,stat 'waiters 1'
echo 1 >events/start
check event_wakes ended "$started"
expect event_woke $'started 1\n' cat "$T/out.$started"
script writer_waits_while_full $'1\n2\n' \
	'touch queues/one,maxsize=1; echo 1 >queues/one; echo 2 >queues/one & until_stat queues/one,stat "writers 1"; cat queues/one; wait; cat queues/one'
script four_readers_get_one_each $'1\n2\n3\n4\n' \
	'{ for i in 1 2 3 4; do cat queues/q & done; until_stat queues/q,stat "waiters 4"; for i in 1 2 3 4; do echo $i >queues/q; done; wait; } | sort'
script mutex $'300\n' \
	'touch semaphores/m,value=1,max=1; echo 0 >"$T/count"; for p in 1 2 3; do { for i in {1..100}; do read -r t <semaphores/m; read -r n <"$T/count"; echo $((n + 1)) >"$T/count"; echo 1 >semaphores/m; done; } & done; wait; cat "$T/count"'
start bash -c 'exec 3<values/w,watch; while read -r -u3 x; do echo $x; [ "$x" != 3 ] || break; done'
ended "$started" # there is no values/w yet
check watch_of_nothing_is_enoent grep -q 'No such file' "$T/err.$started"
echo 1 >values/w
start bash -c 'exec 3<values/w,watch; while read -r -u3 x; do echo $x; [ "$x" != 3 ] || break; done'
check watch_waits_for_a_change until_stat values/w,stat 'waiters 1'
echo 3 >values/w
check watch_ends ended "$started"
expect watch_showed_both $'1\n3\n' cat "$T/out.$started"
start bash -c 'trap "echo caught; exit 3" USR1; read -r x <queues/q'
check trap_waits until_stat queues/q,stat 'waiters 1'
pkill -USR1 -P "$started" bash
ended "$started"
expect trap_is_run $'caught\n' cat "$T/out.$started"
expect trap_left_no_waiter $'waiters 0\n' grep '^waiters' queues/q,stat
start bash -c 'cat queues/q'
check killed_waits until_stat queues/q,stat 'waiters 1'
kill -TERM "$started"
ended "$started"
script killed_took_nothing $'kept\n' 'echo kept >queues/q; cat queues/q'
script temp_lives_as_its_handle $'yes no\n' \
	'exec 3<>queues/t,temp; [ -e queues/t ] && printf "yes "; exec 3>&-; while [ -e queues/t ]; do sleep 0.01; done; echo no'
script rm_wakes $'1 Identifier removed\n' \
	'touch queues/gone; { cat queues/gone 2>&1 | sed "s/.*: /1 /"; } & until_stat queues/gone,stat "waiters 1"; rm queues/gone; wait'
script test_N_and_t $'f r w\n' '[ -f queues/q ] && printf "f "; [ -r queues/q ] && printf "r "; [ -w queues/q ] && echo w'
script glob $'values/f values/long values/n\n' 'echo values/[fln]*'
script source_a_file_of_status_lines $'q\n' 'while read -r k v; do declare "stat_$k=$v"; done <values/n,stat; echo "$stat_type"'
cd / || exit 1
finish
