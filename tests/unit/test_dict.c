/* SPDX-License-Identifier: MIT
 *
 * test_dict.c - values by key: each call and its errors, order of insertion, waiting. More of them is
 * test_dict_many.c's.
 */
#include "t_dicts.h"

static const char *order(struct ipcfs_object *d)
{
	static char all[4096];
	struct ipcfs_key key = {.number = 0};
	size_t n = 0;

	all[0] = '\0';
	while (ipcfs_dict_next(d, &key) == 1)
		n += (size_t)snprintf(all + n, sizeof(all) - n, "%s ", key.name);
	return all;
}

static void set_and_get(void)
{
	struct ipcfs_object *d = dict_of("d", 0);
	char buf[4];

	t_is(ipcfs_dict_count(d), 0);
	t_is(ipcfs_dict_get(d, "a", buf, sizeof(buf), NULL), -ENOENT);
	t_is(ipcfs_dict_set(d, "a", "one", 3), 0);
	t_is(ipcfs_dict_set(d, "b", "", 0), 0);
	t_has(d, "a", "one");
	t_has(d, "b", "");
	t_is(ipcfs_dict_set(d, "a", "three", 5), 0);
	/* a short buffer gets what it has room for, and the whole length */
	t_is(ipcfs_dict_get(d, "a", buf, sizeof(buf), NULL), 5);
	t_is(memcmp(buf, "thre", 4), 0);
	t_is(ipcfs_dict_get(d, "a", NULL, 0, NULL), 5);
	t_is(ipcfs_dict_count(d), 2);
	t_is(dict_look(d), 2);
}

static void add_append_remove(void)
{
	struct ipcfs_object *d = dict_of("d", 0);

	t_is(ipcfs_dict_add(d, "a", "1", 1), 0);
	t_is(ipcfs_dict_add(d, "a", "2", 1), -EEXIST);
	t_has(d, "a", "1");
	t_is(ipcfs_dict_append(d, "a", "23", 2), 0);
	t_is(ipcfs_dict_append(d, "a", "", 0), 0);
	t_has(d, "a", "123");
	t_is(ipcfs_dict_append(d, "b", "x", 1), 0);
	t_has(d, "b", "x");
	t_is(ipcfs_dict_remove(d, "a"), 0);
	t_is(ipcfs_dict_remove(d, "a"), -ENOENT);
	t_has(d, "a", "-ENOENT");
	t_is(dict_look(d), 1);
	t_is(ipcfs_dict_remove(d, "b"), 0);
	t_is(dict_look(d), 0);
	t_is(ipcfs_dict_set(d, "a", "again", 5), 0);
	t_has(d, "a", "again");
}

static void pop_takes_it_all_or_leaves_it(void)
{
	struct ipcfs_object *d = dict_of("d", 0);
	char buf[8];

	t_is(ipcfs_dict_pop(d, "a", buf, sizeof(buf)), -ENOENT);
	t_is(ipcfs_dict_set(d, "a", "12345", 5), 0);
	t_is(ipcfs_dict_pop(d, "a", buf, 4), -EMSGSIZE);
	t_has(d, "a", "12345");
	t_is(ipcfs_dict_pop(d, "a", buf, 5), 5);
	t_is(memcmp(buf, "12345", 5), 0);
	t_is(ipcfs_dict_pop(d, "a", buf, 5), -ENOENT);
	t_is(ipcfs_dict_set(d, "b", "", 0), 0);
	t_is(ipcfs_dict_pop(d, "b", NULL, 0), 0);
	t_is(dict_look(d), 0);
}

