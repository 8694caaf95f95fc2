#!/bin/bash
# SPDX-License-Identifier: MIT
#
# test_list.sh - what a person types with lists: bash, dash, coreutils, sed, Python, node, perl.
# shellcheck disable=SC2016 # commands are expanded by the shell that runs them
set -u
# shellcheck source=tests/shell/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$M/lists" || exit 1

# ---- whole lists
for shell in bash dash; do
	expect "make_and_append_$shell" $'milk\nbread\n' "$shell" -c 'echo milk >todo; echo bread >>todo; cat todo'
	expect "replace_$shell" $'tea\n' "$shell" -c 'echo tea >todo; cat todo'
	expect "empty_$shell" $'items 0\n' "$shell" -c ': >todo; grep items todo,stat'
	expect "words_$shell" $'a b  c \n' "$shell" -c 'echo "a b  c " >todo; cat todo'
	expect "unfinished_$shell" $'a\nb\n' "$shell" -c '(printf a; echo; printf b) >todo; cat todo'
	expect "two_empty_items_$shell" $'items 2\n' "$shell" -c '{ echo; echo; } >todo; grep items todo,stat'
	expect "while_read_$shell" $'<1>\n<2>\n<3>\n' "$shell" -c \
		'seq 3 >todo; while read -r i; do echo "<$i>"; done <todo'
done
expect cp_to_a_list $'1\n2\n3\n' bash -c 'seq 3 >"$T/file"; cp "$T/file" copied; cat copied'
expect cp_from_a_list $'1\n2\n3\n' bash -c 'cp todo "$T/back"; cat todo' # its size is 0: cat alone reads it
expect list_to_list $'1\n2\n3\n' bash -c 'cat todo >other; cat other'
expect tee_appends $'1\n2\n3\n4\n' bash -c 'echo 4 | tee -a other >/dev/null; cat other'
expect sort_in_place $'4\n3\n2\n1\n' bash -c 'sort -r other >other; cat other'
expect sed_in_place $'four\n3\n2\n1\n' bash -c 'sed -i s/4/four/ other; cat other; ls | grep -c sed >&2 || true'
expect head_and_tail $'four\n1\n' bash -c 'head -n 1 other; tail -n 1 other'
expect mv_onto $'four\n3\n2\n1\n' bash -c 'mv other todo; cat todo'
fails gone_after_mv 'No such file' cat other
expect truncate_clears '' bash -c 'truncate -s 0 todo; cat todo'
expect escapes $'C:\\\\new\n' bash -c 'printf "%s\n" "C:\new" >todo; cat todo'
expect dd_appends $'C:\\\\new\nx\n' bash -c 'printf "x\n" | dd of=todo conv=notrunc status=none; cat todo'

# ---- items
seq 5 >n
expect at $'1 5 2' bash -c 'cat n,at=0; printf " "; cat n,at=-1; printf " "; cat n,at=1'
expect set_one $'1\n2\nthree\n4\n5\n' bash -c 'printf three >n,at=2; cat n'
expect insert $'0\n1\n2\nthree\n4\n5\n6\n' bash -c 'printf 0 >n,insert=0; printf 6 >n,insert; cat n'
expect pop $'6/0/1' bash -c 'cat n,pop; printf /; cat n,pop=0; printf /; cat n,pop=0'
expect del $'2\n5\n' bash -c 'echo "del 1" >n,ctl; printf "del 1\n" >n,ctl; cat n'
fails past_the_end 'result out of range' cat n,at=2
expect why $'1\n' bash -c 'tail -n 1 ../errors | grep -c "ERANGE lists/n: the list has 2 items, there is no 2"'
fails insert_past_the_end '' bash -c 'printf x >n,insert=3'
fails del_past_the_end '' bash -c 'echo "del 2" >n,ctl'
fails unknown_command '' bash -c 'echo sort >n,ctl'
fails a_typo_does_not_create 'No such file' cat nn,pop
fails wrong_index 'Invalid argument' cat n,at=first
fails no_range 'Invalid argument' cat n,at=0:1
fails not_both 'Invalid argument' cat n,at=0,pop
expect peek $'5 2\n5\n' bash -c 'cat n,peek,pop; printf " "; cat n,peek'
echo clear >n,ctl
fails pop_of_an_empty_list 'temporarily unavailable' cat n,pop,timeout=0
fails pop_in_time 'timed out' cat n,pop,timeout=0.1
start cat n,pop=0
check pop_waits until_stat lists/n,stat 'waiters 1'
echo x >>n
check pop_goes_on ended "$started"
expect it_is_the_item 'x' cat "$T/out.$started"

# ---- a list as a queue, and as a lock-free journal
expect consume_all $'<1>\n<2>\n<3>\n' bash -c \
	'seq 3 >n; while i=$(cat n,pop=0,timeout=0 2>/dev/null); do echo "<$i>"; done'
expect appended_by_many $'400\n' bash -c \
	'rm n; for w in 1 2 3 4; do (for i in $(seq 100); do echo "$w $i" >>n; done) & done; wait; wc -l <n'
expect each_in_order '' bash -c 'for w in 1 2 3 4; do grep "^$w " n | sort -nck 2; done'
touch small,capacity=10
expect capacity $'0123456789\n' bash -c 'echo 0123456789 >>small; cat small'
fails full 'No space left' bash -c 'echo x >>small'
expect full_in_words $'1\n' bash -c 'tail -n 1 ../errors | grep -c "ENOSPC lists/small: the list has 10 bytes of capacity=10"'
fails too_long 'too long' bash -c 'echo 0123456789a >small'
expect left_as_it_was $'0123456789\n' cat small
expect cas $'1\nagain\n' bash -c '
	echo 1 >c; exec 3<>c,cas; cat <&3 >/dev/null; echo 2 >c
	echo mine >&3 2>/dev/null && echo "was written"
	exec 3<&-; exec 3<>c,cas; read -ru3 x; echo 1 >&3; cat c; echo again >&3; cat c'

# ---- other languages
expect python_append_and_read $'a,b,c\n' python3 -c '
with open("py", "w") as f:
    f.write("a\n"); f.write("b\n")
with open("py", "a") as f:
    f.write("c\n")
print(*open("py").read().split(), sep=",")'
expect python_exact_items $'[0, 10, 92]\n' python3 -c '
open("py,insert", "wb", 0).write(b"\0\n\\")
print(list(open("py,pop", "rb").read()))'
expect python_pop_waits $'late\n' python3 -c '
import threading, time
open("py", "w").close()
def put():
    while "waiters 1\n" not in open("py,stat"):
        time.sleep(0.001)
    open("py", "a").write("late\n")
threading.Thread(target=put).start()
print(open("py,pop=0", "rb", 0).read(100).decode())'
expect python_rplus $'late2\n' python3 -c '
open("py", "w").close()
with open("py", "r+") as f:
    f.write("late2\n")
print(open("py").read(), end="")'
expect perl $'p\nq\n' perl -e '
open(F, ">", "pl"); print F "p\n"; close F; open(F, ">>", "pl"); print F "q\n"; close F; open(F, "<", "pl"); print <F>'
if command -v node >/dev/null; then
	expect node $'n\nm\n' node -e '
		const fs = require("fs"); fs.writeFileSync("js", "n\n"); fs.appendFileSync("js", "m\n");
		process.stdout.write(fs.readFileSync("js"))'
fi

cd / || exit 1
finish
