/* SPDX-License-Identifier: MIT
 *
 * test_names.c - names and properties: what may be, what is compared, every limit at it and past it.
 */
#include "t_core.h"

#define Q IPCFS_QUEUE
#define S IPCFS_SEMAPHORE
#define E IPCFS_EVENT
#define V IPCFS_VALUE
#define A IPCFS_ARRAY

/* ---- names ------------------------------------------------------------------------------- */

static char long_200[201], long_201[202], deep_1024[1025], deep_1025[1026], deep_201[260];

static const struct {
	const char *name, *text;
	int rc; /* of looking it up: -ENOENT is a name that may be */
} names[] = {
	{.name = "one letter", .text = "a", .rc = -ENOENT},
	{.name = "blanks and quotes", .text = " it's \"x\" ", .rc = -ENOENT},
	{.name = "bytes that are no UTF-8", .text = "\xff\xfe\x80", .rc = -ENOENT},
	{.name = "percent", .text = "%2C", .rc = -ENOENT},
	{.name = "a dot later", .text = "a.b.", .rc = -ENOENT},
	{.name = "minus", .text = "-rf", .rc = -ENOENT},
	{.name = "200 bytes", .text = long_200, .rc = -ENOENT},
	{.name = "201 bytes", .text = long_201, .rc = -ENAMETOOLONG},
	{.name = "nothing", .text = "", .rc = -EINVAL},
	{.name = "a leading dot", .text = ".a", .rc = -EINVAL},
	{.name = "dot", .text = ".", .rc = -EINVAL},
	{.name = "dot dot", .text = "..", .rc = -EINVAL},
	{.name = "a comma", .text = "a,peek", .rc = -EINVAL},
	{.name = "a newline", .text = "a\n", .rc = -EINVAL},
	{.name = "control 1", .text = "\x01", .rc = -EINVAL},
	{.name = "control 31", .text = "a\x1f", .rc = -EINVAL},
	{.name = "delete", .text = "a\x7f", .rc = -EINVAL},
	{.name = "a slash first", .text = "/a", .rc = -EINVAL},
	{.name = "a slash last", .text = "a/", .rc = -EINVAL},
	{.name = "two slashes", .text = "a//b", .rc = -EINVAL},
	{.name = "up", .text = "a/../b", .rc = -EINVAL},
	{.name = "a dot in a folder", .text = "a/.b", .rc = -EINVAL},
	{.name = "no such folder", .text = "no/such", .rc = -ENOENT},
	{.name = "201 bytes in a folder", .text = deep_201, .rc = -ENAMETOOLONG},
	{.name = "1024 bytes", .text = deep_1024, .rc = -ENOENT},
	{.name = "1025 bytes", .text = deep_1025, .rc = -ENAMETOOLONG},
};

static void fill_names(void)
{
	memset(long_200, 'x', 200);
	memset(long_201, 'x', 201);
	memset(deep_1025, 'y', 1025);
	for (int i = 128; i < 1025; i += 128)
		deep_1025[i] = '/';
	deep_1025[1024] = 'y'; /* 128 * 8 = 1024 would be one */
	memcpy(deep_1024, deep_1025, 1024);
	memset(deep_201, 'z', 203);
	deep_201[1] = '/';
}

static int none(void *arg, const char *name, bool is_folder)
{
	(void)arg;
	(void)name;
	(void)is_folder;
	return 0;
}

static void names_are_checked_alike_by_all_calls(void)
{
	struct ipcfs_object *o;

	fill_names();
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *row = names[i].name, *text = names[i].text;
		bool bad = names[i].rc != -ENOENT;

		for (int kind = 0; kind < IPCFS_SEGMENT_COUNT; kind++) {
			o = NULL;
			t_row(row, ipcfs_open(t.store, kind, text, 0, 0, NULL, &o), names[i].rc);
			t_check(o == NULL);
			t_row(row, ipcfs_unlink(t.store, kind, text), names[i].rc);
			t_row(row, ipcfs_rmdir(t.store, kind, text), names[i].rc);
			if (*text) /* the kind's top */
				t_row(row, ipcfs_list(t.store, kind, text, none, NULL),
				      names[i].rc);
		}
		if (bad) {
			t_row(row, ipcfs_open(t.store, 0, text, IPCFS_CREATE, 0600, NULL, &o),
			      names[i].rc);
			t_row(row, ipcfs_mkdir(t.store, 0, text, 0700), names[i].rc);
		} else if (!strchr(text, '/')) {
			t_row(row, ipcfs_open(t.store, 0, text, IPCFS_CREATE, 0600, NULL, &o), 0);
			ipcfs_close(o);
			t_row(row, ipcfs_rmdir(t.store, 0, text), -ENOTDIR);
			t_row(row, ipcfs_list(t.store, 0, text, none, NULL), -ENOTDIR);
			t_row(row, ipcfs_mkdir(t.store, 0, text, 0700), -EEXIST);
			t_row(row, ipcfs_unlink(t.store, 0, text), 0);
			t_row(row, ipcfs_mkdir(t.store, 0, text, 0700), 0);
			t_row(row, ipcfs_unlink(t.store, 0, text), -EISDIR);
			t_row(row, ipcfs_open(t.store, 0, text, IPCFS_CREATE, 0600, NULL, &o),
			      -EISDIR);
			t_row(row, ipcfs_rmdir(t.store, 0, text), 0);
		}
	}
}