static void names_of_keys(void)
{
	struct ipcfs_object *d = dict_of("d", 0);
	char name[IPCFS_NAME_MAX + 2];

	static const char *const bad[] = {"", ".", "..", "a,b", ",", "a\nb", "\177"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		t_row(bad[i], ipcfs_dict_set(d, bad[i], "x", 1), -EINVAL);
		t_row(bad[i], ipcfs_dict_get(d, bad[i], NULL, 0, NULL), -EINVAL);
	}
	t_is(ipcfs_dict_set(d, "a/b", "x", 1), -EINVAL);
	static const char *const good[] = {".a", "...", ".hidden", "a b", "ä", "%2C", "-", "\\"};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		t_row(good[i], ipcfs_dict_set(d, good[i], good[i], strlen(good[i])), 0);
		t_has(d, good[i], good[i]);
	}
	memset(name, 'n', sizeof(name));
	name[IPCFS_NAME_MAX] = '\0';
	t_is(ipcfs_dict_set(d, name, "x", 1), 0);
	t_has(d, name, "x");
	name[0] = '.';
	t_is(ipcfs_dict_set(d, name, "y", 1), 0);
	t_has(d, name, "y");
	name[IPCFS_NAME_MAX] = 'n';
	name[IPCFS_NAME_MAX + 1] = '\0';
	t_is(ipcfs_dict_set(d, name, "x", 1), -ENAMETOOLONG);
	name[0] = 'n';
	t_is(ipcfs_dict_set(d, name, "x", 1), -ENAMETOOLONG);
	t_is(ipcfs_dict_count(d), 10);
	t_is(dict_look(d), 10);
}

static void order_of_insertion(void)
{
	struct ipcfs_object *d = dict_of("d", 0);

	for (const char *k = "zebra"; *k; k++)
		t_is(ipcfs_dict_set(d, (char[]){*k, 0}, "x", 1), 0);
	t_check(!strcmp(order(d), "z e b r a "));
	t_is(ipcfs_dict_set(d, "b", "again", 5), 0); /* keeps its place */
	t_is(ipcfs_dict_rename(d, "e", "a-much-longer-name-than-it-was-made-with"), 0);
	t_is(ipcfs_dict_remove(d, "z"), 0);
	t_is(ipcfs_dict_set(d, "z", "x", 1), 0); /* is the last now */
	t_check(!strcmp(order(d), "a-much-longer-name-than-it-was-made-with b r a z "));
	t_is(dict_look(d), 5);
}

/* Keys that are there all the time are told once, whatever comes and goes. */
static void keys_come_and_go_while_they_are_told(void)
{
	struct ipcfs_object *d = dict_of("d", 0);
	struct ipcfs_key key = {.number = 0};
	char name[16];
	int stay = 0;

	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "%s%d", i % 2 ? "go" : "stay", i);
		t_is(ipcfs_dict_set(d, name, name, strlen(name)), 0);
	}
	for (int i = 0; ipcfs_dict_next(d, &key) == 1; i++) {
		stay += !strncmp(key.name, "stay", 4);
		/* the very one that was told, those behind, new ones */
		if (!strncmp(key.name, "go", 2))
			t_is(ipcfs_dict_remove(d, key.name), 0);
		if (i < 50) {
			snprintf(name, sizeof(name), "new%d", i);
			t_is(ipcfs_dict_set(d, name, "", 0), 0);
		}
	}
	t_is(stay, 100);
	t_is(ipcfs_dict_count(d), 150);
	t_is(dict_look(d), 150);
}

static void another_name(void)
{
	struct ipcfs_object *d = dict_of("d", 0);
	struct ipcfs_key before, after;

	t_is(ipcfs_dict_rename(d, "a", "b"), -ENOENT);
	t_is(ipcfs_dict_set(d, "a", "1", 1), 0);
	t_is(ipcfs_dict_set(d, "c", "3", 1), 0);
	t_is(ipcfs_dict_stat(d, "a", &before), 0);
	t_is(ipcfs_dict_rename(d, "a", "c"), -EEXIST);
	t_is(ipcfs_dict_rename(d, "a", "a"), 0);
	t_is(ipcfs_dict_rename(d, "a", "."), -EINVAL);
	t_is(ipcfs_dict_rename(d, "a", "b"), 0);
	t_has(d, "b", "1");
	t_has(d, "a", "-ENOENT");
	t_is(ipcfs_dict_stat(d, "b", &after), 0);
	t_is(after.number, before.number);
	t_check(!strcmp(after.name, "b"));
	for (int len = 1; len <= IPCFS_NAME_MAX; len++) {
		char from[IPCFS_NAME_MAX + 1] = "b", to[IPCFS_NAME_MAX + 1] = "";

		if (len > 1)
			memset(from, 'x', (size_t)len - 1);
		memset(to, 'x', (size_t)len);
		t_is(ipcfs_dict_rename(d, from, to), 0);
		t_is(dict_look(d), 2);
	}
	t_is(ipcfs_dict_clear(d), 2);
}

