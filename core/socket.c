/* SPDX-License-Identifier: MIT
 *
 * socket.c - the kind `sockets`: no objects. In its folder lie the names of bound sockets, which are the kernel's, and of
 * addresses that a server listens at.
 */
#include "object.h"

const struct ipcfs_kind_ops ipcfs_socket_ops = {
	.name = "sockets",
	.special = S_IFSOCK,
};
