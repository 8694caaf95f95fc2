#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# tour.sh - run by `ipcfs tour`. First four workers, two in shell and two in Python, count the words of some texts
# by their length. They share a queue of work, a semaphore that lets three in, an event that starts
# them, a value for progress and an array for the result, all of them files. The result is checked
# against one process that counts alone. Then processes are killed over what they hold: a lock, a task, the tokens of
# a job server. Then come the kinds that keep and that tell, a line or two each; at last some wait for each other, as
# they should and as they should not.
# IPCFS_MOUNT: the mount; TOUR_IPCFS: the command; TOUR_KEEP: leave the objects there.
# A tour takes away what an earlier one has left, and so ends the workers of one that was killed.
# shellcheck disable=SC2016 # commands are shown as they are typed, and then evaluated
set -u
export LC_ALL=C
self=$(realpath -- "$0")
files=(/usr/share/common-licenses/*)
[ $# -eq 0 ] || mapfile -t files < <(realpath -- "$@")
cd "${IPCFS_MOUNT:-/ipc}" || exit 1
[ -r status ] || { echo "ipcfs: tour: $PWD: no ipcfs is mounted there" >&2; exit 1; }

longest=16 # words of more letters count as that long
workers=()
objects=(queues/tour-{jobs,tasks,failed,sums} semaphores/tour-{three,tokens,lock} events/tour-start values/tour-words
	arrays/tour-lengths locks/tour-{site,left,right} conditions/tour-news barriers/tour-{round,meet}
	lists/tour-colours dicts/tour-{stock,sums-results} pipes/tour-talk topics/tour-news signals/tour-end sockets/tour-door)
work=$(mktemp -d) || exit 1
unset MAKEFLAGS MFLAGS MAKELEVEL # of `make demo`
# The Python package of the tree that this is in; it may be installed, too.
[ ! -d "${self%/*}/python/ipcfs" ] || export PYTHONPATH="${self%/*}/python${PYTHONPATH:+:$PYTHONPATH}" PYTHONDONTWRITEBYTECODE=1

bold='' plain=''
[ -t 1 ] && bold=$'\e[1m' plain=$'\e[0m'
say() { printf '\n'; printf '%s\n' "$@"; }
title() { printf '\n%s---- %s%s\n' "$bold" "$*" "$plain"; }
fail() { echo "ipcfs: tour: $*" >&2; exit 1; }
show() { printf '  %s$ %s%s\n' "$bold" "$1" "$plain"; }
# Shows a command as one would type it here, then runs it.
run() { show "$1"; eval "$1" || fail "failed: $1"; }
# The same in the background.
start() {
	show "$1 &"
	eval "$1 &"
	workers+=($!)
}
# Kills what was started last.
kill_it() {
	show "kill -9 ${workers[-1]}"
	{ kill -9 "${workers[-1]}" && wait "${workers[-1]}"; } 2> /dev/null
	unset 'workers[-1]'
}
# Waits until the file has such a line.
await() {
	local end=$((SECONDS + 60))
	until grep -qxs -- "$2" "$1"; do [ $SECONDS -lt $end ] || fail "$1 never had the line $2"; done
}
# Waits until the last two that were started wait for each other; false: one of them was refused.
in_a_circle() {
	until grep -q 'waits locks/tour-right' deadlocks; do
		kill -0 "${workers[-1]}" 2> /dev/null && kill -0 "${workers[-2]}" 2> /dev/null || return 1
	done
}
# shellcheck disable=SC2317 # called by run
ipcfs() { "$TOUR_IPCFS" "$@"; }

# shellcheck disable=SC2317  # called by the trap
clean() {
	for pid in "${workers[@]}"; do kill "$pid" 2> /dev/null; done
	[ "${TOUR_KEEP:-}" ] || rm -rf "${objects[@]}" 2> /dev/null
	wait
	rm -rf "$work"
}
trap clean EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

for file in "${files[@]}"; do
	if [ ! -f "$file" ] || [ ! -r "$file" ]; then fail "$file: no text to read"; fi
done

# Words by length: "LENGTH COUNT" lines of what comes in.
count='{ for (i = 1; i <= NF; i++) if ($i != "") n[length($i) < L ? length($i) : L]++ }
	END { for (l in n) print l, n[l] }'
count_words() { awk -F '[^A-Za-z]+' -v L=$longest "$count"; }

# ---- the workers ---------------------------------------------------------------------------------

# In a shell it is `read`, not `cat`, that waits: no child is left behind when the worker is killed.
shell_worker() {
	local first last file length n sum
	read -r _ < events/tour-start || exit 1
	while read -r first last file < queues/tour-jobs && [ "$first" != end ]; do
		read -r _ < semaphores/tour-three || exit 1
		sum=0
		while read -r length n; do
			echo "$((length - 1))+=$n" > arrays/tour-lengths || exit 1
			sum=$((sum + n))
		done < <(sed -n "${first},${last}p" "$file" | count_words)
		echo 1 > semaphores/tour-three || exit 1
		echo "add $sum" > values/tour-words || exit 1
	done
}

python_worker() {
	exec python3 - "$longest" << 'END'
import os, re, sys
longest = int(sys.argv[1])
def read(name):
    with open(name, "rb", buffering=0) as f:
        return f.read(1 << 20)
def write(name, text):
    with open(name, "wb", buffering=0) as f:
        f.write(text.encode())
read("events/tour-start")
while (job := read("queues/tour-jobs")) != b"end\n":
    first, last, name = job.rstrip(b"\n").split(b" ", 2)
    read("semaphores/tour-three")
    with open(name, "rb") as f:
        lines = f.read().split(b"\n")[int(first) - 1:int(last)]
    counts = {}
    for word in re.findall(rb"[A-Za-z]+", b"\n".join(lines)):
        length = min(len(word), longest)
        counts[length] = counts.get(length, 0) + 1
    for length, n in counts.items():
        write("arrays/tour-lengths", f"{length - 1}+={n}\n")
    write("semaphores/tour-three", "1\n")
    write("values/tour-words", f"add {sum(counts.values())}\n")
END
}

# ---- the tour ---------------------------------------------------------------------------------------

rm -rf "${objects[@]}" 2> /dev/null # of a tour that was killed
for object in "${objects[@]}"; do
	[ ! -e "$object" ] || fail "$PWD/$object is there already, from the tour of $(stat -c %U "$object")"
done
expected=$(cat "${files[@]}" | count_words | sort -n)
total=$(awk '{ n += $2 } END { print n + 0 }' <<< "$expected")
[ "$total" -gt 0 ] || fail 'there are no words in these texts'

title 'Work that is shared'
say "Four workers count the $total words of ${#files[@]} texts. All they share are files below $PWD."
say 'A queue for the work: each write is one message. A semaphore that lets three in at a time.'
run 'touch queues/tour-jobs'
run 'touch semaphores/tour-three,value=3'
say 'An event: whoever reads it waits until it is set. A number, and an array of numbers, all zero.'
run 'touch events/tour-start'
run 'echo 0 > values/tour-words'
run "touch arrays/tour-lengths,type=q,len=$longest"

jobs=0
for file in "${files[@]}"; do
	lines=$(awk 'END { print NR }' "$file")
	for ((first = 1; first <= lines; first += 400)); do
		echo "$first $((first + 399)) $file" > queues/tour-jobs || fail 'the queue takes no job'
		jobs=$((jobs + 1))
	done
done
for _ in 1 2 3 4; do echo end > queues/tour-jobs || fail 'the queue takes no end'; done
say "The queue holds $jobs pieces of text, and an end for each worker. To look takes nothing:"
run 'cat queues/tour-jobs,peek'
run 'grep messages queues/tour-jobs,stat'

for _ in 1 2; do
	shell_worker &
	workers+=($!)
	python_worker &
	workers+=($!)
done
say 'The workers, two in shell and two in Python. This is one of those in shell:'
sed -n '/^shell_worker()/,/^}/ s/^/  /p' "$self"
say 'They wait for the event. Set it, and they run:'
until [ "$(awk '$1 == "waiters" { print $2 }' events/tour-start,stat)" = 4 ]; do
	for pid in "${workers[@]}"; do kill -0 "$pid" 2> /dev/null || fail 'a worker died'; done
done
run 'grep waiters events/tour-start,stat'
run 'echo 1 > events/tour-start'

say 'Their progress, read from values/tour-words,watch, which shows each change:'
while read -r words || [ "$(jobs -pr)" ]; do # it gives up waiting after 5 s: are they alive?
	[ -t 1 ] && printf '\r  %d of %d words' "${words:-0}" "$total"
	[ "${words:-0}" -lt "$total" ] || break
done 2> /dev/null < values/tour-words,watch,timeout=5
[ -t 1 ] && printf '\r'
printf '  %d of %d words\n' "$(cat values/tour-words)" "$total"
for pid in "${workers[@]}"; do wait "$pid" || fail 'a worker failed'; done
workers=()

say 'What they found together, and what one process finds alone:'
result=$(awk '$1 > 0 { print NR, $1 }' arrays/tour-lengths)
printf '  letters  together     alone\n'
join -a 1 -a 2 -e 0 -o 0,1.2,2.2 <(sort <<< "$result") <(sort <<< "$expected") | sort -n |
	awk -v L=$longest '{ printf "  %4s%s %11d %9d\n", $1, $1 == L ? "+" : " ", $2, $3 }'
[ "$result" = "$expected" ] || fail 'the two do not agree'
[ "$(cat values/tour-words)" = "$total" ] || fail 'the sum is wrong'
say 'They agree. All three places in the semaphore are free again:'
run 'cat semaphores/tour-three,peek'

# ---- what a killed process leaves ---------------------------------------------------------------------

title 'What a killed process leaves'
say 'A lock belongs to the open file through which it was taken, and is free when that closes, whatever closed it.'
start '(exec 9<> locks/tour-site; read -ru9 token; exec sleep 100)'
await locks/tour-site,peek '[1-9].*'
say 'Who has it: a token that only grows, the process, its user, since when. It is killed; who is next is told' \
	'that the work may be half done:'
run 'cat locks/tour-site,peek'
kill_it
run 'cat locks/tour-site'
say 'flock(1) takes the very same lock:'
run 'flock locks/tour-site cat locks/tour-site,peek'

say 'Tasks: of what is piped into a queue each line is one. A worker who reads through "ack" has it leased:'
run 'touch queues/tour-failed queues/tour-tasks,attempts=3,dead=tour-failed'
run 'basename -a "${files[@]}" | head -n 3 > queues/tour-tasks,lines'
start '(exec 3<> queues/tour-tasks,ack,lines; read -ru3 task; exec sleep 100)'
await queues/tour-tasks,stat 'lease .*'
run 'grep ^lease queues/tour-tasks,stat   # process, attempt'
kill_it
say 'The task of the killed worker is the next to be had. No more will come, so this loop ends:'
run 'echo close > queues/tour-tasks,ctl'
run 'while read -ru3 task; do
      echo "$task: attempt $(sed -n "s/^lease [0-9]* //p" queues/tour-tasks,stat)"
      echo done >&3
    done 3<> queues/tour-tasks,ack,lines'
run 'cat queues/tour-tasks,join   # waits until all is done'

say 'Less to write: "map" runs a command for each line, several at a time, and prints what comes in the order of the' \
	'lines. The command of the second kills its worker, once:'
run "printf '%s\n' one two three | ipcfs map -j 3 -- bash -c '
      [ {} != two ] || [ \$IPCFS_ATTEMPT -gt 1 ] || kill -9 \$PPID
      echo {}: attempt \$IPCFS_ATTEMPT'"
say 'And "worker" does the tasks of a queue. The result of each is kept, with its errors and its exit status:'
run "ipcfs submit queues/tour-sums '2 + 3' '1 / 0'; ipcfs close queues/tour-sums"
run "ipcfs worker queues/tour-sums -- bash -c 'echo \$(({}))'"
run 'ipcfs result queues/tour-sums 0'
run 'ipcfs result queues/tour-sums 1 2>&1 || echo "exit status $?"'

say 'The job server of GNU make is a semaphore, whose tokens come back from a make that is killed:'
run 'touch semaphores/tour-tokens,value=2,max=2'
start '(exec 8< semaphores/tour-tokens,tokens; read -ru8 -N 2 both; exec sleep 100)'
await semaphores/tour-tokens,stat 'value 0'
run 'cat semaphores/tour-tokens,peek'
kill_it
await semaphores/tour-tokens,stat 'value 2'
run 'cat semaphores/tour-tokens,peek'
if command -v make > /dev/null; then
	cat > "$work/Makefile" << 'END'
all: first second
first second: ; +@$(MAKE) --no-print-directory $(foreach n,1 2 3 4,$@-$n.count)
%.count: ; @echo begin >> log; wc -w < text > $@; echo end >> log
END
	cat "${files[@]}" > "$work/text"
	say 'Two makes below one share three jobs, four to do each:'
	sed 's/^/  /' "$work/Makefile"
	run 'ipcfs jobserver -j 3 -- make -C "$work" --no-print-directory'
	most=$(awk '{ n += $1 == "begin" ? 1 : -1; if (n > most) most = n } END { print most + 0 }' "$work/log")
	if [ "$(grep -c end "$work/log")" != 8 ] || [ "$most" -gt 3 ]; then fail "$most jobs ran at once"; fi
	say 'All eight ran, never more than three at once.'
fi

# ---- what is kept and what is told ---------------------------------------------------------------------

title 'What is kept, and what is told'
say 'A list, whose items are lines; a dict, whose keys are files:'
run 'printf "%s\n" red green > lists/tour-colours; echo blue >> lists/tour-colours'
run 'echo "del 0" > lists/tour-colours,ctl; xargs < lists/tour-colours'
run 'mkdir dicts/tour-stock; echo 40 > dicts/tour-stock/paint; echo "add 2" > dicts/tour-stock/paint,num'
run 'grep -r . dicts/tour-stock'

say 'A pipe between two: what one end writes the other reads, until one of them ends.'
run 'touch pipes/tour-talk'
start '(exec 5<> pipes/tour-talk,b; read -ru5 question; echo "an answer to $question" >&5)'
run 'exec 4<> pipes/tour-talk,a; echo "a question" >&4; read -ru4 answer; echo "$answer"'
run 'read -ru4 more || echo "the other has ended"; exec 4>&-'
say 'A topic: all who listen hear all that is published.'
run 'touch topics/tour-news'
start '(while read -r line; do echo "heard: $line"; [ "$line" != end ] || break; done) < topics/tour-news,stream'
await topics/tour-news,stat 'readers 1'
run 'echo one > topics/tour-news; echo end > topics/tour-news'
wait "${workers[@]}" || fail 'a listener or a talker failed'
workers=()

say 'A signal by name, sent to all who have joined. Each process is a file too; to read it is to wait for its end.'
run 'touch signals/tour-end'
start 'sleep 100 3< signals/tour-end,join'
await signals/tour-end,stat 'members 1'
run 'exec 4< signals/$!; echo TERM > signals/tour-end; read -ru4 state; echo "$state"; exec 4<&-'
wait "${workers[@]}" 2> /dev/null
workers=()
say 'A socket, found by its name here:'
run 'python3 -c "if True:
      from socket import *
      door, guest = socket(AF_UNIX), socket(AF_UNIX)
      door.bind(\"sockets/tour-door\"); door.listen()
      guest.connect(\"sockets/tour-door\"); guest.send(b\"hello\")
      print(door.accept()[0].recv(99).decode())"'

if python3 -c 'import ipcfs' 2> /dev/null; then
	say 'For programs in Python that use multiprocessing all this is one changed import away. A lock by its name, and' \
		'processes of a pool that take turns over it:'
	run 'python3 -c "if True:
      from ipcfs import Lock, Pool
      def work(n):
          with Lock(name=\"tour-lock\"): return n * n
      with Pool(3) as pool: print(pool.map(work, range(5)))"'
	run 'cat semaphores/tour-lock,peek'
fi

# ---- who waits for whom ----------------------------------------------------------------------------------

title 'Who waits for whom'
say 'A barrier: three arrive, and go on together. Each is told as which he came.'
run 'touch barriers/tour-round,parties=3'
run 'for i in 1 2 3; do cat barriers/tour-round & done | sort'
say 'A condition: who has armed a handle misses nothing, though he reads later.'
run 'exec 4<> conditions/tour-news; echo arm >&4'
run 'echo all > conditions/tour-news'
run 'read -ru4 told; echo "$told"; exec 4>&-'

say 'Two that take two locks, each in another order, and meet at a barrier in between:'
run 'touch barriers/tour-meet,parties=2'
start '(exec 8<> locks/tour-left 9<> locks/tour-right
     read -ru8 one; read -r i < barriers/tour-meet; read -ru9 two && echo "has both: $two")'
start '(exec 8<> locks/tour-left 9<> locks/tour-right
     read -ru9 one; read -r i < barriers/tour-meet; read -ru8 two && echo "has both: $two")'
if in_a_circle; then
	say 'They will wait for ever, and anybody can see why:'
	run 'cat deadlocks'
	kill_it
	wait "${workers[-1]}" || fail 'the other did not go on'
else
	say 'This mount has the option deadlock=error, and refuses one of them:'
	run 'tail -n 1 errors'
	wait "${workers[@]}"
fi
workers=()
if [ "${TOUR_KEEP:-}" ]; then
	say "Its objects stay: ls $PWD/*/tour-*"
else
	say 'The objects of the tour are removed.'
fi
