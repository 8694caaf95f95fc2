/* SPDX-License-Identifier: MIT
 *
 * test_dict_many.c - values by key: random operations against a model; a dict that is full; modes and properties; many
 * keys.
 */
#include "t_dicts.h"

/* ---- against a model ------------------------------------------------------------------------------ */

enum { KEYS = 300, VALUE = 300 };

static struct model {
	bool there;
	uint64_t number; /* order */
	size_t len;
	char value[VALUE];
} model[KEYS];
static uint64_t made;

static void model_put(int i, const char *value, size_t len)
{
	if (!model[i].there)
		model[i].number = ++made;
	model[i].there = true;
	model[i].len = len;
	memcpy(model[i].value, value, len);
}

static void check_all(struct ipcfs_object *d)
{
	struct ipcfs_key key = {.number = 0};
	uint64_t last = 0;
	char out[VALUE];
	int n = 0;

	while (ipcfs_dict_next(d, &key) == 1) {
		struct model *m = &model[atoi(key.name)];

		t_check(m->there && m->number > last);
		last = m->number;
		t_is(ipcfs_dict_get(d, key.name, out, sizeof(out), NULL), (long)m->len);
		t_is(memcmp(out, m->value, m->len), 0);
		n++;
	}
	for (int i = 0; i < KEYS; i++)
		n -= model[i].there;
	t_is(n, 0);
	t_is(dict_look(d), ipcfs_dict_count(d));
}

static void step(struct ipcfs_object *d)
{
	int i = (int)t_below(KEYS), k = (int)t_below(KEYS);
	struct model *m = &model[i];
	size_t len = t_below(t_below(4) ? 20 : VALUE);
	char key[40], other[40], value[VALUE];

	/* one key, names of several lengths would be several */
	snprintf(key, sizeof(key), "%d%.*s", i, i % 20, "--------------------");
	snprintf(other, sizeof(other), "%d%.*s", k, k % 20, "--------------------");
	memset(value, (int)t_below(256), sizeof(value));
	switch (t_below(7)) {
	case 0:
	case 1:
		t_is(ipcfs_dict_set(d, key, value, len), 0);
		model_put(i, value, len);
		break;
	case 2:
		t_is(ipcfs_dict_remove(d, key), m->there ? 0 : -ENOENT);
		m->there = false;
		break;
	case 3:
		t_is(ipcfs_dict_pop(d, key, value, VALUE), m->there ? (long)m->len : -ENOENT);
		m->there = false;
		break;
	case 4:
		t_is(ipcfs_dict_add(d, key, value, len), m->there ? -EEXIST : 0);
		if (!m->there)
			model_put(i, value, len);
		break;
	case 5:
		if (m->there && m->len + len > VALUE)
			break;
		t_is(ipcfs_dict_append(d, key, value, len), 0);
		if (!m->there)
			model_put(i, value, 0);
		memcpy(m->value + m->len, value, len);
		m->len += len;
		break;
	default:
		t_is(ipcfs_dict_rename(d, key, other), !m->there      ? -ENOENT :
						       i == k	      ? 0 :
						       model[k].there ? -EEXIST :
									0);
		if (m->there && i != k && !model[k].there) {
			model[k] = *m;
			m->there = false;
		}
	}
}

static void against_a_model(void)
{
	struct ipcfs_object *d = dict_of("d", 0);
	int n = t_count(20000);

	memset(model, 0, sizeof(model));
	made = 0;
	for (int i = 0; i < n; i++) {
		step(d);
		if (i % 500 == 0)
			check_all(d);
		if (i % 7000 == 6999) {
			t_check(ipcfs_dict_clear(d) > 0);
			for (int k = 0; k < KEYS; k++)
				model[k].there = false;
		}
	}
	check_all(d);
}

/* ---- limits ---------------------------------------------------------------------------------------- */

static void a_dict_that_is_full(void)
{
	struct ipcfs_object *d = dict_of("small", 100000);
	char name[16], value[1000] = {0};
	int n = 0, rc;

	do {
		snprintf(name, sizeof(name), "k%d", n);
		rc = ipcfs_dict_set(d, name, value, sizeof(value));
		n += rc == 0;
	} while (rc == 0);
	t_is(rc, -ENOSPC);
	t_check(n > 70 && n < 100);
	t_is(dict_look(d), n);
	t_is(ipcfs_dict_remove(d, "k0"), 0);
	t_is(ipcfs_dict_set(d, name, value, sizeof(value)), 0);
	t_is(ipcfs_dict_set(d, "k1", value, sizeof(value)),
	     -ENOSPC); /* both lie there for a moment */
	t_is(ipcfs_dict_remove(d, "k2"), 0);
	t_is(ipcfs_dict_set(d, "k1", value, sizeof(value)), 0);
	t_is(dict_look(d), n - 1);
}

static void properties(void)
{
	struct ipcfs_properties p = {.given = IPCFS_P_CAPACITY};
	struct ipcfs_object *o = NULL;
	struct ipcfs_stat st;

	t_is(ipcfs_open(t.store, D, "d", IPCFS_CREATE, 0700, &p, &o), -ERANGE);
	p.capacity = IPCFS_CAPACITY_MAX + 1;
	t_is(ipcfs_open(t.store, D, "d", IPCFS_CREATE, 0700, &p, &o), -ERANGE);
	p.capacity = 5000;
	o = t_object(D, "d", &p);
	t_stat_of(o, &st);
	t_is(st.properties.capacity, 5000);
	t_is(st.keys, 0);
	p.capacity = 5001;
	t_is(ipcfs_open(t.store, D, "d", 0, 0, &p, &o), -EEXIST);
	p = (struct ipcfs_properties){.given = IPCFS_P_LEN, .len = 1};
	t_is(ipcfs_open(t.store, D, "e", IPCFS_CREATE, 0700, &p, &o), -EINVAL);
}

