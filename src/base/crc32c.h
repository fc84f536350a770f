#ifndef BASE_CRC32C_H_
#define BASE_CRC32C_H_

#include <stddef.h>
#include <stdint.h>

/*
 * CRC-32C (Castagnoli), the checksum of iSCSI, ext4 and etcd's HashKV, WAL
 * and .snap files.  It finds accidents and stops nobody.
 */

/**
 * crc32c(crc, p, n):
 * Continue the checksum ${crc}, 0 at the beginning, over ${n} bytes: in
 * pieces it is the same as at once.  Uses the processor's instruction where
 * there is one.
 */
uint32_t crc32c(uint32_t, const void *, size_t);

/**
 * crc32c_portable(crc, p, n):
 * The same without that instruction.
 */
uint32_t crc32c_portable(uint32_t, const void *, size_t);

/**
 * crc32c_join(first, second, n):
 * The checksum of two runs of bytes, one behind the other, from those of
 * each; the second has ${n} bytes.
 */
uint32_t crc32c_join(uint32_t, uint32_t, uint64_t);

/*
 * Where runs of bytes are joined over and over, their lengths are better kept
 * as what a sum is multiplied with when they follow it: that takes a few
 * nanoseconds, however long they are.
 *
 * crc32c_factor(n):
 * What stands for ${n} bytes.
 *
 * crc32c_times(a, b):
 * Of a sum and a factor: the sum with those bytes, all zero, behind it; XOR
 * their own sum is that of both.  Of two factors: the one of both lengths.
 *
 * crc32c_times_portable(a, b):
 * The same without the processor's instruction.
 */
#define CRC32C_NOTHING UINT32_C(0xd610d67e) /* The factor of no bytes. */
uint32_t crc32c_factor(uint64_t);
uint32_t crc32c_times(uint32_t, uint32_t);
uint32_t crc32c_times_portable(uint32_t, uint32_t);

#endif /* !BASE_CRC32C_H_ */
