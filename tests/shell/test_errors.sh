#!/bin/bash
# SPDX-License-Identifier: MIT
#
# test_errors.sh - each error of the contract for these kinds as somebody meets it who types: the command's message,
# and the line in /ipc/errors, or none.
# shellcheck disable=SC2016 # commands are expanded by the bash that runs them
set -u
# shellcheck source=tests/shell/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$M" || exit 1
nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups)
daemon=(setpriv --reuid=1 --regid=1 --clear-groups)

# The last failure without its time and pid.
last()
{
	tail -n 1 errors | sed -E 's/^[^ ]+ [0-9]+ //'
}

# wrong NAME MESSAGE LINE SCRIPT: the script fails with the message *MESSAGE*, and errors has a new last line LINE (a pattern).
wrong()
{
	local out err status before after line

	before=$(tail -n 1 errors)
	run bash -c "$4"
	after=$(tail -n 1 errors)
	line=$(last)
	# shellcheck disable=SC2053 # patterns
	if [ "$status" = 0 ] || [ "$status" -ge 124 ] || [[ $err != *$2* ]]; then
		fail "$1" "status $status $(shown "$err")" "a failure with $(shown "$2")"
	elif [ "$before" = "$after" ]; then
		fail "$1" "nothing new in errors" "$(shown "$3")"
	elif [[ $line != $3 ]]; then
		fail "$1" "in errors $(shown "$line")" "$(shown "$3")"
	else
		pass "$1"
	fi
}

# quiet NAME MESSAGE SCRIPT: the script fails with the message, and errors has nothing new.
quiet()
{
	local out err status before after

	before=$(<errors)
	run bash -c "$3"
	after=$(<errors)
	# shellcheck disable=SC2053 # a pattern
	if [ "$status" = 0 ] || [ "$status" -ge 124 ] || [[ $err != *$2* ]]; then
		fail "$1" "status $status $(shown "$err")" "a failure with $(shown "$2")"
	elif [ "$before" != "$after" ]; then
		fail "$1" "in errors $(shown "$(tail -n 1 errors)")" "nothing new in errors"
	else
		pass "$1"
	fi
}

# ---- values: text that is no value ----------------------------------------------------------------
echo 5 >values/x
wrong value_not_a_number 'Invalid argument' 'EINVAL values/x: "abc" is not an int64' 'echo abc >values/x'
expect value_left_as_it_was $'5\n' cat values/x
wrong value_two_numbers 'Invalid argument' 'EINVAL values/x: "1 2" *' 'echo 1 2 >values/x'
wrong value_fraction 'Invalid argument' 'EINVAL values/x: "1.5" is not an int64' 'echo 1.5 >values/x'
wrong value_blank 'Invalid argument' 'EINVAL values/x: *' 'echo >values/x'
wrong value_hexadecimal 'Invalid argument' 'EINVAL values/x: "0x10" is not an int64' 'echo 0x10 >values/x'
wrong value_past_int64 'out of range' 'ERANGE values/x: "9223372036854775808" does not fit an int64' 'echo 9223372036854775808 >values/x'
wrong value_add_overflow 'out of range' 'ERANGE values/x: *' 'echo add 9223372036854775807 >values/x'
wrong value_sub_overflow 'out of range' 'ERANGE values/m: *' 'echo -9223372036854775808 >values/m; echo sub 1 >values/m'
wrong value_mul_overflow 'out of range' 'ERANGE values/x: *' 'echo mul 9223372036854775807 >values/x'
wrong value_add_what 'Invalid argument' 'EINVAL values/x: "abc" is not an int64' 'echo add abc >values/x'
wrong value_add_nothing 'Invalid argument' 'EINVAL values/x: *' 'echo add >values/x'
wrong value_unknown_operation 'Invalid argument' 'EINVAL values/x: "div 2" *' 'echo div 2 >values/x'
expect value_still_as_it_was $'5\n' cat values/x
wrong pending_past_int64 'out of range' 'ERANGE values/big: "9223372036854775808" does not fit an int64' 'echo 9223372036854775808 >values/big'
while read -r type low high wrong_text words; do
	wrong "value_${type}_low" 'out of range' "ERANGE values/t_$type: \"$low\" does not fit $words" "echo $low >values/t_$type,type=$type"
	wrong "value_${type}_high" 'out of range' "ERANGE values/t_$type: \"$high\" does not fit $words" "echo $high >values/t_$type,type=$type"
	wrong "value_${type}_text" 'Invalid argument' "EINVAL values/t_$type: \"$wrong_text\" is not $words" "echo $wrong_text >values/t_$type,type=$type"