static void a_name_of_1024_bytes_works(void)
{
	struct ipcfs_object *o = NULL;
	char part[1025];

	fill_names();
	for (int i = 128; i < 1024; i += 128) {
		memcpy(part, deep_1024, 1025);
		part[i] = '\0';
		t_is(ipcfs_mkdir(t.store, IPCFS_QUEUE, part, 0700), 0);
	}
	t_is(ipcfs_open(t.store, IPCFS_QUEUE, deep_1024, IPCFS_CREATE, 0600, NULL, &o), 0);
	t_is(ipcfs_queue_put(o, "x", 1, 0), 0);
	ipcfs_close(o);
	t_is(ipcfs_rmdir(t.store, IPCFS_QUEUE, part), -ENOTEMPTY);
	t_is(ipcfs_unlink(t.store, IPCFS_QUEUE, deep_1024), 0);
	t_is(ipcfs_rmdir(t.store, IPCFS_QUEUE, part), 0);
}

static void no_such_kind_and_wrong_flags(void)
{
	struct ipcfs_object *o = NULL;
	static const int kinds[] = {-1, IPCFS_KIND_COUNT, 1000};

	for (int i = 0; i < 3; i++) {
		enum ipcfs_kind kind = (enum ipcfs_kind)kinds[i];

		t_check(ipcfs_kind_name(kind) == NULL);
		t_is(ipcfs_open(t.store, kind, "a", IPCFS_CREATE, 0600, NULL, &o), -EINVAL);
		t_is(ipcfs_unlink(t.store, kind, "a"), -EINVAL);
		t_is(ipcfs_mkdir(t.store, kind, "a", 0700), -EINVAL);
		t_is(ipcfs_rmdir(t.store, kind, "a"), -EINVAL);
		t_is(ipcfs_list(t.store, kind, NULL, none, NULL), -EINVAL);
	}
	t_is(ipcfs_open(t.store, IPCFS_EVENT, NULL, IPCFS_CREATE, 0600, NULL, &o), -EINVAL);
	t_is(ipcfs_open(t.store, IPCFS_EVENT, "a", 4, 0600, NULL, &o), -EINVAL);
	t_is(ipcfs_open(t.store, IPCFS_EVENT, "a", -1, 0600, NULL, &o), -EINVAL);
	for (int kind = 0; kind < IPCFS_KIND_COUNT; kind++)
		t_is(ipcfs_kind_of(ipcfs_kind_name(kind)), kind);
	t_is(ipcfs_kind_of("queue"), -1);
	t_is(ipcfs_kind_of(""), -1);
}

static void deadlines_from_durations(void)
{
	int64_t now = sys_now_ns();

	t_is(ipcfs_after(0), 0);
	t_is(ipcfs_after(-1), IPCFS_FOREVER);
	t_is(ipcfs_after(INT64_MIN), IPCFS_FOREVER);
	t_is(ipcfs_after(INT64_MAX), IPCFS_FOREVER);
	t_check(ipcfs_after(1) > now);
	t_check(ipcfs_after(5 * T_SECOND) >= now + 5 * T_SECOND);
}

/* ---- properties ---------------------------------------------------------------------------- */

#define G30 (UINT64_C(1) << 30)
#define G32 (UINT64_C(1) << 32)
#define G34 (UINT64_C(1) << 34)

