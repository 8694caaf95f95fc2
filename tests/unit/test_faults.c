/* SPDX-License-Identifier: MIT
 *
 * test_faults.c - every system call made to fail once, at each place: a clean error, no leak, no
 * half-made object, and the same call works the next time.
 */
#include "t_core.h"

#include <dirent.h>

#define Q IPCFS_QUEUE
#define V IPCFS_VALUE

/* ---- the hook ------------------------------------------------------------------------------- */

static struct {
	int at, error; /* fails the at-th call, from 1 */
	int calls;
	const char *name; /* what failed */
} fault;

static int fail_once(const char *name)
{
	if (++fault.calls != fault.at)
		return 0;
	fault.name = name;
	return -fault.error;
}

/* ---- the operations: what is made before, what is tried, what must hold after ------------------ */

static struct {
	struct ipcfs_store *store, *onlookers;
	struct ipcfs_object *o;	      /* opened, of a store handle that is no member yet */
	struct ipcfs_object *onlooks; /* the same object by another member */
	char dir[300];
	char row[100]; /* operation and place */
} world;

struct operation {
	const char *name;
	void (*before)(void);
	int (*act)(void);
	void (*after)(int rc); /* also when it failed */
};

static void no_world(void)
{
}

static void a_store(void)
{
	world.store = t_open_store();
}

static void a_member(void)
{
	a_store();
	t_check(member_self(world.store) > 0);
}

static void open_both(enum ipcfs_kind kind, const struct ipcfs_properties *p)
{
	t_is(ipcfs_open(world.onlookers, kind, "o", IPCFS_CREATE, 0600, p, &world.onlooks), 0);
	t_is(ipcfs_open(world.store, kind, "o", 0, 0, NULL, &world.o), 0);
}

static void a_queue(void)
{
	a_store();
	open_both(Q, NULL);
}

/* All its units free, or held by one who is dead. */
static void a_semaphore_of_a_member(void)
{
	struct ipcfs_properties p = {.given = IPCFS_P_VALUE | IPCFS_P_MAX, .value = 3, .max = 3};

	a_member();
	open_both(IPCFS_SEMAPHORE, &p);
}

static void a_semaphore_that_a_dead_one_holds(void)
{
	struct ipcfs_holder dead = {.member = 77};
	struct ipcfs_op op = {
		.verb = IPCFS_V_ACQUIRE, .flags = IPCFS_OP_HOLD, .count = 2, .holder = &dead};

	a_semaphore_of_a_member();
	t_is(ipcfs_engine_shm.try(world.onlooks, &op), 0);
}

static void a_semaphore_that_a_dead_one_holds_and_nobody(void)
{
	a_semaphore_that_a_dead_one_holds();
	t_is(ipcfs_semaphore_acquire(world.onlooks, 1, 0), 0);
}

static void a_queue_of_a_member(void)
{
	a_member();
	open_both(Q, NULL);
}

static void a_full_page_queue_of_a_member(void)
{
	static const char bytes[4000];

	a_queue_of_a_member();
	t_is(ipcfs_queue_put(world.onlooks, bytes, sizeof(bytes), 0), 0);
}

static void a_queue_with_a_message(void)
{
	a_queue();
	t_is(ipcfs_queue_put(world.onlooks, "x", 1, 0), 0);
}

static void a_string(void)
{
	struct ipcfs_properties p = {.given = IPCFS_P_TYPE | IPCFS_P_LEN, .type = 's', .len = 9000};

	a_member();
	open_both(V, &p);
}

static void a_dict(void)
{
	a_member();
	open_both(IPCFS_DICT, NULL);
	t_is(ipcfs_dict_set(world.onlooks, "old", "value", 5), 0);
}

static void a_parked_queue(void)
{
	char buf[10];

	a_queue_of_a_member();
	t_is(ipcfs_queue_put(world.onlooks, "x", 1, 0), 0); /* it has memory then */
	t_is(ipcfs_queue_get(world.onlooks, buf, 10, 0), 1);
	atomic_fetch_or(&world.o->control->flags,
			SEG_PARKED(IPCFS_C_READ) | SEG_WAITERS(IPCFS_C_READ));
}

static void a_queue_that_a_dead_one_holds(void)
{
	a_queue_of_a_member();
	world.o->control->lock = 77 << 1;
}

static void a_queue_with_dead_letters(void)
{
	struct ipcfs_properties p = {
		.given = IPCFS_P_ATTEMPTS | IPCFS_P_DEAD, .attempts = 1, .dead = "letters"};
	struct ipcfs_object *letters = NULL;

	a_member();
	t_is(ipcfs_open(world.onlookers, Q, "letters", IPCFS_CREATE, 0600, NULL, &letters), 0);
	ipcfs_close(letters);
	open_both(Q, &p);
	t_is(ipcfs_queue_put(world.onlooks, "x", 1, 0), 0);
}

