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
	"\n"
	"  KIND/NAME[,OPTION[=VALUE]]...      echo, touch and O_CREAT make NAME\n"
	"\n"
	"  queues      cat: get a message (waits)     echo: put one (waits while full)\n"
	"              maxsize=N capacity=BYTES attempts=N dead=QUEUE\n"
	"  semaphores  cat: acquire (waits)           echo N: release N\n"
	"              value=N max=N\n"
	"  locks       cat: acquire (waits), a token   echo unlock, or close; shared; flock(1)\n"
	"  mq          POSIX message queues, as queues    maxmsg=N msgsize=BYTES; view prio=N\n"
	"  events      cat: wait until set            echo 1: set, 0: clear     made set: set\n"
	"  conditions  cat: wait for a notification    echo N, all: notify; arm: wait, read later\n"
	"  barriers    cat: arrive, wait for all      echo reset, abort         parties=N\n"
	"  pipes       mkfifo: a FIFO. touch: two ends, NAME,a and NAME,b      capacity=BYTES\n"
	"  topics      cat: what is published next    echo: publish, to all    capacity=BYTES\n"
	"  signals     PID: cat: wait for its end; NAME: for one    echo TERM: send it; to all\n"
	"  sockets     bind(2) and connect(2) work; tcp:HOST:PORT, listen:HOST:PORT: byte streams\n"
	"  values      cat: the value                 echo V; numbers: echo 'add N' (or +=N sub\n"
	"              type=T len=N                   mul and or xor)\n"
	"  lists       cat: items, one a line         echo >> appends lines, > replaces all\n"
	"              capacity=BYTES                 views at=i, insert=i, pop=i (waits)\n"
	"  arrays      cat: elements, one a line      echo all of them, 3=7, 3+=1, 1:4=5 6 7, :=0\n"
	"              type=T len=N                   types: ? b B h H i I l L q Q f d c u s\n"
	"  dicts       mkdir makes one, a file a key: cat: its bytes, echo: replaces it whole\n"
	"\n"
	"Every kind:   temp        removed when the handle that made it closes\n"
	"Views, which do not create:\n"
	"  timeout=2   (0.5 200ms 1m) ETIMEDOUT; 0: EAGAIN    peek    look, take nothing, never "
	"wait\n"
	"  watch       now, then at each change               stat    key value lines\n"
	"  ctl         commands: clear, close, done N (queues), del i (lists)\n"
	"  ack         queues: leased, until done or back     join    queues: until all is done; "
	"signals\n"
	"  lines       queues: a message a line               block   one until close, or block=N\n"
	"  stream      queues, semaphores: no end of file     n=3     semaphores: three at once\n"
	"  hold        semaphores: back at close              tokens  semaphores: make's job "
	"server\n"
	"  raw         values, arrays: the bytes              cas     only if nothing has changed\n"
	"  at=i at=i:j arrays, lists: elements    notify=USR1  a signal, at an item    after=5  "
	"signals\n"
	"  num         keys: the number; add N             pop     keys: take it, it is gone\n"
	"mkdir makes folders for names. shm/ is the store: mmap shm/arrays/NAME, a .npy file with\n"
	"its data at byte 4096. errors: your last failures in words. status: the server.\n"
	"deadlocks: who waits for each other in a circle. All of it: man 7 ipcfs\n";

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