static const struct {
	const char *name;
	enum ipcfs_kind kind;
	int rc; /* of creation */
	struct ipcfs_properties p;
} shapes[] = {
	{"queue: maxsize 0", Q, 0, {.given = IPCFS_P_MAXSIZE}},
	{"queue: maxsize largest", Q, 0, {.given = IPCFS_P_MAXSIZE, .maxsize = G30}},
	{"queue: maxsize past it", Q, -ERANGE, {.given = IPCFS_P_MAXSIZE, .maxsize = G30 + 1}},
	{"queue: maxsize far past it", Q, -ERANGE, {.given = IPCFS_P_MAXSIZE, .maxsize = -1ull}},
	{"queue: capacity 0", Q, -ERANGE, {.given = IPCFS_P_CAPACITY}},
	{"queue: capacity 1", Q, 0, {.given = IPCFS_P_CAPACITY, .capacity = 1}},
	{"queue: capacity largest", Q, 0, {.given = IPCFS_P_CAPACITY, .capacity = G34}},
	{"queue: capacity past it", Q, -ERANGE, {.given = IPCFS_P_CAPACITY, .capacity = G34 + 1}},
	{"queue: value", Q, -EINVAL, {.given = IPCFS_P_VALUE}},
	{"queue: max", Q, -EINVAL, {.given = IPCFS_P_MAX}},
	{"queue: set", Q, -EINVAL, {.given = IPCFS_P_SET}},
	{"queue: type", Q, -EINVAL, {.given = IPCFS_P_TYPE, .type = 'i'}},
	{"queue: len", Q, -EINVAL, {.given = IPCFS_P_LEN, .len = 1}},
	{"queue: temp", Q, -EINVAL, {.given = IPCFS_P_TEMP}},
	{"queue: unknown", Q, -EINVAL, {.given = 1 << 20}},
	{"semaphore: value 0", S, 0, {.given = IPCFS_P_VALUE}},
	{"semaphore: value largest", S, 0, {.given = IPCFS_P_VALUE, .value = 2147483647}},
	{"semaphore: value past it", S, -ERANGE, {.given = IPCFS_P_VALUE, .value = 2147483648}},
	{"semaphore: max 0", S, -ERANGE, {.given = IPCFS_P_MAX}},
	{"semaphore: max 1", S, 0, {.given = IPCFS_P_MAX, .max = 1}},
	{"semaphore: max largest", S, 0, {.given = IPCFS_P_MAX, .max = 2147483647}},
	{"semaphore: max past it", S, -ERANGE, {.given = IPCFS_P_MAX, .max = 2147483648}},
	{"semaphore: value is max",
	 S,
	 0,
	 {.given = IPCFS_P_VALUE | IPCFS_P_MAX, .value = 5, .max = 5}},
	{"semaphore: value past max",
	 S,
	 -ERANGE,
	 {.given = IPCFS_P_VALUE | IPCFS_P_MAX, .value = 6, .max = 5}},
	{"semaphore: maxsize", S, -EINVAL, {.given = IPCFS_P_MAXSIZE}},
	{"semaphore: len", S, -EINVAL, {.given = IPCFS_P_LEN}},
	{"condition: parties", IPCFS_CONDITION, -EINVAL, {.given = IPCFS_P_PARTIES, .parties = 1}},
	{"barrier: nothing", IPCFS_BARRIER, -EINVAL, {.given = 0}},
	{"barrier: parties 0", IPCFS_BARRIER, -ERANGE, {.given = IPCFS_P_PARTIES}},
	{"barrier: parties 1", IPCFS_BARRIER, 0, {.given = IPCFS_P_PARTIES, .parties = 1}},
	{"barrier: parties largest",
	 IPCFS_BARRIER,
	 0,
	 {.given = IPCFS_P_PARTIES, .parties = IPCFS_PARTIES_MAX}},
	{"barrier: parties past it",
	 IPCFS_BARRIER,
	 -ERANGE,
	 {.given = IPCFS_P_PARTIES, .parties = IPCFS_PARTIES_MAX + 1}},
	{"barrier: value", IPCFS_BARRIER, -EINVAL, {.given = IPCFS_P_VALUE}},
	{"list: capacity 0", IPCFS_LIST, -ERANGE, {.given = IPCFS_P_CAPACITY}},
	{"list: capacity 1", IPCFS_LIST, 0, {.given = IPCFS_P_CAPACITY, .capacity = 1}},
	{"list: capacity largest",
	 IPCFS_LIST,
	 0,
	 {.given = IPCFS_P_CAPACITY, .capacity = IPCFS_CAPACITY_MAX}},
	{"list: capacity past it",
	 IPCFS_LIST,
	 -ERANGE,
	 {.given = IPCFS_P_CAPACITY, .capacity = IPCFS_CAPACITY_MAX + 1}},
	{"list: maxsize", IPCFS_LIST, -EINVAL, {.given = IPCFS_P_MAXSIZE, .maxsize = 1}},
	{"pipe: capacity 0", IPCFS_PIPE, -ERANGE, {.given = IPCFS_P_CAPACITY}},
	{"pipe: capacity 1", IPCFS_PIPE, 0, {.given = IPCFS_P_CAPACITY, .capacity = 1}},
	{"pipe: capacity past it",
	 IPCFS_PIPE,
	 -ERANGE,
	 {.given = IPCFS_P_CAPACITY, .capacity = IPCFS_CAPACITY_MAX + 1}},
	{"pipe: maxsize", IPCFS_PIPE, -EINVAL, {.given = IPCFS_P_MAXSIZE}},
	{"topic: capacity 0", IPCFS_TOPIC, -ERANGE, {.given = IPCFS_P_CAPACITY}},
	{"topic: capacity 1", IPCFS_TOPIC, 0, {.given = IPCFS_P_CAPACITY, .capacity = 1}},
	{"topic: capacity past it",
	 IPCFS_TOPIC,
	 -ERANGE,
	 {.given = IPCFS_P_CAPACITY, .capacity = IPCFS_CAPACITY_MAX + 1}},
	{"topic: attempts", IPCFS_TOPIC, -EINVAL, {.given = IPCFS_P_ATTEMPTS, .attempts = 1}},
	{"channel: value", IPCFS_SIGNAL, -EINVAL, {.given = IPCFS_P_VALUE}},
	{"channel", IPCFS_SIGNAL, 0, {.given = 0}},
	{"event: set", E, 0, {.given = IPCFS_P_SET, .set = true}},
	{"event: not set", E, 0, {.given = IPCFS_P_SET}},
	{"event: value", E, -EINVAL, {.given = IPCFS_P_VALUE}},
	{"value: no type", V, -EINVAL, {.given = 0}},
	{"value: type x", V, -EINVAL, {.given = IPCFS_P_TYPE, .type = 'x'}},
	{"value: type NUL", V, -EINVAL, {.given = IPCFS_P_TYPE}},
	{"value: type past ASCII", V, -EINVAL, {.given = IPCFS_P_TYPE, .type = (char)200}},
	{"value: number with len",
	 V,
	 -EINVAL,
	 {.given = IPCFS_P_TYPE | IPCFS_P_LEN, .type = 'i', .len = 1}},
	{"value: string", V, 0, {.given = IPCFS_P_TYPE, .type = 's'}},
	{"value: string of 0", V, -ERANGE, {.given = IPCFS_P_TYPE | IPCFS_P_LEN, .type = 's'}},
	{"value: string of 1", V, 0, {.given = IPCFS_P_TYPE | IPCFS_P_LEN, .type = 's', .len = 1}},
	{"value: string largest",
	 V,
	 0,
	 {.given = IPCFS_P_TYPE | IPCFS_P_LEN, .type = 's', .len = 65535}},
	{"value: string past it",
	 V,
	 -ERANGE,
	 {.given = IPCFS_P_TYPE | IPCFS_P_LEN, .type = 's', .len = 65536}},
	{"value: capacity", V, -EINVAL, {.given = IPCFS_P_TYPE | IPCFS_P_CAPACITY, .type = 'i'}},
	{"array: nothing", A, -EINVAL, {.given = 0}},
	{"array: no len", A, -EINVAL, {.given = IPCFS_P_TYPE, .type = 'i'}},
	{"array: no type", A, -EINVAL, {.given = IPCFS_P_LEN, .len = 1}},
	{"array: len 0", A, -ERANGE, {.given = IPCFS_P_TYPE | IPCFS_P_LEN, .type = 'i'}},
	{"array: len 1", A, 0, {.given = IPCFS_P_TYPE | IPCFS_P_LEN, .type = 'i', .len = 1}},
	{"array: bytes past the largest",
	 A,
	 -ERANGE,
	 {.given = IPCFS_P_TYPE | IPCFS_P_LEN, .type = 'b', .len = G32 + 1}},
	{"array: doubles past it",
	 A,
	 -ERANGE,
	 {.given = IPCFS_P_TYPE | IPCFS_P_LEN, .type = 'd', .len = G32 / 8 + 1}},
	{"array: strings past it",
	 A,
	 -ERANGE,
	 {.given = IPCFS_P_TYPE | IPCFS_P_LEN, .type = 's', .len = G32 / 255 + 1}},
	{"array: a product that wraps",
	 A,
	 -ERANGE,
	 {.given = IPCFS_P_TYPE | IPCFS_P_LEN, .type = 'd', .len = UINT64_C(1) << 61}},
	{"array: strings", A, 0, {.given = IPCFS_P_TYPE | IPCFS_P_LEN, .type = 's', .len = 3}},
};

