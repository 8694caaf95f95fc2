#!/bin/bash
# SPDX-License-Identifier: MIT
#
# test_coreutils.sh - Debian's everyday programs, unchanged.
# shellcheck disable=SC2016 # commands are expanded by the bash that runs them
set -u
# shellcheck source=tests/shell/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$M" || exit 1

# cat, echo
echo hello >queues/q
echo world >queues/q
expect cat_takes_one $'hello\n' cat queues/q
expect cat_takes_the_next $'world\n' cat queues/q
printf 'no newline' >queues/q
expect cat_exact_bytes 'no newline' cat queues/q
echo a >queues/q
echo b >queues/q
expect cat_twice_the_name_takes_two $'a\nb\n' cat queues/q queues/q
echo s >queues/q
expect cat_from_stdin $'s\n' bash -c 'cat <queues/q'
head -c 100000 /dev/urandom >"$T/big"
check cat_puts_a_file_as_one_message bash -c 'cat "$T/big" >queues/q && [ "$(sed -n "s/^messages //p" queues/q,stat)" = 1 ]'
check cat_gets_it_whole bash -c 'cat queues/q | cmp - "$T/big"'
start cat queues/q
check cat_waits until_stat queues/q,stat 'waiters 1'
echo late >queues/q
check cat_ends_with_its_message ended "$started"
expect cat_got_it $'late\n' cat "$T/out.$started"
echo 3 >semaphores/s
expect cat_acquires_one $'1\n' cat semaphores/s
expect cat_acquires_two $'2\n' cat semaphores/s,n=2
expect cat_semaphore_peek $'0\n' cat semaphores/s,peek
fails cat_semaphore_empty 'temporarily unavailable' cat semaphores/s,timeout=0
echo 1 >events/e
expect cat_event $'1\n' cat events/e
expect cat_event_stays_set $'1\n' cat events/e
echo 0 >events/e
fails cat_event_cleared 'timed out' cat events/e,timeout=10ms
echo 42 >values/v
expect cat_value $'42\n' cat values/v
expect cat_value_again $'42\n' cat values/v
echo 1 2 3 4 5 >arrays/a,type=i,len=5
expect cat_array $'1\n2\n3\n4\n5\n' cat arrays/a
expect cat_array_at $'4\n' cat arrays/a,at=3
expect cat_array_slice $'2\n3\n4\n' cat arrays/a,at=1:4
expect cat_n $'     1\t1\n     2\t2\n     3\t3\n     4\t4\n     5\t5\n' cat -n arrays/a

# head, tail
env printf 'l1\nl2\nl3\n' >queues/q
expect head_n1_of_a_message $'l1\n' head -n 1 queues/q
env printf 'l1\nl2\nl3\n' >queues/q
expect head_c $'l1\nl' head -c 4 queues/q
expect head_took_the_whole_message $'messages 0\n' grep '^messages' queues/q,stat
env printf 'l1\nl2\nl3\n' >queues/q
expect tail_n1_of_a_message $'l3\n' tail -n 1 queues/q
expect head_n2_of_an_array $'1\n2\n' head -n 2 arrays/a
expect tail_n2_of_an_array $'4\n5\n' tail -n 2 arrays/a
expect tail_from_the_second $'4\n5\n' tail -n +4 arrays/a
expect tail_c_of_an_array $'4\n5\n' tail -c 4 arrays/a
expect tail_n1_of_a_value $'42\n' tail -n 1 values/v
expect tail_n1_of_stat $'value 42\n' tail -n 1 values/v,stat
expect head_of_raw $'02000000\n' bash -c 'head -c 8 arrays/a,raw | tail -c 4 | xxd -p'
expect tail_of_raw $'05000000\n' bash -c 'tail -c 4 arrays/a,raw | xxd -p'

