#!/bin/bash
# SPDX-License-Identifier: MIT
#
# test_frame.sh - the views `lines` and `block` of queues as a person types them, and what the buffers of
# programs look like from a reader.
# shellcheck disable=SC2016,SC2317 # commands are expanded, functions called, by the bash that runs them
set -u
# shellcheck source=tests/shell/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$M" || exit 1

messages()
{
	sed -n 's/^messages //p' "$1,stat"
}
export -f messages
touch queues/q

# lines
check seq_is_a_thousand_messages bash -c 'seq 1000 >queues/q,lines && [ "$(messages queues/q)" = 1000 ]'
expect cat_takes_a_line $'1\n' cat queues/q,lines
expect plain_cat_has_no_newline '2' cat queues/q
check head_of_a_stream bash -c 'seq 3 1000 | cmp - <(head -n 998 queues/q,lines,stream 2>"$T/head.err")'
seq 5 >queues/q,lines
expect while_read $'got 1\ngot 2\ngot 3\ngot 4\ngot 5\n' bash -c '
	exec 3<>queues/q,lines
	while [ "$(messages queues/q)" != 0 ] && read -ru3 line; do echo "got $line"; done'
seq 3 >queues/q,lines
expect mapfile_of_a_loop_of_cats $'1 2 3\n' bash -c 'for i in 1 2 3; do cat queues/q,lines; done | xargs'
printf 'no newline' >queues/q,lines
expect printf_without_a_newline 'no newline' cat queues/q
expect dd_byte_by_byte $'3\none\ntwo\nthree\n' bash -c '
	env printf "one\n\ntwo\nthree" | dd of=queues/q,lines bs=1 status=none
	messages queues/q; for i in 1 2 3; do cat queues/q,lines; done'
expect builtin_printf_in_parts $'2\na b\nc\n' bash -c '
	{ printf "a "; printf "b\n"; printf c; } >queues/q,lines
	messages queues/q; cat queues/q,lines; cat queues/q,lines'
expect two_descriptors_of_one_handle $'1\n' bash -c '
	exec 3>queues/q,lines; (printf "one " >&3); (printf "line\n" >&3); messages queues/q'
expect two_descriptors_one_line $'one line\n' cat queues/q,lines
expect echo_is_one_line $'x\n' bash -c 'echo x >queues/q; cat queues/q,lines'
expect tee_and_append $'a\nb\n' bash -c 'echo a | tee queues/q,lines >/dev/null; echo b >>queues/q,lines
	cat queues/q,lines; cat queues/q,lines'

# a full queue: who writes waits for the reader
touch queues/small,maxsize=3
start bash -c 'seq 200 >queues/small,lines'
check writer_waits until_stat queues/small,stat 'writers 1'
check reader_gets_all bash -c 'cmp <(seq 200) <(for ((i = 0; i < 200; i++)); do cat queues/small,lines; done)'
check writer_ended ended "$started"

# block
head -c 300000 /dev/urandom >"$T/photo.jpg"
check cat_of_a_photo_is_one_message bash -c 'cat "$T/photo.jpg" >queues/q,block && [ "$(messages queues/q)" = 1 ]'
check the_copy_is_the_same bash -c 'cat queues/q >"$T/copy" && cmp "$T/copy" "$T/photo.jpg"'
check dd_of_small_pieces bash -c '
	dd if="$T/photo.jpg" of=queues/q,block bs=777 status=none && cat queues/q | cmp - "$T/photo.jpg"'
check cp_of_a_photo bash -c 'cp "$T/photo.jpg" queues/q,block && cat queues/q | cmp - "$T/photo.jpg"'
check blocks_of_4096 bash -c '
	cat "$T/photo.jpg" >queues/q,block=4k && [ "$(messages queues/q)" = 74 ] &&
	for ((i = 0; i < 74; i++)); do cat queues/q; done | cmp - "$T/photo.jpg"'
check conv_fsync_puts bash -c '
	dd if="$T/photo.jpg" of=queues/q,block bs=1000 count=1 conv=fsync status=none && [ "$(messages queues/q)" = 1 ]'
echo clear >queues/q,ctl
touch queues/ten,capacity=10
fails too_much_for_the_queue 'Message too long' bash -c 'seq 10 >queues/ten,block'
expect nothing_of_it_is_there $'0\n' messages queues/ten
fails too_long_a_line 'Message too long' bash -c 'echo 01234567890 >queues/ten,lines'
check errors_say_why grep -q 'EMSGSIZE queues/ten: a line of over 10 bytes' errors

# what is left at close
echo full >queues/small
printf b >queues/small
printf c >queues/small
printf 'left' >queues/small,lines
expect what_is_left_waits $'waiters 1\n' grep waiters queues/small,stat
expect it_comes_last $'full\nbcleft' bash -c 'for i in 1 2 3 4; do cat queues/small; done'

# misuse
fails a_view_does_not_create 'No such file' bash -c 'echo x >queues/none,lines'
fails lines_and_block 'Invalid argument' cat queues/q,lines,block
fails block_of_nothing 'Invalid argument' cat queues/q,block=0
fails block_above_capacity 'Invalid argument' cat queues/ten,block=11

# The same writer, unbuffered, with lines and with blocks buffered, looked at from a reader.
if [ -x /usr/bin/python3 ]; then
	cat >"$T/writer.py" <<-'PY'
		import sys
		path, buffering = sys.argv[1], int(sys.argv[2])
		f = open(path, "w" if buffering == 1 else "wb", buffering=buffering)
		for i in range(500):
		    text = f"line {i:03}\n"
		    f.write(text if buffering == 1 else text.encode())
		f.close()
	PY
	writer()
	{
		/usr/bin/python3 -I -B "$T/writer.py" "queues/$1" "$2"
		messages "queues/${1%%,*}"
		echo clear >"queues/${1%%,*},ctl"
	}
	export -f writer
	expect unbuffered_one_message_a_write $'500\n' bash -c 'writer q 0'
	expect line_buffered_one_message_a_line $'500\n' bash -c 'writer q 1'
	expect fully_buffered_one_message_a_block $'4\n' bash -c 'writer q 1250'
	# The views do that for any writer.
	expect lines_whatever_the_buffer $'500\n500\n500\n' bash -c 'for b in 0 1 1250; do writer q,lines $b; done'
	expect blocks_whatever_the_buffer $'4\n4\n4\n' bash -c 'for b in 0 1 700; do writer q,block=1250 $b; done'
	expect one_block_whatever_the_buffer $'1\n1\n1\n' bash -c 'for b in 0 1 700; do writer q,block $b; done'
	expect what_is_left_comes_at_close $'0\n1\nhalf\n' /usr/bin/python3 -I -B -c '
import os
def messages():
    return next(l.split()[1] for l in open("queues/q,stat") if l.startswith("messages"))
f = open("queues/q,lines", "w", buffering=1)
f.write("half")
f.flush()
print(messages())
f.close()
print(messages())
print(open("queues/q,lines").read(), end="")'
	expect fsync_in_python $'b\'a block\'\n' /usr/bin/python3 -I -B -c '
import os
f = open("queues/q,block", "w")
f.write("a block")
f.flush()
os.fsync(f.fileno())
print(open("queues/q", "rb").read())'
else
	skip python 'there is no /usr/bin/python3'
fi
finish