done <<'END'
b -129 128 x an int8
B -1 256 x a uint8
h -32769 32768 x an int16
H -1 65536 x a uint16
i -2147483649 2147483648 x an int32
I -1 4294967296 x a uint32
l -9223372036854775809 9223372036854775808 x an int64
L -1 18446744073709551616 x a uint64
q -9223372036854775809 9223372036854775808 x an int64
Q -1 18446744073709551616 x a uint64
f -1e39 1e39 x a float32
d -1e999 1e999 x a float64
END
wrong value_bool '' 'E* values/t_b1: "2" *a bool (0 or 1)' 'echo 2 >"values/t_b1,type=?"'
wrong value_add_to_a_string '' 'ERANGE values/word: "add 1" is longer than 3 *' 'echo abc >values/word,type=s,len=3; echo add 1 >values/word'
wrong value_raw_of_a_pending 'Invalid argument' 'EINVAL values/none: *type*' 'touch values/none; printf 12 >values/none,raw'
expect value_inf_and_nan_are_taken $'inf\nnan\n' bash -c 'echo inf >values/t_d; cat values/t_d; echo nan >values/t_d; cat values/t_d'
check value_underflow_is_stored bash -c 'echo 1e-999 >values/t_d'
wrong value_string_too_long 'out of range' 'ERANGE values/s: "123456" is longer than 5 *' 'echo 12345 >values/s,type=s,len=5; echo 123456 >values/s'
expect value_string_left_as_it_was $'12345\n' cat values/s
wrong value_bits_of_a_float 'Invalid argument' 'EINVAL values/t_f: *' 'echo 1 >values/t_f; echo and 1 >values/t_f'
wrong value_raw_too_long 'too long' 'EMSGSIZE values/x: *8*' 'printf 123456789 >values/x,raw'
wrong value_cas_before_a_read 'canceled' 'ECANCELED values/x: *' 'echo 1 >values/x,cas'
wrong value_cas_changed 'canceled' 'ECANCELED values/x*' 'exec 3<>values/x,cas; read -r -u3 n; echo 6 >values/x; echo 7 >&3'
long=$(printf '%0100d' 0 | tr 0 y)
wrong contents_are_cut_to_60_bytes 'Invalid argument' "EINVAL values/x: \"${long:0:60}*" "echo $long >values/x"
check contents_are_cut_indeed bash -c '! tail -n 1 errors | grep -q "y\{61\}"'
wrong contents_are_escaped 'Invalid argument' 'EINVAL values/x: "a\\*b" is not an int64' 'env printf "a\001\tb" >values/x'
check errors_is_clean_text bash -c '! LC_ALL=C grep -qP "[^\x20-\x7e]" errors'

