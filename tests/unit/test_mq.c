/* SPDX-License-Identifier: MIT
 *
 * test_mq.c - the engine for POSIX message queues: the same operations as of the other engine, also where the mqueue
 * file system may not be mounted, system calls that fail, and the names that it shows.
 */
#include "t_core.h"

#include <mqueue.h>

#include "core/mq.h"

static const struct ipcfs_engine *const mq = &ipcfs_engine_mq;

/* A name of our own, without its slash; removed by each test. */
static const char *mine(const char *suffix)
{
	static char names[8][64];
	static unsigned next;
	char *name = names[next++ % 8];

	snprintf(name, sizeof(names[0]), "/ipcfs-unit-%d-%s", (int)getpid(), suffix);
	return name + 1;
}

static struct ipcfs_object *make(const char *name, uint64_t maxmsg, uint64_t msgsize)
{
	struct ipcfs_properties p = {
		.given = IPCFS_P_MAXMSG | IPCFS_P_MSGSIZE, .maxmsg = maxmsg, .msgsize = msgsize};
	struct ipcfs_maker maker = {.uid = geteuid(), .gid = getegid(), .mode = 0600};
	struct ipcfs_object *o = NULL;

	t_is(mq->open(t.store, IPCFS_MQ, name, IPCFS_CREATE | IPCFS_EXCL, &maker, &p, &o), 0);
	return o;
}

static int put(struct ipcfs_object *o, const char *text, unsigned prio)
{
	struct ipcfs_op op = {
		.verb = IPCFS_V_PUT, .in = text, .in_len = strlen(text), .first = prio};

	return mq->try(o, &op);
}

static char got[100];
static int refusal;

static int keep(void *arg, const struct iovec *pieces, int n)
{
	(void)arg;
	t_is(n, 1);
	snprintf(got, sizeof(got), "%.*s", (int)pieces[0].iov_len,
		 (const char *)pieces[0].iov_base);
	return refusal;
}

static int get(struct ipcfs_object *o)
{
	struct ipcfs_op op = {.verb = IPCFS_V_GET, .sink = keep};

	got[0] = '\0';
	return mq->try(o, &op);
}

static unsigned ready(struct ipcfs_object *o)
{
	struct ipcfs_op op = {.verb = IPCFS_V_READY, .count = 7};

	t_is(mq->try(o, &op), 0);
	return (unsigned)op.count;
}

/* ---- what every engine does ------------------------------------------------------------------------ */

static void operations_as_of_any_engine(void)
{
	const char *name = mine("ops");
	struct ipcfs_object *o = make(name, 2, 10), *again = NULL;
	struct ipcfs_maker maker = {.uid = geteuid(), .gid = getegid(), .mode = 0600};
	struct ipcfs_op nonsense = {.verb = IPCFS_V_ACQUIRE, .count = 1};
	struct ipcfs_stat st;

	t_is(get(o), -EAGAIN);
	t_is(ready(o), 1u << IPCFS_C_WRITE);
	t_is(put(o, "low", 1), 0);
	t_is(put(o, "high", 2), 0);
	t_is(put(o, "full", 0), -EAGAIN);
	t_is(put(o, "eleven byte", 0), -EMSGSIZE);
	t_is(ready(o), 1u << IPCFS_C_READ);
	t_is(mq->stat(o, &st), 0);
	t_is(st.messages, 2);
	t_is(st.properties.maxmsg, 2);
	t_is(st.properties.msgsize, 10);
	t_is(get(o), 0);
	t_is(strcmp(got, "high"), 0);
	t_is(mq->try(o, &nonsense), -EINVAL);
	t_is(mq->open(t.store, IPCFS_MQ, name, IPCFS_CREATE | IPCFS_EXCL, &maker, NULL, &again),
	     -EEXIST);
	t_is(mq->open(t.store, IPCFS_MQ, name, 0, NULL,
		      &(struct ipcfs_properties){.given = IPCFS_P_MAXMSG, .maxmsg = 3}, &again),
	     -EEXIST);
	t_is(mq->remove(t.store, IPCFS_MQ, name), 0);
	t_is(mq->remove(t.store, IPCFS_MQ, name), -ENOENT);
	t_is(mq->open(t.store, IPCFS_MQ, name, 0, NULL, NULL, &again), -ENOENT);
	t_is(get(o), 0); /* who has it open can have what is left */
	t_is(get(o), -EIDRM);
	mq->close(o);
	mq_end();
}

/* Who was to get it is gone: it goes back; where there is no room any more it is the next that is given. */
static void what_cannot_be_given_is_not_lost(void)
{
	const char *name = mine("back");
	struct ipcfs_object *o = make(name, 2, 10);
	struct ipcfs_stat st;

	t_is(put(o, "one", 0), 0);
	t_is(put(o, "two", 0), 0);
	refusal = -ENOENT;
	t_is(get(o), -ENOENT);
	t_is(strcmp(got, "one"), 0);
	refusal = 0;
	t_is(mq->stat(o, &st), 0);
	t_is(st.messages, 2);
	t_is(get(o), 0);
	t_is(strcmp(got, "two"), 0); /* behind those of its priority */
	t_is(get(o), 0);
	t_is(strcmp(got, "one"), 0);
	t_is(mq->remove(t.store, IPCFS_MQ, name), 0);
	mq->close(o);
	mq_end();
}

