#!/bin/bash
# SPDX-License-Identifier: MIT
#
# test_socket.sh - what a person types with sockets: a stream from a redirect, a server in shell, names of hosts.
# shellcheck disable=SC2016 # commands are expanded by the shell that runs them
set -u
# shellcheck source=tests/shell/lib.sh
. "$(dirname "$0")/lib.sh"

fails off_on_the_systems_mount 'not supported' bash -c 'echo x >"$M/sockets/tcp:127.0.0.1:1"'
expect the_option_in_words $'1\n' bash -c 'tail -n1 "$M/errors" | grep -c "the mount wants -o tcp"'
"$IPCFS" umount "$M" && "$IPCFS" mount -o "tcp,store=$S" "$M" || exit 1
cd "$M/sockets" || exit 1

# An echo server; its port in $T/port, or where it is told.
cat >"$T/peer.py" <<'END'
import socket, sys, threading

server = socket.create_server((sys.argv[2] if len(sys.argv) > 2 else "127.0.0.1", 0), backlog=64)
open(sys.argv[1] + ".new", "w").write(str(server.getsockname()[1]))
import os
os.rename(sys.argv[1] + ".new", sys.argv[1])

def serve(c):
    with c, c.makefile("rwb", 0) as f:
        for line in f:
            f.write(b"echo " + line)

while True:
    threading.Thread(target=serve, args=[server.accept()[0]], daemon=True).start()
END
python3 "$T/peer.py" "$T/port" &
peer=$!
until [ -s "$T/port" ]; do sleep 0.02; done
P=$(<"$T/port")
export P

# ---- a stream from a redirect
for shell in bash dash; do
	expect "redirect_$shell" $'echo hi\necho again\n' "$shell" -c '
		exec 3<>"tcp:127.0.0.1:$P"
		echo hi >&3; read line <&3; echo "$line"
		echo again >&3; read line <&3; echo "$line"'
done
expect by_name $'echo hi\n' bash -c 'exec 3<>"tcp:localhost:$P"; echo hi >&3; read -ru3 line; echo "$line"'
expect through_perl $'echo hi\n' perl -e 'open F, "+<", "tcp:127.0.0.1:$ENV{P}" or die; $| = 1; select F; $| = 1; print F "hi\n"; select STDOUT; print scalar <F>'
expect half_closed $'echo 1\necho 2\n' python3 -c '
import fcntl, os
fd = os.open("tcp:127.0.0.1:" + os.environ["P"], os.O_RDWR)
os.write(fd, b"1\n2\n")
fcntl.ioctl(fd, 0xF502)                         # IPCFS_SHUTDOWN
while data := os.read(fd, 1000): print(data.decode(), end="")'
fails refused 'Connection refused' cat tcp:127.0.0.1:1
fails refused_in_a_redirect 'Connection refused' bash -c 'echo x >tcp:127.0.0.1:1'
fails no_port 'Invalid argument' cat tcp:127.0.0.1
expect nothing_is_listed '' ls
expect mode $'-rw-rw-rw-\n' bash -c 'stat -c %A "tcp:127.0.0.1:$P"'

# ---- a server in shell
fails a_name_to_listen_at 'Invalid argument' touch listen:example.org:80
touch listen:127.0.0.1:0
expect listed $'listen:127.0.0.1:0\n' ls
expect not_for_others $'600\n' stat -c %a listen:127.0.0.1:0
L=$(sed -n 's/^address 127.0.0.1://p' listen:127.0.0.1:0,stat)
export L
start bash -c 'exec 3<>listen:127.0.0.1:0; read -ru3 line; echo "you said $line" >&3'
check server_waits until_stat sockets/listen:127.0.0.1:0,stat 'accepts 1'
expect client $'you said hello\n' bash -c 'exec 3<>"tcp:127.0.0.1:$L"; echo hello >&3; cat <&3'
check server_has_served ended "$started"
head -c 5000000 /dev/urandom >"$T/file"
start bash -c 'cat listen:127.0.0.1:0 | sha1sum'
check receiver_waits until_stat sockets/listen:127.0.0.1:0,stat 'accepts 1'
check a_file cp "$T/file" "tcp:127.0.0.1:$L"
check received ended "$started"
expect the_same_bytes "$(sha1sum <"$T/file")"$'\n' cat "$T/out.$started"
start bash -c 'dd if="$T/file" bs=64k status=none >listen:127.0.0.1:0'
expect the_other_way "$(sha1sum <"$T/file")"$'\n' bash -c 'sha1sum <"tcp:127.0.0.1:$L"'
check sent ended "$started"
start bash -c 'for i in 1 2 3; do (exec 3<>listen:127.0.0.1:0; read -ru3 x; echo "$i got $x" >&3); done'
for i in 1 2 3; do
	expect "one_after_the_other_$i" "$i got $i"$'\n' bash -c 'exec 3<>"tcp:127.0.0.1:$L"; echo '"$i"' >&3; cat <&3'
done
check all_served ended "$started"
fails timeout 'timed out' cat listen:127.0.0.1:0,timeout=0.1
start cat listen:127.0.0.1:0
check one_waits until_stat sockets/listen:127.0.0.1:0,stat 'accepts 1'
check removed rm listen:127.0.0.1:0
check waiter_is_told bash -c "! wait $started" # Identifier removed
fails nobody_listens_now 'Connection refused' bash -c 'cat "tcp:127.0.0.1:$L"'
fails low_port 'Permission denied' setpriv --reuid=65534 --regid=65534 --clear-groups touch listen:127.0.0.1:80
fails another_network 'not supported' unshare -n cat "tcp:127.0.0.1:$P"