# ---- arrays ---------------------------------------------------------------------------------------
echo 1 2 3 >arrays/a,type=i,len=3
wrong array_too_few 'Invalid argument' 'EINVAL arrays/a: *2*3*' 'echo 1 2 >arrays/a'
wrong array_too_many 'Invalid argument' 'EINVAL arrays/a: *4*3*' 'echo 1 2 3 4 >arrays/a'
wrong array_wrong_element 'Invalid argument' 'EINVAL arrays/a: "x" is not an int32' 'echo 1 x 3 >arrays/a'
wrong array_element_past_its_type 'out of range' 'ERANGE arrays/a: "3000000000" does not fit an int32' 'echo 1=3000000000 >arrays/a'
wrong array_index_past_the_end 'out of range' 'ERANGE arrays/a: *3*' 'echo 3=1 >arrays/a'
wrong array_slice_past_the_end 'out of range' 'ERANGE arrays/a: *3*' 'echo 1:4=1 2 3 >arrays/a'
wrong array_slice_wrong_number 'Invalid argument' 'EINVAL arrays/a: *' 'echo 0:3=1 2 >arrays/a'
wrong array_index_is_none 'Invalid argument' 'EINVAL arrays/a: *' 'echo x=1 >arrays/a'
wrong array_add_overflow 'out of range' 'ERANGE arrays/a: *' 'echo 0+=2147483647 >arrays/a'
wrong array_at_past_the_end_read 'out of range' 'ERANGE arrays/a*: *3*' 'cat arrays/a,at=3'
wrong array_at_past_the_end_write 'out of range' 'ERANGE arrays/a*: *3*' 'echo 1 >arrays/a,at=3'
wrong array_at_slice_past_the_end 'out of range' 'ERANGE arrays/a*: *3*' 'cat arrays/a,at=1:4'
wrong array_at_ill_formed 'Invalid argument' 'EINVAL arrays/a*: *at*' 'cat arrays/a,at=x'
wrong array_cas_before_a_read 'canceled' 'ECANCELED arrays/a: *' 'echo 1 2 3 >arrays/a,cas'
wrong array_raw_past_the_end 'o' 'E* arrays/a: *12*' 'head -c 13 /dev/zero >arrays/a,raw'
expect array_left_as_it_was $'1\n2\n3\n' cat arrays/a

wrong array_too_large '' 'E* arrays/huge*: *' 'echo 1 >arrays/huge,type=d,len=1000000000000000'
check array_too_large_is_not_there test ! -e arrays/huge

# ---- semaphores, events ---------------------------------------------------------------------------
touch semaphores/s,value=1,max=2
wrong semaphore_past_max 'too large' 'EOVERFLOW semaphores/s: *' 'echo 2 >semaphores/s'
expect semaphore_left_as_it_was $'1\n' cat semaphores/s,peek
wrong semaphore_not_a_number 'Invalid argument' 'EINVAL semaphores/s: "abc" *' 'echo abc >semaphores/s'
wrong semaphore_negative '' 'E* semaphores/s: "-1" *' 'echo -1 >semaphores/s'
wrong semaphore_zero 'Invalid argument' 'EINVAL semaphores/s: *0*' 'echo 0 >semaphores/s'
wrong semaphore_n_above_max 'Invalid argument' 'EINVAL semaphores/s*: *max*' 'cat semaphores/s,n=3'
wrong semaphore_value_above_max 'Invalid argument' 'EINVAL semaphores/t*: *max*' 'echo 1 >semaphores/t,value=3,max=2'
wrong semaphore_max_zero 'Invalid argument' 'EINVAL semaphores/t*: *max=*0*' 'echo 1 >semaphores/t,max=0'
wrong semaphore_max_too_large 'Invalid argument' 'EINVAL semaphores/t*: *max=*2147483648*' 'echo 1 >semaphores/t,max=2147483648'
wrong event_neither 'Invalid argument' 'EINVAL events/e: "2" is neither 1*0*' 'echo 2 >events/e'
wrong event_word 'Invalid argument' 'EINVAL events/e: "on" *' 'echo on >events/e'

