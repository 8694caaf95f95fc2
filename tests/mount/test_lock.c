/* SPDX-License-Identifier: MIT
 *
 * test_lock.c - contract, locks: a read acquires and gives a token that only grows, `unlock` and close release; the views;
 * what is refused.
 */
#include "agent.h"
#include "hold.h"

#include <time.h>

#include "lock.h"

/* ---- tokens ------------------------------------------------------------------------------------ */

static void a_read_acquires_and_gives_a_token(void **state)
{
	(void)state;
	const char *l = make("token");
	char text[64], again[64];

	int fd = t_open(l, O_RDWR);
	t_check(agent_is_free(l));
	t_check(t_get(fd, text, sizeof(text)) > 1);
	unsigned long long token = strtoull(text, NULL, 10);
	t_check(token > 0 && strchr(text, '\n'));
	t_check(!agent_is_free(l));
	t_is(t_get(fd, again, sizeof(again)), (long)(strchr(text, '\n') - text) + 1);
	t_is(strtoull(again, NULL, 10) == token, 1); /* the same, on the handle that has it */
	t_is((long)agent_try(l, NULL), 0);
	t_is(t_put(fd, "unlock\n"), 7);
	t_check(agent_is_free(l));
	t_check(agent_try(l, NULL) == (long long)token + 1);
	t_check(agent_is_free(l)); /* it was closed */
	t_is(t_stat(l, "token") == (long)token + 1, 1);
	t_check(t_stat_has(l, "abandoned 0"));
	close(fd);
}

static void tokens_grow_over_removal_and_restart(void **state)
{
	(void)state;
	const char *l = make("grow");
	long long last = 0, token;

	for (int i = 0; i < 12; i++) {
		for (int n = 0; n < 5; n++, last = token) {
			token = agent_try(l, NULL);
			t_check(token > last);
		}
		if (i % 3 == 0)
			t_restart();
		if (i % 2) {
			t_is(t_sys(unlink(l)), 0);
			t_is(t_touch(l), 0);
		}
	}
}

static void one_token_and_an_end_of_file(void **state)
{
	(void)state;
	const char *l = make("eof");
	char text[64], again[64];

	int fd = t_open(l, O_RDONLY);
	long n = t_get(fd, text, sizeof(text));
	t_check(n > 1);
	t_gets(fd, "");
	t_is(t_get(fd, again, sizeof(again)), n); /* it has it still */
	t_is(memcmp(text, again, (size_t)n), 0);
	close(fd);
	fd = t_open(t_format("%s,stream", l), O_RDONLY);
	t_is(t_get(fd, text, sizeof(text)), n);
	t_is(t_get(fd, text, sizeof(text)), n);
	close(fd);
	t_check(t_cat(l, text, sizeof(text)) ==
		n); /* cat closes, so it is no holder when it has ended */
	t_check(agent_is_free(l));
	t_check(t_stat_has(l, "abandoned 0"));
}

/* bash reads byte by byte. What is unread of a token after an unlock is not read: it is no token any more. */
static void a_rest_is_gone_with_the_lock(void **state)
{
	(void)state;
	const char *l = make("rest");
	char c;

	int fd = t_open(l, O_RDWR | O_NONBLOCK), other = t_open(l, O_RDWR);
	do
		t_is(t_get(fd, &c, 1), 1);
	while (c != '\n');
	t_is(t_get(fd, &c, 1), 1); /* the first byte of the same token again */
	t_is(t_put(fd, "unlock"), 6);
	char text[64];
	t_check(t_get(other, text, sizeof(text)) > 0);
	t_is(t_get(fd, &c, 1), -EAGAIN);
	t_is(t_poll(fd, POLLIN, 0), 0);
	close(fd);
	close(other);
}

/* ---- what is shown ----------------------------------------------------------------------------- */

