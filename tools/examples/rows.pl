#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# rows.pl - one object of each kind in Perl, with what Perl has for files.
# It prints:
#   queue: first
#   semaphore: acquired 1, 1 left
#   lock: held, another one: Resource temporarily unavailable
#   event: 1
#   condition: 1
#   barrier: 0 and 1
#   value: 42
#   array: 1 12 13
#   list: popped b, left a
#   dict: red, keys: colour
#   pipe: hello
#   topic: news
#   socket: hello
#   signal: USR2 has come
#   mq: high
use strict;
use warnings;
use Fcntl;
use IO::Socket::UNIX;
use POSIX ();

$| = 1;
my $name = "example-$$";
my $mount = $ENV{IPCFS_MOUNT} // '/ipc';
chdir $mount or die "$mount: $!";

sub make { sysopen(my $f, $_[0], O_RDWR | O_CREAT | O_EXCL) or die "$_[0]: $!" }

sub opened {
	my ($file, $flags) = @_;
	sysopen(my $f, $file, $flags) or die "$file: $!";
	return $f;
}

# One operation: one write(2) of all of the text.
sub put { my ($f, $text) = @_; syswrite($f, $text) // die "$text: $!" }

# What one read(2) gives, without a final newline.
sub get { my ($f) = @_; sysread($f, my $text, 4096) // return "$!"; chomp $text; return $text }

# The same with an open file of their own.
sub put_to { my ($file, $text) = @_; put(opened($file, O_WRONLY | O_APPEND), $text) }
sub get_from { my ($file) = @_; return get(opened($file, O_RDONLY)) }

sub removed { unlink($_[0]) or die "$_[0]: $!" }

make("queues/$name,maxsize=10");
put_to("queues/$name", $_) for qw(first second);
print 'queue: ', get_from("queues/$name"), "\n";
removed("queues/$name");

make("semaphores/$name,value=2");
print 'semaphore: acquired ', get_from("semaphores/$name"), ', ', get_from("semaphores/$name,peek"), " left\n";
put_to("semaphores/$name", 1); # release
removed("semaphores/$name");

make("locks/$name");
{
	my $mine = opened("locks/$name", O_RDWR);
	get($mine); # acquires, and gives the fencing token
	print 'lock: held, another one: ', get(opened("locks/$name", O_RDWR | O_NONBLOCK)), "\n";
	put($mine, 'unlock'); # as the close would, and any death of its holder
}
removed("locks/$name");

make("events/$name");
put_to("events/$name", 1);
print 'event: ', get_from("events/$name"), "\n";
removed("events/$name");

make("conditions/$name");
{
	my $waiter = opened("conditions/$name", O_RDWR);
	put($waiter, 'arm'); # waits from now on, so that nothing is lost before the read
	put_to("conditions/$name", 'all');
	print 'condition: ', get($waiter), "\n";
}
removed("conditions/$name");

make("barriers/$name,parties=2");
{
	my $child = fork // die "fork: $!";
	POSIX::_exit(get_from("barriers/$name")) if !$child; # waits for the other; who came as which
	my $mine = get_from("barriers/$name");
	waitpid($child, 0);
	print 'barrier: ', join(' and ', sort($mine, $? >> 8)), "\n";
}
removed("barriers/$name");

make("values/$name,type=q");
put_to("values/$name", $_) for 40, 'add 2';
print 'value: ', get_from("values/$name"), "\n";
removed("values/$name");

make("arrays/$name,type=i,len=3");
put_to("arrays/$name", $_) for '1 2 3', '1:3 += 10';
print 'array: ', join(' ', split(/\n/, get_from("arrays/$name"))), "\n";
removed("arrays/$name");

make("lists/$name");
put_to("lists/$name", "a\nb\n"); # two items
print 'list: popped ', get_from("lists/$name,pop"), ', left ', get_from("lists/$name"), "\n";
removed("lists/$name");

mkdir("dicts/$name") or die "dicts/$name: $!";
put(opened("dicts/$name/colour", O_WRONLY | O_CREAT), 'red');
print 'dict: ', get_from("dicts/$name/colour"), ', keys: ', join(' ', map { s|.*/||r } glob("dicts/$name/*")), "\n";
removed("dicts/$name/colour");
rmdir("dicts/$name") or die "dicts/$name: $!";

make("pipes/$name");
{
	my ($a, $b) = (opened("pipes/$name,a", O_RDWR), opened("pipes/$name,b", O_RDWR));
	put($a, 'hello');
	print 'pipe: ', get($b), "\n";
}
removed("pipes/$name");

make("topics/$name");
{
	my $listener = opened("topics/$name,stream", O_RDONLY); # hears all from now on
	put_to("topics/$name", 'news');
	print 'topic: ', get($listener), "\n";
}
removed("topics/$name");

{
	my $server = IO::Socket::UNIX->new(Local => "sockets/$name", Listen => 1) or die "bind: $!";
	my $client = IO::Socket::UNIX->new(Peer => "sockets/$name") or die "connect: $!";
	my $here = $server->accept or die "accept: $!";
	put($client, 'hello');
	print 'socket: ', get($here), "\n";
}
removed("sockets/$name");

{
	my $came = 0;
	local $SIG{USR2} = sub { $came = 1 };
	put_to('signals/self', 'USR2');
	select(undef, undef, undef, 0.01) until $came;
	print "signal: USR2 has come\n";
}

make("mq/$name,maxmsg=4");
put_to("mq/$name,prio=1", 'low'); # mq_open(3) would find it, too
put_to("mq/$name,prio=5", 'high');
print 'mq: ', get_from("mq/$name"), "\n";
removed("mq/$name");