/* ---- acts */

static int store_open(void)
{
	return ipcfs_store_open(world.dir, &world.store);
}

static int create(enum ipcfs_kind kind)
{
	struct ipcfs_properties p = {.given = kind < V	? 0 :
					      kind == V ? IPCFS_P_TYPE :
							  IPCFS_P_TYPE | IPCFS_P_LEN,
				     .type = kind == V ? 's' : 'i',
				     .len = 5000};

	return ipcfs_open(world.store, kind, "o", IPCFS_CREATE, 0600, &p, &world.o);
}

static int create_queue(void)
{
	return create(Q);
}

static int create_semaphore(void)
{
	return create(IPCFS_SEMAPHORE);
}

static int create_value(void)
{
	return create(V);
}

static int create_array(void)
{
	return create(IPCFS_ARRAY);
}

static int attach(void)
{
	ipcfs_close(world.o);
	world.o = NULL;
	return ipcfs_open(world.store, Q, "o", 0, 0, NULL, &world.o);
}

static int put(void)
{
	return ipcfs_queue_put(world.o, "message", 7, 0);
}

static int put_large(void)
{
	static const char bytes[40000];

	return ipcfs_queue_put(world.o, bytes, sizeof(bytes), 0);
}

static int get(void)
{
	char buf[10];

	return (int)ipcfs_queue_get(world.o, buf, 10, 0);
}

static int lease(void)
{
	struct ipcfs_lease lease;
	char buf[10];

	return (int)ipcfs_queue_lease(world.o, buf, 10, 0, &lease);
}

static int fail_once_and_for_all(void)
{
	struct ipcfs_lease lease;
	char buf[10];
	ssize_t n = ipcfs_queue_lease(world.o, buf, 10, 0, &lease);

	return n < 0 ? (int)n : ipcfs_queue_return(world.o, lease.id);
}

static int set_string(void)
{
	static char bytes[8000];

	memset(bytes, 'x', sizeof(bytes));
	return ipcfs_value_set(world.o, bytes, sizeof(bytes));
}

static int set_key(void)
{
	static char bytes[300000];

	memset(bytes, 'x', sizeof(bytes));
	return ipcfs_dict_set(world.o, "old", bytes, sizeof(bytes));
}

static int make_key(void)
{
	static char bytes[300000];

	memset(bytes, 'x', sizeof(bytes));
	return ipcfs_dict_add(world.o, "new", bytes, sizeof(bytes));
}

static int hold_three(void)
{
	return ipcfs_semaphore_hold(world.o, 3, 0);
}

static int release_one(void)
{
	return ipcfs_semaphore_release(world.o, 1);
}

static int unlink_queue(void)
{
	return ipcfs_unlink(world.store, Q, "o");
}

static int unlink_unattached(void)
{
	ipcfs_close(world.o);
	world.o = NULL;
	return ipcfs_unlink(world.store, Q, "o");
}

static int make_folder(void)
{
	return ipcfs_mkdir(world.store, Q, "folder", 0700);
}

static int ignore_name(void *arg, const char *name, bool is_folder)
{
	(void)arg;
	(void)name;
	(void)is_folder;
	return 0;
}

static int list(void)
{
	return ipcfs_list(world.store, Q, NULL, ignore_name, NULL);
}

/* ---- what must hold */

static void folders_are_whole(int rc)
{
	struct ipcfs_store *store = NULL;
	struct stat st;

	if (rc < 0)
		t_row(world.row, world.store == NULL, 1);
	t_row(world.row, ipcfs_store_open(world.dir, &store), 0); /* finishes what is missing */
	for (int kind = 0; kind < IPCFS_SEGMENT_COUNT; kind++) {
		char path[400];

		snprintf(path, sizeof(path), "%s/%s", world.dir, ipcfs_kind_name(kind));
		t_row(world.row, stat(path, &st), 0);
		t_row(world.row, st.st_mode & 07777, geteuid() == 0 ? 01777 : 0700);
	}
	ipcfs_store_close(store);
}

static void absent_or_whole(int rc)
{
	bool found = false;

	for (int kind = 0; kind < IPCFS_SEGMENT_COUNT; kind++) {
		struct ipcfs_object *o = NULL;
		int seen = ipcfs_open(world.onlookers, kind, "o", 0, 0, NULL, &o);

		if (seen == 0) {
			found = true;
			ipcfs_close(o);
		} else {
			t_row(world.row, seen, -ENOENT);
		}
	}
	if (rc == 0)
		t_row(world.row, found && world.o, 1);
	else
		t_row(world.row, world.o == NULL, 1);
}

static void is_attached(int rc)
{
	t_row(world.row, world.o != NULL, rc == 0);
	t_row(world.row, ipcfs_queue_put(world.onlooks, "x", 1, 0), 0);
}

