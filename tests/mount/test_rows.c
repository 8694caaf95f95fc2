/* SPDX-License-Identifier: MIT
 *
 * test_rows.c - the contract's section 2 as a table: names, properties and views, what they do and refuse for each
 * kind, and in which words. What the kinds do by themselves is in test_rows_kinds.c, how a wait ends in
 * test_ends.c, each kind's finer points are in its own test.
 */
#include "script.h"

#include "t.h"

#define NB (O_RDONLY | O_NONBLOCK)
#define ABOVE "is out of range"
#define ILL "is ill-formed"

/* clang-format off */

/* ---- section 2: names, options, views, properties ---- */
static const struct script_row common[] = {
	/* what makes, and what does not */
	{ALL, "", "%", O_RDWR | O_CREAT, "@there|@close|@there", NULL},
	{ALL, "", "", O_RDWR | ABSENT, "!ENOENT", NULL},
	{PEEKS, "", ",peek", O_RDONLY | ABSENT, "!ENOENT", NULL},
	{PEEKS, "", ",peek", O_RDWR | O_CREAT, "!ENOENT", "a view does not create"},
	{PEEKS, "", "%,peek", O_RDONLY | O_CREAT, "!ENOENT", "a view does not create"},
	{PEEKS, "", ",watch", O_RDONLY | O_CREAT, "!ENOENT", "a view does not create"},
	{ALL, "", ",stat", O_RDONLY | O_CREAT, "!ENOENT", "a view does not create"},
	{ALL, "", ",ctl", O_WRONLY | O_CREAT, "!ENOENT", "a view does not create"},
	{PLAIN, "", ",timeout=1", O_RDWR | O_CREAT, "!ENOENT", "a view does not create"},
	{WAITS & ~E, "", ",stream", O_RDWR | O_CREAT, "!ENOENT", "a view does not create"},
	{S, "", ",n=2", O_RDWR | O_CREAT, "!ENOENT", "a view does not create"},
	{S, "", ",hold", O_RDWR | O_CREAT, "!ENOENT", "a view does not create"},
	{S, "", ",tokens", O_RDWR | O_CREAT, "!ENOENT", "a view does not create"},
	{L, "", ",shared", O_RDWR | O_CREAT, "!ENOENT", "a view does not create"},
	{M, "", ",prio=2", O_RDWR | O_CREAT, "!ENOENT", "a view does not create"},
	{P, "", ",a", O_RDWR | O_CREAT, "!ENOENT", "a view does not create"},
	{P, "", ",b,timeout=1", O_RDWR | O_CREAT, "!ENOENT", "a view does not create"},
	{Q, "", ",lines", O_WRONLY | O_CREAT, "!ENOENT", "a view does not create"},
	{Q, "", ",block", O_WRONLY | O_CREAT, "!ENOENT", "a view does not create"},
	{Q, "", ",block=4k", O_WRONLY | O_CREAT, "!ENOENT", "a view does not create"},
	{PLAIN, "", "%,notify=USR1", O_RDONLY | O_CREAT, "!ENOENT", "a view does not create"},
	{CELLS, "", "%,raw", O_RDWR | O_CREAT, "!ENOENT", "a view does not create"},
	{CELLS, "", "%,cas", O_RDWR | O_CREAT, "!ENOENT", "a view does not create"},
	{A | I, "", "%,at=0", O_RDWR | O_CREAT, "!ENOENT", "a view does not create"},
	{I, "", "%,insert=0", O_WRONLY | O_CREAT, "!ENOENT", "a view does not create"},
	{I, "", "%,pop", O_RDONLY | O_CREAT, "!ENOENT", "a view does not create"},
	{I, "", "%,cas", O_RDWR | O_CREAT, "!ENOENT", "a view does not create"},
	{B, "", "", O_RDWR | O_CREAT, "!EINVAL", "a barrier is made with parties=N"},

	/* properties of what is there */
	{ALL, "", "%", O_RDWR, "@there", NULL},
	{ALL & ~(L | C | SG | D), "", "#", O_RDWR, "!EEXIST", "other properties"},
	{ALL & ~D, "", ",temp", O_RDWR, "!EEXIST", "it exists and is not temp"},
	{S, "=2", ",value=0", O_RDWR, "@there", NULL}, /* the property, not the state */
	{S, "=2", ",value=2", O_RDWR, "!EEXIST", "other properties"},
	{E, "=1", ",set", O_RDWR, "!EEXIST", "other properties"},
	{Q, "", ",capacity=1M", O_RDWR, "@there", NULL},
	{Q, "", ",maxsize=2,capacity=2M", O_RDWR, "!EEXIST", "other properties"},
	{P | T, "", ",capacity=10", O_RDWR, "@there", NULL},
	{Q, "+,attempts=2,dead=x", ",dead=x", O_RDWR, "@there", NULL},
	{Q, "+,attempts=2,dead=x", ",dead=y", O_RDWR, "!EEXIST", "other properties"},
	{Q, "+,attempts=2", ",attempts=3", O_RDWR, "!EEXIST", "other properties"},
	{S, "+,value=1,max=1|<", ",value=1,max=1", O_RDWR, "@there", NULL},
	{M, "", ",msgsize=10", O_RDWR, "!EEXIST", "other properties"},
	{B, "&", ",parties=2", O_RDWR, "@stat:arrived 1", NULL},

	/* ill-formed options, at what is there and at what would be made */
	{ALL, "", ",", O_RDWR, "!EINVAL", "there is no option \"\""},
	{ALL, "", ",stat,", O_RDONLY, "!EINVAL", "there is no option \"\""},
	{ALL, "", ",colour", O_RDWR, "!EINVAL", "there is no option \"colour\""},
	{ALL, "", ",colour=1", O_RDWR | O_CREAT, "!EINVAL", "there is no option \"colour\""},
	{ALL, "", ",PEEK", O_RDONLY, "!EINVAL", "there is no option"},
	{PEEKS, "", ", peek", O_RDONLY, "!EINVAL", "there is no option"},
	{ALL, "", ",=1", O_RDWR, "!EINVAL", "there is no option"},
	{PEEKS, "", ",peek=1", O_RDONLY, "!EINVAL", "option \"peek\" takes no value"},
	{PEEKS, "", ",watch=", O_RDONLY, "!EINVAL", "option \"watch\" takes no value"},
	{ALL & ~D, "", ",temp=1", O_RDWR | O_CREAT, "!EINVAL", "option \"temp\" takes no value"},
	{ALL & ~D, "", ",temp,temp", O_RDWR | O_CREAT, "!EINVAL", "option \"temp\" is repeated"},
	{PEEKS, "", ",peek,peek", O_RDONLY, "!EINVAL", "one such view at a time"},
	{PEEKS, "", ",peek,stat", O_RDONLY, "!EINVAL", "one such view at a time"},
	{PEEKS, "", ",watch,ctl", O_RDONLY, "!EINVAL", "one such view at a time"},
	{PEEKS & ~D, "", "%,temp,peek", O_RDWR | O_CREAT, "!EINVAL", "a view does not create"},
	{ALL, "", ",timeout", O_RDWR, "!EINVAL", "option \"timeout\" wants a value"},
	{ALL, "", ",timeout=", O_RDWR, "!EINVAL", ILL},
	{ALL, "", ",timeout=soon", O_RDWR, "!EINVAL", ILL},
	{ALL, "", ",timeout=-1", O_RDWR, "!EINVAL", ILL},
	{ALL, "", ",timeout=1 s", O_RDWR, "!EINVAL", ILL},
	{ALL, "", ",timeout=1d", O_RDWR, "!EINVAL", ILL},
	{ALL, "", ",timeout=1e3", O_RDWR, "!EINVAL", ILL},
	{ALL, "", ",timeout=99999999999999999999", O_RDWR, "!EINVAL", "timeout="},
	{ALL, "", ",timeout=1,timeout=2", O_RDWR, "!EINVAL", "option \"timeout\" is repeated"},
	{WAITS & ~E, "", ",stream,stream", O_RDWR, "!EINVAL", "option \"stream\" is repeated"},
	{WAITS & ~E, "", ",stream=1", O_RDWR, "!EINVAL", "takes no value"},

	/* options of other kinds */
	{ALL & ~Q, "", ",maxsize=1", O_RDWR, "!EINVAL", "have no option \"maxsize\""},
	{ALL & ~(Q | I | P | T), "", ",capacity=1", O_RDWR | O_CREAT, "!EINVAL", "have no option \"capacity\""},
	{ALL & ~S, "", ",value=1", O_RDWR, "!EINVAL", "have no option \"value\""},
	{ALL & ~S, "", ",hold", O_RDWR, "!EINVAL", "have no option \"hold\""},
	{ALL & ~S, "", ",tokens", O_RDWR, "!EINVAL", "have no option \"tokens\""},
	{ALL & ~S, "", ",max=1", O_RDWR | O_CREAT, "!EINVAL", "have no option \"max\""},
	{ALL & ~S, "", ",n=1", O_RDWR, "!EINVAL", "have no option \"n\""},
	{ALL & ~Q, "", ",lines", O_RDWR, "!EINVAL", "no option \"lines\""},
	{ALL & ~Q, "", ",block=4k", O_RDWR, "!EINVAL", "no option \"block\""},
	{ALL & ~Q, "", ",ack", O_RDWR, "!EINVAL", "no option \"ack\""},
	{ALL & ~(Q | SG), "", ",join", O_RDWR, "!EINVAL", "no option \"join\""},
	{ALL & ~SG, "", ",after=1", O_RDWR, "!EINVAL", "no option \"after\""},
	{ALL & ~Q, "", ",attempts=3", O_RDWR | O_CREAT, "!EINVAL", "no option \"attempts\""},
	{ALL & ~Q, "", ",dead=x", O_RDWR | O_CREAT, "!EINVAL", "no option \"dead\""},
	{ALL & ~L, "", ",shared", O_RDWR, "!EINVAL", "have no option \"shared\""},
	{ALL & ~E, "", ",set", O_RDWR | O_CREAT, "!EINVAL", "have no option \"set\""},
	{ALL & ~B, "", ",parties=2", O_RDWR | O_CREAT, "!EINVAL", "have no option \"parties\""},
	{ALL & ~M, "", ",prio=1", O_RDWR, "!EINVAL", "have no option \"prio\""},
	{ALL & ~M, "", ",maxmsg=1", O_RDWR | O_CREAT, "!EINVAL", "have no option \"maxmsg\""},
	{ALL & ~M, "", ",msgsize=1", O_RDWR, "!EINVAL", "have no option \"msgsize\""},
	{ALL & ~P, "", ",a", O_RDWR, "!EINVAL", "have no option \"a\""},
	{ALL & ~P, "", ",b", O_RDWR, "!EINVAL", "have no option \"b\""},
	{P, "", ",peek", O_RDONLY, "!EINVAL", "pipes have no option \"peek\""},
	{P, "", ",watch", O_RDONLY, "!EINVAL", "pipes have no option \"watch\""},
	{P, "", ",a,peek", O_RDONLY, "!EINVAL", "pipes have no option \"peek\""},
	{ALL & ~CELLS, "", ",type=q", O_RDWR | O_CREAT, "!EINVAL", "have no option \"type\""},
	{ALL & ~CELLS, "", ",len=1", O_RDWR | O_CREAT, "!EINVAL", "have no option \"len\""},
	{ALL & ~CELLS, "", ",raw", O_RDWR, "!EINVAL", "have no option \"raw\""},
	{ALL & ~(CELLS | I | D), "", ",cas", O_RDWR, "!EINVAL", "have no option \"cas\""},
	{ALL & ~I, "", ",insert=0", O_RDWR, "!EINVAL", "have no option \"insert\""},
	{ALL & ~(I | D), "", ",pop", O_RDWR, "!EINVAL", "have no option \"pop\""},
	{ALL & ~D, "", ",num", O_RDWR, "!EINVAL", "have no option \"num\""},
	{D, "", ",temp", O_RDWR | O_CREAT, "!EINVAL", "keys have no option \"temp\""},
	{ALL & ~(A | I), "", ",at=0", O_RDWR, "!EINVAL", "have no option \"at\""},
	{E | CELLS, "", ",stream", O_RDONLY, "!EINVAL", "have no option \"stream\""},

	/* out of range */
	{Q, "", ",maxsize=1073741824", O_RDWR | O_CREAT, "@there", NULL},
	{Q, "", ",maxsize=1073741825", O_RDWR | O_CREAT, "!EINVAL", ABOVE},
	{Q, "", ",maxsize=-1", O_RDWR | O_CREAT, "!EINVAL", ILL},
	{Q, "", ",maxsize=1k", O_RDWR | O_CREAT, "!EINVAL", ILL},
	{Q, "", ",maxsize=", O_RDWR | O_CREAT, "!EINVAL", ILL},
	{Q | I | P | T, "", ",capacity=0", O_RDWR | O_CREAT, "!EINVAL", ABOVE},
	{Q | I | P | T, "", ",capacity=17G", O_RDWR | O_CREAT, "!EINVAL", ABOVE},
	{Q | I | P | T, "", ",capacity=1T", O_RDWR | O_CREAT, "!EINVAL", ILL},
	{P | T, "", ",capacity=1", O_RDWR | O_CREAT, "@there", NULL},
	{S, "", ",value=2147483647", O_RDWR | O_CREAT, "@peek:2147483647\n", NULL},
	{S, "", ",value=2147483648", O_RDWR | O_CREAT, "!EINVAL", ABOVE},
	{S, "", ",max=0", O_RDWR | O_CREAT, "!EINVAL", ABOVE},
	{S, "", ",max=2147483648", O_RDWR | O_CREAT, "!EINVAL", ABOVE},
	{S, "", ",value=3,max=2", O_RDWR | O_CREAT, "!EINVAL", "value= is above max="},
	{S, "", ",value=many", O_RDWR | O_CREAT, "!EINVAL", ILL},
	{S, "", ",n=0", O_RDONLY, "!EINVAL", ABOVE},
	{S, "", ",n=2147483648", O_RDONLY, "!EINVAL", ABOVE},
	{S, "", ",n=6", O_RDONLY, "!EINVAL", "n=6 is above the semaphore's max"},
	{S, "", ",hold=1", O_RDWR, "!EINVAL", "option \"hold\" takes no value"},
	{S, "", ",hold,hold", O_RDWR, "!EINVAL", "option \"hold\" is repeated"},
	{S, "", ",tokens,n=2", O_RDWR, "!EINVAL", "\"tokens\" goes with neither"},
	{S, "", ",hold,tokens", O_RDWR, "!EINVAL", "\"tokens\" goes with neither"},
	{S, "", ",tokens,stream", O_RDWR, "!EINVAL", "\"tokens\" goes with neither"},
	{B, "", ",parties=4096", O_RDWR | O_CREAT, "@there", NULL},
	{B, "", ",parties=4097", O_RDWR | O_CREAT, "!EINVAL", ABOVE},
	{B, "", ",parties=0", O_RDWR | O_CREAT, "!EINVAL", ABOVE},
	{B, "", ",parties=two", O_RDWR | O_CREAT, "!EINVAL", ILL},
	{M, "", ",prio=32767", O_RDWR, "@there", NULL},
	{M, "", ",prio=32768", O_RDWR, "!EINVAL", "prio="},
	{M, "", ",maxmsg=0", O_RDWR | O_CREAT, "!EINVAL", "maxmsg="},
	{M, "", ",msgsize=0", O_RDWR | O_CREAT, "!EINVAL", "msgsize="},
	{CELLS, "", ",type=z", O_RDWR | O_CREAT, "!EINVAL", ILL},
	{CELLS, "", ",type=", O_RDWR | O_CREAT, "!EINVAL", ILL},
	{CELLS, "", ",type=qq", O_RDWR | O_CREAT, "!EINVAL", ILL},
	{V, "", ",type=q,len=2", O_RDWR | O_CREAT, "!EINVAL", "len= is for values of type s"},
	{V, "", ",type=s,len=65536", O_RDWR | O_CREAT, "!EINVAL", ABOVE},
	{CELLS, "", ",len=0", O_RDWR | O_CREAT, "!EINVAL", ABOVE},
	{A, "", ",at=", O_RDWR, "!EINVAL", ILL},
	{A, "", ",at=x", O_RDWR, "!EINVAL", ILL},
	{A, "", ",at=-1", O_RDWR, "!EINVAL", ILL},
	{A, "", ",at=1:1", O_RDWR, "!EINVAL", ILL},
	{A, "", ",at=2:1", O_RDWR, "!EINVAL", ILL},
	{I, "", ",at=", O_RDWR, "!EINVAL", ILL},
	{I, "", ",at=x", O_RDWR, "!EINVAL", ILL},
	{I, "", ",at=1:2", O_RDWR, "!EINVAL", ILL},
	{I, "", ",at=--1", O_RDWR, "!EINVAL", ILL},
	{I, "", ",at=9223372036854775808", O_RDWR, "!EINVAL", ABOVE},
	{I, "", ",at", O_RDWR, "!EINVAL", "wants a value"},
	{I, "", ",at=0,at=1", O_RDWR, "!EINVAL", "is repeated"},
	{I, "", ",insert=x", O_WRONLY, "!EINVAL", ILL},
	{I, "", ",pop=", O_RDONLY, "!EINVAL", ILL},
	{I, "", ",pop=1.0", O_RDONLY, "!EINVAL", ILL},
	{I, "", ",pop,at=0", O_RDONLY, "!EINVAL", "one of them"},
	{I, "", ",insert,pop", O_RDONLY, "!EINVAL", "one of them"},
	{I, "", ",insert,peek", O_RDONLY, "!EINVAL", "\"insert\" is for writing"},
	{I, "", ",pop,cas", O_RDONLY, "!EINVAL", "\"pop\" for reading"},
	{I, "", ",stream", O_RDONLY, "!EINVAL", "\"stream\" is for reading by \"pop\""},
	{I, "", ",at=0,stream", O_RDONLY, "!EINVAL", "by \"pop\""},
	{I, "", ",insert", O_RDWR, "!EINVAL", "\"insert\" is for writing"},
	{I, "", ",insert=0", O_RDONLY, "!EINVAL", "\"insert\" is for writing"},
	{I, "", ",pop", O_WRONLY, "!EINVAL", "\"pop\" is for reading"},
	{CELLS, "", ",raw,cas", O_RDWR, "!EINVAL", "\"raw\" goes with neither"},
	{P, "", ",a,b", O_RDWR, "!EINVAL", "\"a\" and \"b\": one of them"},
	{P, "", ",a,a", O_RDWR, "!EINVAL", "option \"a\" is repeated"},
	{P, "", ",a=1", O_RDWR, "!EINVAL", "option \"a\" takes no value"},
	{P, "", ",timeout=1", O_RDWR, "!EINVAL", "the bare name is no end: use NAME,a or NAME,b"},
	{P, "", ",stream", O_RDONLY, "!EINVAL", "the bare name is no end"},
	{P, "", ",notify=USR1", O_RDONLY, "!EINVAL", "the bare name is no end"},
	{P, "", ",a,temp", O_RDWR | O_CREAT, "!EINVAL", "a view does not create"},

	/* temp */
	{ALL & ~D, "", "%,temp", O_RDWR | O_CREAT, "@there|@stat:temp 1|@close|@gone", NULL},
	{ALL & ~D, "", "%,temp", O_RDONLY | O_CREAT | O_EXCL, "@there|@close|@gone", NULL},

	/* timeout */
	{PLAIN, "", ",timeout=0.5", O_RDWR, "@there", NULL},
	{PLAIN, "", ",timeout=200ms", O_RDWR, "@there", NULL},
	{PLAIN, "", ",timeout=1h", O_RDWR, "@there", NULL},
	{CELLS, "", ",timeout=1ns", O_RDONLY, "<0\n*", NULL},
	{WAITS & ~L, "", ",timeout=0", O_RDONLY, "<!EAGAIN", NULL},
	{WAITS & ~L, "", ",timeout=20ms", O_RDONLY, "<!ETIMEDOUT", NULL},
	{WAITS & ~L, "", ",timeout=1ns", O_RDWR, "<!ETIMEDOUT", NULL},
	{WAITS & ~L, "", "", NB, "<!EAGAIN", NULL},
	{WAITS & ~L, "", "", O_RDONLY, "@limit:0|<!EAGAIN|@limit:20000000|<!ETIMEDOUT", NULL},
	{WAITS & ~L, "", ",timeout=1h", O_RDONLY, "@limit:0|<!EAGAIN", NULL},
	{ALL, "", "", O_RDONLY, "@limit:-1|@limit:-2!EINVAL", "a timeout is -1 or more"},
	{ALL, "", "", O_RDONLY, "@unknown!ENOTTY", NULL},
	{I, "", ",pop,timeout=0", O_RDONLY, "<!EAGAIN", NULL},
	{I, "", ",pop,timeout=20ms", O_RDONLY, "<!ETIMEDOUT", NULL},
	{I, "", ",pop", NB, "<!EAGAIN", NULL},
	{I, "", ",pop=3", O_RDONLY, "@limit:0|<!EAGAIN|@limit:20000000|<!ETIMEDOUT", NULL},
	{I, "", ",timeout=1ns", O_RDONLY, "<", NULL},
	{L, "<", "", NB, "<!EAGAIN", NULL},
	{L, "<", ",timeout=0", O_RDONLY, "<!EAGAIN", NULL},
	{L, "<", ",timeout=20ms", O_RDWR, "<!ETIMEDOUT", NULL},
	{L, "<,shared", "", O_RDONLY, "@limit:0|<!EAGAIN|@limit:20000000|<!ETIMEDOUT", NULL},
	{P, "", ",a,timeout=0", O_RDWR, "<!EAGAIN|>0123456789|>x!EAGAIN", NULL},
	{P, "^,b", ",a,timeout=20ms", O_RDWR, "<!ETIMEDOUT|>0123456789|>x!ETIMEDOUT", NULL},
	{P, "^,b", ",a", O_RDONLY, "@limit:0|<!EAGAIN|@limit:20000000|<!ETIMEDOUT", NULL},
	{Q | M, "=a|=b", "", O_WRONLY | O_NONBLOCK, ">c!EAGAIN", NULL},
	{Q | M, "=a|=b", ",timeout=20ms", O_WRONLY, ">c!ETIMEDOUT", NULL},
	{Q | M, "=a|=b", "", O_RDWR, "@limit:20000000|>c!ETIMEDOUT|<a|>c|<b|<c", NULL},

	/* peek: nothing is taken, nothing waits */
	{Q, "", ",peek", O_RDONLY, "<|<", NULL},
	{Q, "=a|=b", ",peek", O_RDONLY, "<a|<|@stat:messages 2|@shows:a", NULL},
	{M, "=a", ",peek", O_RDONLY, "<maxmsg 2\nmsgsize 8192\nmessages 1\n|<|@shows:a", NULL},
	{S, "=2", ",peek", O_RDONLY, "<2\n|<|@stat:value 2", NULL},
	{L, "", ",peek", O_RDONLY, "<free\n|<|@shows:[1-9]*\n", NULL},
	{L, "<", ",peek", O_RDONLY, "<[1-9]* [1-9]* 0 [1-9]*\n|<", NULL},
	{E, "", ",peek", O_RDONLY, "<0\n|<", NULL},
	{E, "=1", ",peek", O_RDONLY, "<1\n|<", NULL},
	{C, "", ",peek", O_RDONLY, "<0\n|<", NULL},
	{B, "", ",peek", O_RDONLY, "<0\n|<|@stat:arrived 0", NULL},
	{B, "&", ",peek", O_RDONLY, "<1\n|<|@shows:1\n", NULL},
	{SG, "", ",peek", O_RDONLY, "<|<", NULL},
	{SG, "=15|=10", ",peek", O_RDONLY, "<USR1\n|<", NULL},
	{V, "=7", ",peek", O_RDONLY, "<7\n|<", NULL},
	{A, "=7 8", ",peek", O_RDONLY, "<7\n8\n|<", NULL},
	{I, "=a\nb\n", ",peek", O_RDONLY, "<a\nb\n|<|@stat:items 2", NULL},
	{I, "=a\nb\n", ",peek,at=1", O_RDONLY, "<b|<|@stat:items 2", NULL},
	{I, "=a\nb\n", ",peek,pop", O_RDONLY, "<b|<|@stat:items 2", NULL},
	{I, "", ",peek,pop", O_RDONLY, "<|<", NULL},
	{D, "=abc", ",peek", O_RDONLY, "<abc|<", NULL},
	{T, "", ",peek", O_RDONLY, "<|<", NULL},
	{T, "=a|=b", ",peek", O_RDONLY, "<b|<|@stat:messages 2", NULL},
	{PEEKS, "", ",peek", O_RDWR, "!EINVAL", "this view is for reading"},
	{PEEKS, "", ",peek", O_WRONLY, "!EINVAL", "this view is for reading"},

	/* watch: at once what is there, then each change; no end of file */
	{PEEKS & ~(Q | I | T | SG | D), "", ",watch", NB, "<*\n|<!EAGAIN", NULL},
	{Q, "", ",watch", NB, "<!EAGAIN|=a|<a|<!EAGAIN|=b|<a|<!EAGAIN", NULL},
	{I, "", ",watch", NB, "<!EAGAIN|=a\n|<a\n|<!EAGAIN|=b\n|<a\nb\n|<!EAGAIN", NULL},
	{I, "=a\nb\n", ",watch,at=-1", NB, "<b|=c\n|<c|<!EAGAIN", NULL},
	{M, "", ",watch", NB, "<*messages 0\n|<!EAGAIN|=a|<*messages 1\n", NULL},
	{S, "", ",watch", NB, "<0\n|=2|<2\n|<!EAGAIN|=1|=1|<4\n|<!EAGAIN", NULL},
	{E, "", ",watch", NB, "<0\n|=1|<1\n|<!EAGAIN", NULL},
	{L, "", ",watch", NB, "<free\n|@shows:[1-9]*|<free\n", NULL},
	{SG, "", ",watch", NB, "<!EAGAIN|=USR1|<USR1\n|<!EAGAIN|=USR1|=TERM|<TERM\n", NULL},
	{V, "", ",watch", NB, "<0\n|=5|<5\n|<!EAGAIN", NULL},
	{A, "", ",watch", NB, "<0\n0\n|=1=5|<0\n5\n|<!EAGAIN", NULL},
	{D, "", ",watch", NB, "<!EAGAIN|=5|<5|<!EAGAIN|=5|<5|<!EAGAIN", NULL},
	{D, "=a", ",watch", NB, "<a|<!EAGAIN|=b|=c|<c|<!EAGAIN", NULL},
	{D, "=a", ",watch,timeout=20ms", O_RDONLY, "<a|<!ETIMEDOUT", NULL},
	{A, "", ",watch,at=1", NB, "<0\n|=1=5|<5\n|<!EAGAIN", NULL},
	{C, "", ",watch", NB, "<0\n|@reader|<1\n|=1|<0\n|<!EAGAIN", NULL},
	{B, "", ",watch", NB, "<0\n|@reader|<1\n|@shows:1\n|<0\n|<!EAGAIN", NULL},
	{Q, "", ",watch,lines", NB, "<!EAGAIN|=a|<a\n|<!EAGAIN", NULL},
	{PEEKS & ~(Q | I | T | SG | D), "", ",watch,timeout=20ms", O_RDONLY, "<*|<!ETIMEDOUT", NULL},
	{Q | I, "", ",watch,timeout=20ms", O_RDONLY, "<!ETIMEDOUT", NULL},
	{T, "", ",watch", NB, "<!EAGAIN|=a|<a|<!EAGAIN|=b|<b|<!EAGAIN", NULL},
	{T | SG, "", ",watch,timeout=20ms", O_RDONLY, "<!ETIMEDOUT", NULL},
	{PEEKS, "", ",watch", O_RDWR, "!EINVAL", "this view is for reading"},

	/* stat */
	{ALL, "", ",stat", O_RDONLY, "<kind *\nid [1-9]*\n*|<", NULL},
	{ALL, "", ",stat", O_RDONLY, "@stat:waiters 0|@stat:readers 0|@stat:writers 0", NULL},
	{Q, "=abc", ",stat", O_RDONLY, "@stat:kind queues|@stat:maxsize 2|@stat:capacity 1048576|@stat:messages 1|@stat:bytes 3", NULL},
	{M, "=abc", ",stat", O_RDONLY, "@stat:kind mq|@stat:maxmsg 2|@stat:msgsize 8192|@stat:messages 1", NULL},
	{S, "=2", ",stat", O_RDONLY, "@stat:kind semaphores|@stat:max 5|@stat:initial 0|@stat:value 2", NULL},
	{Q, "=a|<,ack", ",stat", O_RDONLY, "@stat:messages 0|@stat:unfinished 1|<*\nlease [1-9]* 1\n*", NULL},
	{Q, "=a|~,ack|<,ack", ",stat", O_RDONLY, "<*\nlease [1-9]* 2\n*", NULL},
	{Q, "+,attempts=3,dead=x", ",stat", O_RDONLY, "@stat:attempts 3|@stat:dead x", NULL},
	{Q, "", ",stat", O_RDONLY, "@ctl:close|@stat:closed 1", NULL},
	{S, "=3|<,hold,n=2", ",stat", O_RDONLY, "@stat:value 1|<*\nholder [1-9]* 0 [1-9]* 2\n*", NULL},
	{C, "", ",stat", O_RDONLY, "@reader|@stat:armed 1|@stat:readers 1|=1|@stat:armed 0|@stat:waiters 0", NULL},
	{L, "<", ",stat", O_RDONLY, "@stat:kind locks|<*\nholder [1-9]* 0 [1-9]*\n*", NULL},
	{E, "=1", ",stat", O_RDONLY, "@stat:kind events|@stat:set 0|@stat:value 1", NULL},
	{C, "", ",stat", O_RDONLY, "@stat:kind conditions|@stat:armed 0|@stat:notified 0", NULL},
	{B, "&", ",stat", O_RDONLY, "@stat:kind barriers|@stat:parties 2|@stat:arrived 1|@stat:generation 0|@stat:broken 0|@stat:waiters 1|@stat:readers 1|@shows:1\n|@stat:generation 1", NULL},
	{SG, "=TERM", ",stat", O_RDONLY, "@stat:kind signals|@stat:fired 1|@stat:signal TERM|@stat:alarms 0|@stat:members 0", NULL},
	{V, "=7", ",stat", O_RDONLY, "@stat:kind values|@stat:type q|@stat:bytes 8|@stat:value 7", NULL},
	{A, "", ",stat", O_RDONLY, "@stat:kind arrays|@stat:type q|@stat:len 2|@stat:bytes 16", NULL},
	{I, "=abc\n\n", ",stat", O_RDONLY, "@stat:kind lists|@stat:capacity 1024|@stat:items 2|@stat:bytes 3|@stat:changes 1", NULL},
	{P, "^,b|>,b abc", ",stat", O_RDONLY, "@stat:kind pipes|@stat:capacity 10|@stat:messages 1|@stat:bytes 3|@stat:a never|@stat:b open|@stat:a_messages 1|@stat:a_bytes 3|@stat:b_messages 0|<*\nholder [1-9]* 0 [1-9]* b\n", NULL},
	{T, "=a|=b", ",stat", O_RDONLY, "@stat:kind topics|@stat:capacity 10|@stat:messages 2|@stat:bytes 2|@stat:published 2", NULL},
	{D, "=abc", ",stat", O_RDONLY, "@stat:kind dicts|@stat:bytes 3|@stat:waiters 0", NULL},
	{ALL, "", ",stat", O_RDWR, "!EINVAL", "this view is for reading"},
	{ALL, "", ",stat,timeout=1", O_RDONLY, "<kind *", NULL},
	{WAITS & ~E, "", ",stat,stream", O_RDONLY, "!EINVAL", "go with no other view"},

	/* ctl */
	{ALL, "", ",ctl", O_RDONLY, "!EINVAL", "takes commands, it shows nothing"},
	{ALL, "", ",ctl", O_RDWR, "<!EINVAL", "takes commands, it shows nothing"},
	{ALL, "", ",ctl", O_WRONLY, ">frobnicate!EINVAL", "have no command \"frobnicate\""},
	{ALL, "", ",ctl", O_WRONLY, "> \n\n!EINVAL", "there is no command"},
	{Q, "=a|=b", ",ctl", O_WRONLY, ">clear|@stat:messages 0", NULL},
	{D, "=abc", ",ctl", O_WRONLY, ">clear|@shows:", NULL},
	{Q, "=a|=b", ",ctl", O_WRONLY, "> clear \nclear|@stat:messages 0", NULL},
	{Q, "=a|=b", ",ctl", O_WRONLY, ">clear\nfrobnicate!EINVAL", "have no command"},
	{I, "=a\nb\n", ",ctl", O_WRONLY, ">clear|@stat:items 0|>clear", NULL},
	{P, "^,b|>,b abc|>,a d", ",ctl", O_WRONLY, "@stat:messages 2|>clear|@stat:messages 0", NULL},
	{T, "=a|=b", ",ctl", O_WRONLY, ">clear|@stat:messages 0|@stat:published 2", NULL},
	{ALL & ~(Q | I | D | P | T), "", ",ctl", O_WRONLY, ">clear!EINVAL", "have no command \"clear\""},

	/* notify: whenever a read that would have waited no longer would; of what never waits at each change */
	{Q, "", ",notify=RTMIN", NB, "@told:0|=a|@told:1|=b|@told:0|<a|<b|@told:0|<!EAGAIN|=a|@told:1", NULL},
	{Q, "=a", ",notify=RTMIN", NB, "@told:0|<a|=b|@told:1", NULL},
	{Q, "", ",lines,notify=RTMIN", NB, "=a|@told:1|<a\n", NULL},
	{Q, "=a", ",ack,notify=RTMIN", O_RDWR | O_NONBLOCK, "<a|@told:0|>back|@told:1|<a|>done|@told:0", NULL},
	{Q, "=a", ",join,notify=RTMIN", NB, "@told:0|@ctl:done 1|@told:1|<0\n", NULL},
	{Q, "", ",notify=RTMIN", NB, "@ctl:close|@told:1|<", NULL},
	{Q, "", ",peek,notify=RTMIN", O_RDONLY, "=a|@told:1|=b|@told:1|@shows:a|@told:1", NULL},
	{M, "", ",notify=RTMIN", NB, "@told:0|=a|@told:[12]|<a|@told:0|=b|@told:[12]", NULL},
	{S, "", ",notify=RTMIN", NB, "=2|@told:1|=1|@told:0|<1\n|<1\n|<1\n|@told:0|=1|@told:1", NULL},
	{S, "", ",n=3,notify=RTMIN", NB, "=2|@told:0|=1|@told:1|<3\n|@told:0", NULL},
	{S, "", ",hold,notify=RTMIN", NB, "=1|@told:1|<1\n|@told:0", NULL},
	{S, "", ",tokens,notify=RTMIN", NB, "=1|@told:1|<+|@told:0", NULL},
	{L, "<", ",notify=RTMIN", NB, "@told:0|@release|@told:1", NULL},
	{L, "<", ",shared,notify=RTMIN", NB, "@told:0|@release|@told:1", NULL},
	{L, "<,shared", ",notify=RTMIN", NB, "@told:0|@release|@told:1", NULL},
	{E, "", ",notify=RTMIN", NB, "=1|@told:1|=1|@told:0|=0|@told:0|=1|@told:1", NULL},
	{C, "", ",notify=RTMIN", O_RDWR | O_NONBLOCK, "=1|@told:0|>arm|@told:0|=1|@told:1|<1\n|=1|@told:0", NULL},
	{B, "", ",notify=RTMIN", NB, "@told:0|@reader|@told:1|@shows:1\n|@told:0", NULL},
	{B, "", ",notify=RTMIN", O_RDWR | O_NONBLOCK, "@told:0|>abort|@told:1", NULL},
	{P, "^,b", ",a,notify=RTMIN", O_RDWR | O_NONBLOCK, "@told:0|@held:x|@told:1|@held:y|@told:0|<x|<y|>z|@told:0|@heard:z|@held:x|@told:1|<x|@drop|@told:1", NULL},
	{T, "=a", ",notify=RTMIN", NB, "@told:0|=a|@told:1|=b|@told:0|<a|<b|@told:0|<!EAGAIN|=a|@told:1", NULL},
	{CELLS, "", ",notify=RTMIN", O_RDWR, "@told:0|=x!EINVAL|@told:0", NULL},
	{I, "", ",notify=RTMIN", O_RDONLY, "@told:0|=a\n|@told:1|@ctl:clear|@told:1", NULL},
	{I, "", ",pop,notify=RTMIN", NB, "@told:0|=a\n|@told:1|=b\n|@told:0|<b|<a|@told:0|<!EAGAIN|=a\n|@told:1", NULL},
	{V, "", ",notify=RTMIN", O_RDWR, "=1|@told:1|=add 1|@told:1|>3|@told:1", NULL},
	{A, "", ",notify=RTMIN", O_RDWR, "=1 2|@told:1|=0=5|@told:1|>:+=1|@told:1", NULL},
	{V, "", ",watch,notify=RTMIN", NB, "<0\n|=1|@told:1|=2|@told:0|<2\n|@told:0|=3|@told:1", NULL},
	{PLAIN & ~L, "", ",notify=RTMIN", NB, "@told:0|@remove|@told:1|<!EIDRM|@told:0", NULL},
	{L, "<", ",notify=RTMIN", NB, "@told:0|@remove|@told:1|<!EIDRM|@told:0", NULL},
	{L, "", ",notify=RTMIN", NB, "@remove|@told:0", NULL}, /* a read would not have waited before either */
	{Q | M | S | E | V, "", "", NB, "=1|@told:0|@remove|@told:0", NULL},

	/* names are no links, views are no names */
	{ALL, "", "", O_RDONLY, "@link!EPERM", NULL},
	{ALL, "", "", O_RDONLY, "@symlink!EPERM", NULL},
	{PEEKS, "", ",peek", O_RDONLY, "@unlink!EPERM", "a view cannot be removed"},
	{ALL, "", ",stat", O_RDONLY, "@rename:+!EPERM", NULL},
	{ALL & ~Q, "", "", O_RDONLY, "@rename:queues/stray!EPERM", "an object stays in its kind"},
	{Q, "", "", O_RDONLY, "@rename:events/stray!EPERM", "an object stays in its kind"},
	{ALL, "", "", O_RDONLY, "@rename:stray!EPERM", "an object stays in its kind"},
	{ALL & ~(M | CELLS | I | D), "", "", O_RDONLY, "@rename:++!EEXIST", "can be written by mv"},
	{ALL & ~M, "", "", O_RDONLY, "@rename:+|@there", NULL},
	{M, "", "", O_RDONLY, "@rename:+!EPERM", "cannot rename message queues"},
	{Q, "=a", "", O_RDONLY, "@rename:+|<a", NULL},
	{V, "=7", "", O_RDONLY, "@rename:++|@shows:7\n|<!EIDRM", NULL},
	{I, "=7\n8\n", "", O_RDONLY, "@rename:++|@shows:7\n8\n|<!EIDRM", NULL},
	{A, "=7 8", "", O_RDONLY, "@rename:++|@shows:7\n8\n|<!EIDRM", NULL},

	{D, "=abc", "", O_RDONLY, "@rename:++|@shows:abc|<!EIDRM", NULL},
	{D, "=abc", "", O_RDONLY, "@rename:+|@shows:abc|<abc", NULL},
	{D, "=abc", "", O_RDONLY, "@rename:dicts/stray!EPERM", "a key stays in its dict"},

	/* what no kind has */
	{ALL & ~L, "", "", O_RDWR, "@lock:ex!EOPNOTSUPP", "no flock(2)"},
	{ALL & ~L, "", "", O_RDWR, "@lock:nbsh!EOPNOTSUPP", "no flock(2)"},
	{ALL, "", "", O_RDWR, "@record!EOPNOTSUPP", "no record locks"},
	{ALL, "", "", O_RDWR, "@mmap!ENODEV", NULL},
	{ALL, "", "", O_RDWR, "@fsync", NULL},

	/* truncate clears what can be cleared */
	{Q, "=a|=b", "", O_RDONLY, "@truncate:0|@stat:messages 0", NULL},
	{Q, "=a|=b", "", O_RDONLY, "@truncate:5|@stat:messages 2", NULL},
	{I, "=a\nb\n", "", O_RDONLY, "@truncate:0|@stat:items 0", NULL},
	{I, "=a\nb\n", "", O_RDONLY, "@truncate:5|@stat:items 2", NULL},
	{M, "=a", "", O_RDONLY, "@truncate:0|@stat:messages 1", NULL},
	{S, "=2", "", O_RDONLY, "@truncate:0|@peek:2\n", NULL},
	{E, "=1", "", O_RDONLY, "@truncate:0|@peek:1\n", NULL},
	{L, "<", "", O_RDONLY, "@truncate:0|@peek:[1-9]*", NULL},
	{V, "=7", "", O_RDONLY, "@truncate:0|@peek:7\n", NULL},
	{A, "=7 8", "", O_RDONLY, "@truncate:0|@peek:7\n8\n", NULL},
	{P, "^,b|>,b abc|>,a d", "", O_RDONLY, "@truncate:0|@stat:messages 0", NULL},
	{T, "=a|=b", "", O_RDONLY, "@truncate:0|@stat:messages 0", NULL},

	{D, "=abc", "", O_RDONLY, "@truncate:0|@shows:", NULL},
	{D, "=abc", "", O_RDONLY, "@truncate:2|@shows:abc", NULL},
	/* O_TRUNC and O_APPEND mean nothing */
	{Q, "=a", "", O_RDWR | O_TRUNC, "<a", NULL},
	{S, "=2", "", O_WRONLY | O_TRUNC, "@peek:2\n", NULL},
	{E, "=1", "", O_WRONLY | O_TRUNC, "@peek:1\n", NULL},
	{V, "=7", "", O_RDWR | O_TRUNC | O_APPEND, "<7\n|>8|<8\n", NULL},
	{A, "=7 8", "", O_RDWR | O_TRUNC | O_APPEND, "<7\n8\n|>1 2|<1\n2\n", NULL},

	/* sizes, offsets */
	{ALL, "", "", O_RDONLY, "@size:0", NULL},
	{ALL, "", ",stat", O_RDONLY, "@size:0", NULL},
	{V, "=7", ",raw", O_RDONLY, "@size:8", NULL},
	{D, "=abc", "", O_RDONLY, "@size:3|@seek:1|<bc", NULL},
	{A, "=7 8", ",raw", O_RDONLY, "@size:16|@seek:8|<\x08*", NULL},
	{V, "=7", "", O_RDWR, "<7\n|=8|<|@seek:0|<8\n|@seek:1|<\n|>add 1|<9\n", NULL},
	{Q, "=ab", ",peek", O_RDONLY, "<ab|@seek:1|<b|@seek:0|<ab", NULL},

	/* removed */
	{ALL, "", "", O_RDWR, "@unlink|<!EIDRM|>1!EIDRM|@gone", NULL},
	{Q, "=a", ",ack", O_RDWR, "<a|@remove|<!EIDRM|>done!EIDRM", NULL},
	{Q, "", ",lines", O_RDWR, ">a|@remove|>b\n!EIDRM|@fsync!EIDRM", NULL},
	{Q, "", ",block", O_WRONLY, ">a|@remove|@close!EIDRM", NULL},
	{Q, "=a", ",join", O_RDONLY, "@remove|<!EIDRM", NULL},
	{S, "", ",hold", O_RDWR, "@remove|<!EIDRM|>1!EIDRM", NULL},
	{S, "", ",tokens", O_RDWR, "@remove|<!EIDRM|>+!EIDRM", NULL},
	{L, "<", ",shared", O_RDWR, "@remove|<!EIDRM|@lock:sh!EIDRM", NULL},
	{C, "", "", O_RDWR, ">arm|@remove|<!EIDRM", NULL},
	{PEEKS, "", ",watch", O_RDONLY, "@remove|<!EIDRM", NULL},
	{PEEKS, "", ",peek", O_RDONLY, "@remove|<!EIDRM", NULL},
	{ALL, "", ",ctl", O_WRONLY, "@remove|>clear!EIDRM", NULL},

	/* poll */
	{Q | M, "", "", O_RDWR, "@poll:out|=a|@poll:inout|=b|@poll:in|<a|@poll:inout", NULL},
	{S | E, "", "", O_RDWR, "@poll:out|=1|@poll:inout", NULL},
	{S, "=2", ",n=3", O_RDWR, "@poll:out|=1|@poll:inout", NULL},
	{L, "", "", O_RDWR, "@poll:inout", NULL},
	{L, "<", "", O_RDWR, "@poll:out", NULL},
	{L, "<,shared", "", O_RDWR, "@poll:out", NULL},
	{L, "<,shared", ",shared", O_RDWR, "@poll:inout", NULL},
	{C, "", "", O_RDWR, "@poll:out|=1|@poll:out|>arm|@poll:out|=1|@poll:inout", NULL},
	{B, "", "", O_RDWR, "@poll:out", NULL},
	{B, "&", "", O_RDWR, "@poll:inout|@shows:1\n", NULL},
	{CELLS | I | D, "", "", O_RDWR, "@poll:inout", NULL},
	{I, "", ",pop", O_RDONLY, "@poll:out|=a\n|@poll:inout|<a", NULL},
	{P, "", "", O_RDWR, "@poll:inout", NULL}, /* an error does not wait */
	{P, "^,b", ",a", O_RDWR, "@poll:out|@held:x|@poll:inout|<x|@poll:out|>x|@poll:|@heard:x|@poll:out", NULL},
	{P, "^,b", ",a", O_RDWR, "@held:x|@drop|@poll:inout|<x|@poll:inouthup", NULL}, /* POLLHUP */
	{P, "", ",a", O_RDWR, "@poll:out|>x|@poll:", NULL},
	{T, "=a", "", O_RDWR, "@poll:out|=b|@poll:inout|<b|@poll:out", NULL},
	{D, "", ",watch", O_RDONLY, "@poll:|=a|@poll:in|<a|@poll:|=a|@poll:in", NULL},
	{Q, "=a", ",ack", O_RDWR, "@poll:inout|<a|@poll:out|>back|@poll:inout", NULL},
	{Q, "=a|=b", ",lines", O_RDWR, "@poll:in|<a\n|@poll:inout", NULL},
	{Q, "=a|=b", ",block", O_RDWR, "@poll:inout", NULL}, /* gathers */
	{Q, "=a", ",join", O_RDONLY, "@poll:|@ctl:done 1|@poll:in*", NULL},
	{Q, "=a", "", O_RDWR, "@ctl:close|@poll:inout|<a|@poll:inouthup", NULL},
	{S, "", ",hold", O_RDWR, "@poll:out|=1|@poll:inout|<1\n|@poll:out", NULL},
	{L, "", "", O_RDWR, "<[1-9]*\n|@poll:inout", NULL}, /* the same token again */
	{B, "", "", O_RDWR, ">abort|@poll:inout|>reset|@poll:out", NULL},
	{V, "", ",watch", O_RDONLY, "@poll:in|<0\n|@poll:|=1|@poll:in", NULL},
	{ALL, "", "", O_RDWR, "@remove|@poll:inouterr", NULL},
	{ALL, "", ",stat", O_RDONLY, "@poll:inout", NULL},
};