# dd
expect dd_puts_and_gets 'from dd' bash -c 'printf "from dd" | dd of=queues/q status=none && dd if=queues/q status=none'
echo abcdef >queues/q
expect dd_bs1_takes_one_message $'abcdef\n' dd if=queues/q bs=1 status=none
echo abcdef >queues/q
echo next >queues/q
expect dd_bs1_count_drops_the_rest 'abc' dd if=queues/q bs=1 count=3 status=none
expect dd_then_the_next $'next\n' dd if=queues/q status=none
expect dd_bs1_puts_each_byte $'messages 3\n' bash -c 'printf xyz | dd of=queues/q bs=1 status=none; grep "^messages" queues/q,stat'
echo clear >queues/q,ctl
expect dd_count1 $'one\n' bash -c 'echo one >queues/q; dd if=queues/q count=1 status=none'
expect dd_nonblock_stream $'1\n2\n' bash -c 'echo 1 >queues/q; echo 2 >queues/q; dd if=queues/q iflag=nonblock count=2 bs=100 status=none'
fails dd_nonblock_empty 'temporarily unavailable' dd if=queues/q iflag=nonblock status=none
expect dd_bs1_of_a_value $'42\n' dd if=values/v bs=1 status=none
expect dd_bs1_of_an_array $'1\n2\n3\n4\n5\n' dd if=arrays/a bs=1 status=none
expect dd_skip_in_text $'3\n4\n5\n' dd if=arrays/a bs=2 skip=2 status=none
expect dd_raw_skip $'03000000\n' bash -c 'dd if=arrays/a,raw bs=4 skip=2 count=1 status=none | xxd -p'
expect dd_raw_bs1_skip $'0300\n' bash -c 'dd if=arrays/a,raw bs=1 skip=8 count=2 status=none | xxd -p'
check dd_raw_notrunc_seek bash -c 'printf "\x09\0\0\0" | dd of=arrays/a,raw bs=4 seek=1 conv=notrunc status=none'
expect dd_raw_wrote_it $'1\n9\n3\n4\n5\n' cat arrays/a
check dd_raw_bs1_notrunc bash -c 'printf "\x01\x01" | dd of=arrays/a,raw bs=1 seek=16 conv=notrunc status=none'
expect dd_raw_bs1_wrote_it $'257\n' cat arrays/a,at=4
fails dd_raw_past_the_end '' bash -c 'printf "\x09\0\0\0" | dd of=arrays/a,raw bs=4 seek=5 conv=notrunc status=none'
expect dd_raw_past_the_end_changed_nothing $'1\n9\n3\n4\n257\n' cat arrays/a
expect dd_raw_value $'2a00000000000000\n' bash -c 'dd if=values/v,raw status=none | xxd -p'
check dd_fsync bash -c 'printf x | dd of=queues/q conv=fsync status=none'
expect dd_fsync_put $'x' cat queues/q
check dd_bs_1M_less_a_page bash -c 'head -c 1044480 /dev/zero | dd of=queues/q bs=1044480 iflag=fullblock status=none'
expect dd_bs_1M_less_a_page_back $'1044480\n' bash -c 'dd if=queues/q bs=2M status=none | wc -c'
fails dd_bs_1M_less_a_page_and_one 'essage too long' bash -c 'head -c 1044481 /dev/zero | dd of=queues/q bs=1044481 iflag=fullblock status=none'
fails dd_bs_3M 'essage too long' dd if=/dev/zero of=queues/q bs=3M count=1 status=none
expect dd_too_long_put_nothing $'messages 0\n' grep '^messages' queues/q,stat

# tee
expect tee_to_two $'both\n' bash -c 'echo both | tee queues/q queues/r'
expect tee_first $'both\n' cat queues/q
expect tee_second $'both\n' cat queues/r
expect tee_a $'more\n' bash -c 'echo more | tee -a queues/q >/dev/null; cat queues/q'
expect tee_value $'7\n' bash -c 'echo 7 | tee values/v'
expect tee_value_stored $'7\n' cat values/v
fails tee_says_what_is_wrong 'nvalid argument' bash -c 'echo seven | tee values/v'

