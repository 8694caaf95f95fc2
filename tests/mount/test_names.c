/* SPDX-License-Identifier: MIT
 *
 * test_names.c - contract, section 2: the grammar of names and options; what cannot be.
 */
#include "t.h"

#include "names.h"

/* ---- names ------------------------------------------------------------------------------------- */

static void lengths_of_names(void **state)
{
	(void)state;
	for (int k = 0; k < KINDS; k++) {
		const char *longest = t_path("%s/%s", kinds[k], repeated('n', 200));
		t_is(t_touch(longest), 0);
		t_is(t_exists(longest), 0);
		t_is(t_stat(longest, "waiters"), 0); /* options do not count */
		t_is(t_sys(unlink(longest)), 0);
		t_is(t_touch(t_path("%s/%s", kinds[k], repeated('n', 201))), -ENAMETOOLONG);
		t_is(t_touch(t_path("%s/%s", kinds[k], repeated('n', 255))), -ENAMETOOLONG);
		t_is(t_touch(t_path("%s/%s", kinds[k], repeated('n', 1000))), -ENAMETOOLONG);
		t_is(t_exists(t_path("%s/%s", kinds[k], repeated('n', 201))), -ENAMETOOLONG);
		t_is(t_sys(mkdir(t_path("%s/%s", kinds[k], repeated('d', 201)), 0755)),
		     -ENAMETOOLONG);
	}
	t_is(t_touch(t_path("queues/x")), 0);
	t_is(t_sys(rename(t_path("queues/x"), t_path("queues/%s", repeated('n', 201)))),
	     -ENAMETOOLONG);
	t_is(t_touch(t_path("queues/%s,maxsize=3", repeated('m', 200))), 0);
	t_is(t_stat(t_path("queues/%s", repeated('m', 200)), "maxsize"), 3);
	t_is(t_touch(t_path("queues/%s,peek", repeated('m', 201))), -ENAMETOOLONG);
}

static void bytes_of_names(void **state)
{
	(void)state;
	static const char *const good[] = {
		"a",	    "with blank", " ",	  "100%", "%2C", "a=b",	  "=",
		"x.y",	    "a.",	  "-n",	  "*",	  "\\",	 "\"q\"", "\xc3\xa9t\xc3\xa9",
		"\xff\xfe", "~",	  "stat", "peek", "a;b", "$HOME", "#",
		"0",
	};
	static const char *const bad[] = {
		".hidden", "..x", "a\nb",  "\x01", "tab\there", "a\x1f",   "del\x7f",
		"\n",	   ",",	  ",peek", "a,",   "a,,peek",	"a, peek", "a,peek,",
	};
	for (int k = 0; k < KINDS; k++) {
		for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
			const char *path = t_path("%s/%s", kinds[k], good[i]);
			long made = t_touch(path);
			if (made < 0)
				t_fail("%s/'%s': %s", kinds[k], good[i], t_result(made));
			t_is(t_exists(path), 0);
			t_is(t_sys(unlink(path)), 0);
		}
		for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
			long made = t_touch(t_path("%s/%s", kinds[k], bad[i]));
			if (made != -EINVAL)
				t_fail("%s/'%s': %s, not -EINVAL", kinds[k], bad[i],
				       t_result(made));
		}
	}
	t_is(t_sys(mkdir(t_path("queues/a,b"), 0755)), -EINVAL);
	t_is(t_sys(mkdir(t_path("queues/.d"), 0755)), -EINVAL);
	t_is(t_sys(mkdir(t_path("queues/a\nb"), 0755)), -EINVAL);
	t_is(t_touch(t_path("queues/from")), 0);
	t_is(t_sys(rename(t_path("queues/from"), t_path("queues/.to"))), -EINVAL);
	t_is(t_sys(rename(t_path("queues/from"), t_path("queues/t\no"))), -EINVAL);
	t_is(t_exists(t_path("queues/from")), 0);
}

/* ---- options ----------------------------------------------------------------------------------- */