# ---- queues ---------------------------------------------------------------------------------------
touch queues/q,capacity=10
wrong queue_longer_than_capacity 'too long' 'EMSGSIZE queues/q: *' 'printf 12345678901 >queues/q'
touch queues/l
wrong queue_longer_than_a_write 'too long' 'EMSGSIZE queues/l: *1044480*' 'head -c 1044481 /dev/zero | dd of=queues/l bs=1044481 iflag=fullblock status=none'
wrong queue_longer_than_a_request 'too long' 'EMSGSIZE queues/l: *1044480*' 'dd if=/dev/zero of=queues/l bs=3M count=1 status=none'
expect queue_took_nothing $'messages 0\n' grep '^messages' queues/l,stat
wrong queue_unknown_command 'Invalid argument' 'EINVAL queues/q: *"clean"*' 'echo clean >queues/q,ctl'
wrong queue_command_of_two 'Invalid argument' 'EINVAL queues/q: *"x"*' 'env printf "clear\nx\n" >queues/q,ctl'
wrong ctl_of_another_kind 'Invalid argument' 'EINVAL values/x: *"clear"*' 'echo clear >values/x,ctl'
wrong ctl_over_a_page 'too long' 'EMSGSIZE queues/q: *' 'head -c 5000 /dev/zero | tr "\0" "\n" | dd of=queues/q,ctl bs=8k iflag=fullblock status=none'
wrong ctl_read 'Invalid argument' 'EINVAL queues/q*: *ctl*' 'cat queues/q,ctl'
touch queues/r
wrong queue_removed_while_read 'dentifier removed' 'EIDRM queues/r*' '{ until_stat queues/r,stat "waiters 1"; rm queues/r; } & cat queues/r; s=$?; wait; exit $s'
touch queues/r
wrong queue_removed_read 'dentifier removed' 'EIDRM queues/r*' 'exec 3<queues/r; rm queues/r; cat <&3'
touch queues/r
wrong queue_removed_write 'dentifier removed' 'EIDRM queues/r*' 'exec 3>queues/r; rm queues/r; echo x >&3'
wrong value_removed_read 'dentifier removed' 'EIDRM values/gone*' 'echo 1 >values/gone; exec 3<values/gone; rm values/gone; cat <&3'

