#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# 05-values.sh - a shared value and shared arrays: what a child changes the parent sees at once; what is wrong is an
# error that changes nothing.
# It prints:
#   i 42
#   array 1 20 3 4
#   ten zeros, one of them set: 0 0 0 0 0 0 0 0 0 9
#   floats 0.5 1.25
#   bytes hello
#   a word for an int: Invalid argument, it is still 42
#   past the end: Numerical result out of range
cd "${IPCFS_MOUNT:-/ipc}" || exit 1
name=example-$$
trap 'rm -f values/$name arrays/$name-*' EXIT
touch "values/$name,type=i" "arrays/$name-zeros,type=i,len=10"
echo 1 2 3 4 > "arrays/$name-i,type=i"
echo 0.5 0.75 > "arrays/$name-f,type=f"
printf 'nothing' > "arrays/$name-c,type=c"

(
	echo 42 > "values/$name"
	echo '1=20' > "arrays/$name-i"
	echo '9=9' > "arrays/$name-zeros"
	echo '1=1.25' > "arrays/$name-f"
	printf 'hello\0\0' > "arrays/$name-c"
) &
wait

echo "i $(cat "values/$name")"
echo array "$(xargs < "arrays/$name-i")"
echo ten zeros, one of them set: "$(xargs < "arrays/$name-zeros")"
echo floats "$(xargs < "arrays/$name-f")"
echo bytes "$(cat "arrays/$name-c")"
why=$(bash -c "echo many > values/$name" 2>&1) ||
	echo "a word for an int: ${why##*: }, it is still $(cat "values/$name")"
why=$(bash -c "echo 4=5 > arrays/$name-i" 2>&1) || echo "past the end: ${why##*: }"
