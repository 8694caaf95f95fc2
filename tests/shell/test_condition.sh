#!/bin/bash
# SPDX-License-Identifier: MIT
#
# test_condition.sh - what a person types with conditions and barriers: in bash, dash and Python.
# shellcheck disable=SC2016 # commands are expanded by the shell that runs them
set -u
# shellcheck source=tests/shell/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$M" || exit 1

# ---- conditions
fails a_read_does_not_create 'No such file' cat conditions/c
touch conditions/c
start cat conditions/c
one=$started
check one_waits until_stat conditions/c,stat 'armed 1'
start cat conditions/c
two=$started
check two_wait until_stat conditions/c,stat 'armed 2'
expect peek $'2\n' cat conditions/c,peek
echo 1 >conditions/c
check first_is_notified ended "$one"
expect it_reads_1 $'1\n' cat "$T/out.$one"
echo all >conditions/c
check second_is_notified ended "$two"
expect nobody_is_left $'0\n' cat conditions/c,peek

for shell in bash dash; do
	expect "arm_then_read_$shell" $'got 1\n' "$shell" -c \
		'exec 3<>conditions/c; echo arm >&3; echo 1 >conditions/c; read x <&3; echo "got $x"'
	expect "closed_handles_wait_no_longer_$shell" $'1\n0\n' "$shell" -c \
		'exec 3<>conditions/c; echo arm >&3; cat conditions/c,peek; exec 3>&-; cat conditions/c,peek'
	fails "zero_$shell" '' "$shell" -c 'echo 0 >conditions/c'
	fails "word_$shell" '' "$shell" -c 'echo everybody >conditions/c'
	fails "arm_without_reading_$shell" '' "$shell" -c 'echo arm >conditions/c'
done
expect the_reason_in_words $'1\n' bash -c 'tail -n 1 errors | grep -c "EINVAL conditions/c: only a handle that can read"'
fails timeout 'timed out' cat conditions/c,timeout=0.1

# The pattern: arm, unlock, read, lock.
echo 0 >values/ready
start bash -c '
	exec 3<>locks/l 4<>conditions/c
	read -ru3 token
	while [ "$(cat values/ready)" != 1 ]; do
		echo arm >&4; echo unlock >&3; read -ru4 told; read -ru3 token
	done
	echo "ready, told $told"'
check pattern_waits until_stat conditions/c,stat 'armed 1'
bash -c 'exec 3<>locks/l; read -ru3 token; echo 1 >values/ready; echo 1 >conditions/c; echo unlock >&3'
check pattern_goes_on ended "$started"
expect pattern_was_told $'ready, told 1\n' cat "$T/out.$started"

# ---- barriers
fails parties_are_needed 'Invalid argument' touch barriers/b
expect why_in_words $'1\n' bash -c 'tail -n 1 errors | grep -c "barriers/b: a barrier is made with parties=N"'
touch barriers/b,parties=3
start cat barriers/b
one=$started
check first_arrives until_stat barriers/b,stat 'arrived 1'
start dash -c 'read n <barriers/b; echo "number $n"'
two=$started
check second_arrives until_stat barriers/b,stat 'arrived 2'
expect third_goes_on $'2\n' cat barriers/b
check first_goes_on ended "$one"
check second_goes_on ended "$two"
expect first_index $'0\n' cat "$T/out.$one"
expect second_index $'number 1\n' cat "$T/out.$two"
fails too_few_in_time 'timed out' cat barriers/b,timeout=0.1
fails broken 'canceled' cat barriers/b
echo reset >barriers/b
expect whole_again $'broken 0\n' grep broken barriers/b,stat
echo abort >barriers/b
fails aborted 'canceled' cat barriers/b
echo reset >barriers/b
fails unknown_word '' bash -c 'echo restart >barriers/b'

# Rounds of three shells: none is ahead of the others.
: >"$T/rounds"
for name in a b c; do
	start bash -c 'for i in 1 2 3 4 5; do echo $i >>"$T/rounds"; cat barriers/b >/dev/null; done'
	eval "$name=\$started"
done
# shellcheck disable=SC2154 # assigned by eval
for pid in "$a" "$b" "$c"; do
	check "shell_$pid" ended "$pid"
done
expect in_step $'1 1 1 2 2 2 3 3 3 4 4 4 5 5 5\n' xargs <"$T/rounds"

# ---- Python, unbuffered, as any file
expect python_condition $'1\n' python3 -c '
import os
c = os.open("conditions/c", os.O_RDWR)
os.write(c, b"arm")
open("conditions/c", "w").write("1")
print(os.read(c, 10).decode(), end="")'
expect python_barrier $'[0, 1, 2]\n' python3 -c '
import threading
got = []
def arrive():
    got.append(int(open("barriers/b").read()))
threads = [threading.Thread(target=arrive) for _ in range(3)]
[t.start() for t in threads]
[t.join() for t in threads]
print(sorted(got))'

cd / || exit 1
finish