# cp
echo 'in a file' >"$T/file"
check cp_to_a_queue cp "$T/file" queues/q
check cp_from_a_queue cp queues/q "$T/back"
check cp_the_same cmp "$T/file" "$T/back"
echo 11 >"$T/file"
check cp_to_a_value cp "$T/file" values/v
expect cp_value_there $'11\n' cat values/v
check cp_from_a_value cp values/v "$T/back"
check cp_value_the_same cmp "$T/file" "$T/back"
check cp_value_to_value cp values/v values/w
expect cp_value_to_value_there $'11\n' cat values/w
check cp_array_to_array cp arrays/a arrays/b
expect cp_array_there $'1\n9\n3\n4\n257\n' cat arrays/b
check cp_from_raw bash -c 'cp arrays/a,raw "$T/raw" && [ "$(stat -c %s "$T/raw")" = 20 ]'
check cp_p cp -p values/v "$T/p"
head -c 500000 /dev/urandom >"$T/big"
check cp_large bash -c 'cp "$T/big" queues/q && while [ "$(sed -n "s/^messages //p" queues/q,stat)" != 0 ]; do cat queues/q; done | cmp - "$T/big"'
check install_from bash -c 'install -m 600 values/v "$T/installed" && [ "$(cat "$T/installed")" = 11 ]'

# mv
echo keep >queues/q
check mv_in_its_kind mv queues/q queues/moved
expect mv_moved_the_message $'keep\n' cat queues/moved
check mv_old_name_gone test ! -e queues/q
touch queues/q
fails mv_onto_a_queue 'xists' mv -f queues/q queues/moved
check mv_onto_a_queue_left_both test -e queues/q -a -e queues/moved
fails mv_to_another_kind 'not permitted' mv queues/q values/q
fails mv_out_is_refused_for_waiting_readers 'temporarily unavailable' cat queues/q,timeout=0
check mkdir mkdir queues/dir
check mv_into_a_folder mv queues/moved queues/dir/
expect mv_into_a_folder_is_there $'moved\n' ls queues/dir
check mv_a_folder mv queues/dir queues/dir2
check mv_a_folder_took_its_queue test -e queues/dir2/moved
start cat queues/dir2/moved
check mv_with_a_waiter_waits until_stat queues/dir2/moved,stat 'waiters 1'
check mv_with_a_waiter mv queues/dir2/moved queues/m3
echo after >queues/m3
check mv_waiter_goes_on ended "$started"
expect mv_waiter_got_it $'after\n' cat "$T/out.$started"
echo 21 >values/new
chmod 640 values/v
before=$(stat -c '%i %a %u' values/v)
check mv_onto_a_value mv values/new values/v
expect mv_onto_a_value_content $'21\n' cat values/v
expect mv_onto_a_value_stays_itself "$before"$'\n' stat -c '%i %a %u' values/v
check mv_onto_a_value_removed_the_source test ! -e values/new
echo text >values/new
# mv has words of its own for EINVAL: "to a subdirectory of itself"; perl says what it was
fails mv_onto_a_value_wrong_type 'values/v' mv values/new values/v
fails mv_onto_a_value_wrong_type_errno 'Invalid argument' perl -e 'rename("values/new", "values/v") or die "$!\n"'
expect mv_onto_a_value_wrong_type_kept $'21\n' cat values/v
check mv_onto_a_value_wrong_type_source test -e values/new
echo 99999999999 >values/new2
echo 1 >values/small,type=i
fails mv_onto_a_value_out_of_range 'out of range' mv values/new2 values/small
echo '5 5 5 5 5' >arrays/five,type=q,len=5
check mv_onto_an_array mv arrays/five arrays/a
expect mv_onto_an_array_content $'5\n5\n5\n5\n5\n' cat arrays/a
expect mv_onto_an_array_type $'type i\n' grep '^type' arrays/a,stat
echo 1 2 >arrays/two,type=i,len=2
fails mv_onto_an_array_of_another_length 'Invalid argument' perl -e 'rename("arrays/two", "arrays/a") or die "$!\n"'
expect mv_onto_an_array_of_another_length_kept $'5\n5\n5\n5\n5\n' cat arrays/a
fails mv_a_view 'not permitted' mv values/v,raw values/x
fails ln_hard 'not permitted' ln values/v values/hard
fails ln_symbolic 'not permitted' ln -s v values/soft

