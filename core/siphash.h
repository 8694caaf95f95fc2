/* SPDX-License-Identifier: MIT
 *
 * siphash.h - a hash with a secret, so that nobody can choose keys that fall together.
 */
#ifndef IPCFS_SIPHASH_H
#define IPCFS_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t siphash(const uint64_t secret[2], const void *bytes, size_t len);

#endif
