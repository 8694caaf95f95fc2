/* SPDX-License-Identifier: MIT
 *
 * progress.c - see progress.h.
 */
#include "progress.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { BAR_MS = 100, LINE_MS = 1000, BAR_MAX = 40 };

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

void progress_start(struct progress *p, int want)
{
	p->terminal = isatty(STDERR_FILENO);
	p->on = want < 0 ? p->terminal : want;
	p->start_ms = p->last_ms = now_ms();
}

int progress_due(const struct progress *p)
{
	int64_t left = p->last_ms + (p->terminal ? BAR_MS : LINE_MS) - now_ms();

	return !p->on ? -1 : left > 0 ? (int)left : 0;
}

static int print_time(char *to, size_t size, double seconds)
{
	unsigned long s = (unsigned long)(seconds + 0.5);

	if (s < 60)
		return snprintf(to, size, ", %lu s left", s);
	if (s < 3600)
		return snprintf(to, size, ", %lu:%02lu left", s / 60, s % 60);
	return snprintf(to, size, ", %lu:%02lu:%02lu left", s / 3600, s / 60 % 60, s % 60);
}

/* "12/100, 3.4/s, 26 s left, 1 failed". */
static size_t describe(const struct progress *p, char text[160])
{
	double elapsed = (double)(now_ms() - p->start_ms) / 1000;
	double rate = elapsed > 0 ? (double)p->done / elapsed : 0;
	int n = snprintf(text, 160, "%llu", (unsigned long long)p->done);

	if (p->total)
		n += snprintf(text + n, 160 - (size_t)n, "/%llu", (unsigned long long)p->total);
	n += snprintf(text + n, 160 - (size_t)n, ", %.*f/s", rate < 10, rate);
	if (p->total && rate > 0 && p->done < p->total)
		n += print_time(text + n, 160 - (size_t)n, (double)(p->total - p->done) / rate);
	if (p->failed)
		n += snprintf(text + n, 160 - (size_t)n, ", %llu failed",
			      (unsigned long long)p->failed);
	return (size_t)n;
}

static size_t count_columns(void)
{
	struct winsize size = {.ws_col = 0};

	ioctl(STDERR_FILENO, TIOCGWINSZ, &size);
	return size.ws_col ? size.ws_col : 80;
}

/* As wide as the terminal has room for. */
static void draw_bar(const struct progress *p, size_t columns, size_t text_len)
{
	size_t width, full;

	if (!p->total || columns < text_len + 8)
		return;
	width = columns - text_len - 4;
	width = width < BAR_MAX ? width : BAR_MAX;
	full = (size_t)(p->done * width / p->total);
	fputc('[', stderr);
	for (size_t i = 0; i < width; i++)
		fputc(i < full ? '=' : ' ', stderr);
	fputs("] ", stderr);
}

/* On one line: a text that is too long for that would begin another one each time. */
static void draw(struct progress *p, const char *text, size_t len, bool last)
{
	size_t columns = count_columns();

	fputs(p->beside ? "\n" : "\r", stderr);
	draw_bar(p, columns, len);
	fprintf(stderr, "%.*s\033[K%s", (int)columns - 1, text, last ? "\n" : "");
	fflush(stderr);
	p->shown = !last;
	p->beside = false;
}

void progress_show(struct progress *p, bool last)
{
	char text[160];
	size_t len;

	if (!p->on || (!last && progress_due(p) > 0))
		return;
	len = describe(p, text);
	p->last_ms = now_ms();
	if (!p->terminal)
		fprintf(stderr, "%s\n", text);
	else if (last || !p->beside)
		draw(p, text, len, last);
}

void progress_hide(struct progress *p)
{
	if (!p->shown)
		return;
	fputs("\r\033[K", stderr);
	fflush(stderr);
	p->shown = false;
}

void progress_printed(struct progress *p, int fd, char last)
{
	if (p->on && p->terminal && isatty(fd))
		p->beside = last != '\n';
}