static void messages_are(uint64_t want)
{
	struct ipcfs_stat st;

	t_stat_of(world.onlooks, &st);
	t_row(world.row, st.messages, want);
	t_row(world.row, ipcfs_queue_put(world.onlooks, "y", 1, 0), 0); /* others go on */
}

static void put_or_not(int rc)
{
	messages_are(rc == 0);
}

static void one_more_or_not(int rc)
{
	messages_are(1 + (rc == 0));
}

static void got_or_not(int rc)
{
	messages_are(rc < 0);
}

/* It cannot always go, but it is somewhere, once. */
static void here_or_there(int rc)
{
	struct ipcfs_object *letters = NULL;
	struct ipcfs_stat here, there;

	t_is(ipcfs_open(world.onlookers, Q, "letters", 0, 0, NULL, &letters), 0);
	t_stat_of(world.onlooks, &here);
	t_stat_of(letters, &there);
	t_row(world.row, here.unfinished + there.unfinished, 1);
	t_row(world.row, here.messages + there.messages, 1);
	if (!fault.name[0])
		t_row(world.row, rc == 0 ? there.messages : 1, 1);
	ipcfs_close(letters);
	t_is(ipcfs_unlink(world.onlookers, Q, "letters"), 0);
}

static void set_or_not(int rc)
{
	char buf[9000];
	ssize_t n = ipcfs_value_get(world.onlooks, buf, sizeof(buf), NULL);

	t_row(world.row, n, rc == 0 ? 8000 : 0);
	for (ssize_t i = 0; i < n; i++)
		t_row(world.row, buf[i], 'x');
}

static void key_set_or_not(int rc)
{
	char buf[10];

	t_row(world.row, ipcfs_dict_get(world.onlooks, "old", buf, sizeof(buf), NULL),
	      rc == 0 ? 300000 : 5);
	t_row(world.row, buf[4], rc == 0 ? 'x' : 'e');
	t_row(world.row, ipcfs_dict_count(world.onlooks), 1);
}

static void key_made_or_not(int rc)
{
	t_row(world.row, ipcfs_dict_get(world.onlooks, "new", NULL, 0, NULL),
	      rc == 0 ? 300000 : -ENOENT);
	t_row(world.row, ipcfs_dict_get(world.onlooks, "old", NULL, 0, NULL), 5);
	t_row(world.row, ipcfs_dict_count(world.onlooks), rc == 0 ? 2 : 1);
}

static void three_held_or_not(int rc)
{
	t_row(world.row, ipcfs_semaphore_value(world.onlooks), rc == 0 ? 0 : 3);
	t_row(world.row, ipcfs_semaphore_acquire(world.onlooks, 1, 0), rc == 0 ? -EAGAIN : 0);
}

/* The dead pay for nothing; where the kernel does not say that they are dead they do. */
static void released_or_not(int rc)
{
	int64_t value = ipcfs_semaphore_value(world.onlooks);

	t_row(world.row, value == 2 || (value == 3 && rc == 0), 1);
	t_row(world.row, ipcfs_semaphore_acquire(world.onlooks, (uint32_t)value, 0), 0);
}

/* Once begun it may only go on; and nobody is left who was not told. */
static void gone_or_not(int rc)
{
	struct ipcfs_object *o = NULL;
	int used = ipcfs_queue_put(world.onlooks, "x", 1, 0);

	if (rc == 0)
		t_row(world.row, used, -EIDRM);
	else
		t_row(world.row, used == 0 || used == -EIDRM, 1);
	t_row(world.row, ipcfs_open(world.onlookers, Q, "o", 0, 0, NULL, &o),
	      used == 0 ? 0 : -ENOENT);
	ipcfs_close(o);
}

static void nothing_more(int rc)
{
	(void)rc;
}

/* The bell is a help alone: without it the server looks within a second. */
static void put_in_any_case(int rc)
{
	t_row(world.row, rc, 0);
	messages_are(1);
}