static void what_is_known_of_a_key(void)
{
	struct ipcfs_object *d = dict_of("d", 0);
	struct ipcfs_key a, b;
	mode_t mask = umask(027);

	t_is(ipcfs_dict_stat(d, "a", &a), -ENOENT);
	t_is(ipcfs_dict_set(d, "a", "12", 2), 0);
	umask(mask);
	t_is(ipcfs_dict_set(d, "b", "", 0), 0);
	t_is(ipcfs_dict_stat(d, "a", &a), 0);
	t_is(ipcfs_dict_stat(d, "b", &b), 0);
	t_is(a.len, 2);
	t_is(b.len, 0);
	t_is(a.mode, 0640);
	t_is(a.uid, geteuid());
	t_is(a.gid, getegid());
	t_check(b.number > a.number && b.mtime_ns >= a.mtime_ns);
	t_check(a.mtime_ns <= sys_realtime_ns() && a.mtime_ns > sys_realtime_ns() - 600 * T_SECOND);
	t_is(ipcfs_dict_append(d, "a", "3", 1), 0);
	t_is(ipcfs_dict_stat(d, "a", &b), 0);
	t_is(b.len, 3);
	t_is(b.number, a.number);
	t_check(b.mtime_ns >= a.mtime_ns);
}

static void compare_and_set(void)
{
	struct ipcfs_object *d = dict_of("d", 0);
	uint64_t a = 0, b = 0;

	t_is(ipcfs_dict_cas(d, "a", "x", 1, &a), -ENOENT);
	t_is(ipcfs_dict_set(d, "a", "1", 1), 0);
	t_is(ipcfs_dict_set(d, "b", "1", 1), 0);
	t_is(ipcfs_dict_get(d, "a", NULL, 0, &a), 1);
	t_is(ipcfs_dict_get(d, "b", NULL, 0, &b), 1);
	t_is(ipcfs_dict_set(d, "b", "2", 1), 0); /* another key's change is none of this one */
	t_is(ipcfs_dict_cas(d, "a", "2", 1, &a), 0);
	t_is(ipcfs_dict_cas(d, "a", "3", 1, &a), 0);
	t_is(ipcfs_dict_cas(d, "b", "3", 1, &b), -ECANCELED);
	t_has(d, "a", "3");
	t_has(d, "b", "2");
	/* the same bytes again are a change, and so is another key of the same name */
	t_is(ipcfs_dict_get(d, "a", NULL, 0, &a), 1);
	t_is(ipcfs_dict_set(d, "a", "3", 1), 0);
	t_is(ipcfs_dict_cas(d, "a", "4", 1, &a), -ECANCELED);
	t_is(ipcfs_dict_get(d, "a", NULL, 0, &a), 1);
	t_is(ipcfs_dict_remove(d, "a"), 0);
	t_is(ipcfs_dict_set(d, "a", "3", 1), 0);
	t_is(ipcfs_dict_cas(d, "a", "4", 1, &a), -ECANCELED);
	t_has(d, "a", "3");
}

struct sum {
	const char *was, *is; /* or an error's name */
	enum ipcfs_arith op;
	char type;
	union ipcfs_number n;
	char result;
};