# sed -i
echo 41 >values/v
before=$(stat -c '%i %a %u' values/v)
check sed_i_on_a_value sed -i s/41/42/ values/v
expect sed_i_changed_it $'42\n' cat values/v
expect sed_i_left_it_itself "$before"$'\n' stat -c '%i %a %u' values/v
expect sed_i_left_nothing '' find values -name 'sed*'
fails sed_i_to_a_wrong_value 'Invalid argument' sed -i s/42/many/ values/v
expect sed_i_wrong_changed_nothing $'42\n' cat values/v
rm -f values/sed*
echo 'some words' >values/s,type=s
check sed_i_on_a_string sed -i s/words/letters/ values/s
expect sed_i_string $'some letters\n' cat values/s
# What looks like numbers is not written as such.
echo 00741 >values/s
check sed_i_on_digits sed -i s/4/5/ values/s
expect sed_i_digits $'00751\n' cat values/s
echo ' +1.50 ' >values/n && echo 2 >values/n && mv values/n values/s
expect mv_of_what_was_changed $'2.0\n' cat values/s
echo 'some letters' >values/s
env printf '%s\n' x '' 03 >arrays/s,type=s,len=3
check sed_i_on_strings sed -i s/x/1.0/ arrays/s
expect sed_i_strings $'1.0\n\n03\n' cat arrays/s
rm arrays/s
check sed_i_on_an_array sed -i '2s/5/6/' arrays/a
expect sed_i_array $'5\n6\n5\n5\n5\n' cat arrays/a
echo abc >queues/m3
expect sed_reads_a_queue $'aBc\n' sed s/b/B/ queues/m3
expect sed_n_value $'42\n' sed -n 1p values/v

# find, ls, stat
touch -d @1000000000 values/v
expect find_by_name $'values/v\n' find values -name v
expect find_newer_than '' find values -name v -newermt 2010-01-01
expect find_by_mode $'values/v\n' find values -name v -perm 640
expect find_does_not_take $'messages 1\n' bash -c 'echo x >queues/m3; find . -type f -size +1 >/dev/null; grep "^messages" queues/m3,stat'
expect find_exec $'values/v: 42\n' find values -name v -exec sed 's|^|values/v: |' '{}' ';'
expect grep_r_name $'values/v\n' grep -rlx 42 values
check find_delete bash -c 'mkdir queues/d && touch queues/d/1 queues/d/2 && find queues/d -delete && [ ! -e queues/d ]'
expect ls_lists_no_views $'s\n' ls semaphores
expect ls_l '-rw-r----- 1 root root 0 v'$'\n' bash -c 'LC_ALL=C ls -l values/v | sed -E "s|0 [A-Z].* values/|0 |"'
check ls_l_takes_nothing bash -c 'ls -lR . >/dev/null && grep -qx "messages 1" queues/m3,stat'
expect ls_i_view_has_the_same_inode "$(stat -c %i values/v)"$'\n' stat -c %i values/v,stat
expect stat_id_is_the_inode "id $(stat -c %i values/v)"$'\n' grep '^id ' values/v,stat
expect stat_type $'regular empty file\n' stat -c %F arrays/a
expect stat_size_raw $'20\n' stat -c %s arrays/a,raw
expect stat_size_raw_value $'8\n' stat -c %s values/v,raw
expect stat_size_plain $'0 0 0 0\n' bash -c 'echo $(stat -c %s arrays/a values/v queues/m3 semaphores/s)'
expect stat_mtime $'1000000000\n' stat -c %Y values/v
expect stat_view_shares_mtime $'1000000000\n' stat -c %Y values/v,raw
check stat_of_an_absent_view bash -c '! stat values/nothing,stat 2>/dev/null && [ ! -e values/nothing ]'
check test_e test -e queues/m3
check test_f test -f queues/m3
check test_r test -r values/v
check test_d test -d queues

