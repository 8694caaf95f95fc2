/* SPDX-License-Identifier: MIT
 *
 * root.c - the files for people at the root of the mount.
 */
#include "fs.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "../core/mq.h"

static const char readme[] =
	"ipcfs: IPC objects as files. cat takes or waits, echo gives or sets, rm removes.\n"
	"KIND/NAME[,OPTION[=VALUE]]...   echo, touch and O_CREAT make NAME; mkdir makes folders.\n"
	"\n"
	"            cat                      echo                       options\n"
	"queues      get a message, wait      put one, wait while full   maxsize=N capacity=BYTES\n"
	"                                                                attempts=N dead=QUEUE\n"
	"mq          POSIX message queues:    the same; view prio=N      maxmsg=N msgsize=BYTES\n"
	"semaphores  acquire, wait            N: release N               value=N max=N\n"
	"locks       acquire, wait; a token   unlock, as close; flock(1) view shared\n"
	"events      wait until set           1: set, 0: clear           set\n"
	"conditions  wait for a notification  N, all: notify; arm: wait from now on, read later\n"
	"barriers    arrive, wait for all     reset, abort               parties=N\n"
	"values      the value                V; numbers: add N, +=N     type=T len=N\n"
	"                                     sub mul and or xor         T: ?bBhHiIlLqQfdcus\n"
	"arrays      elements, one a line     all, 3=7, 3+=1, 1:4=5 6 7  type=T len=N\n"
	"lists       items, one a line        >> append, > replace all   capacity=BYTES\n"
	"dicts       NAME/KEY: its bytes      > replace, >> append       mkdir; capacity=BYTES\n"
	"pipes       NAME,a: what NAME,b put  put, wait while full       mkfifo; capacity=BYTES\n"
	"topics      what is published next   publish, to all            capacity=BYTES\n"
	"signals     PID: wait for its end    TERM: send it\n"
	"            NAME: wait for a signal  TERM: to all who wait or join\n"
	"sockets     tcp:HOST:PORT, listen:HOST:PORT: streams; bind(2) and connect(2) work\n"
	"all kinds                                                       temp: until maker closes\n"
	"\n"
	"Views, which do not create; what is taken also has stream: no end of file between two:\n"
	"all kinds   timeout=2 (0.5 200ms 1m; 0: EAGAIN)   peek: look, take nothing, never wait\n"
	"            watch: now, then each change   stat: key value\n"
	"            notify=USR1: a signal, when there is something to read, or at a change\n"
	"            ctl: clear; queues close, done N; lists del i; signals cancel\n"
	"queues      ack: leased, until done or back   join: wait until all is done\n"
	"            lines: a message a line   block: all until close is one; block=N\n"
	"semaphores  n=3: three at once   hold: back at close   tokens: make's job server\n"
	"values      cas: written only if nothing has changed (arrays, lists, keys too)\n"
	"arrays      at=i, at=i:j: elements   raw: the bytes (of values too)\n"
	"lists       at=i, insert=i: one item   pop, pop=i: take it, wait\n"
	"dicts       num: the number; add N   pop: take the key\n"
	"signals     join: be sent what NAME is fired with   after=5: send later\n"
	"\n"
	"errors: your failures in words. deadlocks: who waits in a circle. status: the server.\n"
	"shm/ is the store: mmap shm/arrays/NAME, a .npy file. All of it: man 7 ipcfs\n";

/* Over the time since `status` was last read, if that is a second or more ago. */
static double rate(void)
{
	static int64_t since_ns;
	static uint64_t before;
	static double last;
	int64_t now = fs_now_ns();

	if (!since_ns)
		since_ns = fs.started_ns;
	if (now - since_ns < 1000000000 && last > 0)
		return last;
	last = (double)(fs.requests - before) * 1e9 / (double)(now - since_ns);
	before = fs.requests;
	since_ns = now;
	return last;
}

static void show_status(struct fs_text *t)
{
	fs_text_printf(t, "version %s\n", IPCFS_VERSION);
	fs_text_printf(t, "pid %d\n", (int)getpid());
	fs_text_printf(t, "uid %d\n", (int)fs.uid);
	fs_text_printf(t, "store %s\n", fs.store_dir);
	fs_text_printf(t, "mountpoint %s\n", fs.mountpoint);
	fs_text_printf(t, "engine %s\n", fs.engine->name);
	fs_text_printf(t, "mq %s\n",
		       mq_listed() ? "listed" :
				     "not listed: the mqueue file system may not be mounted here");
	fs_text_printf(t, "uptime %lld\n", (long long)((fs_now_ns() - fs.started_ns) / 1000000000));
	fs_text_printf(t, "objects %llu\n", (unsigned long long)fs_quota_objects());
	fs_text_printf(t, "handles %u\n", fs_handle_count());
	fs_text_printf(t, "parked %u\n", fs_park_count());
	fs_text_printf(t, "left %u\n", fs_park_left());
	fs_text_printf(t, "requests %llu\n", (unsigned long long)fs.requests);
	fs_text_printf(t, "requests_per_second %.0f\n", rate());
}

int fs_root_text(enum fs_type type, uid_t uid, struct fs_text *t)
{
	char *errors;
	size_t len;

	switch (type) {
	case FS_README:
		fs_text_add(t, readme, sizeof(readme) - 1);
		return 0;
	case FS_STATUS:
		show_status(t);
		return 0;
	case FS_ERRORS_FILE:
		errors = fs_errors_text(uid, &len);
		fs_text_add(t, errors, len);
		free(errors);
		return 0;
	case FS_DEADLOCKS:
		return fs_deadlock_text(uid, t);
	default:
		return -EINVAL;
	}
}
