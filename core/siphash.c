/* SPDX-License-Identifier: MIT
 *
 * siphash.c - SipHash-1-3 (Aumasson, Bernstein: "SipHash: a fast short-input PRF", 2012; the form with one round a
 * word and three at the end is what hash tables use). Little-endian machines alone, as all of this.
 */
#include "siphash.h"

#include <string.h>

static inline uint64_t rotate(uint64_t x, int bits)
{
	return x << bits | x >> (64 - bits);
}

static void round_of(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[0] = rotate(v[0], 32);
	v[2] += v[3];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

static void take_in(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	round_of(v);
	v[0] ^= word;
}

uint64_t siphash(const uint64_t secret[2], const void *bytes, size_t len)
{
	uint64_t v[4] = {secret[0] ^ 0x736f6d6570736575ull, secret[1] ^ 0x646f72616e646f6dull,
			 secret[0] ^ 0x6c7967656e657261ull, secret[1] ^ 0x7465646279746573ull};
	const uint8_t *at = bytes, *end = at + len - len % 8;
	uint64_t word, last = (uint64_t)len << 56;

	for (; at < end; at += 8) {
		memcpy(&word, at, 8);
		take_in(v, word);
	}
	word = 0;
	memcpy(&word, at, len % 8);
	take_in(v, last | word);
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		round_of(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
