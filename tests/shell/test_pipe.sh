#!/bin/bash
# SPDX-License-Identifier: MIT
#
# test_pipe.sh - what a person types with pipes and topics: a FIFO between unrelated processes, a duplex pipe between
# parent and child, two writers at once; those who listen to a topic. In bash, dash, Python and Perl.
# shellcheck disable=SC2016,SC2317 # commands are expanded by the shell that runs them; check calls functions
set -u
# shellcheck source=tests/shell/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$M" || exit 1

# ---- two unrelated processes over a FIFO
mkfifo pipes/fifo
expect ls_shows_a_fifo $'prw-------\n' bash -c 'ls -l pipes/fifo | cut -d" " -f1'
start sort -n pipes/fifo
check bytes_go_one_way bash -c 'seq 1000 -1 1 >pipes/fifo'
check the_reader_ends ended "$started"
check they_are_the_same bash -c 'seq 1000 | cmp - "$1"' - "$T/out.$started"
start python3 -c 'print(open("pipes/fifo").read(), end="")'
check perl_writes perl -e 'open(F, ">", "pipes/fifo") or die; print F "from perl\n" for 1..3'
check python_reads ended "$started"
expect three_lines $'from perl\nfrom perl\nfrom perl\n' cat "$T/out.$started"
expect what_it_is $'kind pipes\nfifo 1\n' sed '/^id/d' pipes/fifo,stat
fails no_views 'Invalid argument' cat pipes/fifo,a
expect in_words $'1\n' bash -c 'tail -n 1 errors | grep -c "EINVAL pipes/fifo,a: .*\"stat\" alone"'
fails not_elsewhere 'Operation not permitted' mkfifo queues/fifo
fails no_properties 'Invalid argument' mkfifo pipes/other,capacity=1k
fails mv_replaces_nothing '' bash -c 'mkfifo pipes/other && mv -T pipes/fifo pipes/other'
check mv_gives_it_another_name mv -T pipes/other pipes/moved
check rm_removes rm pipes/fifo pipes/moved
check find_finds_none bash -c '[ -z "$(find pipes -type p)" ]'

# ---- parent and child over the two ends of a duplex pipe
touch pipes/talk
for shell in bash dash; do
	expect "parent_and_child_$shell" $'hello from the child\nthe child has ended\n' "$shell" -c '
		exec 3<>pipes/talk,a
		( exec 3>&- 4<>pipes/talk,b; read -r word <&4; echo "$word from the child" >&4 ) &
		echo hello >&3
		read -r line <&3
		echo "$line"
		wait
		read -r line <&3 || echo "the child has ended"'
done
expect parent_and_child_python $'hello\ngone\n' python3 -c '
import os
parent = os.open("pipes/talk,a", os.O_RDWR)
if os.fork() == 0:
    os.close(parent)
    child = os.open("pipes/talk,b", os.O_RDWR)
    os.write(child, os.read(child, 100).swapcase())
    os._exit(0)
os.write(parent, b"HELLO\n")
os.wait()
print(os.read(parent, 100).decode(), end="")
print("gone" if os.read(parent, 100) == b"" else "?")
try:
    os.write(parent, b"x")
except BrokenPipeError:
    pass
else:
    print("not broken")'

# ---- message boundaries, and two writers at once
expect each_write_is_a_message $'3\n2\n' bash -c '
	exec 3<>pipes/talk,a 4<>pipes/talk,b
	printf "one" >&3; printf "xy" >&3
	dd bs=100 count=1 <&4 2>/dev/null | wc -c; dd bs=100 count=1 <&4 2>/dev/null | wc -c'
touch pipes/writers,capacity=1000
start bash -c 'exec 3<>pipes/writers,b; while read -ru3 line; do echo "$line"; done'
check somebody_reads until_stat pipes/writers,stat 'b open'
check two_writers bash -c '
	exec 3>pipes/writers,a # so that the end is open while the two come and go
	for w in x y; do
		(for i in {1..200}; do printf -v m "%.0s$w" {1..50}; echo "$m$i" >&3; done) &
	done
	wait'
check the_end_comes ended "$started"
expect nothing_is_interleaved $'400\n' grep -cE '^(x{50}|y{50})[0-9]+$' "$T/out.$started"
check each_ones_order bash -c 'for w in x y; do
	grep ^$w "$1" | tr -d xy | cmp - <(seq 200) || exit 1; done' - "$T/out.$started"

# ---- the loop over a pipe: an item has an end, the other end's end is an error
start bash -c 'while m=$(cat <&3); do echo "got $m"; done 3<pipes/talk,a'
check the_loop_waits until_stat pipes/talk,stat 'waiters 1'
check it_is_given_two bash -c 'echo one >&3; echo two >&3' 3>pipes/talk,b
check the_loop_ends ended "$started"
expect it_got_both $'got one\ngot two\n' cat "$T/out.$started"
check and_says_why grep -q 'No data available' "$T/err.$started"
fails nobody_listens 'Broken pipe' bash -c 'exec 3<>pipes/talk,a; : <>pipes/talk,b; echo x >&3'
fails the_bare_name_is_no_end 'Invalid argument' cat pipes/talk
expect the_bare_name_in_words $'1\n' bash -c 'tail -n 1 errors | grep -c "EINVAL pipes/talk: the bare name is no end: use NAME,a or NAME,b"'
fails views_do_not_create 'No such file' bash -c 'echo x >pipes/none,a'
fails a_reader_waits_for_who_never_came 'timed out' cat pipes/talk,a,timeout=0.1
expect who_has_it_open $'a open\nb closed\n' bash -c 'exec 3<>pipes/talk,a; : <>pipes/talk,b; grep -E "^[ab] " pipes/talk,stat'

# ---- topics
touch topics/news,capacity=1k
start bash -c 'while read -r line; do echo "$line"; [ "$line" != end ] || exit 0; done <topics/news,stream'
check it_listens until_stat topics/news,stat 'waiters 1'
check publishing_waits_for_nobody bash -c 'for i in 1 2 3; do echo "item $i" >topics/news; done; echo end >topics/news'
check the_listener_ends ended "$started"
expect it_has_heard_all $'item 1\nitem 2\nitem 3\nend\n' cat "$T/out.$started"
expect peek_shows_the_newest $'end\n' cat topics/news,peek
expect too_slow $'lost\nitem 999\n' bash -c '
	exec 3<>topics/news
	for i in {1..999}; do echo "item $i" >topics/news; done
	read -ru3 line 2>/dev/null || echo lost
	while read -ru3 line; do [ "$line" != "item 999" ] || { echo "$line"; break; }; done'
expect how_many_in_words $'1\n' grep -cE 'ENOBUFS topics/news: [0-9]+ messages have gone that this handle has not read' errors
fails too_long 'Message too long' bash -c 'head -c 2000 /dev/zero >topics/news'
expect python_listens $'b"hello"\n' python3 -c '
import os, select
f = os.open("topics/news", os.O_RDONLY | os.O_NONBLOCK)
try:
    os.read(f, 100)
except BlockingIOError:
    pass
with open("topics/news", "wb", buffering=0) as p:
    p.write(b"hello")
assert select.select([f], [], [], 0)[0] == [f]
print(str(os.read(f, 100)).replace(chr(39), chr(34)))'
finish
