/* SPDX-License-Identifier: MIT
 *
 * t_pipe.h - pipes: what their tests share.
 */
#ifndef T_PIPE_H
#define T_PIPE_H

#include "t_core.h"

#define P IPCFS_PIPE
#define A IPCFS_END_A
#define B IPCFS_END_B

static inline struct ipcfs_object *pipe_of(uint64_t capacity)
{
	return t_messages(P, "p", capacity);
}

static inline struct ipcfs_object *open_pipe(uint64_t capacity)
{
	struct ipcfs_object *p = pipe_of(capacity);

	t_is(ipcfs_pipe_open(p, A), 0);
	t_is(ipcfs_pipe_open(p, B), 0);
	return p;
}

static inline int put(struct ipcfs_object *p, enum ipcfs_end end, const char *text)
{
	return (int)t_again(ipcfs_pipe_put(p, end, text, strlen(text), 0));
}

#define t_gets(p, end, text) t_gets_(p, end, text, __FILE__, __LINE__)
static inline void t_gets_(struct ipcfs_object *p, enum ipcfs_end end, const char *text,
			   const char *file, int line)
{
	char buf[64] = "";

	t_is_("get", text, t_again(ipcfs_pipe_get(p, end, buf, sizeof(buf), 0)), (long)strlen(text),
	      file, line);
	if (memcmp(buf, text, strlen(text)) != 0)
		t_fail_(file, line, "\"%.20s\", not \"%s\"", buf, text);
}

static inline long nothing(struct ipcfs_object *p, enum ipcfs_end end)
{
	char buf[8];

	return t_again(ipcfs_pipe_get(p, end, buf, sizeof(buf), 0));
}

static inline void state_is(struct ipcfs_object *p, const char *a, const char *b, const char *file,
			    int line)
{
	static const char *const names[] = {"never", "open", "closed"};
	struct ipcfs_stat st;

	t_stat_of(p, &st);
	if (strcmp(names[st.ends[0].state], a) != 0 || strcmp(names[st.ends[1].state], b) != 0)
		t_fail_(file, line, "a is %s, b %s; not %s, %s", names[st.ends[0].state],
			names[st.ends[1].state], a, b);
}
#define t_state(p, a, b) state_is(p, a, b, __FILE__, __LINE__)

#endif