/* clang-format on */

static void what_all_kinds_have_in_common(void **state)
{
	(void)state;
	t_is(script_run(common, sizeof(common) / sizeof(*common)), 0);
}

/* Every kind, also one that a later table row forgets. */
static void names(void **state)
{
	(void)state;
	char name[257];

	for (int k = 0; k < IPCFS_KIND_COUNT; k++) {
		const char *kind = ipcfs_kind_name(k), *more = script_kinds[k].properties;
		const int longest = k == IPCFS_MQ ? 255 : 200;
		static const char *const bad[] = {".hidden", "tab\t", "del\x7f", ""};

		for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
			t_is(t_touch(t_path("%s/%s,timeout=1", kind, bad[i])), -EINVAL);
		memset(name, 'n', sizeof(name));
		name[longest + 1] = '\0';
		t_is(t_touch(t_path("%s/%s", kind, name)), -ENAMETOOLONG);
		t_is(t_touch(t_path("%s/%s", kind, ".hidden")), -EINVAL);
		t_is(t_exists(t_path("%s/.hidden", kind)), -ENOENT);
		if (k == IPCFS_DICT) { /* is a folder */
			name[longest] = '\0';
			t_is(t_touch(t_path("dicts/%s", name)), -EPERM);
			t_is(t_sys(mkdir(t_path("dicts/%s", name), 0777)), 0);
			t_is(t_sys(rmdir(t_path("dicts/%s", name))), 0);
			continue;
		}
		/* The system's names: one of our own would have to be shorter. Sockets are made otherwise. */
		if (k == IPCFS_MQ || k == IPCFS_SOCKET)
			continue;
		name[longest] = '\0';
		t_is(t_touch(t_path("%s/%s%s", kind, name, more)), 0);
		t_is(t_sys(unlink(t_path("%s/%s", kind, name))), 0);
	}
}