static const struct operation operations[] = {
	{.name = "store_open", .before = no_world, .act = store_open, .after = folders_are_whole},
	{.name = "create queue", .before = a_store, .act = create_queue, .after = absent_or_whole},
	{.name = "create semaphore",
	 .before = a_store,
	 .act = create_semaphore,
	 .after = absent_or_whole},
	{.name = "create value", .before = a_store, .act = create_value, .after = absent_or_whole},
	{.name = "create array", .before = a_store, .act = create_array, .after = absent_or_whole},
	{.name = "attach", .before = a_queue, .act = attach, .after = is_attached},
	{.name = "first put", .before = a_queue, .act = put, .after = put_or_not},
	{.name = "put", .before = a_queue_of_a_member, .act = put, .after = put_or_not},
	{.name = "put that needs memory",
	 .before = a_full_page_queue_of_a_member,
	 .act = put_large,
	 .after = one_more_or_not},
	{.name = "put with a bell", .before = a_parked_queue, .act = put, .after = put_in_any_case},
	{.name = "put after a death",
	 .before = a_queue_that_a_dead_one_holds,
	 .act = put,
	 .after = put_or_not},
	{.name = "first get", .before = a_queue_with_a_message, .act = get, .after = got_or_not},
	{.name = "lease", .before = a_queue_with_a_message, .act = lease, .after = got_or_not},
	{.name = "a message to the dead letters",
	 .before = a_queue_with_dead_letters,
	 .act = fail_once_and_for_all,
	 .after = here_or_there},
	{.name = "set a string", .before = a_string, .act = set_string, .after = set_or_not},
	{.name = "set a key", .before = a_dict, .act = set_key, .after = key_set_or_not},
	{.name = "make a key", .before = a_dict, .act = make_key, .after = key_made_or_not},
	{.name = "hold",
	 .before = a_semaphore_of_a_member,
	 .act = hold_three,
	 .after = three_held_or_not},
	{.name = "hold after a holder's death",
	 .before = a_semaphore_that_a_dead_one_holds,
	 .act = hold_three,
	 .after = three_held_or_not},
	{.name = "release after a holder's death",
	 .before = a_semaphore_that_a_dead_one_holds_and_nobody,
	 .act = release_one,
	 .after = released_or_not},
	{.name = "unlink", .before = a_queue, .act = unlink_queue, .after = gone_or_not},
	{.name = "unlink what is not attached",
	 .before = a_queue,
	 .act = unlink_unattached,
	 .after = gone_or_not},
	{.name = "mkdir", .before = a_store, .act = make_folder, .after = nothing_more},
	{.name = "list", .before = a_store, .act = list, .after = nothing_more},
};

/* ---- each operation, each error, each place ------------------------------------------------------- */

static void no_temporary_files(const char *row)
{
	DIR *dir = opendir(t_path("members"));

	t_check(dir != NULL);
	for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir))
		t_row(row, entry->d_name[0] == '.' && entry->d_type == DT_REG, 0);
	closedir(dir);
}

/* Gives whether the place was reached. */
static bool fail_at(const struct operation *op, int error, int at)
{
	char *row = world.row;
	int fds, mapped, rc;

	world.onlookers = t_open_store();
	snprintf(world.dir, sizeof(world.dir), "%s", t_path("new"));
	op->before();
	fds = t_fds();
	mapped = t_mappings();
	fault.at = at;
	fault.error = error;
	fault.calls = 0;
	fault.name = "";
	ipcfs_sys_fault = fail_once;
	rc = op->act();
	ipcfs_sys_fault = NULL;
	snprintf(row, sizeof(world.row), "%s, call %d (%s) fails with %s", op->name, at, fault.name,
		 t_result(-error));
	if (!fault.name[0] && rc < 0)
		t_fail("%s: %s without a fault", op->name, t_result(rc));
	/* Where it cannot be told whether an owner, or a holder, lives, he does. */
	if (rc < 0 && rc != -EBUSY && rc != -EAGAIN)
		t_row(row, rc, -error);
	t_row(row, t_fds(), fds);
	if (rc < 0 && world.o)
		t_row(row, t_mappings() <= mapped + 1, 1); /* the member's page at the most */
	else if (rc < 0)
		t_row(row, t_mappings() <= mapped, 1);
	op->after(rc);
	no_temporary_files(row);
	ipcfs_close(world.o);
	ipcfs_close(world.onlooks);
	ipcfs_store_close(world.store);
	ipcfs_store_close(world.onlookers);
	memset(&world, 0, sizeof(world));
	t_remove_tree(t_path("new"));
	for (int kind = 0; kind < IPCFS_SEGMENT_COUNT; kind++)
		unlink(t_path("%s/o", ipcfs_kind_name(kind)));
	rmdir(t_path("queues/folder"));
	return fault.name[0] != '\0';
}

static void each_place(int error)
{
	int places = 0;

	memset(&world, 0, sizeof(world));
	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
		int at = 1;

		while (fail_at(&operations[i], error, at))
			at++;
		t_row(operations[i].name, at > 1 || operations[i].act == put, 1);
		places += at - 1;
	}
	print_message("           %d places with %s\n", places, t_result(-error));
}

static void no_space(void)
{
	each_place(ENOSPC);
}

static void no_memory(void)
{
	each_place(ENOMEM);
}

static void no_descriptors(void)
{
	each_place(EMFILE);
}

static void an_input_output_error(void)
{
	each_place(EIO);
}

int main(void)
{
	static const struct t_case tests[] = {
		T_TEST(no_space),
		T_TEST(no_memory),
		T_TEST(no_descriptors),
		T_TEST(an_input_output_error),
	};

	return T_RUN(tests);
}
