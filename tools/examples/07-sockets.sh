#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# 07-sockets.sh - sockets: a stream between two processes over AF_UNIX, whose socket is a file below the mount (the
# shell has no word for these: perl), and over TCP, by redirects alone. A mount of root's needs the option tcp for this.
# It prints:
#   over AF_UNIX: the same bytes
#   over TCP, by redirects: the same bytes
#   a question and an answer: you said hello
# shellcheck disable=SC2016 # perl's
cd "${IPCFS_MOUNT:-/ipc}/sockets" || exit 1
door=example-$$ listen=listen:127.0.0.1:0 # port 0: one that is free
trap 'rm -f "$door" "$listen"' EXIT
sum() { sha1sum | cut -d' ' -f1; }

perl -MIO::Socket::UNIX -e '
	my $server = IO::Socket::UNIX->new(Local => $ARGV[0], Listen => 1) or die;
	if (!fork) {
		my $client = IO::Socket::UNIX->new(Peer => $ARGV[0]) or die;
		print $client "$_\n" for 1 .. 10000;
		exit;
	}
	my $connection = $server->accept or die;
	print while <$connection>;' "$door" | cmp - <(seq 10000) && echo 'over AF_UNIX: the same bytes'

touch "$listen" || exit 1
address=$(sed -n 's/^address //p' "$listen,stat")
seq 10000 > "tcp:$address" &
[ "$(sum < "$listen")" = "$(seq 10000 | sum)" ] && echo 'over TCP, by redirects: the same bytes'
wait

( # a server: an open file of it is one connection
	exec 3<> "$listen"
	read -ru3 line
	echo "you said $line" >&3
) &
exec 3<> "tcp:$address"
echo hello >&3
read -ru3 line
echo "a question and an answer: $line"
exec 3>&-
wait