static void numbers(void)
{
	static const struct sum sums[] = {
		{"5", "7", IPCFS_ADD, 'q', {.i = 2}, 'q'},
		{"5\n", "7\n", IPCFS_ADD, 'q', {.i = 2}, 'q'},
		{" 5 \n", "3\n", IPCFS_SUB, 'q', {.i = 2}, 'q'},
		{"", "2\n", IPCFS_ADD, 'q', {.i = 2}, 'q'},
		{"-3", "-6", IPCFS_MUL, 'q', {.i = 2}, 'q'},
		{"12", "8", IPCFS_AND, 'q', {.i = 10}, 'q'},
		{"12", "14", IPCFS_OR, 'q', {.i = 10}, 'q'},
		{"12", "6", IPCFS_XOR, 'q', {.i = 10}, 'q'},
		{"1.5", "3.5", IPCFS_ADD, 'q', {.i = 2}, 'd'},
		{"1", "1.5", IPCFS_ADD, 'd', {.f = 0.5}, 'd'},
		{"1.5", "2.0", IPCFS_ADD, 'd', {.f = 0.5}, 'd'},
		{"9223372036854775807", "-ERANGE", IPCFS_ADD, 'q', {.i = 1}, 'q'},
		{"9223372036854775808", "-ERANGE", IPCFS_ADD, 'q', {.i = 1}, 'q'},
		{"1e308", "-ERANGE", IPCFS_MUL, 'd', {.f = 1e10}, 'd'},
		{"1.5", "-EINVAL", IPCFS_AND, 'q', {.i = 1}, 'q'},
		{"five", "-EINVAL", IPCFS_ADD, 'q', {.i = 1}, 'q'},
		{"1 2", "-EINVAL", IPCFS_ADD, 'q', {.i = 1}, 'q'},
		{"0000000000000000000000000000000000000000000001",
		 "-EINVAL",
		 IPCFS_ADD,
		 'q',
		 {.i = 1},
		 'q'},
	};
	struct ipcfs_object *d = dict_of("d", 0);

	for (size_t i = 0; i < sizeof(sums) / sizeof(sums[0]); i++) {
		const struct sum *s = &sums[i];
		union ipcfs_number n = s->n;
		char type = s->type;
		int rc;

		t_is(ipcfs_dict_set(d, "n", s->was, strlen(s->was)), 0);
		rc = ipcfs_dict_op(d, "n", s->op, &type, &n);
		if (rc < 0) {
			t_check(!strcmp(t_result(rc), s->is));
			t_has(d, "n", s->was);
			continue;
		}
		t_has(d, "n", s->is);
		t_is(type, s->result);
		t_check(type == 'q' ? n.i == atol(s->is) : n.f == atof(s->is));
	}
	t_is(ipcfs_dict_op(d, "none", IPCFS_ADD, &(char){'q'}, &(union ipcfs_number){.i = 1}),
	     -ENOENT);
	t_is(ipcfs_dict_op(d, "n", IPCFS_ADD, &(char){'i'}, &(union ipcfs_number){.i = 1}),
	     -EINVAL);
	t_is(ipcfs_dict_op(d, "n", IPCFS_ADD, &(char){0}, &(union ipcfs_number){.i = 1}), -EINVAL);
}

static void clear_is_one_step(void)
{
	struct ipcfs_object *d = dict_of("d", 0);
	struct ipcfs_key key = {.number = 0};
	uint64_t number;
	char name[16];

	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 300; i++) {
			snprintf(name, sizeof(name), "k%d", i);
			t_is(ipcfs_dict_set(d, name, name, strlen(name)), 0);
		}
		t_is(dict_look(d), 300);
		t_is(ipcfs_dict_stat(d, "k299", &key), 0);
		number = key.number;
		t_is(ipcfs_dict_clear(d), 300);
		t_is(dict_look(d), 0);
		t_has(d, "k1", "-ENOENT");
		memset(&key, 0, sizeof(key));
		t_is(ipcfs_dict_next(d, &key), 0);
	}
	t_is(ipcfs_dict_clear(d), 0);
	t_is(ipcfs_dict_set(d, "k1", "", 0), 0);
	t_is(ipcfs_dict_stat(d, "k1", &key), 0);
	t_check(key.number > number); /* numbers are used once */
}

static void values_of_any_length(void)
{
	struct ipcfs_object *d = dict_of("d", 0);
	size_t most = IPCFS_DICT_VALUE_MAX;
	char *in = malloc(most + 1), *out = malloc(most + 1);

	t_check(in && out);
	for (size_t i = 0; i <= most; i++)
		in[i] = (char)(i * 7 + (i >> 8));
	for (size_t len = 1; len <= most; len = len * 2 + (len & 1 ? 5 : 0)) {
		t_is(ipcfs_dict_set(d, "v", in, len), 0);
		memset(out, 0xee, len + 1);
		t_is(ipcfs_dict_get(d, "v", out, len + 1, NULL), (long)len);
		t_is(memcmp(in, out, len), 0);
		t_is(dict_look(d), 1);
	}
	t_is(ipcfs_dict_set(d, "v", in, most), 0);
	t_is(ipcfs_dict_set(d, "v", in, most + 1), -EMSGSIZE);
	t_is(ipcfs_dict_append(d, "v", in, 1), -EMSGSIZE);
	t_is(ipcfs_dict_add(d, "w", in, most + 1), -EMSGSIZE);
	t_is(ipcfs_dict_get(d, "v", out, most, NULL), (long)most);
	t_is(memcmp(in, out, most), 0);
	free(in);
	free(out);
}