static void wrong_options_are_einval(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"foo",
		"foo=1",
		"PEEK",
		"peek=1",
		"peek=",
		"stat=1",
		"ctl=clear",
		"raw=1",
		"watch=1",
		"stream=1",
		"peek,peek",
		"stat,stat",
		"timeout",
		"timeout=",
		"timeout=x",
		"timeout=1x",
		"timeout=-1",
		"timeout= 1",
		"timeout=1,timeout=2",
		"timeout=1e3",
		"timeout=99999999999999999999",
		"temp=1",
		"temp,temp",
		" peek",
		"=",
		"=1",
	};
	for (int k = 0; k < KINDS; k++) {
		const char *path = make(kinds[k], "options");
		for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
			const char *name = t_format("%s,%s", path, bad[i]);
			static const int flags[] = {O_RDONLY, O_RDWR, O_WRONLY | O_CREAT};
			for (int f = 0; f < 3; f++) {
				int fd = t_open(name, flags[f]);
				if (fd != -EINVAL)
					t_fail("open %s/options,%s: %s, not -EINVAL", kinds[k],
					       bad[i], t_result(fd));
			}
			int fd = t_open(t_path("%s/absent,%s", kinds[k], bad[i]),
					O_WRONLY | O_CREAT);
			if (fd != -EINVAL)
				t_fail("create %s/absent,%s: %s, not -EINVAL", kinds[k], bad[i],
				       t_result(fd));
		}
		t_is(t_exists(t_path("%s/absent", kinds[k])), -ENOENT);
	}
}

static void options_of_other_kinds_are_einval(void **state)
{
	(void)state;
	static const struct {
		const char *option, *kinds;
	} rows[] = {
		{"maxsize=1", "queues"},    {"capacity=1", "queues"}, {"value=1", "semaphores"},
		{"max=1", "semaphores"},    {"set", "events"},	      {"type=q", "values arrays"},
		{"len=1", "arrays values"}, {"n=1", "semaphores"},    {"at=0", "arrays"},
		{"raw", "values arrays"},   {"cas", "values arrays"}, {"parties=2", "barriers"},
	};
	for (int k = 0; k < KINDS; k++) {
		const char *path = make(kinds[k], "foreign");
		for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
			if (strstr(rows[i].kinds, kinds[k]))
				continue;
			int fd = t_open(t_format("%s,%s", path, rows[i].option), O_RDWR);
			if (fd != -EINVAL)
				t_fail("%s/foreign,%s: %s, not -EINVAL", kinds[k], rows[i].option,
				       t_result(fd));
			fd = t_open(t_path("%s/absent,%s", kinds[k], rows[i].option),
				    O_RDWR | O_CREAT);
			if (fd != -EINVAL)
				t_fail("%s/absent,%s: %s, not -EINVAL", kinds[k], rows[i].option,
				       t_result(fd));
		}
	}
}

static void a_view_does_not_create(void **state)
{
	(void)state;
	static const char *const views[] = {"peek", "watch", "stat", "ctl", "timeout=1"};

	for (int k = 0; k < KINDS; k++) {
		for (size_t i = 0; i < sizeof(views) / sizeof(*views); i++) {
			const char *path = t_path("%s/typo,%s", kinds[k], views[i]);
			t_is(t_open(path, O_WRONLY | O_CREAT), -ENOENT);
			t_is(t_open(path, O_RDWR | O_CREAT | O_EXCL), -ENOENT);
			t_is(t_open(path, O_RDONLY), -ENOENT);
			t_is(t_exists(path), -ENOENT);
		}
		t_is(t_open(t_path("%s/typo", kinds[k]), O_RDONLY), -ENOENT);
		t_is(t_exists(t_path("%s/typo", kinds[k])), -ENOENT);
	}
	t_is(t_open(t_path("queues/typo,stream"), O_WRONLY | O_CREAT), -ENOENT);
	t_is(t_open(t_path("queues/typo,maxsize=1,peek"), O_WRONLY | O_CREAT), -ENOENT);
	t_is(t_open(t_path("semaphores/typo,n=2"), O_WRONLY | O_CREAT), -ENOENT);
	t_is(t_open(t_path("values/typo,raw"), O_WRONLY | O_CREAT), -ENOENT);
	t_is(t_open(t_path("values/typo,type=q,cas"), O_WRONLY | O_CREAT), -ENOENT);
	t_is(t_open(t_path("arrays/typo,at=1"), O_WRONLY | O_CREAT), -ENOENT);
}

