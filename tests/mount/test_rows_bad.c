/* SPDX-License-Identifier: MIT
 *
 * test_rows_bad.c - bad input of each kind as tables: unknown words, numbers out of range, options that the kind
 * does not have, or not together. Each has its error number and words in `errors`, and leaves the object as it was
 * (script.c looks). More of it is beside what is right, in test_rows.c and test_rows_kinds.c.
 */
#include "script.h"

#include "t.h"

#define ABOVE "is out of range"
#define ILL "is ill-formed"
#define ALONE "one such view at a time"

/* clang-format off */

/* ---- what is written ---- */
static const struct script_row words[] = {
	/* queues: all bytes are messages, but not to these views */
	{Q, "=a", ",ack", O_RDWR, "<a|>DONE!EINVAL", "\"DONE\" is neither \"done\" nor \"back\""},
	{Q, "=a", ",ack", O_RDWR, "<a|>done 1!EINVAL", "is neither \"done\" nor \"back\""},
	{Q, "=a", ",ack", O_RDWR, "<a|>done\nback!EINVAL", "is neither \"done\" nor \"back\""},
	{Q, "=a", ",ack", O_RDWR, "<a|> \n!EINVAL", "\"\" is neither \"done\" nor \"back\""},
	{Q, "=a", ",ack", O_WRONLY, ">done!EPERM", "this handle has leased nothing"},
	{Q, "=a", ",ack,lines", O_RDWR, "<a\n|>b\n!EINVAL", "\"b\" is neither"},
	{Q, "=a", ",ctl", O_WRONLY, ">done -1!EINVAL", "have no command \"done -1\""},
	{Q, "=a", ",ctl", O_WRONLY, ">done 1 1!EINVAL", "have no command"},
	{Q, "=a", ",ctl", O_WRONLY, ">done 1x!EINVAL", "have no command"},
	{Q, "=a", ",ctl", O_WRONLY, ">done2!EINVAL", "have no command"},
	{Q, "=a", ",ctl", O_WRONLY, ">done 2!EOVERFLOW", "called too many times"},
	{Q, "=a", ",ctl", O_WRONLY, ">done 18446744073709551615!EOVERFLOW", "called too many times"},
	{Q, "=a", ",ctl", O_WRONLY, ">done 18446744073709551616!EOVERFLOW", "called too many times"},
	{Q, "=a", ",ctl", O_WRONLY, ">clear all!EINVAL", "have no command \"clear all\""},
	{Q, "=a", ",ctl", O_WRONLY, ">Close!EINVAL", "have no command \"Close\""},
	{Q, "=a", ",ctl", O_WRONLY, ">close\nclose now!EINVAL", "have no command \"close now\""},
	{Q, "=a", ",ctl", O_WRONLY, ">clear\ndone 2!EOVERFLOW", "called too many times"},
	{Q, "=a", ",ctl", O_WRONLY, "@puts:7:done 1\ndone 1|@stat:unfinished 0|>done 1!EOVERFLOW", "called too many times"},
	{Q, "=a", ",ctl", O_WRONLY, "@puts:6:clear\ndone 1\nclose|@stat:messages 0", NULL}, /* what it says is done */
	{ALL & ~Q, "", ",ctl", O_WRONLY, ">close!EINVAL", "have no command \"close\""},
	{ALL & ~Q, "", ",ctl", O_WRONLY, ">done 1!EINVAL", "have no command \"done 1\""},
	{Q, "=a", ",join", O_WRONLY, "!EINVAL", "this view is for reading"},

	/* semaphores */
	{S, "=2", "", O_WRONLY, ">+1!EINVAL", "\"+1\" is not a number of units"},
	{S, "=2", "", O_WRONLY, ">0x1!EINVAL", "\"0x1\" is not a number of units"},
	{S, "=2", "", O_WRONLY, ">1e0!EINVAL", "is not a number of units"},
	{S, "=2", "", O_WRONLY, ">release!EINVAL", "\"release\" is not a number of units"},
	{S, "=2", "", O_WRONLY, ">4!EOVERFLOW", "released too many times"},
	{S, "=2", ",hold", O_RDWR, "<1\n|>0!EINVAL", "0 is not a number of units"},
	{S, "=2", ",hold", O_RDWR, "<1\n|>one!EINVAL", "\"one\" is not a number of units"},
	{S, "=2", ",hold", O_RDWR, "<1\n|>18446744073709551616!ERANGE", "is not a number of units"},
	{S, "=2", ",n=2", O_RDWR, ">6!EOVERFLOW", "released too many times"},

	/* locks */
	{L, "<", "", O_WRONLY, ">UNLOCK!EINVAL", "\"UNLOCK\" is not \"unlock\""},
	{L, "<", "", O_WRONLY, ">unlock 1!EINVAL", "is not \"unlock\""},
	{L, "<", "", O_WRONLY, ">unlock\nunlock!EINVAL", "is not \"unlock\""},
	{L, "<", "", O_WRONLY, "> \n!EINVAL", "\"\" is not \"unlock\""},
	{L, "<", ",shared", O_RDWR, ">unlock!EPERM", "this handle does not hold the lock"},
	{L, "<,shared", "", O_WRONLY, ">unlock!EPERM", "this handle does not hold the lock"},
	{L, "", ",shared", O_RDWR, "<[1-9]*\n|>unlock shared!EINVAL", "is not \"unlock\""},

	/* events */
	{E, "=1", "", O_WRONLY, ">-1!EINVAL", "\"-1\" is neither 1 (set) nor 0 (clear)"},
	{E, "=1", "", O_WRONLY, ">1 0!EINVAL", "is neither 1 (set)"},
	{E, "=1", "", O_WRONLY, ">00!EINVAL", "is neither 1 (set)"},
	{E, "=1", "", O_WRONLY, ">true!EINVAL", "\"true\" is neither 1 (set)"},
	{E, "=1", "", O_WRONLY, ">99999999999999999999!EINVAL", "is neither 1 (set)"},

	/* conditions */
	{C, "", "", O_RDWR, ">ALL!EINVAL", "\"ALL\" is neither \"arm\" nor \"all\" nor a number"},
	{C, "", "", O_RDWR, ">arm 1!EINVAL", "is neither \"arm\""},
	{C, "", "", O_RDWR, ">arm\nall!EINVAL", "is neither \"arm\""},
	{C, "", "", O_RDWR, ">1.0!EINVAL", "is neither \"arm\""},
	{C, "", "", O_RDWR, ">+1!EINVAL", "is neither \"arm\""},
	{C, "", "", O_RDWR, "> \n!EINVAL", "\"\" is neither \"arm\""},
	{C, "", "", O_RDWR, ">arm|>disarm!EINVAL", "is neither \"arm\""},

	/* barriers */
	{B, "", "", O_RDWR, ">RESET!EINVAL", "\"RESET\" is neither \"reset\" nor \"abort\""},
	{B, "&", "", O_WRONLY, ">reset 1!EINVAL", "is neither \"reset\""},
	{B, "&", "", O_WRONLY, ">abort\nreset!EINVAL", "is neither \"reset\""},
	{B, "&", "", O_WRONLY, "> \n!EINVAL", "\"\" is neither \"reset\""},

	/* values */
	{V, "=1", "", O_RDWR, ">0x10!EINVAL", "\"0x10\" is not an int64"},
	{V, "=1", "", O_RDWR, ">add!EINVAL", "is not an int64"},
	{V, "=1", "", O_RDWR, ">add 1 2!EINVAL", "is not an int64"},
	{V, "=1", "", O_RDWR, ">ADD 1!EINVAL", "is not an int64"},
	{V, "=1", "", O_RDWR, ">+=x!EINVAL", "is not an int64"},
	{V, "=1", "", O_RDWR, ">and 1.5!EINVAL", "is not an int64"},
	{V, "=1", "", O_RDWR, ">-9223372036854775809!ERANGE", "does not fit an int64"},
	{V, "=-2", "", O_RDWR, ">sub 9223372036854775807!ERANGE", "the result does not fit an int64"},
	{V, "=2", "", O_RDWR, ">mul 9223372036854775807!ERANGE", "the result does not fit an int64"},
	{V, "+,type=b", "", O_RDWR, ">127|>128!ERANGE", "does not fit"},
	{V, "+,type=b", "", O_RDWR, ">-128|>sub 1!ERANGE", "the result does not fit"},
	{V, "+,type=B", "", O_RDWR, ">255|>256!ERANGE", "does not fit"},
	{V, "+,type=B", "", O_RDWR, ">-1!ERANGE", "does not fit"},
	{V, "+,type=h", "", O_RDWR, ">32767|>add 1!ERANGE", "the result does not fit"},
	{V, "+,type=H", "", O_RDWR, ">65535|>65536!ERANGE", "does not fit"},
	{V, "+,type=i", "", O_RDWR, ">2147483647|>2147483648!ERANGE", "does not fit"},
	{V, "+,type=I", "", O_RDWR, ">4294967295|>add 1!ERANGE", "the result does not fit"},
	{V, "+,type=l", "", O_RDWR, ">-9223372036854775808|>sub 1!ERANGE", "the result does not fit"},
	{V, "+,type=L", "", O_RDWR, ">18446744073709551615|>18446744073709551616!ERANGE", "does not fit"},
	{V, "+,type=Q", "", O_RDWR, ">0|>sub 1!ERANGE", "the result does not fit"},
	{V, "+,type=f", "", O_RDWR, ">1.5|>1e39!ERANGE", "does not fit"},
	{V, "+,type=d", "", O_RDWR, ">1e308|>mul 10!ERANGE", "the result does not fit"},
	{V, "+,type=d", "", O_RDWR, ">1|>one!EINVAL", "\"one\" is not a float64"},
	{V, "+,type=d", "", O_RDWR, ">1|>0x1p3!EINVAL", "is not a float64"},
	{V, "+,type=f", "", O_RDWR, ">1|>xor 1!EINVAL", "has no such operation"},
	{V, "+,type=?", "", O_RDWR, ">1|>add 1!ERANGE", "does not fit"},
	{V, "+,type=?", "", O_RDWR, ">1|>true!EINVAL", "is not a bool"},
	{V, "+,type=c", "", O_RDWR, ">x|>xy!ERANGE", NULL},
	{V, "+,type=u", "", O_RDWR, ">\xc3\xa9|>ab!ERANGE", NULL},
	{V, "+,type=u", "", O_RDWR, ">\xc3\xa9|>\xff!EINVAL", NULL},
	{V, "+,type=s,len=2", "", O_RDWR, ">ab|>abc!ERANGE", "is longer than 2 bytes"},
	{V, "+", "", O_RDWR, ">9223372036854775808!ERANGE", NULL}, /* its first decides the type */
	{V, "=1", ",raw", O_RDWR, ">123456789!EMSGSIZE", NULL},
	{V, "=1", ",raw", O_RDWR, "@seek:1|>12345678!ERANGE", NULL},
	{V, "=1", ",cas", O_RDWR, "<1\n|>x!EINVAL", "is not an int64"},

	/* arrays */
	{A, "=1 2", "", O_RDWR, "> !EINVAL", "there is no element"},
	{A, "=1 2", "", O_RDWR, ">1,2!EINVAL", "1 elements are given for 2"},
	{A, "=1 2", "", O_RDWR, ">1,2 3!EINVAL", "\"1,2\" is not an int64"},
	{A, "=1 2", "", O_RDWR, ">x=1!EINVAL", NULL},
	{A, "=1 2", "", O_RDWR, ">-1=1!EINVAL", NULL},
	{A, "=1 2", "", O_RDWR, ">0=!EINVAL", NULL},
	{A, "=1 2", "", O_RDWR, ">0=1 2!EINVAL", NULL},
	{A, "=1 2", "", O_RDWR, ">1:0=1!EINVAL", "is not a range of elements"},
	{A, "=1 2", "", O_RDWR, ">0=x!EINVAL", "\"x\" is not an int64"},
	{A, "=1 2", "", O_RDWR, ">0=div 2!EINVAL", NULL},
	{A, "=1 2", "", O_RDWR, ">0+=9223372036854775807!ERANGE", "the result does not fit"},
	{A, "=1 2", "", O_RDWR, ">18446744073709551616=1!ERANGE", NULL},
	{A, "=1 2", "", O_RDWR, ">:=1 9223372036854775808!ERANGE", "does not fit an int64"},
	{A, "=1 2", ",at=1", O_RDWR, ">x!EINVAL", "\"x\" is not an int64"},
	{A, "=1 2", ",at=1", O_RDWR, ">0=1!EINVAL", NULL},
	{A, "=1 2", ",at=0:2", O_RDWR, ">1 2 3!EINVAL", NULL},
	{A, "=1 2", ",at=5", O_RDWR, "<!ERANGE|>1!ERANGE", "the array has 2 elements"},
	{A, "=1 2", ",raw", O_RDWR, "@seek:9|>12345678!ERANGE", NULL},
	{A, "+,type=s,len=2", "", O_RDWR, ">a\nb|>a\nb\nc!EINVAL", NULL},
	{A, "+,type=d,len=2", "", O_RDWR, ">1 2|>1 1e999!ERANGE", NULL},

	/* the longest, and one more */
	{M, "+,msgsize=3", "", O_RDWR, ">abc|>abcd!EMSGSIZE", "4 bytes are more than the queue's msgsize"},
	{M, "+,msgsize=3", ",prio=1", O_RDWR, ">abc|>abcd!EMSGSIZE", "4 bytes are more than the queue's msgsize"},
	{Q, "+,capacity=3", "", O_RDWR, ">abc|<abc|>abcd!EMSGSIZE", "4 bytes are more than the queue can ever hold"},
	{Q, "+,capacity=3", ",lines", O_RDWR, ">abcd\n!EMSGSIZE|>a\nbcdef!EMSGSIZE", "a line of over 3 bytes"},
	{Q, "+,capacity=3", ",block", O_WRONLY, ">abcd!EMSGSIZE", "a message of over 3 bytes"},
};

