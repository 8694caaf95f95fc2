/* SPDX-License-Identifier: MIT
 *
 * test_damage_claims.c - somebody writes into segments that are in use, where it says who holds what and who waits:
 * whatever is done with them ends, and the server lives.
 */
#include "t.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/file.h>
#include <sys/mman.h>

#include "core/claim.h"

enum { HANDLES = 6, WAITERS = 3, CLAIMS = 12 };

static const struct {
	const char *kind, *properties, *view,
		*takes; /* what a write does that gives, what one that ends */
} kinds[] = {
	{"locks", "", "", "unlock"},
	{"locks", "", ",shared", "unlock"},
	{"conditions", "", "", "arm"},
	{"conditions", "", "", "all"},
	{"barriers", ",parties=5", "", "reset"},
	{"semaphores", ",value=4", ",hold", "1"},
	{"semaphores", ",value=4", ",tokens", "+"},
	{"queues", ",attempts=2,dead=morgue", ",ack", "back"},
	{"queues", ",attempts=2,dead=morgue", ",ack", "done"},
};
enum { KINDS = sizeof(kinds) / sizeof(*kinds) };

static uint64_t next_random(void)
{
	static uint64_t x = 88172645463325252ull;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x;
}

/* Most numbers that mean anything are small, or near the ends; or they are another word of the segment. */
static uint64_t odd_number(const _Atomic uint64_t *words, size_t n)
{
	uint64_t x = next_random();

	switch (x % 5) {
	case 0:
		return (x >> 8) % 6;
	case 1:
		return (x >> 8) % 6 | 1ull << 8;
	case 2:
		return -((x >> 8) % 4);
	case 3:
		return LOAD(words[(x >> 8) % n]);
	default:
		return x;
	}
}

struct segment {
	uint8_t *base;
	size_t size;
	_Atomic uint64_t *control, *claims;
};

static void map(const char *file, struct segment *s)
{
	struct stat st;
	int fd = t_open(file, O_RDWR);

	t_is(t_sys(fstat(fd, &st)), 0);
	s->size = (size_t)st.st_size;
	s->base = mmap(NULL, s->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	t_check(s->base != MAP_FAILED);
	close(fd);
	s->control = (void *)(s->base + SEG_PAGE - SEG_CONTROL);
	s->claims = (void *)(s->base + s->size - CLAIMS_BYTES);
}

/* A word behind the lock, or one of a claim. */
static void scribble(struct segment *s)
{
	enum { FIRST = 9, CONTROL = 248 / 8, WORDS = CLAIMS * CLAIM_BYTES / 8 };
	uint64_t at = next_random();

	if (at % 4 == 0)
		STORE(s->control[FIRST + (at >> 8) % (CONTROL - FIRST)],
		      odd_number(s->control, CONTROL) & ~(uint64_t)(SEG_REMOVED | SEG_DAMAGED));
	else
		STORE(s->claims[(at >> 8) % WORDS], odd_number(s->claims, WORDS));
}

/* Any result, but one. */
static void use(int fd, int k, const char *path)
{
	char buf[256];

	t_limit(T_TEST_S);
	t_get(fd, buf, sizeof(buf));
	t_poll(fd, POLLIN | POLLOUT, 0);
	t_put(fd, kinds[k].takes);
	if (!strcmp(kinds[k].kind, "locks"))
		flock(fd, (next_random() % 2 ? LOCK_EX : LOCK_SH) | LOCK_NB);
	if (next_random() % 8 == 0) {
		t_cat(t_format("%s,stat", path), buf, sizeof(buf));
		t_cat(t_format("%s,peek", path), buf, sizeof(buf));
		t_cat(t_path("deadlocks"), buf, sizeof(buf));
	}
	if (!strcmp(kinds[k].kind, "queues"))
		t_echo(path, "task");
	t_check(t_server() > 0);
}

/* An object with handles that hold, and others that wait, until somebody writes into it. */
static void one_round(int k, int round)
{
	const char *path = t_path("%s/scribbled%d", kinds[k].kind, round);
	const char *view = t_format("%s%s", path, kinds[k].view);
	struct t_io waiters[WAITERS];
	struct segment s;
	int fds[HANDLES];

	t_is(t_touch(t_format("%s%s", path, kinds[k].properties)), 0);
	for (int i = 0; i < HANDLES; i++) {
		fds[i] = t_open(view, O_RDWR | O_NONBLOCK);
		use(fds[i], k, path);
	}
	for (int i = 0; i < WAITERS; i++)
		waiters[i] = t_reader(view, O_RDONLY);
	map(t_in_store("%s/scribbled%d", kinds[k].kind, round), &s);
	for (int i = 0; i < 60; i++) {
		scribble(&s);
		use(fds[i % HANDLES], k, path);
	}
	for (int i = 0; i < HANDLES; i++)
		close(fds[i]);
	t_is_either(t_sys(unlink(path)), 0, -ENOENT);
	for (int i = 0; i < WAITERS; i++)
		t_io_result(&waiters[i]); /* it ends */
	munmap(s.base, s.size);
}

static void claims_of_objects_in_use(void **state)
{
	const char *q = t_path("queues/lives");

	(void)state;
	t_is(t_touch(t_path("queues/morgue,maxsize=100")), 0);
	for (int k = 0; k < KINDS; k++)
		for (int round = 0; round < t_count(8, 200); round++)
			one_round(k, round);
	t_is(t_echo(q, "x"), 0);
	t_shows(q, "x");
	t_is(t_status("parked"), 0);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		T_TEST(claims_of_objects_in_use),
	};

	return T_RUN(tests, argc, argv);
}