/* ---- names -------------------------------------------------------------------------------------------- */

static void names_are_shown_and_read_back(void)
{
	static const struct {
		const char *name, *shown;
	} rows[] = {
		{"plain", "plain"},	{"a,b", "a%2Cb"}, {".dot", "%2Edot"},
		{"no.dot", "no.dot"},	{"50%", "50%"},	  {"%2C", "%252C"},
		{"%2E", "%252E"},	{"x%2E", "x%2E"}, {"%25", "%2525"},
		{"\001\177", "%01%7F"}, {"%zz", "%zz"},	  {"%41", "%41"},
	};
	char shown[300], longest[300];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		t_row(rows[i].name, mq_name_show(rows[i].name, shown, sizeof(shown)), 0);
		t_row(rows[i].name, strcmp(shown, rows[i].shown), 0);
	}
	memset(longest, ',', sizeof(longest));
	longest[90] = '\0';
	t_is(mq_name_show(longest, shown, 256), -ENAMETOOLONG);
}

static int find_name(void *arg, const char *name, bool is_folder)
{
	t_check(!is_folder);
	return strcmp(name, arg) == 0 ? 77 : 0;
}

static void it_is_listed(void)
{
	const char *name = mine("li,st");
	struct ipcfs_object *o;
	struct stat st;
	char shown[100];

	if (!mq_listed())
		return; /* the next test is about that */
	t_is(mq_name_show(name, shown, sizeof(shown)), 0);
	o = make(shown, 2, 10);
	t_is(mq->list(t.store, IPCFS_MQ, NULL, find_name, shown), 77);
	t_is(mq->lookup(t.store, shown, &st), 0);
	t_is(st.st_ino, o->id);
	t_is(st.st_mode, S_IFREG | 0600);
	t_is(mq->remove(t.store, IPCFS_MQ, shown), 0);
	t_is(mq->list(t.store, IPCFS_MQ, NULL, find_name, shown), 0);
	mq->close(o);
	mq_end();
}

/* ---- where it may not be mounted, and other failures ---------------------------------------------------- */

static int no_mount(const char *call)
{
	return strcmp(call, "mount") == 0 ? -EPERM : 0;
}

/* Names can be opened, and are not listed. */
static void without_the_mount(void)
{
	const char *name = mine("nomount");
	struct ipcfs_object *o, *again = NULL;
	struct stat st;

	ipcfs_sys_fault = no_mount;
	t_check(!mq_listed());
	o = make(name, 2, 10);
	t_is(mq->lookup(t.store, name, &st), 0);
	t_is(st.st_ino, o->id);
	t_is(mq->open(t.store, IPCFS_MQ, name, 0, NULL, NULL, &again), 0);
	t_is(put(o, "x", 0), 0);
	t_is(get(again), 0);
	t_is(mq->list(t.store, IPCFS_MQ, NULL, find_name, (void *)name), 0);
	t_is(mq->remove(t.store, IPCFS_MQ, name), 0);
	t_is(mq->lookup(t.store, name, &st), -ENOENT);
	mq->close(o);
	mq->close(again);
	ipcfs_sys_fault = NULL;
	mq_end();
}

static const char *failing;

static int break_it(const char *call)
{
	return strcmp(call, failing) == 0 ? -EIO : 0;
}

static void failures_leave_nothing(void)
{
	static const char *const calls[] = {"mq_open", "mq_getattr", "fstat"};
	struct ipcfs_maker maker = {.uid = geteuid(), .gid = getegid(), .mode = 0600};
	const char *name = mine("fails");
	int fds = t_fds();

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		struct ipcfs_object *o = NULL;

		failing = calls[i];
		ipcfs_sys_fault = break_it;
		t_row(failing,
		      mq->open(t.store, IPCFS_MQ, name, IPCFS_CREATE | IPCFS_EXCL, &maker, NULL,
			       &o),
		      -EIO);
		ipcfs_sys_fault = NULL;
		t_row(failing, mq_unlink(name - 1) < 0 ? -errno : 0, -ENOENT);
		t_row(failing, t_fds(), fds);
	}
}

int main(void)
{
	static const struct t_case tests[] = {
		T_TEST(operations_as_of_any_engine),
		T_TEST(what_cannot_be_given_is_not_lost),
		T_TEST(names_are_shown_and_read_back),
		T_TEST(it_is_listed),
		T_TEST(without_the_mount),
		T_TEST(failures_leave_nothing),
	};

	return T_RUN(tests);
}