# ---- names, options, views --------------------------------------------------------------------------
wrong option_unknown 'Invalid argument' 'EINVAL queues/q,colour: *"colour"*' 'cat queues/q,colour'
wrong option_unknown_creates_nothing 'Invalid argument' 'EINVAL queues/new,maxsiz=3: *"maxsiz"*' 'echo 1 >queues/new,maxsiz=3'
check option_unknown_created_nothing test ! -e queues/new
wrong option_of_another_kind 'Invalid argument' 'EINVAL events/e,maxsize=3: *"maxsize"*' 'echo 1 >events/e,maxsize=3'
wrong option_repeated 'Invalid argument' 'EINVAL queues/q,peek,peek: *peek*' 'cat queues/q,peek,peek'
wrong option_view_repeated 'Invalid argument' 'EINVAL queues/q,timeout=1,timeout=2: *timeout*repeated*' 'cat queues/q,timeout=1,timeout=2'
wrong option_property_repeated 'Invalid argument' 'EINVAL queues/new,maxsize=1,maxsize=1: *repeated*' 'echo 1 >queues/new,maxsize=1,maxsize=1'
wrong option_ill_formed 'Invalid argument' 'EINVAL queues/new,maxsize=abc: *abc*' 'echo 1 >queues/new,maxsize=abc'
wrong option_negative 'Invalid argument' 'EINVAL queues/new,maxsize=-1: *-1*' 'echo 1 >queues/new,maxsize=-1'
wrong option_out_of_range 'Invalid argument' 'EINVAL queues/new,capacity=0: *capacity=*0*' 'echo 1 >queues/new,capacity=0'
wrong option_huge 'Invalid argument' 'EINVAL queues/new,capacity=99999999999999999999: *' 'echo 1 >queues/new,capacity=99999999999999999999'
wrong option_without_its_value 'Invalid argument' 'EINVAL queues/new,maxsize: *maxsize*' 'echo 1 >queues/new,maxsize'
wrong option_with_a_value_too_many 'Invalid argument' 'EINVAL queues/q,peek=1: *peek*' 'cat queues/q,peek=1'
wrong option_empty 'Invalid argument' 'EINVAL queues/q,: *' 'cat queues/q,'
wrong option_two_empty 'Invalid argument' 'EINVAL queues/q,,peek: *' 'cat queues/q,,peek'
wrong option_type 'Invalid argument' 'EINVAL values/new,type=z: *' 'echo 1 >values/new,type=z'
wrong option_len_zero 'Invalid argument' 'EINVAL arrays/new,type=i,len=0: *' 'echo 1 >arrays/new,type=i,len=0'
wrong option_len_of_a_number 'Invalid argument' 'EINVAL values/new,type=q,len=3: *' 'echo 1 >values/new,type=q,len=3'
wrong option_timeout 'Invalid argument' 'EINVAL queues/q,timeout=soon: *' 'cat queues/q,timeout=soon'
wrong option_n 'Invalid argument' 'EINVAL semaphores/s,n=0: *' 'cat semaphores/s,n=0'
wrong property_differs 'exists' 'EEXIST queues/q*: *' 'echo 1 >queues/q,capacity=11'
wrong property_type_differs 'exists' 'EEXIST values/x*: *' 'echo 1 >values/x,type=d'
wrong property_type_differs_reading 'exists' 'EEXIST values/x*: *' 'cat values/x,type=d'
wrong property_value_differs 'exists' 'EEXIST semaphores/s*: *' 'echo 1 >semaphores/s,value=2'
wrong property_set_differs 'exists' 'EEXIST events/e*: *' 'echo 0 >events/e; echo 1 >events/e,set'
check property_value_is_the_one_at_creation bash -c 'cat semaphores/s >"$T/x"; echo 1 >semaphores/s,value=1'
wrong temp_of_an_existing 'exists' 'EEXIST queues/q*: *' 'echo 1 >queues/q,temp'
# The kernel itself answers this one: the server never hears of it.
fails o_excl_of_an_existing 'File exists' perl -e 'use Fcntl; sysopen(my $f, "queues/q", O_WRONLY | O_CREAT | O_EXCL) or die "$!\n"'
wrong name_leading_dot 'Invalid argument' 'EINVAL queues/.hidden: *dot*' 'echo 1 >queues/.hidden'
wrong name_empty 'Invalid argument' 'EINVAL queues/,maxsize=1: *' 'echo 1 >queues/,maxsize=1'
wrong name_control_character 'Invalid argument' 'EINVAL queues/a\\*b: *control*' 'echo 1 >$'"'queues/a\\tb'"
name=$(printf '%0200d' 7)
check name_of_200_bytes bash -c "echo 1 >queues/$name && cat queues/$name >\$T/x && rm queues/$name"
wrong name_of_201_bytes 'too long' 'ENAMETOOLONG queues/00000*: *200*' "echo 1 >queues/0$name"
wrong folder_with_options 'Invalid argument' 'EINVAL queues/dir,maxsize=1: *' 'mkdir queues/dir,maxsize=1'
wrong peek_write 'Invalid argument' 'EINVAL queues/q*: *reading*' 'echo 1 >queues/q,peek'
wrong stat_write 'Invalid argument' 'EINVAL queues/q*: *reading*' 'echo 1 >queues/q,stat'
wrong watch_write 'Invalid argument' 'EINVAL values/x*: *reading*' 'echo 1 >values/x,watch'
wrong rm_a_view 'not permitted' 'EPERM queues/q,peek: *' 'rm -f queues/q,peek'
wrong mv_a_view 'not permitted' 'EPERM queues/q,peek*' 'mv queues/q,peek queues/new'
wrong mv_to_a_view 'not permitted' 'EPERM queues/q*' 'mv queues/q queues/new,peek'
wrong mv_to_another_kind 'not permitted' 'EPERM queues/q*' 'mv queues/q values/new'
wrong mv_onto_a_queue 'exists' 'EEXIST queues/q*' 'mv -f queues/q queues/l'
wrong mv_onto_a_value 'out of range' 'ERANGE values/*: *' 'echo 3000000000 >values/three; echo 1 >values/int,type=i; mv values/three values/int'
check mv_onto_a_value_left_both test -e values/three -a -e values/int
wrong link_hard 'not permitted' 'EPERM queues/*: *' 'ln queues/q queues/hard'
wrong link_symbolic 'not permitted' 'EPERM queues/*: *' 'ln -s q queues/soft'
wrong flock 'upported' 'EOPNOTSUPP queues/l*' 'exec 3<>queues/l; flock -n 3'
wrong a_new_file_at_the_root 'not permitted' 'EPERM new: *' 'echo 1 >new'
wrong a_kinds_folder_stays 'not permitted' 'EPERM queues: *' 'rmdir queues'
wrong fifo_among_queues 'not permitted' 'EPERM queues/fifo: *' 'mkfifo queues/fifo'
wrong timeout_ioctl 'Invalid argument' 'EINVAL queues/l: *' 'exec 3<queues/l; perl -e '\''open(my $f, "<&=3") or die; my $t = pack("q", -2); ioctl($f, 0x4008F501, $t) or die "$!\n"'\'