static void properties_at_and_past_their_limits(void)
{
	struct ipcfs_object *o;

	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		const char *row = shapes[i].name;
		struct ipcfs_stat st;

		o = NULL;
		t_row(row,
		      ipcfs_open(t.store, shapes[i].kind, "shape", IPCFS_CREATE, 0600, &shapes[i].p,
				 &o),
		      shapes[i].rc);
		if (shapes[i].rc < 0) {
			t_row(row, ipcfs_unlink(t.store, shapes[i].kind, "shape"), -ENOENT);
			continue;
		}
		t_row(row, ipcfs_stat(o, &st), 0);
		t_is(st.kind, shapes[i].kind);
		t_row(row, (st.properties.given & shapes[i].p.given) == shapes[i].p.given, 1);
		/* what stat says opens it again, elsewhere too */
		struct ipcfs_store *other = t_open_store();
		struct ipcfs_object *again = NULL;

		t_row(row, ipcfs_open(other, shapes[i].kind, "shape", 0, 0, &st.properties, &again),
		      0);
		ipcfs_close(again);
		ipcfs_store_close(other);
		ipcfs_close(o);
		t_row(row, ipcfs_unlink(t.store, shapes[i].kind, "shape"), 0);
	}
}

/* A segment of that size is not wanted here: it is enough that memory is asked for. */
static int no_memory(const char *name)
{
	return strcmp(name, "allocate") == 0 ? -ENOSPC : 0;
}