# timeout
fails timeout_view_ends 'timed out' cat queues/q,timeout=50ms
expect timeout_program $'124\n' bash -c 'timeout 0.2 cat queues/q; echo $?'
expect timeout_left_no_waiter $'waiters 0\n' grep '^waiters' queues/q,stat
expect timeout_writer $'124 1\n' bash -c 'echo 1 >queues/full,maxsize=1; timeout 0.2 bash -c "echo 2 >queues/full"; echo "$? $(sed -n "s/^messages //p" queues/full,stat)"'
expect timeout_in_time $'x\n' timeout 5 cat queues/m3

# xxd
expect xxd_raw_value $'00000000: 2a00 0000 0000 0000                      *.......\n' xxd values/v,raw
expect xxd_raw_seek $'0600000005000000\n' xxd -p -s 4 -l 8 arrays/a,raw
expect xxd_raw_from_the_end $'05000000\n' xxd -p -s -4 arrays/a,raw
check xxd_r_writes bash -c 'echo "00000004: 0700 0000" | xxd -r - arrays/a,raw'
expect xxd_r_wrote $'5\n7\n5\n5\n5\n' cat arrays/a
echo hi >queues/m3
expect xxd_queue $'68690a\n' xxd -p queues/m3
expect od_value $'52 50 10\n' bash -c 'echo $(od -An -t u1 values/v)'

# wc
env printf '1\n2\n3\n' >queues/m3
expect wc_l_queue $'3 queues/m3\n' wc -l queues/m3
expect wc_array $'5 5 10 arrays/a\n' wc arrays/a
expect wc_c_value $'3\n' bash -c 'wc -c <values/v'
expect wc_c_raw $'20\n' bash -c 'wc -c <arrays/a,raw'
expect sort_array $'5\n5\n5\n5\n7\n' sort -n arrays/a
expect cmp_value '' cmp values/v <(echo 42)
expect paste_array $'5,7,5,5,5\n' paste -sd, arrays/a
expect cut_stat $'42\n' bash -c 'grep "^value " values/v,stat | cut -d" " -f2'
expect md5sum_value "$(echo 42 | md5sum | cut -c1-32)  values/v"$'\n' md5sum values/v

# truncate
echo 1 >queues/m3
echo 2 >queues/m3
check truncate_queue truncate -s 0 queues/m3
expect truncate_cleared_it $'messages 0\n' grep '^messages' queues/m3,stat
check truncate_value truncate -s 0 values/v
expect truncate_value_changed_nothing $'42\n' cat values/v
check truncate_semaphore truncate -s 0 semaphores/s
check truncate_event truncate -s 0 events/e
check truncate_array truncate -s 0 arrays/a
expect truncate_array_changed_nothing $'5\n7\n5\n5\n5\n' cat arrays/a
check redirect_alone_keeps_the_messages bash -c 'echo 1 >queues/m3; : >queues/m3; grep -qx "messages 1" queues/m3,stat'

