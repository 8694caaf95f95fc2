#!/bin/bash
# SPDX-License-Identifier: MIT
#
# test_mq.sh - POSIX message queues as a person types them, and as a program that calls mq_open(3) finds them.
# The queues are the system's, so their names have our number in them.
# shellcheck disable=SC2016,SC2317 # commands are expanded by the shell that runs them; check calls functions
set -u
# shellcheck source=tests/shell/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$M" || exit 1
export q=mq/ipcfs-shell-$$
trap 'status=$?; rm -f "$M/$q" "$M/$q.2" "$M/$q,x"; (exit "$status"); clean_up' EXIT

# posix open|send PRIORITY TEXT|receive|unlink: what a program does that knows nothing of the mount.
cat >"$T/posix.py" <<'END'
import ctypes, os, sys
rt = ctypes.CDLL("librt.so.1", use_errno=True)
name = b"/" + os.path.basename(os.environ["q"]).encode()
def checked(n):
    if n < 0:
        sys.exit(os.strerror(ctypes.get_errno()))
    return n
what = sys.argv[1]
if what == "unlink":
    sys.exit(-checked(rt.mq_unlink(name)))
q = checked(rt.mq_open(name, os.O_RDWR | os.O_CREAT, 0o600, None))
if what == "send":
    text = sys.argv[3].encode()
    checked(rt.mq_send(q, text, len(text), int(sys.argv[2])))
if what == "receive":
    room, priority = ctypes.create_string_buffer(1 << 20), ctypes.c_uint()
    n = checked(rt.mq_receive(q, room, len(room), ctypes.byref(priority)))
    print(priority.value, room.raw[:n].decode())
END
posix()
{
	python3 "$T/posix.py" "$@"
}
export -f posix

# ---- one queue, two ways in
fails a_view_does_not_create 'No such file' cat "$q,prio=1"
echo one >"$q"
expect a_program_receives_it $'0 one\n\n' bash -c 'posix receive'
check a_program_sends bash -c 'posix send 0 low && posix send 7 high'
expect it_is_listed "${q#mq/}"$'\n' bash -c 'ls mq | grep -x "${q#mq/}"'
expect peek_shows_attributes $'maxmsg 10\nmsgsize 8192\nmessages 2\n' cat "$q,peek"
expect highest_first 'high' cat "$q"
expect then_the_other 'low' cat "$q"
printf 'by file' >"$q,prio=5"
expect priority_of_a_file $'5 by file\n' bash -c 'posix receive'
start cat "$q"
check cat_waits until_stat "$q,stat" 'waiters 1'
check who_sends_wakes_it bash -c 'posix send 0 woken'
check it_is_woken ended "$started"
expect it_has_the_message 'woken' cat "$T/out.$started"
fails nothing_in_time 'timed out' cat "$q,timeout=0.05"
start bash -c 'posix receive'
program=$started
check a_program_waits_and_a_file_wakes_it bash -c 'echo -n for you >"$q"'
check the_program_has_ended ended "$program"
expect it_got_it $'0 for you\n' cat "$T/out.$program"

# ---- what it refuses, in words
fails other_properties 'File exists' cat "$q,maxmsg=3"
fails other_kinds_options 'Invalid argument' cat "$q,lines"
fails prio_above 'Invalid argument' bash -c 'echo x >"$q,prio=32768"'
fails too_long 'too long' bash -c 'dd if=/dev/zero of="$q" bs=8193 count=1 status=none'
expect too_long_in_words $'1\n' bash -c 'tail -n 1 errors | grep -c "EMSGSIZE $q: 8193 bytes are more than the queue.s msgsize"'
fails no_system_allows_so_many 'Invalid argument' touch "$q.2,maxmsg=1000000"
expect the_limit_in_words $'1\n' bash -c 'tail -n 1 errors | grep -c "EINVAL $q.2,maxmsg=1000000: .*above the system.s msg_max"'
fails it_cannot_be_renamed 'not permitted' mv "$q" "$q.2"
fails no_folders 'not permitted' mkdir "$q.2"
check both_properties bash -c 'touch "$q.2,maxmsg=2,msgsize=100" && grep -qx "msgsize 100" "$q.2,stat"'
fails full_is_eagain 'temporarily unavailable' bash -c 'for i in 1 2 3; do echo $i >"$q.2,timeout=0" || exit; done'
rm "$q.2"

# ---- the end
start cat "$q"
check waits_again until_stat "$q,stat" 'waiters 1'
check a_program_unlinks_it bash -c 'posix unlink'
fails so_the_wait_ends '' ended "$started"
expect removed_in_words $'1\n' bash -c 'grep -c "Identifier removed" "$T/err.'"$started"'"'
check it_is_gone test ! -e "$q"
cd / || exit 1
finish
