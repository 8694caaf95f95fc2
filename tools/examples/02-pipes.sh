#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# 02-pipes.sh - pipes: parent and child talk over the two ends of a duplex pipe; two write into one end at once, and no
# message is torn; a named pipe (FIFO) between two programs that know nothing of each other.
# It prints:
#   the child has got: hello
#   the parent has got: HELLO
#   and then the end of file
#   200 whole messages, 0 torn
#   the FIFO carried 1000 lines one way
cd "${IPCFS_MOUNT:-/ipc}" || exit 1
name=pipes/example-$$
trap 'rm -f "$name" "$name-fifo"' EXIT
touch "$name"

exec 3<> "$name,a"
(
	exec 3>&- 4<> "$name,b" # our end closed, or there would be no end of file
	read -ru4 word
	echo "the child has got: $word"
	echo "${word^^}" >&4
) &
echo hello >&3
read -ru3 word
echo "the parent has got: $word"
read -ru3 word || echo 'and then the end of file'
wait
exec 3>&-

exec 3> "$name,a" # as long as we have it open the two may come and go
exec 4<> "$name,b"
for letter in x y; do
	(
		printf -v message "%.0s$letter" {1..1000}
		for _ in {1..100}; do echo "$message" >&3; done
	) &
done
whole=0 torn=0
exec 3>&- # the two writers have it still
while read -ru4 message; do
	if [[ $message =~ ^(x{1000}|y{1000})$ ]]; then whole=$((whole + 1)); else torn=$((torn + 1)); fi
done
wait
exec 4>&-
echo "$whole whole messages, $torn torn"

mkfifo "$name-fifo"
seq 1000 > "$name-fifo" &
cmp <(seq 1000) "$name-fifo" && echo 'the FIFO carried 1000 lines one way'
wait
