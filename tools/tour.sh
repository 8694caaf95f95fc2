#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# tour.sh - run by `ipcfs tour`: four workers, two in shell and two in Python, count the words of some texts by
# their length. They share a queue of work, a semaphore that lets three in, an event that starts
# them, a value for progress and an array for the result, all of them files. The result is checked
# against one process that counts alone. IPCFS_MOUNT: the mount; TOUR_KEEP: leave the objects there.
# A tour takes away what an earlier one has left, and so ends the workers of one that was killed.
set -u
export LC_ALL=C
self=$(realpath -- "$0")
files=(/usr/share/common-licenses/*)
[ $# -eq 0 ] || mapfile -t files < <(realpath -- "$@")
cd "${IPCFS_MOUNT:-/ipc}" || exit 1
[ -r status ] || { echo "ipcfs: tour: $PWD: no ipcfs is mounted there" >&2; exit 1; }

longest=16 # words of more letters count as that long
workers=()
objects=(queues/tour-jobs semaphores/tour-three events/tour-start values/tour-words arrays/tour-lengths)

bold='' plain=''
[ -t 1 ] && bold=$'\e[1m' plain=$'\e[0m'
say() { printf '\n%s\n' "$*"; }
fail() { echo "ipcfs: tour: $*" >&2; exit 1; }
# Shows a command as one would type it here, then runs it.
run() { printf '  %s$ %s%s\n' "$bold" "$1" "$plain"; eval "$1" || fail "failed: $1"; }

# shellcheck disable=SC2317  # called by the trap
clean() {
	for pid in "${workers[@]}"; do kill "$pid" 2> /dev/null; done
	wait
	[ "${TOUR_KEEP:-}" ] || rm -f "${objects[@]}" 2> /dev/null
}
trap clean EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

for file in "${files[@]}"; do
	if [ ! -f "$file" ] || [ ! -r "$file" ]; then fail "$file: no text to read"; fi
done

# Words by length: "LENGTH COUNT" lines of what comes in.
# shellcheck disable=SC2016 # awk's own
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

rm -f "${objects[@]}" 2> /dev/null # of a tour that was killed
for object in "${objects[@]}"; do
	[ ! -e "$object" ] || fail "$PWD/$object is there already, from the tour of $(stat -c %U "$object")"
done
expected=$(cat "${files[@]}" | count_words | sort -n)
total=$(awk '{ n += $2 } END { print n + 0 }' <<< "$expected")
[ "$total" -gt 0 ] || fail 'there are no words in these texts'

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
if [ "${TOUR_KEEP:-}" ]; then
	say "Its objects stay: ls $PWD/*/tour-*"
else
	say 'The objects of the tour are removed.'
fi