static void the_largest_arrays_are_no_error(void)
{
	static const struct {
		const char *name;
		char type;
		uint64_t len;
	} largest[] = {
		{.name = "bytes", .type = 'B', .len = G32},
		{.name = "doubles", .type = 'd', .len = G32 / 8},
		{.name = "strings", .type = 's', .len = G32 / 255},
	};

	ipcfs_sys_fault = no_memory;
	for (size_t i = 0; i < sizeof(largest) / sizeof(largest[0]); i++) {
		struct ipcfs_properties p = {.given = IPCFS_P_TYPE | IPCFS_P_LEN,
					     .type = largest[i].type,
					     .len = largest[i].len};
		struct ipcfs_object *o = NULL;

		t_row(largest[i].name, ipcfs_open(t.store, A, "large", IPCFS_CREATE, 0600, &p, &o),
		      -ENOSPC);
	}
	ipcfs_sys_fault = NULL;
}

static void defaults(void)
{
	struct ipcfs_stat st;

	t_stat_of(t_object(Q, "q", NULL), &st);
	t_is(st.properties.given, IPCFS_P_MAXSIZE | IPCFS_P_CAPACITY);
	t_is(st.properties.maxsize, 0);
	t_is(st.properties.capacity, 1 << 20);
	t_is(st.messages + st.bytes + st.changes, 0);
	t_stat_of(t_object(S, "s", NULL), &st);
	t_is(st.properties.given, IPCFS_P_VALUE | IPCFS_P_MAX);
	t_is(st.properties.value, 0);
	t_is(st.properties.max, 2147483647);
	t_is(st.value, 0);
	t_stat_of(t_object(E, "e", NULL), &st);
	t_is(st.properties.given, IPCFS_P_SET);
	t_is(st.properties.set, 0);
	t_is(st.value, 0);
	t_stat_of(t_cells(V, "v", 's', 0), &st);
	t_is(st.properties.given, IPCFS_P_TYPE | IPCFS_P_LEN);
	t_is(st.properties.len, 255);
	t_stat_of(t_cells(V, "n", 'i', 0), &st);
	t_is(st.properties.given, IPCFS_P_TYPE);
	struct ipcfs_properties p = {.given = IPCFS_P_SET, .set = true};
	t_stat_of(t_object(E, "set", &p), &st);
	t_is(st.value, 1);
}