/* The file's mode is who may do anything; what is shown is kept inside. */
static void modes(void)
{
	static const struct {
		mode_t asked, shown, file;
	} rows[] = {
		{0700, 0700, 0600}, {0755, 0755, 0600}, {0777, 0777, 0666}, {0770, 0770, 0660},
		{0666, 0777, 0666}, {0644, 0755, 0600}, {0600, 0700, 0600}, {0707, 0707, 0606},
	};
	mode_t mask = umask(0);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ipcfs_object *o = NULL;
		struct ipcfs_stat st;
		struct stat file;
		char name[8];

		snprintf(name, sizeof(name), "d%zu", i);
		t_is(ipcfs_open(t.store, D, name, IPCFS_CREATE, rows[i].asked, NULL, &o), 0);
		t_stat_of(o, &st);
		t_is(st.mode, rows[i].shown);
		t_is(stat(t_path("dicts/%s", name), &file), 0);
		t_is(file.st_mode & 07777, rows[i].file);
		ipcfs_close(o);
	}
	umask(mask);
}

static void other_kinds_are_no_dicts(void)
{
	char type = 'q';

	for (int kind = 0; kind < IPCFS_SEGMENT_COUNT; kind++) {
		struct ipcfs_object *o = t_any(kind, "o");

		if (kind == D)
			continue;
		t_is(ipcfs_dict_set(o, "a", "x", 1), -EINVAL);
		t_is(ipcfs_dict_add(o, "a", "x", 1), -EINVAL);
		t_is(ipcfs_dict_append(o, "a", "x", 1), -EINVAL);
		t_is(ipcfs_dict_get(o, "a", NULL, 0, NULL), -EINVAL);
		t_is(ipcfs_dict_pop(o, "a", NULL, 0), -EINVAL);
		t_is(ipcfs_dict_cas(o, "a", "x", 1, &(uint64_t){0}), -EINVAL);
		t_is(ipcfs_dict_op(o, "a", IPCFS_ADD, &type, &(union ipcfs_number){.i = 1}),
		     -EINVAL);
		t_is(ipcfs_dict_remove(o, "a"), -EINVAL);
		t_is(ipcfs_dict_rename(o, "a", "b"), -EINVAL);
		t_is(ipcfs_dict_clear(o), -EINVAL);
		t_is(ipcfs_dict_count(o), -EINVAL);
		t_is(ipcfs_dict_next(o, &(struct ipcfs_key){.number = 0}), -EINVAL);
		t_is(ipcfs_dict_stat(o, "a", &(struct ipcfs_key){.number = 0}), -EINVAL);
		t_is(ipcfs_dict_wait(o, "a", &(uint64_t){0}, 0), -EINVAL);
	}
}

/* ---- many keys ------------------------------------------------------------------------------------------ */

static void many_keys(void)
{
	struct ipcfs_object *d = dict_of("d", 0);
	struct ipcfs_key key = {.number = 0};
	int n = t_count(20000), told = 0;
	char name[16];

	for (int i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "%d", i);
		t_is(ipcfs_dict_set(d, name, name, strlen(name)), 0);
	}
	t_is(ipcfs_dict_count(d), n);
	while (ipcfs_dict_next(d, &key) == 1)
		t_is(atoi(key.name), told++);
	t_is(told, n);
	/* the table has grown with them: no chain is long */
	t_is(heap_root_now(d, ROOT_BUCKETS), n);
	for (int i = n - 1; i >= 0; i--) {
		snprintf(name, sizeof(name), "%d", i);
		t_has(d, name, name);
		t_is(ipcfs_dict_remove(d, name), 0);
	}
	t_is(ipcfs_dict_count(d), 0);
}

/* From a place whose key is gone the next one is found, however far it is from the first. */
static void a_place_that_is_gone(void)
{
	struct ipcfs_object *d = dict_of("d", 0);
	int n = t_count(100000), far = n - n / 10;
	struct ipcfs_key key;
	char name[16];

	for (int i = 1; i <= n; i++) {
		snprintf(name, sizeof(name), "%d", i);
		t_is(ipcfs_dict_set(d, name, "", 0), 0);
	}
	snprintf(name, sizeof(name), "%d", far);
	t_is(ipcfs_dict_stat(d, name, &key), 0);
	t_is(key.number, far);
	t_is(ipcfs_dict_remove(d, name), 0);
	t_is(ipcfs_dict_next(d, &key), 1);
	t_is(key.number, far + 1);
	key = (struct ipcfs_key){.number = (uint64_t)far - 1, .place = 12345};
	t_is(ipcfs_dict_next(d, &key), 1);
	t_is(key.number, far + 1);
	key = (struct ipcfs_key){.number = (uint64_t)n};
	t_is(ipcfs_dict_next(d, &key), 0);
}

int main(void)
{
	static const struct t_case tests[] = {
		T_TEST(against_a_model),
		T_TEST(a_dict_that_is_full),
		T_TEST(properties),
		T_TEST(modes),
		T_TEST(other_kinds_are_no_dicts),
		T_TEST(many_keys),
		T_TEST(a_place_that_is_gone),
	};

	return T_RUN(tests);
}