# ---- AF_UNIX: the kernel's
check unix python3 - <<'END'
import os, socket, stat

server = socket.socket(socket.AF_UNIX)
server.bind("door")
server.listen()
assert stat.S_ISSOCK(os.stat("door").st_mode)
client = socket.socket(socket.AF_UNIX)
client.connect("door")
here, _ = server.accept()
here.sendall(b"hello")
assert client.recv(100) == b"hello"
os.rename("door", "gate")
socket.socket(socket.AF_UNIX).connect("gate")
try:
    socket.socket(socket.AF_UNIX).bind("gate")
    raise SystemExit("bound twice")
except OSError as error:
    assert error.errno == 98
END
expect unix_is_listed $'socket\n' stat -c %F gate
check unix_is_removed rm gate

# ---- a user's own mount
nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups)
if command -v fusermount3 >/dev/null && "${nobody[@]}" test -w /dev/fuse && "${nobody[@]}" test -x "$IPCFS"; then
	mkdir "$T/own" && chown 65534:65534 "$T/own" && chmod 755 "$T" && store=$(mktemp -d "${S%/*}/own.XXXXXX") && chown 65534 "$store"
	expect on_in_ones_own $'echo mine\n' "${nobody[@]}" bash -c '
		"$IPCFS" mount -o "store=$1/s" "$T/own" && cd "$T/own/sockets" || exit 9
		exec 3<>"tcp:127.0.0.1:$P"; echo mine >&3; read -ru3 line; echo "$line"
		exec 3>&-; cd /; "$IPCFS" umount "$T/own"' - "$store"
	rm -rf "$store"
else
	skip on_in_ones_own 'no fusermount3, or /dev/fuse is not for users'
fi

# ---- a network of its own, with a name server that answers when it is told to
cat >"$T/dns.py" <<'END'
import os, socket, struct, sys, threading, time

T = os.environ["T"]
hosts = {"peer.test": ["127.0.0.1"], "two.test": ["127.0.0.2", "127.0.0.1"], "slow.test": ["127.0.0.1"]}
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", 53))
open(T + "/dns", "w").write("up")

def answer(query, to):
    at, labels = 12, []
    while query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]].decode())
        at += 1 + query[at]
    name, kind = ".".join(labels).lower(), struct.unpack(">H", query[at + 1 : at + 3])[0]
    while name == "slow.test" and not os.path.exists(T + "/go"):
        time.sleep(0.02)
    found = hosts.get(name, []) if kind == 1 else []
    head = query[:2] + struct.pack(">HHHHH", 0x8180 if name in hosts else 0x8183, 1, len(found), 0, 0)
    body = b"".join(struct.pack(">HHHIH", 0xC00C, 1, 1, 60, 4) + socket.inet_aton(a) for a in found)
    s.sendto(head + query[12 : at + 5] + body, to)

while True:
    query, to = s.recvfrom(2000)
    threading.Thread(target=answer, args=[query, to], daemon=True).start()
END
cat >"$T/network.sh" <<'END'
printf 'nameserver 127.0.0.1\noptions timeout:30\n' >"$T/resolv.conf"
mount --bind "$T/resolv.conf" /etc/resolv.conf && mkdir "$T/net" && s=$(mktemp -d "${S%/*}/net.XXXXXX") || exit 9
python3 -c 'import fcntl, socket, struct; fcntl.ioctl(socket.socket(), 0x8914, struct.pack("16sH22x", b"lo", 0x49))'
"$IPCFS" mount -o "tcp,store=$s" "$T/net" && cd "$T/net/sockets" || exit 9
python3 "$T/dns.py" & dns=$!
python3 "$T/peer.py" "$T/port2" & peer=$!
until [ -s "$T/dns" ] && [ -s "$T/port2" ]; do sleep 0.02; done
P=$(<"$T/port2")
say() { (exec 3<>"tcp:$1:$P"; echo hi >&3; read -ru3 line; echo "$1 $line") 2>&1; }
say peer.test
say two.test            # nobody listens at the first of them
say none.test | grep -o 'No such device or address' | sort -u
cat tcp:10.1.2.3:80 2>&1 | grep -o 'Network is unreachable'
tail -n1 "$T/net/errors" | grep -o ENETUNREACH
grep -o 'ENXIO sockets/tcp:none.test.*' "$T/net/errors" | sed "s/:$P:/:PORT:/" | sort -u
cat "tcp:slow.test:$P" & killed=$!
say slow.test & slow=$!
until grep -qx 'resolves 2' "tcp:slow.test:$P,stat"; do sleep 0.02; done
kill -9 $killed; wait $killed 2>/dev/null
until grep -qx 'resolves 1' "tcp:slow.test:$P,stat"; do sleep 0.02; done
cat "tcp:slow.test:$P,timeout=0.05" 2>&1 | grep -o 'timed out'
echo meanwhile >"$T/net/queues/q"; cat "$T/net/queues/q"
say peer.test           # is not behind it
touch "$T/go"; wait $slow
kill $dns $peer; wait $dns $peer 2>/dev/null
cd /; "$IPCFS" umount "$T/net"; rm -r "$s"
END
if unshare -mn mount --bind /etc/hostname /etc/resolv.conf 2>/dev/null; then
	expect names_of_hosts "peer.test echo hi
two.test echo hi
No such device or address
Network is unreachable
ENETUNREACH
ENXIO sockets/tcp:none.test:PORT: there is no host of that name
timed out
meanwhile
peer.test echo hi
slow.test echo hi
" unshare -mn bash "$T/network.sh"
else
	skip names_of_hosts 'no network namespace can be made here'
fi

kill "$peer"
wait "$peer" 2>/dev/null
finish