static void a_value_that_grows(void)
{
	struct ipcfs_object *d = dict_of("d", 0);
	char in[100], out[60000];
	size_t len = 0;

	for (int i = 0; i < 500; i++) {
		size_t n = t_below(sizeof(in)) + 1;

		memset(in, i & 0xff, n);
		t_is(ipcfs_dict_append(d, "log", in, n), 0);
		len += n;
		if (i % 50 == 0)
			t_is(dict_look(d), 1);
	}
	t_is(ipcfs_dict_get(d, "log", out, sizeof(out), NULL), (long)len);
	for (size_t i = 1; i < len; i++)
		t_check((uint8_t)out[i] == (uint8_t)out[i - 1] ||
			(uint8_t)out[i] == (uint8_t)(out[i - 1] + 1));
}

/* ---- waiting ----------------------------------------------------------------------------------------- */

static long wait_for_a(struct ipcfs_object *o, long arg, int64_t deadline_ns)
{
	uint64_t changes = (uint64_t)arg;

	return ipcfs_dict_wait(o, "a", &changes, deadline_ns);
}

static struct t_call *waiter(struct ipcfs_object *d, int64_t timeout_ns)
{
	uint64_t changes;

	t_is(ipcfs_dict_get(d, "a", NULL, 0, &changes), 1);
	return t_start_waiting((struct t_call){.kind = D,
					       .name = "d",
					       .function = wait_for_a,
					       .arg = (long)changes,
					       .timeout_ns = timeout_ns});
}

static void waits_for_a_change_of_its_key(void)
{
	struct ipcfs_object *d = dict_of("d", 0);
	struct t_call *call;

	t_is(ipcfs_dict_set(d, "a", "1", 1), 0);
	t_is(ipcfs_dict_wait(d, "a", &(uint64_t){0}, 0), 0);
	t_is(ipcfs_dict_wait(d, "b", &(uint64_t){0}, 0), -ENOENT);
	call = waiter(d, -1);
	t_is(ipcfs_dict_set(d, "b", "1", 1), 0); /* wakes it, but not for long */
	t_until(t_asleep(call->pid));
	t_is(call->result, T_UNDECIDED);
	t_is(ipcfs_dict_set(d, "a", "1", 1), 0);
	t_ends_with(call, 0);
	call = waiter(d, -1);
	t_is(ipcfs_dict_remove(d, "a"), 0);
	t_ends_with(call, -ENOENT);
	t_is(ipcfs_dict_set(d, "a", "1", 1), 0);
	call = waiter(d, 50 * T_MS);
	t_ends_with(call, -ETIMEDOUT);
	call = waiter(d, -1);
	t_is(ipcfs_unlink(t.store, D, "d"), 0);
	t_ends_with(call, -EIDRM);
	t_is(ipcfs_dict_set(d, "a", "1", 1), -EIDRM);
	t_is(ipcfs_dict_next(d, &(struct ipcfs_key){.number = 0}), -EIDRM);
}

int main(void)
{
	static const struct t_case tests[] = {
		T_TEST(set_and_get),
		T_TEST(add_append_remove),
		T_TEST(pop_takes_it_all_or_leaves_it),
		T_TEST(names_of_keys),
		T_TEST(order_of_insertion),
		T_TEST(keys_come_and_go_while_they_are_told),
		T_TEST(another_name),
		T_TEST(what_is_known_of_a_key),
		T_TEST(compare_and_set),
		T_TEST(numbers),
		T_TEST(clear_is_one_step),
		T_TEST(values_of_any_length),
		T_TEST(a_value_that_grows),
		T_TEST(waits_for_a_change_of_its_key),
	};

	return T_RUN(tests);
}