/* What each property of an existing object is compared with. */
static const struct {
	const char *name;
	enum ipcfs_kind kind;
	int rc;
	struct ipcfs_properties p;
} matches[] = {
	{"queue: nothing", Q, 0, {.given = 0}},
	{"queue: same maxsize", Q, 0, {.given = IPCFS_P_MAXSIZE, .maxsize = 10}},
	{"queue: other maxsize", Q, -EEXIST, {.given = IPCFS_P_MAXSIZE, .maxsize = 11}},
	{"queue: maxsize 0", Q, -EEXIST, {.given = IPCFS_P_MAXSIZE}},
	{"queue: same capacity", Q, 0, {.given = IPCFS_P_CAPACITY, .capacity = 3000}},
	{"queue: other capacity", Q, -EEXIST, {.given = IPCFS_P_CAPACITY, .capacity = 2999}},
	{"queue: one of two differs",
	 Q,
	 -EEXIST,
	 {.given = IPCFS_P_MAXSIZE | IPCFS_P_CAPACITY, .maxsize = 10, .capacity = 2999}},
	{"queue: not given, not compared", Q, 0, {.given = IPCFS_P_MAXSIZE, .maxsize = 10}},
	{"queue: not its own", Q, -EINVAL, {.given = IPCFS_P_TYPE, .type = 'q'}},
	{"semaphore: same value", S, 0, {.given = IPCFS_P_VALUE, .value = 3}},
	{"semaphore: value of now", S, -EEXIST, {.given = IPCFS_P_VALUE, .value = 2}},
	{"semaphore: same max", S, 0, {.given = IPCFS_P_MAX, .max = 10}},
	{"semaphore: other max", S, -EEXIST, {.given = IPCFS_P_MAX, .max = 11}},
	{"semaphore: not its own", S, -EINVAL, {.given = IPCFS_P_CAPACITY, .capacity = 3000}},
	{"barrier: same parties", IPCFS_BARRIER, 0, {.given = IPCFS_P_PARTIES, .parties = 3}},
	{"barrier: other parties",
	 IPCFS_BARRIER,
	 -EEXIST,
	 {.given = IPCFS_P_PARTIES, .parties = 4}},
	{"list: same capacity", IPCFS_LIST, 0, {.given = IPCFS_P_CAPACITY, .capacity = 3000}},
	{"list: other capacity",
	 IPCFS_LIST,
	 -EEXIST,
	 {.given = IPCFS_P_CAPACITY, .capacity = 3001}},
	{"pipe: same capacity", IPCFS_PIPE, 0, {.given = IPCFS_P_CAPACITY, .capacity = 3000}},
	{"pipe: other capacity", IPCFS_PIPE, -EEXIST, {.given = IPCFS_P_CAPACITY, .capacity = 1}},
	{"topic: same capacity", IPCFS_TOPIC, 0, {.given = IPCFS_P_CAPACITY, .capacity = 3000}},
	{"topic: other capacity", IPCFS_TOPIC, -EEXIST, {.given = IPCFS_P_CAPACITY, .capacity = 1}},
	{"event: as created", E, 0, {.given = IPCFS_P_SET}},
	{"event: as now", E, -EEXIST, {.given = IPCFS_P_SET, .set = true}},
	{"event: not its own", E, -EINVAL, {.given = IPCFS_P_MAX, .max = 1}},
	{"value: same type", V, 0, {.given = IPCFS_P_TYPE, .type = 's'}},
	{"value: other type", V, -EEXIST, {.given = IPCFS_P_TYPE, .type = 'i'}},
	{"value: same len", V, 0, {.given = IPCFS_P_LEN, .len = 20}},
	{"value: other len", V, -EEXIST, {.given = IPCFS_P_LEN, .len = 21}},
	{"value: not its own", V, -EINVAL, {.given = IPCFS_P_SET}},
	{"array: same", A, 0, {.given = IPCFS_P_TYPE | IPCFS_P_LEN, .type = 'q', .len = 100}},
	{"array: other type", A, -EEXIST, {.given = IPCFS_P_TYPE, .type = 'Q'}},
	{"array: other len", A, -EEXIST, {.given = IPCFS_P_LEN, .len = 99}},
	{"array: not its own", A, -EINVAL, {.given = IPCFS_P_MAXSIZE}},
};

