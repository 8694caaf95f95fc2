#!/bin/bash
# SPDX-License-Identifier: MIT
#
# test_awk_perl.sh - awk (gawk and mawk) and perl, unchanged.
# shellcheck disable=SC2016 # programs are expanded by awk and perl
set -u
# shellcheck source=tests/shell/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$M" || exit 1

echo 1 2 3 4 >arrays/a,type=i,len=4
echo 40 >values/v
for awk in gawk mawk; do
	if ! command -v $awk >/dev/null; then
		skip "$awk" "there is no $awk"
		continue
	fi
	env printf 'a 1\nb 2\n' >queues/q
	expect ${awk}_reads_one_message $'a\nb\n' $awk '{ print $1 }' queues/q
	expect ${awk}_puts_one_message $'messages 1\n' bash -c "$awk 'BEGIN { print \"x\"; print \"y\" }' >queues/q; grep '^messages' queues/q,stat"
	expect ${awk}_put_it_whole $'x\ny\n' cat queues/q
	expect ${awk}_puts_by_name $'n\n' bash -c "$awk 'BEGIN { print \"n\" >\"queues/q\" }'; cat queues/q"
	expect ${awk}_close_makes_messages $'messages 2\n' \
		bash -c "$awk 'BEGIN { print 1 >\"queues/q\"; close(\"queues/q\"); print 2 >\"queues/q\" }'; grep '^messages' queues/q,stat"
	expect ${awk}_getline_until_end_of_file $'got 1\nend 0\n' $awk 'BEGIN { while ((r = (getline line <"queues/q")) > 0) print "got " line; print "end " r }'
	expect ${awk}_getline_again_after_close $'2\n' $awk 'BEGIN { getline line <"queues/q"; close("queues/q"); print line }'
	expect ${awk}_sums_an_array $'10\n' $awk '{ s += $1 } END { print s }' arrays/a
	expect ${awk}_value $'42\n' $awk '{ print $1 + 2 }' values/v
	expect ${awk}_value_add $'41\n' bash -c "$awk 'BEGIN { print \"add 1\" >\"values/v\"; close(\"values/v\"); getline n <\"values/v\"; print n }'; echo 40 >values/v"
	expect ${awk}_acquires_and_releases $'1 1\n' $awk 'BEGIN { print 1 >"semaphores/s"; close("semaphores/s"); getline n <"semaphores/s"; print n, 1 }'
	expect ${awk}_stat $'40\n' $awk '$1 == "value" { print $2 }' values/v,stat
	check ${awk}_is_told_of_a_failure bash -c "! $awk 'BEGIN { print \"abc\" >\"values/v\"; if (close(\"values/v\") != 0) exit 1 }' 2>/dev/null"
	expect ${awk}_failure_changed_nothing $'40\n' cat values/v
	start $awk '{ print "got " $0 }' queues/q
	check ${awk}_waits until_stat queues/q,stat 'waiters 1'
	echo late >queues/q
	check ${awk}_woken ended "$started"
	expect ${awk}_woken_with_it $'got late\n' cat "$T/out.$started"
done

if ! command -v perl >/dev/null; then
	skip perl 'there is no perl'
	cd / || exit 1
	finish
fi

p() # NAME WANT PROGRAM
{
	expect "$1" "$2" perl -we 'use strict; $| = 0;' -e "$3"
}

