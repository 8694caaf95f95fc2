# shellcheck shell=bash disable=SC2016,SC2034,SC2317
# SPDX-License-Identifier: MIT
#
# lib_tasks.sh - what the tests of workers share, beside lib.sh.
#
#   status_is NAME STATUS WORDS COMMAND...  its exit status, and *WORDS* in its standard error
#   until_is COMMAND...                     it succeeds, sooner or later
#   in_background INPUT COMMAND...          its pid is in $pid, its end in `ended $started`; signals as at a prompt
#   all_gone PID...                         none of them runs, sooner or later
#   no_objects                              there are no queues and no dicts, sooner or later

status_is()
{
	local name=$1 want=$2 words=$3 out err status
	shift 3

	run "$@"
	if [ "$status" = "$want" ] && [[ $err == *$words* ]]; then
		pass "$name"
	else
		fail "$name" "status $status $(shown "$err")" "status $want $(shown "$words")"
	fi
}

until_is()
{
	local end=$((SECONDS + LIMIT - 10))

	until timeout -k 1 20 "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.01
	done
}

in_background()
{
	local input=$1
	shift

	rm -f pid
	start setsid env --default-signal=INT,QUIT,PIPE bash -c 'echo $$ >pid.new; mv pid.new pid; exec "${@:2}" <"$1"' - "$input" "$@"
	until_is test -s pid
	pid=$(<pid)
}

all_gone()
{
	local p

	for p; do
		until_is bash -c '! kill -0 "$1" || grep -q "^State:.Z" "/proc/$1/status"' - "$p" || return 1
	done
}

no_objects()
{
	until_is bash -c '[ -z "$(find "$M/queues" "$M/dicts" -mindepth 1)" ]'
}
