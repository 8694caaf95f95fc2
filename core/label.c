/* SPDX-License-Identifier: MIT
 *
 * label.c - the first page of a segment, for people and for other programs: text, or for
 * values and arrays the header of a .npy file, version 1.0 (the format is NumPy's, described in its
 * NEP 1), padded to the page so that the data begin at byte 4096.
 */
#include "cells.h"
#include "object.h"

#include <stdio.h>
#include <string.h>

static void describe(const uint64_t shape[5], char descr[16])
{
	static const char *const names[128] = {
		['?'] = "|b1", ['b'] = "|i1", ['B'] = "|u1", ['h'] = "<i2", ['H'] = "<u2",
		['i'] = "<i4", ['I'] = "<u4", ['l'] = "<i8", ['L'] = "<u8", ['q'] = "<i8",
		['Q'] = "<u8", ['f'] = "<f4", ['d'] = "<f8", ['c'] = "|S1", ['u'] = "<U1",
	};

	snprintf(descr, 16, "%s", names[shape[SHAPE_TYPE] & 127] ?: "|V1");
}

static void write_npy(enum ipcfs_kind kind, const uint64_t shape[5], char page[SEG_PAGE])
{
	unsigned header = SEG_PAGE - 10;
	char descr[16], dims[32] = "()";
	int n;

	describe(shape, descr);
	if (kind == IPCFS_ARRAY)
		snprintf(dims, sizeof(dims), "(%llu,)", (unsigned long long)shape[SHAPE_LEN]);
	if (shape[SHAPE_TYPE] == 's')
		snprintf(descr, sizeof(descr), "|S%llu",
			 kind == IPCFS_ARRAY ? (unsigned long long)IPCFS_STRING_DEFAULT :
					       (unsigned long long)shape[SHAPE_LEN]);
	memset(page, ' ', SEG_PAGE);
	memcpy(page, "\x93NUMPY\x01\x00", 8);
	page[8] = (char)(header & 0xff);
	page[9] = (char)(header >> 8);
	n = snprintf(page + 10, header, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }",
		     descr, dims);
	page[10 + n] = ' ';
	page[SEG_PAGE - 1] = '\n';
}

/* Whether the name is one that a queue can have is the caller's to check. */
bool label_dead(const char page[SEG_PAGE], char *name)
{
	const char *end = page + SEG_PAGE - SEG_CONTROL, *at = page, *newline;

	for (; (newline = memchr(at, '\n', (size_t)(end - at))); at = newline + 1) {
		size_t len = (size_t)(newline - at);

		if (len <= 5 || len - 5 > IPCFS_NAME_MAX || memcmp(at, "dead ", 5) != 0)
			continue;
		memcpy(name, at + 5, len - 5);
		name[len - 5] = '\0';
		return true;
	}
	return false;
}

void label_write(enum ipcfs_kind kind, const uint64_t shape[5], const char *dead,
		 char page[SEG_PAGE])
{
	struct ipcfs_properties p = {0};
	size_t n, size = SEG_PAGE - SEG_CONTROL;

	if (ipcfs_kinds[kind]->npy) {
		write_npy(kind, shape, page);
		return;
	}
	if (ipcfs_kinds[kind]->properties_of)
		ipcfs_kinds[kind]->properties_of(shape, &p);
	n = (size_t)snprintf(page, size, "ipcfs %d\nkind %s\n", SEG_VERSION,
			     ipcfs_kinds[kind]->name);
	if (p.given & IPCFS_P_MAXSIZE)
		n += (size_t)snprintf(page + n, size - n, "maxsize %llu\n",
				      (unsigned long long)p.maxsize);
	if (p.given & IPCFS_P_CAPACITY)
		n += (size_t)snprintf(page + n, size - n, "capacity %llu\n",
				      (unsigned long long)p.capacity);
	if (p.given & IPCFS_P_ATTEMPTS)
		n += (size_t)snprintf(page + n, size - n, "attempts %llu\n",
				      (unsigned long long)p.attempts);
	if (dead)
		n += (size_t)snprintf(page + n, size - n, "dead %s\n", dead);
	if (p.given & IPCFS_P_VALUE)
		n += (size_t)snprintf(page + n, size - n, "value %llu\nmax %llu\n",
				      (unsigned long long)p.value, (unsigned long long)p.max);
	if (p.given & IPCFS_P_SET)
		n += (size_t)snprintf(page + n, size - n, "set %d\n", p.set);
	if (p.given & IPCFS_P_PARTIES)
		n += (size_t)snprintf(page + n, size - n, "parties %llu\n",
				      (unsigned long long)p.parties);
	if (ipcfs_kinds[kind]->describe)
		ipcfs_kinds[kind]->describe(shape, page + n, size - n);
}
