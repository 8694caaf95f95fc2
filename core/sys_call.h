/* SPDX-License-Identifier: MIT
 *
 * sys_call.h - what each function of sys.c and sys_mq.c begins and ends with.
 */
#ifndef IPCFS_SYS_CALL_H
#define IPCFS_SYS_CALL_H

#include "sys.h"

#include <errno.h>

/* Lets a test's hook fail the call. */
#define FAULT(name)                                                                                \
	do {                                                                                       \
		int fault = ipcfs_sys_fault ? ipcfs_sys_fault(name) : 0;                           \
		if (fault)                                                                         \
			return fault;                                                              \
	} while (0)

static inline int result(long r)
{
	return r < 0 ? -errno : (int)r;
}

#endif