static void every_bare_name_creates(void **state)
{
	(void)state;
	for (int k = 0; k < KINDS; k++) {
		const char *path = t_path("%s/bare", kinds[k]);
		t_is(t_open(path, O_WRONLY), -ENOENT);
		t_is(t_touch(path), 0);
		t_is(t_exists(path), 0);
		t_is(t_open(path, O_WRONLY | O_CREAT | O_EXCL), -EEXIST);
		t_is(t_touch(path), 0);
	}
}

/* The view `stat` of an object of the kind. */
static void stat_lines(void **state)
{
	(void)state;
	static char text[T_TEXT];
	struct stat st;

	for (int k = 0; k < KINDS; k++) {
		const char *path = make(kinds[k], "statlines");
		long n = t_cat(t_format("%s,stat", path), text, sizeof(text));
		t_check(n > 0 && text[n - 1] == '\n');
		t_check(strstr(text, t_format("kind %s\n", kinds[k])) ||
			strstr(text, t_format("kind %.*s\n", (int)strlen(kinds[k]) - 1, kinds[k])));
		t_is(t_sys(stat(path, &st)), 0);
		t_is(t_number(text, "id"), (long)st.st_ino);
		t_is(t_number(text, "waiters"), 0);
		t_is(t_number(text, "readers"), 0);
		t_is(t_number(text, "writers"), 0);
		for (char *rest, *line = strtok_r(text, "\n", &rest); line;
		     line = strtok_r(NULL, "\n", &rest))
			if (!strchr(line, ' ') || line[0] == ' ')
				t_fail("%s: no `key value` line: '%s'", kinds[k], line);
		int fd = t_open(t_format("%s,stat", path), O_WRONLY);
		if (fd >= 0)
			t_fails(t_put(fd, "x"));
	}
}

static void ctl_of_every_kind(void **state)
{
	(void)state;
	for (int k = 0; k < KINDS; k++) {
		const char *path = make(kinds[k], "ctl");
		int fd = t_open(t_format("%s,ctl", path), O_WRONLY);
		t_check(fd >= 0);
		t_is(t_put(fd, "frobnicate\n"), -EINVAL);
	}
}

/* ---- what cannot be ---------------------------------------------------------------------------- */

static void renames_that_cannot_be(void **state)
{
	(void)state;
	for (int k = 0; k < KINDS; k++) {
		const char *path = make(kinds[k], "fixed");
		for (int other = 0; other < KINDS; other++) {
			if (other == k)
				continue;
			/* never EXDEV: mv would copy one message and unlink the rest */
			t_is(t_sys(rename(path, t_path("%s/elsewhere", kinds[other]))), -EPERM);
			t_is(t_sys(rename(path, make(kinds[other], "there"))), -EPERM);
			t_runs(1, "mv -f $M/%s/fixed $M/%s/byhand 2>/dev/null", kinds[k],
			       kinds[other]);
			t_is(t_exists(t_path("%s/byhand", kinds[other])), -ENOENT);
		}
		t_fails(t_sys(rename(path, t_path("fixed"))));
		t_is(t_exists(path), 0);
		t_is(t_sys(rename(t_path("%s/nothing", kinds[k]), t_path("%s/x", kinds[k]))),
		     -ENOENT);
		t_is(t_sys(rename(path, path)), 0);
		t_is(t_exists(path), 0);
		make(kinds[k], "fixed2");
		t_fails(t_sys(renameat2(AT_FDCWD, path, AT_FDCWD, t_path("%s/fixed2", kinds[k]),
					RENAME_EXCHANGE)));
		t_is(t_sys(renameat2(AT_FDCWD, path, AT_FDCWD, t_path("%s/fixed2", kinds[k]),
				     RENAME_NOREPLACE)),
		     -EEXIST);
		t_is(t_sys(renameat2(AT_FDCWD, path, AT_FDCWD, t_path("%s/fixed3", kinds[k]),
				     RENAME_NOREPLACE)),
		     0);
		t_is(t_exists(t_path("%s/fixed3", kinds[k])), 0);
	}
}