# touch
check touch_creates touch queues/t semaphores/t events/t values/t arrays/t,type=d,len=4
expect touch_created_empty $'messages 0\n' grep '^messages' queues/t,stat
expect touch_array_of_zeros $'0.0\n0.0\n0.0\n0.0\n' bash -c 'sed "s/^0\$/0.0/" arrays/t'
expect touch_semaphore $'0\n' cat semaphores/t,peek
expect touch_event $'0\n' cat events/t,peek
expect touch_value_is_pending '' cat values/t
check touch_again touch queues/t
check touch_properties touch queues/p,maxsize=3,capacity=4k
expect touch_properties_there $'maxsize 3\ncapacity 4096\n' grep -E '^(maxsize|capacity)' queues/p,stat
fails other_properties 'exists' bash -c 'echo x >queues/p,maxsize=4'
expect other_properties_changed_nothing $'maxsize 3\nmessages 0\n' grep -E '^(maxsize|messages)' queues/p,stat
check touch_same_properties touch queues/p,maxsize=3
fails touch_other_properties 'File exists' touch queues/p,maxsize=4
fails touch_other_properties_pending 'File exists' bash -c 'touch arrays/pending,type=i && touch arrays/pending,type=i && touch arrays/pending,type=d'
fails touch_temp_what_is_not 'File exists' touch queues/p,temp
fails chmod_other_properties 'File exists' chmod 666 queues/p,maxsize=4
expect chmod_other_properties_left_it $'600\n' stat -c %a queues/p
check chmod_same_properties chmod 600 queues/p,maxsize=3,capacity=4k
check touch_d touch -d '2020-02-02 12:00:00Z' values/v
expect touch_d_done $'1580644800\n' stat -c %Y values/v
check touch_event_set touch events/on,set
expect touch_event_set_is $'1\n' cat events/on,peek
check touch_semaphore_value touch semaphores/two,value=2,max=2
expect touch_semaphore_value_is $'2\n' cat semaphores/two,peek
fails touch_a_view_creates_nothing 'No such file' touch queues/absent,peek
check touch_a_view_created_nothing test ! -e queues/absent

# chmod, chown
expect mode_new_queue $'600\n' stat -c %a queues/t
expect mode_new_semaphore $'600\n' stat -c %a semaphores/t
expect mode_new_value $'644\n' stat -c %a values/s
expect mode_new_array $'644\n' stat -c %a arrays/t
expect mode_new_queue_umask_002 $'660\n' bash -c 'umask 002; touch queues/u2; stat -c %a queues/u2'
expect mode_new_value_umask_077 $'600\n' bash -c 'umask 077; echo 1 >values/u77; stat -c %a values/u77'
nobody='setpriv --reuid=65534 --regid=65534 --clear-groups'
# shellcheck disable=SC2086 # several words
{
	fails no_stranger_drains_a_queue 'ermission denied' $nobody cat queues/t
	fails no_stranger_writes_a_value 'ermission denied' $nobody bash -c 'echo 1 >values/s'
	expect a_stranger_reads_a_value $'some letters\n' $nobody cat values/s
	check chmod chmod 666 queues/t
	expect chmod_did $'666\n' stat -c %a queues/t
	check chmod_shares $nobody bash -c 'echo "from nobody" >queues/t'
	expect chmod_shares_both_ways $'from nobody\n' $nobody cat queues/t
	check chmod_symbolic chmod go-rwx queues/t
	expect chmod_symbolic_did $'600\n' stat -c %a queues/t
	check chown chown 65534:65534 queues/t
	expect chown_did $'65534:65534\n' stat -c %u:%g queues/t
	check chown_gives_it $nobody bash -c 'echo mine >queues/t'
	fails chown_by_another 'not permitted' $nobody chown 0 queues/t
	fails chmod_by_another 'not permitted' $nobody chmod 777 values/s
	fails rm_by_another 'not permitted' $nobody rm -f values/s
	fails mv_by_another 'not permitted' $nobody mv values/s values/taken
	check rm_own $nobody rm queues/t
	check anyone_creates $nobody touch queues/nobodys
	expect anyone_creates_his_own $'65534 65534 600\n' stat -c '%u %g %a' queues/nobodys
}
check chgrp chgrp 65534 values/s
expect chgrp_did $'65534\n' stat -c %g values/s

# df, du, rm
check df df values/v
check df_i df -i "$M"
check du du -s "$M"
check rm rm queues/nobodys values/s arrays/t
check rm_all bash -c 'rm -r queues/* values/* arrays/* semaphores/* events/*'
expect rm_all_gone '' find . -mindepth 2 -type f
expect rm_status $'objects 0\n' grep '^objects ' status
cd / || exit 1
finish
