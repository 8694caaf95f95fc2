#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# 01-signals.sh - signals by process number: a handler that runs in the middle of a computation, an alarm for oneself, a
# pause until a signal comes, and the two ways in which sending fails. signals/PID is a process, signals/self oneself.
# It prints:
#   the handler runs
#   the computation has gone on to its end
#   the alarm has come
#   the pause is over
#   another user's process: Operation not permitted
#   a process that is gone: No such process
cd "${IPCFS_MOUNT:-/ipc}" || exit 1
ready=events/example-$$
trap 'rm -f "$ready"' EXIT
touch "$ready"

# Waits until a handler ends us. A signal that comes just before a read is handled behind it: hence its limit of time.
pause() { while :; do read -r _ < signals/self,timeout=0.5; done 2> /dev/null; }

(
	trap 'handled=1; echo "the handler runs"' USR1
	echo 1 > "$ready"
	n=0
	until [ "${handled:-}" ]; do n=$((n + 1)); done # asynchronous: nothing here asks for the signal
	echo 'the computation has gone on to its end'
) &
read -r _ < "$ready"
echo USR1 > "signals/$!"
wait

(
	trap 'echo "the alarm has come"; exit' ALRM
	echo ALRM > signals/self,after=0.1
	pause
) &
wait

echo 0 > "$ready"
(
	trap 'echo "the pause is over"; exit' USR2
	echo 1 > "$ready"
	pause
) &
read -r _ < "$ready"
echo USR2 > "signals/$!"
wait

# Root may signal anybody, so there it is nobody (65534) who tries; else we try with the first process of all.
as='' other=1
[ "$(id -u)" != 0 ] || { as='setpriv --reuid=65534 --regid=65534 --clear-groups' other=$$; }
# shellcheck disable=SC2086 # words
why=$($as bash -c "echo TERM > signals/$other" 2>&1) || echo "another user's process: ${why##*: }"

true &
wait "$!"
why=$(bash -c "echo TERM > signals/$!" 2>&1) || echo "a process that is gone: ${why##*: }"
