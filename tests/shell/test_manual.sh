#!/bin/bash
# SPDX-License-Identifier: MIT
#
# test_manual.sh - examples of ipcfs(7) that need something to be made first, or go on beside each other, as they stand there.
# shellcheck disable=SC2016 # commands are expanded by the bash that runs them
set -u
# shellcheck source=tests/shell/lib.sh
. "$(dirname "$0")/lib.sh"
manual=$HERE/../../docs/ipcfs.7

# example WORDS: makes $T/example of the lines that stand behind the line of the manual that begins so; for this mount.
example()
{
	awk -v words="$1" '
		index($0, words) == 1 { found = 1 }
		found && /^\.Ed/ { exit }
		shown { print }
		found && /^\.Bd/ { shown = 1 }' "$manual" | sed "s|/ipc/|$M/|g; s|\\\\e|\\\\|g" >"$T/example"
}
line()
{
	sed -n "$1p" "$T/example"
}
cd "$T" || exit 1

example 'A queue between two shells'
bash -c "$(line 1)"
start bash -c "$(line 2)"
worker=$started
bash -c "$(line 3)"
until_stat queues/jobs,stat 'messages 0'
echo close >"$M/queues/jobs,ctl"
ended "$worker"
expect between_two_shells $'doing paint the door\n' cat "$T/out.$worker"
rm "$M/queues/jobs"

example 'A file as one message'
head -c 3000000 /dev/urandom >photo.jpg
expect a_list_of_lines $'copy.jpg\n' bash -c "$(line '1,$')"
check a_file_as_one_message cmp photo.jpg copy.jpg

example 'Questions, each answered'
bash -c "$(line 1)"
start bash -c "$(line 2)"
service=$started
asker=$(line '3,$')
expect a_question_is_answered $'an answer to a question\n' bash -c "$asker; echo \"\$answer\""
check its_queue_is_gone bash -c '! ls "$M"/queues | grep -q ^re-'
echo "$M/queues/re-gone a question" >"$M/queues/ask"
expect the_next_one_too $'an answer to a question\n' bash -c "$asker; echo \"\$answer\""
check nothing_is_left_for_who_is_gone test ! -e "$M/queues/re-gone"
echo close >"$M/queues/ask,ctl"
ended "$service"

example 'Ten at once'
bash -c "$(line 1)"
start bash -c "$(line 2)"$'\nwait'
filler=$started
expect more_than_ten $'12\n' bash -c "for i in {1..12}; do $(line 3)"$'\necho $i; done | tail -n 1'
kill "$filler"

# Each command's --help names the long options that its part of ipcfs(1) names, and no others.
options()
{
	grep -oE -- "$1" | sed 's/.*--//' | grep -vx 'mount\|help' | sort -u | tr '\n' ' '
}
for command in $("$IPCFS" --help | sed -n 's/^  \([a-z]*\) .*/\1/p'); do
	told=$("$IPCFS" "$command" --help | options '(^|[^a-z-])--[a-z]+')
	expect "options_of_$command" "$told"$'\n' echo "$(sed -n "/^\.Sh COMMANDS/,/^\.Sh MOUNT/{/^\.It Cm $command\$/,/^\.It Cm/p}" "$HERE/../../docs/ipcfs.1" |
		sed 's/Fl Fl /--/g' | options '--[a-z]+')"
done

finish