/* ---- temp of every kind, and who made it is killed ---- */

static int make_and_stay(void *arg)
{
	if (t_open(arg, O_RDWR | O_CREAT) < 0)
		return 1;
	for (;;)
		pause();
}

static void temp_goes_with_its_maker(void **state)
{
	(void)state;
	for (int k = 0; k < IPCFS_KIND_COUNT; k++) {
		if (k == IPCFS_SOCKET || k == IPCFS_DICT) /* test_listen.c, test_dict.c */
			continue;
		const char *path = t_path("%s", script_name((enum ipcfs_kind)k));
		const char *made = t_format("%s%s,temp", path, script_kinds[k].properties);
		pid_t maker = t_spawn(make_and_stay, (void *)(uintptr_t)made);

		t_until(t_exists(path) == 0);
		int other = t_open(path, O_RDWR | O_NONBLOCK);
		t_check(other >= 0);
		t_kill(maker);
		t_until(t_exists(path) == -ENOENT);
		t_is(t_put(other, "1"), -EIDRM);
		close(other);
		/* mknod(2) opens nothing: nobody would remove it. */
		t_is(t_sys(mknod(made, S_IFREG | 0600, 0)), -EINVAL);
		t_is(t_exists(path), -ENOENT);
	}
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		SCRIPT_TEST(what_all_kinds_have_in_common),
		SCRIPT_TEST(names),
		SCRIPT_TEST(temp_goes_with_its_maker),
	};
	return T_RUN(tests, argc, argv);
}