static void stat_and_peek_name_the_holder(void **state)
{
	(void)state;
	const char *l = make("holder");
	char text[512], line[64];
	unsigned long long token, shown;
	long pid, uid, since;

	t_shows(t_format("%s,peek", l), "free\n");
	t_is(t_stat(l, "holder"), -ENODATA);
	struct agent a = agent_start(l, 0);
	long before = (long)time(NULL);
	token = agent_takes(&a);
	t_check(t_cat(t_format("%s,peek", l), text, sizeof(text)) > 0);
	t_is(sscanf(text, "%llu %ld %ld %ld\n", &shown, &pid, &uid, &since), 4);
	t_check(shown == token && pid == a.pid && uid == (long)getuid());
	t_check(since >= before && since <= (long)time(NULL));
	snprintf(line, sizeof(line), "holder %ld %ld %ld", pid, uid, since);
	t_check(t_stat_has(l, line));
	t_check(t_stat_has(l, "kind locks"));
	t_is(t_stat(l, "token") == (long)token, 1);
	t_is(agent_says(&a, "unlock"), 6);
	t_is(t_stat(l, "holder"), -ENODATA);
	t_shows(t_format("%s,peek", l), "free\n");
}

static void watch_shows_who_has_it(void **state)
{
	(void)state;
	const char *l = make("watch");
	char text[128];

	int fd = t_open(t_format("%s,watch", l), O_RDONLY);
	t_gets(fd, "free\n");
	t_is(t_poll(fd, POLLIN, 0), 0);
	struct agent a = agent_start(l, 0);
	unsigned long long token = agent_takes(&a);
	t_check(t_poll(fd, POLLIN, T_LIMIT_MS) & POLLIN);
	t_check(t_get(fd, text, sizeof(text)) > 0);
	t_check(strtoull(text, NULL, 10) == token);
	t_kill(a.pid);
	t_gets(fd, "free\n");
	close(fd);
}

/* A program of the library that ends while nobody waits: the watcher sees it all the same. */
static void watch_shows_the_end_of_a_program(void **state)
{
	(void)state;
	const char *l = make("watchend");
	char text[128];

	int fd = t_open(t_format("%s,watch", l), O_RDONLY);
	t_gets(fd, "free\n");
	struct agent a = agent_library("watchend");
	t_is(agent_does(&a, AGENT_ACQUIRE, 0), 0);
	t_check(t_get(fd, text, sizeof(text)) > 0);
	t_check(strtoull(text, NULL, 10) == a.note->token);
	t_kill(a.pid);
	t_gets(fd, "free\n");
	t_check(t_stat_has(l, "abandoned 1"));
	close(fd);
}

static void polls(void **state)
{
	(void)state;
	const char *l = make("poll");

	int fd = t_open(l, O_RDWR), sh = t_open(shared(l), O_RDONLY);
	t_is(t_poll(fd, POLLIN | POLLOUT, 0), POLLIN | POLLOUT);
	struct agent a = agent_start(l, 0);
	agent_takes(&a);
	t_is(t_poll(fd, POLLIN, 0), 0);
	t_is(t_poll(sh, POLLIN, 0), 0);
	t_is(t_poll(fd, POLLOUT, 0), POLLOUT); /* a write never waits */
	t_is(agent_says(&a, "unlock"), 6);
	t_check(t_poll(fd, POLLIN, T_LIMIT_MS) & POLLIN);
	struct agent b = agent_start(shared(l), 0);
	agent_takes(&b);
	t_is(t_poll(fd, POLLIN, 0), 0);
	t_is(t_poll(sh, POLLIN, 0), POLLIN);
	t_kill(b.pid);
	t_check(t_poll(fd, POLLIN, T_LIMIT_MS) & POLLIN);
	char text[64];
	t_check(t_get(fd, text, sizeof(text)) > 0);
	t_is(t_poll(fd, POLLIN, 0), POLLIN); /* it would get its token again */
	t_is(t_sys(unlink(l)), 0);
	t_check(t_poll(fd, POLLIN, 0) & POLLERR);
	close(fd);
	close(sh);
}

/* ---- what is refused --------------------------------------------------------------------------- */