/* ---- options ---- */
static const struct script_row options[] = {
	/* notify */
	{ALL, "", ",notify", O_RDONLY, "!EINVAL", "option \"notify\" wants a value"},
	{ALL, "", ",notify=", O_RDONLY, "!EINVAL", ILL},
	{ALL, "", ",notify=FOO", O_RDONLY, "!EINVAL", ILL},
	{ALL, "", ",notify=usr1", O_RDONLY, "!EINVAL", ILL},
	{ALL, "", ",notify=SIG", O_RDONLY, "!EINVAL", ILL},
	{ALL, "", ",notify=0", O_RDONLY, "!EINVAL", ILL},
	{ALL, "", ",notify=65", O_RDONLY, "!EINVAL", ILL},
	{ALL, "", ",notify=-1", O_RDONLY, "!EINVAL", ILL},
	{ALL, "", ",notify=10x", O_RDONLY, "!EINVAL", ILL},
	{ALL, "", ",notify=RTMIN-1", O_RDONLY, "!EINVAL", ILL},
	{ALL, "", ",notify=RTMIN+99", O_RDONLY, "!EINVAL", ILL},
	{ALL, "", ",notify=RTMAX+1", O_RDONLY, "!EINVAL", ILL},
	{ALL, "", ",notify=USR1,notify=USR2", O_RDONLY, "!EINVAL", "option \"notify\" is repeated"},
	{PLAIN, "", ",notify=USR1", O_WRONLY, "!EINVAL", "\"notify\" tells of reads: open it for reading"},
	{ALL, "", ",notify=USR1,stat", O_RDONLY, "!EINVAL", "go with no other view"},
	{ALL, "", ",notify=USR1,ctl", O_WRONLY, "!EINVAL", "go with no other view"},

	/* numbers */
	{ALL, "", ",timeout=1.2.3", O_RDWR, "!EINVAL", ILL},
	{ALL, "", ",timeout=+1", O_RDWR, "!EINVAL", ILL},
	{ALL, "", ",timeout=ms", O_RDWR, "!EINVAL", ILL},
	{ALL, "", ",timeout=10000000000h", O_RDWR, "!EINVAL", "timeout="},
	{Q, "", ",maxsize=99999999999999999999", O_RDWR | O_CREAT, "!EINVAL", ABOVE},
	{Q, "", ",maxsize=1,maxsize=1", O_RDWR | O_CREAT, "!EINVAL", "option \"maxsize\" is repeated"},
	{Q, "", ",maxsize", O_RDWR | O_CREAT, "!EINVAL", "option \"maxsize\" wants a value"},
	{Q, "", ",capacity=99999999999999999999", O_RDWR | O_CREAT, "!EINVAL", ABOVE},
	{Q, "", ",capacity=1.5M", O_RDWR | O_CREAT, "!EINVAL", ILL},
	{Q, "", ",capacity=1m", O_RDWR | O_CREAT, "!EINVAL", ILL},
	{Q, "", ",capacity=-1", O_RDWR | O_CREAT, "!EINVAL", ILL},
	{Q, "", ",attempts=", O_RDWR | O_CREAT, "!EINVAL", ILL},
	{Q, "", ",attempts=-1", O_RDWR | O_CREAT, "!EINVAL", ILL},
	{Q, "", ",attempts=1k", O_RDWR | O_CREAT, "!EINVAL", ILL},
	{Q, "", ",attempts", O_RDWR | O_CREAT, "!EINVAL", "option \"attempts\" wants a value"},
	{Q, "", ",attempts=1,attempts=2", O_RDWR | O_CREAT, "!EINVAL", "option \"attempts\" is repeated"},
	{Q, "", ",attempts=1,dead=a\tb", O_RDWR | O_CREAT, "!EINVAL", ILL},
	{Q, "", ",attempts=1,dead", O_RDWR | O_CREAT, "!EINVAL", "option \"dead\" wants a value"},
	{Q, "", ",attempts=1,dead=x,dead=x", O_RDWR | O_CREAT, "!EINVAL", "option \"dead\" is repeated"},
	{Q, "", ",block=0", O_WRONLY, "!EINVAL", ABOVE},
	{Q, "", ",block=17G", O_WRONLY, "!EINVAL", ABOVE},
	{Q, "", ",block=2M", O_WRONLY, "!EINVAL", "block=2097152 is above the queue's capacity"},
	{Q, "", ",block=", O_WRONLY, "!EINVAL", ILL},
	{Q, "", ",block=-1", O_WRONLY, "!EINVAL", ILL},
	{Q, "", ",block=4kB", O_WRONLY, "!EINVAL", ILL},
	{S, "", ",value=", O_RDWR | O_CREAT, "!EINVAL", ILL},
	{S, "", ",value=-1", O_RDWR | O_CREAT, "!EINVAL", ILL},
	{S, "", ",value=1k", O_RDWR | O_CREAT, "!EINVAL", ILL},
	{S, "", ",max=", O_RDWR | O_CREAT, "!EINVAL", ILL},
	{S, "", ",max=many", O_RDWR | O_CREAT, "!EINVAL", ILL},
	{S, "", ",n", O_RDONLY, "!EINVAL", "option \"n\" wants a value"},
	{S, "", ",n=", O_RDONLY, "!EINVAL", ILL},
	{S, "", ",n=-1", O_RDONLY, "!EINVAL", ILL},
	{S, "", ",n=1,n=1", O_RDONLY, "!EINVAL", "option \"n\" is repeated"},
	{S, "", ",n=6,hold", O_RDONLY, "!EINVAL", "n=6 is above the semaphore's max"},
	{E, "", ",set=1", O_RDWR | O_CREAT, "!EINVAL", "option \"set\" takes no value"},
	{E, "", ",set,set", O_RDWR | O_CREAT, "!EINVAL", "option \"set\" is repeated"},
	{B, "", ",parties", O_RDWR | O_CREAT, "!EINVAL", "option \"parties\" wants a value"},
	{B, "", ",parties=", O_RDWR | O_CREAT, "!EINVAL", ILL},
	{B, "", ",parties=-2", O_RDWR | O_CREAT, "!EINVAL", ILL},
	{B, "", ",parties=1k", O_RDWR | O_CREAT, "!EINVAL", ILL},
	{B, "", ",parties=99999999999999999999", O_RDWR | O_CREAT, "!EINVAL", ABOVE},
	{B, "", ",temp", O_RDWR | O_CREAT, "!EINVAL", "a barrier is made with parties=N"},
	{M, "", ",prio", O_RDWR, "!EINVAL", "option \"prio\" wants a value"},
	{M, "", ",prio=", O_RDWR, "!EINVAL", ILL},
	{M, "", ",prio=-1", O_RDWR, "!EINVAL", ILL},
	{M, "", ",prio=1,prio=1", O_RDWR, "!EINVAL", "option \"prio\" is repeated"},
	{M, "", ",maxmsg=many", O_RDWR | O_CREAT, "!EINVAL", ILL},
	{M, "", ",maxmsg=2147483648", O_RDWR | O_CREAT, "!EINVAL", ABOVE},
	{M, "", ",maxmsg=1000000", O_RDWR | O_CREAT, "!EINVAL", "is above the system's msg_max"},
	{M, "", ",msgsize=2147483648", O_RDWR | O_CREAT, "!EINVAL", ABOVE},
	{M, "", ",msgsize=1G", O_RDWR | O_CREAT, "!EINVAL", "is above the system's msgsize_max"},
	{CELLS, "", ",type", O_RDWR | O_CREAT, "!EINVAL", "option \"type\" wants a value"},
	{CELLS, "", ",type=q,type=q", O_RDWR | O_CREAT, "!EINVAL", "option \"type\" is repeated"},
	{V, "", ",type=s,len=-1", O_RDWR | O_CREAT, "!EINVAL", ILL},
	{A, "", ",type=q,len=many", O_RDWR | O_CREAT, "!EINVAL", ILL},
	{A, "", ",type=q,len=5G", O_RDWR | O_CREAT, "!EINVAL", ABOVE},
	{A, "", ",at=1:2:3", O_RDWR, "!EINVAL", ILL},
	{A, "", ",at=18446744073709551615", O_RDWR, "!EINVAL", ABOVE},
	{A, "", ",at=0,at=1", O_RDWR, "!EINVAL", "option \"at\" is repeated"},

	/* what does not go together */
	{PEEKS, "", ",peek,watch", O_RDONLY, "!EINVAL", ALONE},
	{ALL, "", ",ctl,stat", O_RDONLY, "!EINVAL", ALONE},
	{CELLS, "", ",raw,peek", O_RDONLY, "!EINVAL", ALONE},
	{CELLS, "", ",watch,raw", O_RDONLY, "!EINVAL", ALONE},
	{A, "", ",raw,at=1", O_RDWR, "!EINVAL", "\"raw\" goes with neither"},
	{CELLS, "", ",stat,cas", O_RDONLY, "!EINVAL", "go with no other view"},
	{Q, "", ",lines,block", O_WRONLY, "!EINVAL", "\"lines\" and \"block\": one of them"},
	{Q, "", ",lines,block=10", O_WRONLY, "!EINVAL", "\"lines\" and \"block\": one of them"},
	{Q, "", ",lines,lines", O_WRONLY, "!EINVAL", "option \"lines\" is repeated"},
	{Q, "", ",block,block=10", O_WRONLY, "!EINVAL", "option \"block\" is repeated"},
	{Q, "", ",lines=1", O_WRONLY, "!EINVAL", "option \"lines\" takes no value"},
	{Q, "", ",block,peek", O_RDONLY, "!EINVAL", "\"block\" is for putting"},
	{Q, "", ",block=10,watch", O_RDONLY, "!EINVAL", "\"block\" is for putting"},
	{Q, "", ",lines,stat", O_RDONLY, "!EINVAL", "go with no other view"},
	{Q, "", ",ack,ack", O_RDWR, "!EINVAL", "option \"ack\" is repeated"},
	{Q, "", ",ack=1", O_RDWR, "!EINVAL", "option \"ack\" takes no value"},
	{Q, "", ",ack,watch", O_RDONLY, "!EINVAL", "\"ack\" is for getting"},
	{Q, "", ",ack,block", O_RDWR, "!EINVAL", "\"ack\" is for getting"},
	{Q, "", ",ack,ctl", O_WRONLY, "!EINVAL", "go with no other view"},
	{Q, "", ",join=1", O_RDONLY, "!EINVAL", "option \"join\" takes no value"},
	{Q, "", ",join,stream", O_RDONLY, "!EINVAL", "\"join\" goes with"},
	{Q, "", ",join,lines", O_RDONLY, "!EINVAL", "\"join\" goes with"},
	{Q, "", ",join,block", O_RDONLY, "!EINVAL", "\"join\" goes with"},
	{Q, "", ",join,peek", O_RDONLY, "!EINVAL", "\"join\" goes with"},
	{Q, "", ",join,watch", O_RDONLY, "!EINVAL", "\"join\" goes with"},
	{Q, "", ",ack,temp", O_RDWR | O_CREAT, "!EINVAL", "a view does not create"},
	{S, "", ",tokens=1", O_RDWR, "!EINVAL", "option \"tokens\" takes no value"},
	{S, "", ",tokens,tokens", O_RDWR, "!EINVAL", "option \"tokens\" is repeated"},
	{S, "", ",tokens,hold,n=1", O_RDWR, "!EINVAL", "\"tokens\" goes with neither"},
	{S, "", ",hold,stat", O_RDONLY, "!EINVAL", "go with no other view"},
	{S, "", ",hold,temp", O_RDWR | O_CREAT, "!EINVAL", "a view does not create"},
	{L, "", ",shared,shared", O_RDWR, "!EINVAL", "option \"shared\" is repeated"},
	{L, "", ",shared=1", O_RDWR, "!EINVAL", "option \"shared\" takes no value"},
	{L, "", ",shared,stat", O_RDONLY, "!EINVAL", "go with no other view"},
	{CELLS, "", ",cas,cas", O_RDWR, "!EINVAL", "option \"cas\" is repeated"},
	{CELLS, "", ",cas=1", O_RDWR, "!EINVAL", "option \"cas\" takes no value"},
	{M, "", ",prio=1,stat", O_RDONLY, "!EINVAL", "go with no other view"},
};

/* clang-format on */

#define RUN(rows) script_run(rows, sizeof(rows) / sizeof(*(rows)))

static void words_and_numbers_written(void **state)
{
	(void)state;
	t_is(RUN(words), 0);
}

static void options_of_names(void **state)
{
	(void)state;
	t_is(RUN(options), 0);
}

/* A page of commands is done or none is, and one byte more is too much. */
static void commands_of_more_than_a_page(void **state)
{
	(void)state;
	char text[4098];
	const char *q = t_path("queues/q"), *ctl = t_format("%s,ctl", q);

	t_is(t_echo(q, "a"), 0);
	memset(text, '\n', sizeof(text));
	memcpy(text, "clear", 5);
	text[4097] = '\0';
	t_is(t_echo(ctl, text), -EMSGSIZE);
	t_is(t_stat(q, "messages"), 1);
	text[4096] = '\0';
	t_is(t_echo(ctl, text), 0);
	t_is(t_stat(q, "messages"), 0);
	t_is(t_sys(unlink(q)), 0);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		SCRIPT_TEST(words_and_numbers_written),
		SCRIPT_TEST(options_of_names),
		SCRIPT_TEST(commands_of_more_than_a_page),
	};
	return T_RUN(tests, argc, argv);
}
