/* SPDX-License-Identifier: MIT
 *
 * t_objects.c - objects for the unit tests: see t_core.h.
 */
#include "t_core.h"

struct ipcfs_object *t_object(enum ipcfs_kind kind, const char *name,
			      const struct ipcfs_properties *p)
{
	struct ipcfs_object *o = NULL;

	t_is(ipcfs_open(t.store, kind, name, IPCFS_CREATE, 0600, p, &o), 0);
	t_check(t.object_count < T_OBJECTS);
	t.objects[t.object_count++] = o;
	return o;
}

struct ipcfs_object *t_queue(const char *name, uint64_t maxsize, uint64_t capacity)
{
	struct ipcfs_properties p = {.given = IPCFS_P_MAXSIZE | IPCFS_P_CAPACITY,
				     .maxsize = maxsize,
				     .capacity = capacity};

	return t_object(IPCFS_QUEUE, name, &p);
}

struct ipcfs_object *t_semaphore(const char *name, uint64_t value, uint64_t max)
{
	struct ipcfs_properties p = {
		.given = IPCFS_P_VALUE | IPCFS_P_MAX, .value = value, .max = max};

	return t_object(IPCFS_SEMAPHORE, name, &p);
}

struct ipcfs_object *t_barrier(const char *name, uint64_t parties)
{
	struct ipcfs_properties p = {.given = IPCFS_P_PARTIES, .parties = parties};

	return t_object(IPCFS_BARRIER, name, &p);
}

struct ipcfs_object *t_list(const char *name, uint64_t capacity)
{
	struct ipcfs_properties p = {.given = IPCFS_P_CAPACITY, .capacity = capacity};

	return t_object(IPCFS_LIST, name, &p);
}

struct ipcfs_object *t_messages(enum ipcfs_kind kind, const char *name, uint64_t capacity)
{
	struct ipcfs_properties p = {.given = IPCFS_P_CAPACITY, .capacity = capacity};

	return t_object(kind, name, &p);
}

struct ipcfs_object *t_cells(enum ipcfs_kind kind, const char *name, char type, uint64_t len)
{
	struct ipcfs_properties p = {
		.given = IPCFS_P_TYPE | (len ? IPCFS_P_LEN : 0), .type = type, .len = len};

	return t_object(kind, name, &p);
}

struct ipcfs_object *t_any(enum ipcfs_kind kind, const char *name)
{
	struct ipcfs_object *o = NULL;
	int64_t numbers[100] = {1, 2, 3};

	switch (kind) {
	case IPCFS_QUEUE:
		o = t_queue(name, 10, 3000);
		t_is(ipcfs_queue_put(o, "one", 3, 0), 0);
		t_is(ipcfs_queue_put(o, "three", 5, 0), 0);
		break;
	case IPCFS_SEMAPHORE:
		o = t_semaphore(name, 3, 10);
		break;
	case IPCFS_EVENT:
		o = t_object(kind, name, NULL);
		t_is(ipcfs_event_set(o), 0);
		break;
	case IPCFS_VALUE:
		o = t_cells(kind, name, 's', 20);
		t_is(ipcfs_value_set(o, "hello", 5), 0);
		break;
	case IPCFS_ARRAY:
		o = t_cells(kind, name, 'q', 100);
		t_is(ipcfs_array_set(o, 0, 100, numbers), 0);
		break;
	case IPCFS_LOCK:
	case IPCFS_CONDITION:
		o = t_object(kind, name, NULL);
		break;
	case IPCFS_BARRIER:
		o = t_barrier(name, 3);
		break;
	case IPCFS_LIST:
		o = t_list(name, 3000);
		t_is(ipcfs_list_append(o, "one", 3), 0);
		t_is(ipcfs_list_append(o, "three", 5), 0);
		break;
	case IPCFS_SIGNAL:
		o = t_object(kind, name, NULL);
		t_is(ipcfs_channel_fire(o, SIGUSR1), 0);
		break;
	case IPCFS_PIPE:
		o = t_messages(kind, name, 3000);
		t_is(ipcfs_pipe_open(o, IPCFS_END_A), 0);
		t_is(ipcfs_pipe_put(o, IPCFS_END_A, "one", 3, 0), 0);
		t_is(ipcfs_pipe_put(o, IPCFS_END_A, "three", 5, 0), 0);
		break;
	case IPCFS_TOPIC:
		o = t_messages(kind, name, 3000);
		t_is(ipcfs_topic_publish(o, "one", 3), 0);
		t_is(ipcfs_topic_publish(o, "three", 5), 0);
		break;
	case IPCFS_DICT:
		o = t_object(
			kind, name,
			&(struct ipcfs_properties){.given = IPCFS_P_CAPACITY, .capacity = 20000});
		t_is(ipcfs_dict_set(o, "one", "1", 1), 0);
		t_is(ipcfs_dict_set(o, "two", "22", 2), 0);
		break;
	default:
		t_fail("no such kind");
	}
	return o;
}

int t_file(enum ipcfs_kind kind, const char *name)
{
	int fd = open(t_path("%s/%s", ipcfs_kind_name(kind), name), O_RDWR | O_CLOEXEC);

	if (fd < 0)
		t_fail("%s: %s", name, t_result(-errno));
	return fd;
}

void t_stat_of(struct ipcfs_object *o, struct ipcfs_stat *st)
{
	t_is(ipcfs_stat(o, st), 0);
}
