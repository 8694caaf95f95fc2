/* SPDX-License-Identifier: MIT
 *
 * test_rows_kinds.c - the contract's sections 3 to 5 as a table: what a read and a write of each kind are, what it
 * refuses, in which words.
 */
#include "script.h"

#include "t.h"

#define NB (O_RDONLY | O_NONBLOCK)
#define ABOVE "is out of range"
#define ILL "is ill-formed"

/* clang-format off */

static const struct script_row kinds[] = {
	/* one item and its end; no end where both ways, O_NONBLOCK or `stream` */
	{Q | M, "=a|=b", "", O_RDONLY, "<a|<|<b|<", NULL},
	{Q | M, "=a|=b", "", O_RDWR, "<a|<b", NULL},
	{Q | M, "=a|=b", "", NB, "<a|<b|<!EAGAIN", NULL},
	{Q | M, "=a|=b", ",stream", O_RDONLY, "<a|<b", NULL},
	{Q | M, "=abcde|=f", "", O_RDONLY, "@short:ab|@short:cd|@short:e|@short:|@short:f", NULL},
	{Q | M, "", "", O_WRONLY, "> a b \n|@shows: a b \n", NULL},
	{Q | M, "", "", O_WRONLY, "<!EBADF", NULL},
	{Q | M, "=a", "", O_RDONLY, ">a!EBADF", NULL},
	{Q, "", ",capacity=10", O_RDWR | O_CREAT, ">0123456789|<0123456789|>0123456789a!EMSGSIZE", "11 bytes are more than the queue can ever hold"},
	{M, "", ",msgsize=10", O_RDWR | O_CREAT, ">0123456789|<0123456789|>0123456789a!EMSGSIZE", "11 bytes are more than the queue's msgsize"},
	{M, "=a", ",prio=3", O_RDWR, ">b|<b|<a", NULL},

	/* tasks, and their end */
	{Q, "=a|=b", ",ack", O_RDWR, "<a|@stat:messages 1|@peek:b|>back|<a|>done|<b|>done|@stat:messages 0", NULL},
	{Q, "=a|=b", ",ack", O_RDWR, "<a|<b|>back|<a|<b|>done", NULL},
	{Q, "=a|=b", ",ack", O_RDONLY, "<a|<|@close|@shows:a", NULL},
	{Q, "=a", ",ack", O_RDWR, ">done!EPERM", "this handle has leased nothing"},
	{Q, "=a", ",ack", O_RDWR, "<a|>back|>back!EPERM", "this handle has leased nothing"},
	{Q, "=a", ",ack", O_RDWR, "<a|>finished!EINVAL", "\"finished\""},
	{Q, "=a", ",ack,timeout=20ms", O_RDWR, "<a|<!ETIMEDOUT|>done", NULL},
	{Q, "", ",join", O_RDONLY, "<0\n|<", NULL},
	{Q, "=a", ",join", NB, "@shows:a|<!EAGAIN", NULL},
	{Q, "=a", ",join,timeout=20ms", O_RDONLY, "<!ETIMEDOUT", NULL},
	{Q, "=a", ",join", O_RDWR, "!EINVAL", NULL},
	{Q, "=a", ",ctl", O_WRONLY, ">done 1|>done 1!EOVERFLOW", "called too many times"},
	{Q, "=a", ",ctl", O_WRONLY, ">done 0!EINVAL", NULL},
	{Q, "=a", ",ctl", O_WRONLY, ">done x!EINVAL", NULL},
	{Q, "=a", ",ctl", O_WRONLY, ">done!EINVAL", NULL},
	{Q, "=a", ",ctl", O_WRONLY, ">close|=b!EPIPE|@shows:a|=b!EPIPE", "the queue is closed"},
	{Q, "", ",attempts=0", O_RDWR | O_CREAT, "!EINVAL", ABOVE},
	{Q, "", ",attempts=2147483648", O_RDWR | O_CREAT, "!EINVAL", ABOVE},
	{Q, "", ",attempts=few", O_RDWR | O_CREAT, "!EINVAL", ILL},
	{Q, "", ",attempts=2,dead=", O_RDWR | O_CREAT, "!EINVAL", ILL},
	{Q, "", ",attempts=2,dead=.x", O_RDWR | O_CREAT, "!EINVAL", ILL},
	{Q, "", ",dead=x", O_RDWR | O_CREAT, "!EINVAL", "dead= wants attempts="},
	{Q, "", ",attempts=2,dead=x", O_RDWR | O_CREAT, "@stat:attempts 2|@stat:dead x", NULL},
	{Q, "", ",attempts=2", O_RDWR, "!EEXIST", "other properties"},
	{Q, "", ",ack", O_RDWR | O_CREAT, "!ENOENT", "a view does not create"},
	{Q, "", ",join", O_RDONLY | O_CREAT, "!ENOENT", "a view does not create"},
	{Q, "", ",ack,peek", O_RDONLY, "!EINVAL", "\"ack\" is for getting"},
	{Q, "", ",join,ack", O_RDONLY, "!EINVAL", "\"join\" goes with \"timeout\" alone"},

	{S, "=3", "", O_RDONLY, "<1\n|<|<1\n|@stat:value 1", NULL},
	{S, "=3", "", O_RDWR, "<1\n|<1\n|>2|@stat:value 3", NULL},
	{S, "=3", ",stream", O_RDONLY, "<1\n|<1\n|<1\n|@stat:value 0", NULL},
	{S, "=3", ",n=3", O_RDONLY, "<3\n|<|@stat:value 0", NULL},
	{S, "=2", ",n=3", NB, "<!EAGAIN|=1|<3\n", NULL},
	{S, "", "", O_WRONLY, "> 2 \n|@stat:value 2", NULL},
	{S, "=3", ",hold", O_RDONLY, "<1\n|<|<1\n|@stat:value 1", NULL},
	{S, "=3", ",hold,n=2", O_RDWR, "<2\n|>1|@stat:value 2|<2\n|@stat:value 0|=3|@stat:value 3", NULL},
	{S, "=5", ",hold", O_RDWR, "<1\n|>2!EOVERFLOW|@stat:value 4", "released too many times"},
	{S, "=1", ",hold", NB, "<1\n|<!EAGAIN|=1|<1\n", NULL},
	{S, "=3", ",tokens", O_RDONLY, "<+++|@stat:value 0|=2|<++", NULL},
	{S, "=3", ",tokens", O_RDWR, "<+++|>xy|@stat:value 2|<++", NULL},
	{S, "", ",tokens", NB, "<!EAGAIN|@poll:out|=1|@poll:inout|<+|<!EAGAIN", NULL},
	{S, "=5", ",tokens", O_WRONLY, ">+!EOVERFLOW|@stat:value 5", "released too many times"},
	{S, "", "", O_WRONLY, ">0!EINVAL", "0 is not a number of units to release"},
	{S, "", "", O_WRONLY, ">-1!EINVAL", "\"-1\" is not a number of units"},
	{S, "", "", O_WRONLY, ">one!EINVAL", "\"one\" is not a number of units"},
	{S, "", "", O_WRONLY, ">1 2!EINVAL", "\"1 2\" is not a number of units"},
	{S, "", "", O_WRONLY, ">1.0!EINVAL", "is not a number of units"},
	{S, "", "", O_WRONLY, "> !EINVAL", "\"\" is not a number of units"},
	{S, "", "", O_WRONLY, ">1k!EINVAL", "is not a number of units"},
	{S, "", "", O_WRONLY, ">18446744073709551616!ERANGE", "is not a number of units"},
	{S, "", "", O_WRONLY, ">6!EOVERFLOW", "semaphore or lock released too many times"},
	{S, "=5", "", O_WRONLY, ">1!EOVERFLOW", "semaphore or lock released too many times"},
	{S, "", "", O_WRONLY, ">18446744073709551615!EOVERFLOW", "released too many times"},

	{L, "", "", O_RDONLY, "<[1-9]*\n|<|@stat:waiters 0|@peek:[1-9]* 0 *", NULL},
	{L, "", "", O_RDWR, "<[1-9]*\n|<[1-9]*\n|>unlock|@peek:free\n|>unlock!EPERM", "this handle does not hold the lock"},
	{L, "", ",stream", O_RDONLY, "<[1-9]*\n|<[1-9]*\n", NULL},
	{L, "", "", O_RDWR, "> unlock \n!EPERM", "this handle does not hold the lock"},
	{L, "<", "", O_RDWR, ">unlock!EPERM", "this handle does not hold the lock"},
	{L, "<", "", O_RDWR, ">lock!EINVAL", "\"lock\" is not \"unlock\""},
	{L, "", "", O_RDWR, ">1!EINVAL", "\"1\" is not \"unlock\""},
	{L, "<,shared", ",shared", NB, "<[1-9]*\n|>unlock!EBADF", NULL},
	{L, "<,shared", "", NB, "<!EAGAIN", NULL},
	{L, "<", ",shared", NB, "<!EAGAIN", NULL},
	{L, "<,shared|<,shared", ",shared", NB, "<[1-9]*\n", NULL},
	{L, "", "", O_RDWR, "<[1-9]*\n|@close|@peek:free\n", NULL},
	{L, "", "", O_RDWR, "@lock:ex|@peek:[1-9]* 0 *|@lock:un|@peek:free\n|@lock:un", NULL},
	{L, "", "", O_RDWR, "@lock:sh|@lock:nbex|@lock:nbsh", NULL},
	{L, "", "", O_RDWR, "@lock:ex|<[1-9]*\n|>unlock|@peek:free\n", NULL},
	{L, "", ",shared", O_RDWR, "@lock:ex|<!EDEADLK", "this handle holds the lock exclusively already"},
	{L, "<", "", O_RDWR, "@lock:nbex!EAGAIN", NULL},
	{L, "<", "", O_RDWR, "@lock:nbsh!EAGAIN", NULL},
	{L, "<,shared", "", O_RDWR, "@lock:nbsh|@lock:un|@lock:nbex!EAGAIN", NULL},

	{E, "=1", "", O_RDONLY, "<1\n|<|<1\n|<|@stat:value 1", NULL},
	{E, "=1", "", O_RDWR, "<1\n|<|<1\n", NULL},
	{E, "", ",set", O_RDONLY | O_CREAT, "<1\n|<", NULL},
	{E, "", "", O_RDWR, "> 1 \n|<1\n|>0|@peek:0\n", NULL},
	{E, "", "", O_WRONLY, ">2!EINVAL", "\"2\" is neither 1 (set) nor 0 (clear)"},
	{E, "", "", O_WRONLY, ">11!EINVAL", "is neither 1 (set)"},
	{E, "", "", O_WRONLY, ">set!EINVAL", "\"set\" is neither 1 (set)"},
	{E, "", "", O_WRONLY, "> \n!EINVAL", "\"\" is neither 1 (set)"},

	{C, "", "", O_RDWR | O_NONBLOCK, ">1|>all|<!EAGAIN", NULL}, /* lost */
	{C, "", "", O_RDWR, ">arm|=1|<1\n", NULL},
	{C, "", "", O_RDWR, ">arm|>arm|@stat:armed 1|=all|@stat:notified 1|<1\n|@stat:armed 0", NULL},
	{C, "", "", O_RDWR | O_NONBLOCK, ">arm|<!EAGAIN|=1|<1\n|<!EAGAIN", NULL},
	{C, "", "", O_RDWR, ">arm|@close|@peek:0\n", NULL},
	{C, "", "", O_WRONLY, ">arm!EINVAL", "only a handle that can read"},
	{C, "", "", O_WRONLY, ">0!EINVAL", "0 is not a number of waiters to notify"},
	{C, "", "", O_WRONLY, ">-1!EINVAL", "is neither \"arm\" nor \"all\" nor a number"},
	{C, "", "", O_WRONLY, ">everybody!EINVAL", "is neither \"arm\" nor \"all\" nor a number"},
	{C, "", "", O_WRONLY, ">1 all!EINVAL", "is neither"},
	{C, "", "", O_WRONLY, ">18446744073709551616!ERANGE", "is neither"},

	{B, "&", "", O_RDONLY, "<1\n|<|@stat:generation 1", NULL},
	{B, "&", ",stream", O_RDONLY, "<1\n", NULL},
	{B, "", ",parties=1", O_RDONLY | O_CREAT, "<0\n|<|<0\n", NULL},
	{B, "", ",parties=1", O_RDWR | O_CREAT, "<0\n|<0\n|<0\n|@stat:generation 3", NULL},
	{B, "", "", O_RDWR, ">abort|@stat:broken 1|<!ECANCELED|>reset|@stat:broken 0", "the barrier is broken, by abort or a time-out, until it is reset"},
	{B, "", "", O_RDWR, "> abort \n|>abort|>reset|>reset|@stat:broken 0", NULL},
	{B, "&", "", O_WRONLY, ">reset|@stat:arrived 0|@stat:broken 0", NULL},
	{B, "&", "", O_WRONLY, ">abort|@stat:arrived 0|@stat:broken 1", NULL},
	{B, "", "", O_WRONLY, ">restart!EINVAL", "\"restart\" is neither \"reset\" nor \"abort\""},
	{B, "", "", O_WRONLY, ">1!EINVAL", "is neither \"reset\" nor \"abort\""},

	{V, "", "", O_RDONLY, "<0\n|<", NULL},
	{V, "", "", O_RDWR, ">5|<5\n|>add 2|<7\n|>+=1|<8\n|>sub 3|<5\n|>mul 4|<20\n|>and 6|<4\n|>or 3|<7\n|>xor 5|<2\n", NULL},
	{V, "", "", O_WRONLY, "> -12 \n|@shows:-12\n|>9223372036854775807|@shows:9223372036854775807\n", NULL},
	{V, "=1", "", O_WRONLY, ">abc!EINVAL", "\"abc\" is not an int64"},
	{V, "=1", "", O_WRONLY, ">1.5!EINVAL", "is not an int64"},
	{V, "=1", "", O_WRONLY, ">1 2!EINVAL", "is not an int64"},
	{V, "=1", "", O_WRONLY, "> !EINVAL", "is not an int64"},
	{V, "=1", "", O_WRONLY, ">9223372036854775808!ERANGE", "\"9223372036854775808\" does not fit an int64"},
	{V, "=1", "", O_WRONLY, ">add x!EINVAL", "\"x\" is not an int64"},
	{V, "=1", "", O_WRONLY, ">div 2!EINVAL", "is not an int64"},
	{V, "=1", "", O_WRONLY, ">add 9223372036854775807!ERANGE", "the result does not fit an int64"},
	{V, "", ",type=d", O_RDWR | O_CREAT, ">0.1|<0.1\n|>add 1|<1.1\n|>1e22|<1e+22\n|>and 1!EINVAL", "has no such operation"},
	{V, "", ",type=d", O_RDWR | O_CREAT, ">1e999!ERANGE", NULL},
	{V, "", ",type=s,len=3", O_RDWR | O_CREAT, ">abc\n|<abc\n|> a |< a \n|>abcd!ERANGE", "is longer than 3 bytes"},
	{V, "", ",type=?", O_RDWR | O_CREAT, ">1|<1\n|>2!ERANGE", NULL},
	{V, "", "", O_RDWR | O_CREAT, "<|>12|<12\n|@stat:type q|>x!EINVAL", "is not an int64"},
	{V, "", "", O_RDWR | O_CREAT, ">1.5|@stat:type d|<1.5\n", NULL},
	{V, "", "", O_RDWR | O_CREAT, ">hello|@stat:type s|<hello\n", NULL},
	{V, "", ",cas", O_RDWR, ">5!ECANCELED", "nothing to compare with before a read"},
	{V, "", ",cas", O_RDWR, "<0\n|>5|>6|=7|>8!ECANCELED", "it has changed since this handle's last read"},
	{V, "", ",raw", O_RDWR, ">AAAAAAAA|@shows:4702111234474983745\n", NULL},

	{A, "", "", O_RDONLY, "<0\n0\n|<", NULL},
	{A, "", "", O_RDWR, ">1 2|<1\n2\n|>3\n4\n|<3\n4\n|>1=7|<3\n7\n|>1+=1|<3\n8\n|>0:2=5 6|<5\n6\n|>:=0|<0\n0\n|>: += 2|<2\n2\n", NULL},
	{A, "=1 2", "", O_WRONLY, ">1!EINVAL", NULL},
	{A, "=1 2", "", O_WRONLY, ">1 2 3!EINVAL", NULL},
	{A, "=1 2", "", O_WRONLY, ">1 b!EINVAL", "\"b\" is not an int64"},
	{A, "=1 2", "", O_WRONLY, ">0:2=1 2 3!EINVAL", NULL},
	{A, "=1 2", "", O_WRONLY, ">2=1!ERANGE", "the array has 2 elements"},
	{A, "=1 2", "", O_WRONLY, ">1:3=1!ERANGE", "the array has 2 elements"},
	{A, "=1 2", "", O_WRONLY, ">1:1=1!EINVAL", "is not a range of elements"},
	{A, "=1 2", "", O_WRONLY, ">1=9223372036854775808!ERANGE", NULL},
	{A, "=1 2", "", O_WRONLY, ">:+=9223372036854775806!ERANGE", "the result does not fit an int64"},
	{A, "=1 2", ",at=1", O_RDWR, "<2\n|>5|<5\n|>add 1|<6\n|@shows:1\n6\n", NULL},
	{A, "=1 2", ",at=0:2", O_RDWR, "<1\n2\n|>3 4|<3\n4\n", NULL},
	{A, "=1 2", ",at=1:", O_RDONLY, "<2\n", NULL},
	{A, "=1 2", ",at=2", O_RDWR, "<!ERANGE|>1!ERANGE", "the array has 2 elements"},
	{A, "=1 2", ",at=0:3", O_RDWR, "<!ERANGE|>1!ERANGE", "the array has 2 elements"},
	{A, "=1 2", ",at=1", O_RDWR, ">1 2!EINVAL", NULL},
	{A, "=1 2", ",cas", O_RDWR, ">5 6!ECANCELED", "nothing to compare with before a read"},
	{A, "=1 2", ",cas", O_RDWR, "<1\n2\n|>1=5|=0=3|>1=6!ECANCELED", "it has changed since"},
	{A, "", ",type=d,len=2", O_RDWR | O_CREAT, ">1 0.5|<1.0\n0.5\n", NULL},
	{A, "", ",type=B,len=1", O_RDWR | O_CREAT, ">255|<255\n|>256!ERANGE", NULL},

	/* keys: the exact bytes, whole */
	{D, "", "", O_WRONLY, "> a b \n|@shows: a b \n", NULL},
	{D, "=abc", "", O_RDWR, "<abc|<|>de|<de|>f|<f|@shows:f", NULL},
	{D, "=abc", "", O_RDONLY, "@short:ab|=xyz|@short:c|@short:", NULL},
	{D, "=abc", "", O_WRONLY | O_APPEND, ">de|>f|@shows:abcdef", NULL},
	{D, "=abc", "", O_WRONLY | O_TRUNC, ">de|>f|@shows:abc|@fsync|@shows:def|>g|@shows:def|@close|@shows:defg", NULL},
	{D, "=abc", "", O_WRONLY | O_TRUNC, "@shows:abc|@close|@shows:", NULL},
	{D, "=abc", "", O_RDWR | O_TRUNC, "<|>de|<|@shows:abc|@close|@shows:de", NULL},
	{D, "", "", O_WRONLY | O_CREAT | O_TRUNC, "@gone|>a|@gone|>b|@close|@shows:ab", NULL},
	{D, "", "", O_WRONLY | O_CREAT | O_TRUNC, ">a|=x!ENOENT|@fsync|@shows:a|>b|@close|@shows:ab", NULL},
	{D, "", "", O_WRONLY | O_CREAT | O_EXCL, "@shows:|>a|>b|@shows:|@close|@shows:ab", NULL},
	{D, "", "", O_WRONLY | O_CREAT, "@there|>a|>b|@close|@shows:ab", NULL},
	{D, "", "", O_RDWR | O_CREAT | O_APPEND, "@shows:|>a|>b|@shows:ab|<ab", NULL},
	{D, "=a", "", O_RDWR | O_CREAT | O_EXCL, "@there", NULL},

	{D, "=5", ",num", O_RDWR, "<5\n|>add 2|<7\n|>+=1\n|<8\n|>sub 10|<-2\n|>mul -3|<6\n|>or 1|<7\n|>and 5|<5\n|>xor 1|<4\n|@shows:4", NULL},
	{D, "=5\n", ",num", O_RDWR, ">add 2|<7\n|@shows:7\n|> 10 \n|<10\n|@shows: 10 \n", NULL},
	{D, "=5", ",num", O_RDWR, ">add 0.5|<5.5\n|@shows:5.5", NULL},
	{D, "", ",num", O_RDWR, "<0\n|>add 2|<2\n|@shows:2\n", NULL},
	{D, "=5", ",num", O_WRONLY, ">add x!EINVAL", "\"x\" is not a number"},
	{D, "=5", ",num", O_WRONLY, ">five!EINVAL", "\"five\" is not a number"},
	{D, "=5", ",num", O_WRONLY, "> \n!EINVAL", "\"\" is not a number"},
	{D, "=5", ",num", O_WRONLY, ">add 9223372036854775807!ERANGE", "the result is out of range"},
	{D, "=5", ",num", O_WRONLY, ">9223372036854775808!ERANGE", "\"9223372036854775808\" is not a number"},
	{D, "=5.5", ",num", O_WRONLY, ">and 1!EINVAL", "the value is not a number that has this operation"},
	{D, "=abc", ",num", O_RDONLY, "<!EINVAL", "the value \"abc\" is not a number"},
	{D, "=abc", ",num", O_WRONLY, ">add 1!EINVAL", "the value is not a number"},
	{D, "", ",num", O_RDWR | O_CREAT, "!ENOENT", "a view does not create"},
	{D, "", ",num", O_RDWR | ABSENT, "!ENOENT", NULL},

	{D, "=5", ",cas", O_RDWR, ">6!ECANCELED", "nothing to compare with"},
	{D, "=5", ",cas", O_RDWR, "<5|>6|>7|=8|>9!ECANCELED", "it has changed since this handle's last read"},
	{D, "=5", ",cas", O_RDWR | O_TRUNC, "<5|>6|@shows:6", NULL},
	{D, "=5", ",cas,num", O_RDWR, "<5\n|>add 1|>add 1|@shows:7|=1|>add 1!ECANCELED", "it has changed"},

	{D, "=abc", ",pop", O_RDONLY, "<abc|<|<!EIDRM|@gone", NULL},
	{D, "=abc", ",pop", O_RDWR, "<abc|<!EIDRM|@gone", NULL},
	{D, "=abcde", ",pop", O_RDONLY, "@short:ab|@gone|@short:cd|@short:e|@short:", NULL},
	{D, "", ",pop", O_RDONLY, "<|<!EIDRM|@gone", NULL},
	{D, "=abc", ",pop", O_RDWR, ">x!EINVAL", "\"pop\" is for reading"},
	{D, "", ",pop,num", O_RDONLY, "!EINVAL", "\"pop\" takes"},
	{D, "", ",pop,peek", O_RDONLY, "!EINVAL", "\"pop\" takes"},
	{D, "", ",pop", O_RDONLY | O_CREAT, "!ENOENT", "a view does not create"},
	{D, "", ",pop", O_RDONLY | ABSENT, "!ENOENT", NULL},
};

/* clang-format on */

static void what_each_kind_does(void **state)
{
	(void)state;
	t_is(script_run(kinds, sizeof(kinds) / sizeof(*kinds)), 0);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		SCRIPT_TEST(what_each_kind_does),
	};
	return T_RUN(tests, argc, argv);
}