# Which values are right.
wrong option_number_says_which 'Invalid argument' 'EINVAL queues/*: maxsize="-1" is ill-formed: 0 to 1073741824' 'touch queues/new,maxsize=-1'
wrong option_range_says_which 'Invalid argument' 'EINVAL barriers/*: parties="0" is out of range: 1 to 4096' 'touch barriers/new,parties=0'
wrong option_bytes_says_which 'Invalid argument' 'EINVAL lists/*: capacity="17G" is out of range: 1 to 16G, as *' 'touch lists/new,capacity=17G'
wrong option_type_says_which 'Invalid argument' 'EINVAL values/*: type="int" is ill-formed: one of ? b B *' 'touch values/new,type=int'
wrong option_time_says_which 'Invalid argument' 'EINVAL queues/*: timeout="soon" is ill-formed: a time is 2, 0.5, *' 'cat queues/l,timeout=soon'
wrong option_signal_says_which 'Invalid argument' 'EINVAL queues/*: notify="FOO" is ill-formed: a signal is USR1, *' 'cat queues/l,notify=FOO'
wrong option_length_says_which 'Invalid argument' 'EINVAL values/*: len=65536 is out of range: 1 to 65535' 'touch values/new,len=65536'
wrong other_properties_say_where_to_look 'File exists' 'EEXIST queues/l: it exists with other properties: see its view stat' 'touch queues/l,maxsize=7'
wrong done_says_where 'not permitted' 'EPERM queues/l: *leased nothing: write to the open file that has read' 'echo done >queues/l,ack'
wrong unlock_says_where 'not permitted' 'EPERM locks/l: *not hold the lock: write to the open file that has read' 'echo unlock >locks/l'
wrong root_file_written 'ermission denied' 'EACCES /: the files at the root are for reading' 'echo x >status'

