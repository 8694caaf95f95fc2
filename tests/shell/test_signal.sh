#!/bin/bash
# SPDX-License-Identifier: MIT
#
# test_signal.sh - what a person types with signals: a handler in the middle of a computation, an alarm, a pause, the
# end of a process, channels; in bash, dash and Python.
# shellcheck disable=SC2016 # commands are expanded by the shell that runs them
set -u
# shellcheck source=tests/shell/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$M" || exit 1

# ---- by pid
for shell in bash dash; do
	expect "handler_in_a_computation_$shell" $'HUP came\ncomputed\n' "$shell" -c '
		trap "echo HUP came; came=1" HUP
		(echo HUP >signals/$$) &
		while [ -z "$came" ]; do n=$((n + 1)); done
		echo computed'
	expect "alarm_and_pause_$shell" $'ring\n' "$shell" -c '
		trap "echo ring; exit" ALRM
		echo ALRM >signals/$$,after=50ms
		while :; do sleep 0.01; done'
	fails "no_signal_$shell" '' "$shell" -c 'echo FOO >signals/$$'
done
expect why $'1\n' bash -c 'tail -n1 errors | grep -c "EINVAL signals/[0-9]*: \"FOO\" is no signal: TERM, SIGTERM or 15 is one"'
sleep 1000 &
pid=$!
start cat "signals/$pid"
until_stat "signals/$pid,stat" 'readers 1'
expect listed_are_channels_alone '' ls signals
expect mode $'666\n' stat -c %a "signals/$pid"
echo TERM >"signals/$pid"
check the_end_is_told ended "$started"
expect gone $'gone\n' cat "$T/out.$started"
wait "$pid"
expect as_by_kill $'143\n' echo $?
fails nobody_there 'No such process' cat "signals/$pid"
fails no_number 'Invalid argument' cat signals/1x
fails cannot_be_removed 'Operation not permitted' rm "signals/$$"
fails not_allowed 'Operation not permitted' setpriv --reuid=65534 --regid=65534 --clear-groups bash -c "echo TERM >signals/$$"
fails timeout 'timed out' cat "signals/$$,timeout=0.1"
expect peek $'blocked\n' bash -c 'head -n1 signals/self,peek'

# ---- a /proc that hides processes
if unshare -m sh -c 'mount -t proc -o hidepid=2 proc /proc' 2>/dev/null; then
	expect hidden_processes_stay_hidden $'blocked\n1\n1\ncaught\nnot permitted\n' unshare -m bash -c '
		mount -t proc -o hidepid=2 proc /proc && mkdir "$T/hidden" && s=$(mktemp -d -p "${S%/*}") || exit 9
		"$IPCFS" mount -o "store=$s" "$T/hidden" && cd "$T/hidden/signals" || exit 9
		as="setpriv --reuid=65534 --regid=65534 --clear-groups"
		head -n1 $$,peek | cut -d" " -f1
		$as cat $$,peek 2>&1 | grep -c "Operation not permitted"
		$as cat $$,stat 2>&1 | grep -c "Operation not permitted"
		$as bash -c "grep -o caught self,peek; echo TERM >$$ || echo not permitted" 2>/dev/null
		cd /; "$IPCFS" umount "$T/hidden" && rm -r "$s"'
else
	skip hidden_processes_stay_hidden 'no other /proc can be mounted here'
fi

# ---- sessions that were begun outside the pid namespace: all have the number 0, so one's own is not known
if unshare --pid --fork --mount-proc true 2>/dev/null; then
	expect own_session_cannot_be_seen $'0\nkill may\nnot permitted\nby root\n' unshare --pid --fork --mount-proc bash -c '
		mkdir "$T/inside" && s=$(mktemp -d -p "${S%/*}") || exit 9
		"$IPCFS" mount -o "store=$s" "$T/inside" && cd "$T/inside/signals" || exit 9
		sleep 1000 &
		ps -o sess= $! | tr -d " "
		setpriv --reuid=65534 --regid=65534 --clear-groups bash -c "
			kill -CONT $! && echo kill may
			echo CONT >$! || echo not permitted" 2>/dev/null
		echo CONT >$! && echo by root
		kill -9 $!; cd /; "$IPCFS" umount "$T/inside" && rm -r "$s"'
else
	skip own_session_cannot_be_seen 'no pid namespace can be made here'
fi

# ---- channels
touch signals/reload
expect channel_is_listed $'reload\n' ls signals
expect channel_mode $'644\n' stat -c %a signals/reload
start cat signals/reload
until_stat signals/reload,stat 'readers 1'
echo HUP >signals/reload
check told ended "$started"
expect which $'HUP\n' cat "$T/out.$started"
expect last $'HUP\n' cat signals/reload,peek
for shell in bash dash; do
	start "$shell" -c '
		trap "echo reloads; exit" HUP
		exec 3<signals/reload,join
		while :; do sleep 0.01; done'
	until_stat signals/reload,stat 'members 1'
	echo HUP >signals/reload
	check "member_$shell" ended "$started"
	expect "member_handles_$shell" $'reloads\n' cat "$T/out.$started"
	expect "is_member_no_more_$shell" $'members 0\n' grep members signals/reload,stat
done
start bash -c 'trap "echo as USR2; exit" USR2; exec 3<signals/reload,join=USR2; while :; do sleep 0.01; done'
until_stat signals/reload,stat 'members 1'
echo KILL >signals/reload
check another_instead ended "$started"
expect got_that $'as USR2\n' cat "$T/out.$started"
expect later $'TERM\n' bash -c 'exec 3<>signals/later; echo TERM >signals/later,after=20ms; read -ru3 x; echo "$x"'
expect each_in_order $'USR1 USR2 TERM\n' bash -c \
	'exec 3<>signals/row; for s in USR1 USR2 TERM; do echo $s >signals/row; done; for i in 1 2 3; do read -ru3 x; echo "$x"; done | xargs'
echo TERM >signals/later,after=1h
expect alarm_is_counted $'alarms 1\n' grep alarms signals/later,stat
check cancel bash -c 'echo cancel >signals/later,ctl'
expect alarm_is_none $'alarms 0\n' grep alarms signals/later,stat
fails join_a_process 'Invalid argument' cat signals/self,join

# ---- Python
check python python3 - <<'END'
import os, select, signal, subprocess, sys

child = subprocess.Popen(["sleep", "1000"])
p = select.poll()
f = os.open(f"signals/{child.pid}", os.O_RDWR)
p.register(f, select.POLLIN)
assert p.poll(0) == []
os.write(f, b"TERM")
assert p.poll(60000) == [(f, select.POLLIN)]
assert os.read(f, 100) == b"gone\n"
assert child.wait() == -signal.SIGTERM
try:
    os.write(f, b"TERM")
    sys.exit("it is gone")
except ProcessLookupError:
    pass
got = []
signal.signal(signal.SIGUSR1, lambda number, frame: got.append(number))
with open("signals/py,temp", "w+b", buffering=0) as own, open("signals/py,join") as member:
    open("signals/py", "w").write("USR1")
    while not got:
        signal.sigtimedwait([signal.SIGALRM], 0.01)
    assert own.read(100) == b"USR1\n"
assert not os.path.exists("signals/py")
END

finish