static void names_with_properties_it_does_not_have(void **state)
{
	(void)state;
	const char *path = t_path("queues/three");

	t_is(t_touch(t_format("%s,maxsize=3", path)), 0);
	t_is(t_sys(unlink(t_format("%s,maxsize=4", path))), -ENOENT);
	t_is(t_sys(rename(t_format("%s,maxsize=4", path), t_path("queues/moved"))), -ENOENT);
	t_is(t_exists(path), 0);
	t_is(t_sys(rename(t_format("%s,maxsize=3", path), t_path("queues/moved"))), 0);
	t_is(t_sys(unlink(t_path("queues/moved,maxsize=3"))), 0);
	t_is(t_exists(t_path("queues/moved")), -ENOENT);
}

static void no_links(void **state)
{
	(void)state;
	for (int k = 0; k < KINDS; k++) {
		const char *path = make(kinds[k], "linked");
		t_is(t_sys(link(path, t_path("%s/hard", kinds[k]))), -EPERM);
		t_is(t_sys(symlink("linked", t_path("%s/soft", kinds[k]))), -EPERM);
		t_is(t_exists(t_path("%s/hard", kinds[k])), -ENOENT);
		t_is(t_exists(t_path("%s/soft", kinds[k])), -ENOENT);
		t_fails(t_sys(mkfifo(t_path("%s/fifo", kinds[k]), 0666)));
	}
	t_fails(t_sys(symlink("queues", t_path("root"))));
}

static void the_root_is_fixed(void **state)
{
	(void)state;
	t_fails(t_touch(t_path("file")));
	t_fails(t_sys(mkdir(t_path("folder"), 0755)));
	t_fails(t_sys(rmdir(t_path("queues"))));
	t_fails(t_sys(rename(t_path("queues"), t_path("other"))));
	t_fails(t_sys(rename(t_path("queues"), t_path("values/q"))));
	static const char *const files[] = {"README", "status", "errors", "shm"};
	for (int i = 0; i < 4; i++) {
		t_fails(t_sys(unlink(t_path("%s", files[i]))));
		t_fails(t_sys(rename(t_path("%s", files[i]), t_path("queues/x"))));
		t_is(t_exists(t_path("%s", files[i])), 0);
	}
	for (int i = 0; i < 3; i++) {
		int fd = t_open(t_path("%s", files[i]), O_WRONLY);
		if (fd >= 0)
			t_fails(t_put(fd, "x"));
		char text[T_TEXT];
		t_check(t_cat(t_path("%s", files[i]), text, sizeof(text)) >= 0);
	}
	for (int k = 0; k < KINDS; k++)
		t_is(t_exists(t_path("%s", kinds[k])), 0);
}

/* The kernel's own: "." and "..", empty components, a file as a folder. */
static void paths(void **state)
{
	(void)state;
	t_is(t_echo(t_path("queues/./dots"), "x"), 0);
	t_shows(t_path("queues/../queues//dots"), "x");
	t_is(t_touch(t_path("queues/dots/below")), -ENOTDIR);
	t_is(t_open(t_path("queues/dots/"), O_RDONLY), -ENOTDIR);
	t_is(t_open(t_path("queues"), O_WRONLY), -EISDIR);
	t_runs(0, "cd $M/queues && echo here > rel && [ $(cat rel) = here ]");
	t_runs(0, "[ $M/queues/dots -ef $M/queues/dots,stat ]");
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		T_TEST(lengths_of_names),
		T_TEST(bytes_of_names),
		T_TEST(wrong_options_are_einval),
		T_TEST(options_of_other_kinds_are_einval),
		T_TEST(a_view_does_not_create),
		T_TEST(every_bare_name_creates),
		T_TEST(stat_lines),
		T_TEST(ctl_of_every_kind),
		T_TEST(renames_that_cannot_be),
		T_TEST(names_with_properties_it_does_not_have),
		T_TEST(no_links),
		T_TEST(the_root_is_fixed),
		T_TEST(paths),
	};

	return T_RUN(tests, argc, argv);
}