# ---- what is no failure ------------------------------------------------------------------------------
quiet eagain 'temporarily unavailable' 'cat queues/l,timeout=0'
quiet eagain_nonblock 'temporarily unavailable' 'dd if=queues/l iflag=nonblock status=none'
quiet eagain_semaphore 'temporarily unavailable' 'touch semaphores/none; cat semaphores/none,timeout=0'
quiet eagain_event 'temporarily unavailable' 'echo 0 >events/e; cat events/e,timeout=0'
quiet eagain_write 'temporarily unavailable' 'echo 1 >queues/full,maxsize=1; echo 2 | dd of=queues/full oflag=nonblock conv=notrunc status=none'
quiet etimedout 'timed out' 'cat queues/l,timeout=20ms'
quiet etimedout_write 'timed out' 'echo 3 >queues/full,timeout=20ms'
quiet etimedout_watch 'timed out' 'cat queues/l,watch,timeout=20ms'
quiet eintr 'nterrupted' 'perl -e '\''use POSIX; my $pid = $$; sigaction(SIGUSR1, POSIX::SigAction->new(sub {})); if (!fork) { system("bash", "-c", "until_stat queues/l,stat \"waiters 1\""); kill "USR1", $pid; exit } open(my $f, "<", "queues/l") or die; defined(POSIX::read(fileno($f), my $m, 10)) and exit 0; my $e = "$!\n"; wait; die $e'\'
quiet lookup 'No such file' 'cat queues/absent'
quiet lookup_stat 'No such file' 'stat values/absent'
quiet lookup_kind 'No such file' 'cat nothing/x'
quiet lookup_folder 'No such file' 'echo 1 >queues/absent/x'
quiet lookup_rm 'No such file' 'rm queues/absent'
quiet lookup_view_reading 'No such file' 'cat queues/absent,peek'
quiet lookup_view_stat 'No such file' 'cat queues/absent,stat'

# A view does not create: ENOENT, a typo of somebody who writes.
fails view_does_not_create 'No such file' bash -c 'echo 1 >queues/absent,stream'
check view_did_not_create test ! -e queues/absent

# ---- whose failures --------------------------------------------------------------------------------------
echo 1 >values/shared
chmod 666 values/shared
fails user_1 'Invalid argument' "${nobody[@]}" bash -c 'echo from-nobody >values/shared'
fails user_2 'Invalid argument' "${daemon[@]}" bash -c 'echo from-daemon >values/shared'
expect user_sees_his_own_alone 'EINVAL values/shared: "from-nobody" is not an int64'$'\n' \
	"${nobody[@]}" bash -c 'sed -E "s/^[^ ]+ [0-9]+ //" errors'
expect other_user_sees_his_own_alone 'EINVAL values/shared: "from-daemon" is not an int64'$'\n' \
	"${daemon[@]}" bash -c 'sed -E "s/^[^ ]+ [0-9]+ //" errors'
check root_sees_all bash -c 'grep -q from-nobody errors && grep -q from-daemon errors && grep -q "values/x" errors'
expect third_user_sees_nothing '' setpriv --reuid=2 --regid=2 --clear-groups cat errors
expect user_pid_is_his_process $'same\n' "${nobody[@]}" bash -c '
	echo pid >values/shared; [ "$(tail -n 1 errors | cut -d" " -f2)" = $$ ] && echo same' # bash writes itself
fails user_not_owner_rm 'not permitted' "${nobody[@]}" rm -f values/shared
expect user_not_owner_rm_words $'EPERM values/shared\n' "${nobody[@]}" bash -c 'tail -n 1 errors | sed -E "s/^[^ ]+ [0-9]+ //; s/:.*//"'
fails user_not_owner_mv 'not permitted' "${nobody[@]}" mv values/shared values/mine
fails user_no_permission 'ermission denied' "${nobody[@]}" cat queues/q

# ---- the last 100 --------------------------------------------------------------------------------------------
check many bash -c 'for i in {1..150}; do echo "n$i" >values/x; done 2>/dev/null; [ "$(wc -l <errors)" = 100 ]'
expect many_the_last_is_the_newest $'EINVAL values/x: "n150" is not an int64\n' bash -c 'tail -n 1 errors | sed -E "s/^[^ ]+ [0-9]+ //"'
expect many_the_first_is_the_100th $'EINVAL values/x: "n51" is not an int64\n' bash -c 'head -n 1 errors | sed -E "s/^[^ ]+ [0-9]+ //"'
check many_of_one_user_do_not_push_out_anothers "${nobody[@]}" grep -q from-nobody errors
check errors_form bash -c '! grep -vE "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[+-][0-9]{4} [0-9]+ E[A-Z0-9]+ [^ ]+: .+$" errors'
check the_server_lives bash -c 'echo ok >queues/l && [ "$(cat queues/l)" = ok ]'
cd / || exit 1
finish