env printf 'a\nb\n' >queues/q
p perl_reads_one_message $'a\nb\n' 'open(my $f, "<", "queues/q") or die; print while <$f>'
p perl_puts_one_message_at_close $'x\ny\n' 'open(my $f, ">", "queues/q") or die; print $f "x\n"; print $f "y\n"; close($f) or die; print `cat queues/q`'
p perl_autoflush_puts_each $'x\n' 'open(my $f, ">", "queues/q") or die; $f->autoflush(1); print $f "x\n"; print $f "y\n"; print `cat queues/q`; `cat queues/q`'
p perl_appends $'x\n' 'open(my $f, ">>", "queues/q") or die; print $f "x\n"; close $f or die; print `cat queues/q`'
p perl_slurp $'1\n2\n3\n4\n' 'local $/; open(my $f, "<", "arrays/a") or die; print <$f>'
p perl_read_a_value $'40\n' 'open(my $f, "<", "values/v") or die; print scalar <$f>'
p perl_end_of_file_of_a_value '1' 'open(my $f, "<", "values/v") or die; my $x = <$f>; print eof($f)'
p perl_sysread_sysopen $'a|' 'use Fcntl; sysopen(my $f, "queues/q", O_RDWR) or die; syswrite($f, "a") or die; syswrite($f, "b") or die; sysread($f, my $m, 100) == 1 or die; print "$m|"; sysread($f, $m, 100)'
p perl_sysread_in_pieces 'ab.cd.e.' 'use Fcntl; sysopen(my $f, "queues/q", O_RDWR) or die; syswrite($f, "abcde") or die; for (1..3) { sysread($f, my $m, 2) or die; print "$m." }'
p perl_value_add_and_read $'41\n' 'use Fcntl; sysopen(my $f, "values/v", O_RDWR) or die; syswrite($f, "add 1") or die; sysread($f, my $n, 100) or die; print $n'
p perl_open_for_both $'42\n' 'open(my $f, "+<", "values/v") or die; syswrite($f, "add 1\n") or die; sysread($f, my $n, 100) or die; print $n'
p perl_unpack_raw '1 2 3 4' 'open(my $f, "<:raw", "arrays/a,raw") or die; local $/; print join(" ", unpack("l<*", <$f>))'
p perl_pwrite_raw $'1\n-7\n3\n4\n' 'open(my $f, "+<:raw", "arrays/a,raw") or die; sysseek($f, 4, 0) or die; syswrite($f, pack("l<", -7)) == 4 or die; close $f; print `cat arrays/a`'
p perl_size_of_raw '16' 'print -s "arrays/a,raw"'
p perl_nonblocking 'Resource temporarily unavailable' 'use Fcntl; sysopen(my $f, "queues/q", O_RDONLY | O_NONBLOCK) or die; defined(sysread($f, my $m, 100)) and die; print $!'
p perl_timeout 'Connection timed out' 'open(my $f, "<", "queues/q,timeout=20ms") or die; defined(sysread($f, my $m, 100)) and die; print $!'
p perl_einval 'Invalid argument' 'open(my $f, ">", "values/v") or die; defined(syswrite($f, "abc")) and die; print $!'
p perl_close_tells 'Invalid argument' 'open(my $f, ">", "values/v") or die; print $f "abc"; close($f) and die; print $!'
p perl_ioctl_timeout 'Connection timed out' 'open(my $f, "<", "queues/q") or die; my $ns = pack("q", 20_000_000); ioctl($f, 0x4008F501, $ns) or die "ioctl: $!"; defined(sysread($f, my $m, 100)) and die; print $!'
p perl_select '0 1' 'use Fcntl; sysopen(my $f, "queues/q", O_RDWR) or die; my $r = ""; vec($r, fileno($f), 1) = 1; my $n = select(my $o = $r, undef, undef, 0); syswrite($f, "x"); print $n, " ", scalar select($o = $r, undef, undef, 5); sysread($f, my $m, 10)'
p perl_select_writable '1' 'open(my $f, ">", "queues/q") or die; my $w = ""; vec($w, fileno($f), 1) = 1; print scalar select(undef, $w, undef, 5)'
p perl_opendir 'q' 'opendir(my $d, "queues") or die; print join(" ", grep { !/^\./ } readdir $d)'
p perl_unlink_rename '1 1 0' 'open(my $f, ">", "queues/u") or die; print rename("queues/u", "queues/w"), " ", unlink("queues/w"), " ", (-e "queues/w") ? 1 : 0'
p perl_i_edits_a_value $'43\n' '@ARGV = "values/v"; $^I = ""; while (<>) { s/42/43/; print } $^I = undef; print `cat values/v`'
expect perl_pe $'43 it is\n' perl -pe 's/$/ it is/' values/v
expect perl_diamond $'1\n-7\n3\n4\n43\n' perl -ne 'print' arrays/a values/v
p perl_alarm_is_handled $'alarm\nlate' '$SIG{ALRM} = sub { print "alarm\n"; open(my $w, ">", "queues/q"); syswrite($w, "late") }; alarm 1; open(my $f, "<", "queues/q") or die; print <$f>'
p perl_alarm_ends_a_wait $'alarm\n' 'eval { local $SIG{ALRM} = sub { die "alarm\n" }; alarm 1; open(my $f, "<", "queues/q") or die; sysread($f, my $m, 10); }; print $@'
p perl_children_share_a_queue $'0 1 2 3 4 5 6 7 8 9\n' 'for my $p (0..9) { if (!fork) { open(my $f, ">", "queues/q"); syswrite($f, $p); exit } } my @m; for (0..9) { open(my $f, "<", "queues/q"); push @m, <$f> } wait for 0..9; print "@{[sort @m]}\n"'
p perl_semaphore 'acquired 1, 1 left' 'open(my $w, ">", "semaphores/p") or die; syswrite($w, "2"); open(my $f, "<", "semaphores/p") or die; chomp(my $n = <$f>); chomp(my $l = `cat semaphores/p,peek`); print "acquired $n, $l left"'
start perl -e 'open(F, "<", "queues/q") or die; print "got ", <F>'
check perl_waits until_stat queues/q,stat 'waiters 1'
echo late >queues/q
check perl_woken ended "$started"
expect perl_woken_with_it $'got late\n' cat "$T/out.$started"
cd / || exit 1
finish