static void unlock_is_for_the_holder(void **state)
{
	(void)state;
	const char *l = make("eperm");
	struct agent a = agent_start(l, 0), b = agent_start(l, 0);

	agent_takes(&a);
	t_is(t_echo(l, "unlock\n"), -EPERM);
	t_is(agent_says(&b, "unlock"), -EPERM);
	t_runs(0, "grep -q 'EPERM locks/eperm: this handle does not hold the lock: write to the "
		  "open file that has read$' $M/errors");
	t_is((long)agent_try(l, NULL), 0);
	t_is(agent_says(&a, "unlock"), 6);
	t_is(agent_says(&a, "unlock"), -EPERM); /* once */
	t_check(agent_is_free(l));
}

static void wrong_words(void **state)
{
	(void)state;
	static const char *const words[] = {"lock",    "UNLOCK", "unlock now", "unlock\n\nunlock",
					    "unlock;", "1",	 "\n",	       "unlockunlock",
					    "abandon", "0",	 " "};
	const char *l = make("words");
	struct agent a = agent_start(l, 0);

	agent_takes(&a);
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		t_is(agent_says(&a, words[i]), -EINVAL);
	t_runs(0, "grep -q 'EINVAL locks/words: \"abandon\" is not \"unlock\"$' $M/errors");
	t_is((long)agent_try(l, NULL), 0); /* it holds it still */
	t_is(agent_says(&a, " \t unlock \n"), 11);
	t_is(t_echo(t_format("%s,ctl", l), "clear"), -EINVAL);
	t_is(t_echo(t_format("%s,ctl", l), "unlock"), -EINVAL);
	t_is(t_echo_bytes(l, "unlock\0", 7), -EINVAL);
}

static void wrong_options(void **state)
{
	(void)state;
	static const char *const options[] = {
		"value=1",    "max=1",	   "maxsize=1",	    "capacity=10", "type=q",
		"len=3",      "set",	   "raw",	    "at=1",	   "cas",
		"n=2",	      "shared=1",  "shared,shared", "stream=1",	   "timeout",
		"timeout=-1", "exclusive", "peek,watch",    "stat,shared", "peek=1"};
	const char *l = make("options");

	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++) {
		t_is(t_open(t_format("%s,%s", l, options[i]), O_RDONLY), -EINVAL);
		t_is(t_open(t_path("locks/new%zu,%s", i, options[i]), O_RDWR | O_CREAT), -EINVAL);
	}
	t_is(t_open(t_path("locks/absent,shared"), O_RDWR | O_CREAT), -ENOENT);
	t_is(t_open(t_format("%s,peek", l), O_RDWR), -EINVAL);
	t_is(t_open(t_format("%s,watch", l), O_WRONLY), -EINVAL);
	t_is(t_sys(truncate(l, 0)), 0);
	t_is((long)agent_try(l, NULL) > 0, 1);
}

static long open_both(const char *path)
{
	int fd = t_open(path, O_RDWR);

	close(fd);
	return fd < 0 ? fd : 0;
}

static void permissions(void **state)
{
	(void)state;
	const char *l = make("perm");
	struct stat st;

	t_is(t_sys(chmod(l, 0600)), 0);
	t_is(t_as(T_NOBODY, open_both, l), -EACCES);
	t_is(t_sys(chmod(l, 0666)), 0);
	t_is(t_as(T_NOBODY, open_both, l), 0);
	mode_t before = umask(022);
	t_is(t_touch(t_path("locks/mode")), 0);
	umask(before);
	t_is(t_sys(stat(t_path("locks/mode"), &st)), 0);
	t_is(st.st_mode & 0777, 0600); /* reading takes */
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		T_TEST(a_read_acquires_and_gives_a_token),
		T_TEST(tokens_grow_over_removal_and_restart),
		T_TEST(one_token_and_an_end_of_file),
		T_TEST(a_rest_is_gone_with_the_lock),
		T_TEST(stat_and_peek_name_the_holder),
		T_TEST(watch_shows_who_has_it),
		T_TEST(watch_shows_the_end_of_a_program),
		T_TEST(polls),
		T_TEST(unlock_is_for_the_holder),
		T_TEST(wrong_words),
		T_TEST(wrong_options),
		T_TEST(permissions),
	};

	return T_RUN(tests, argc, argv);
}