static void properties_of_what_exists_are_compared(void)
{
	for (int kind = 0; kind < IPCFS_SEGMENT_COUNT; kind++)
		t_any(kind, "is");
	t_is(ipcfs_semaphore_acquire(t.objects[S], 1, 0), 0);
	for (size_t i = 0; i < sizeof(matches) / sizeof(matches[0]); i++)
		for (int flags = 0; flags <= IPCFS_CREATE; flags += IPCFS_CREATE) {
			struct ipcfs_object *o = NULL;

			t_row(matches[i].name,
			      ipcfs_open(t.store, matches[i].kind, "is", flags, 0600, &matches[i].p,
					 &o),
			      matches[i].rc);
			t_check(o == (matches[i].rc ? NULL : t.objects[matches[i].kind]));
			ipcfs_close(o);
		}
}

static void a_number_has_no_len(void)
{
	struct ipcfs_properties p = {.given = IPCFS_P_LEN, .len = 1};
	struct ipcfs_object *o = NULL;

	t_cells(V, "n", 'i', 0);
	t_check(ipcfs_open(t.store, V, "n", 0, 0, &p, &o) < 0);
}

static void excl(void)
{
	for (int kind = 0; kind < IPCFS_SEGMENT_COUNT; kind++) {
		struct ipcfs_properties p = {.given = 0};
		struct ipcfs_object *o = NULL;

		if (kind == V || kind == A)
			p.given = IPCFS_P_TYPE;
		if (kind == A)
			p.given |= IPCFS_P_LEN;
		if (kind == IPCFS_BARRIER)
			p.given = IPCFS_P_PARTIES;
		p.type = 'd';
		p.len = p.parties = 3;
		t_is(ipcfs_open(t.store, kind, "x", 0, 0, &p, &o), -ENOENT);
		t_is(ipcfs_open(t.store, kind, "x", IPCFS_EXCL, 0, &p, &o), -ENOENT);
		t_is(ipcfs_open(t.store, kind, "x", IPCFS_CREATE | IPCFS_EXCL, 0600, &p, &o), 0);
		t_check(o != NULL);
		ipcfs_close(o);
		o = NULL;
		t_is(ipcfs_open(t.store, kind, "x", IPCFS_CREATE | IPCFS_EXCL, 0600, &p, &o),
		     -EEXIST);
		t_check(o == NULL);
		t_is(ipcfs_open(t.store, kind, "x", IPCFS_CREATE, 0600, &p, &o), 0);
		ipcfs_close(o);
		t_is(ipcfs_unlink(t.store, kind, "x"), 0);
		t_is(ipcfs_unlink(t.store, kind, "x"), -ENOENT);
	}
}

static void opens_of_one_object_share_an_attachment(void)
{
	struct ipcfs_object *a = t_any(Q, "one"), *b = NULL, *c = NULL;
	int mapped = t_mappings();

	for (int i = 0; i < 100; i++) {
		t_is(ipcfs_open(t.store, Q, "one", 0, 0, NULL, &b), 0);
		t_check(a == b);
	}
	t_is(t_mappings(), mapped);
	for (int i = 0; i < 100; i++)
		ipcfs_close(b);
	t_is(t_mappings(), mapped);
	t_is(ipcfs_queue_put(a, "x", 1, 0), 0);
	/* another handle of the store has one of its own */
	struct ipcfs_store *other = t_open_store();
	t_is(ipcfs_open(other, Q, "one", 0, 0, NULL, &c), 0);
	t_check(c != a);
	t_is(ipcfs_queue_put(c, "x", 1, 0), 0);
	ipcfs_close(c);
	ipcfs_store_close(other);
	ipcfs_close(NULL);
	t_is(t_mappings(), mapped);
}

int main(void)
{
	static const struct t_case tests[] = {
		T_TEST(names_are_checked_alike_by_all_calls),
		T_TEST(a_name_of_1024_bytes_works),
		T_TEST(no_such_kind_and_wrong_flags),
		T_TEST(deadlines_from_durations),
		T_TEST(properties_at_and_past_their_limits),
		T_TEST(the_largest_arrays_are_no_error),
		T_TEST(defaults),
		T_TEST(properties_of_what_exists_are_compared),
		T_TEST(a_number_has_no_len),
		T_TEST(excl),
		T_TEST(opens_of_one_object_share_an_attachment),
	};

	return T_RUN(tests);
}
