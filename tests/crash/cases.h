/* SPDX-License-Identifier: MIT
 *
 * cases.h - an operation that a client is killed in, and how to tell what became of it.
 */
#ifndef CASES_H
#define CASES_H

#include <stddef.h>

#include "ipcfs.h"

#define STEP_OBJECT "o" /* the name of the object that the client works on */

enum {
	ANNOUNCED =
		1
		<< 0, /* somebody waits and a server is parked: the wake-up is stepped through too */
	NEWCOMER = 1 << 1, /* the client has to become a member first */
	REMOVES = 1 << 2,  /* commits first and wakes then, without the lock */
};

struct step_case {
	const char *name;
	enum ipcfs_kind kind;
	struct ipcfs_properties p;
	void (*prepare)(struct ipcfs_object *o); /* may be NULL */
	void (*act)(struct ipcfs_object *o);
	/* 0: not done, 1: done, negative: neither. It may change the object. */
	int (*look)(struct ipcfs_object *o);
	unsigned how;
};

extern const struct step_case step_cases[];
extern const size_t step_case_count;
extern const struct step_case step_lease_cases[]; /* lease_cases.c */
extern const size_t step_lease_case_count;
extern const struct step_case step_list_cases[]; /* list_cases.c */
extern const size_t step_list_case_count;
extern const struct step_case step_message_cases[]; /* message_cases.c */
extern const size_t step_message_case_count;

#endif
