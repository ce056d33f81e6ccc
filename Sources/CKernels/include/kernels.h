// Loops over the elements of weights that are worth the processor's widest registers. The caller checks lengths.
#pragma once
#include <stddef.h>
#include <stdint.h>

// Each kernel exists for several instruction sets and gives the same bytes on all.
enum { CAKE_PORTABLE = 0, CAKE_AVX2 = 1, CAKE_AVX512 = 2 };

// The highest of them that this processor has.
int cake_kernels_best(void);

// Rotates each element left by one bit, if asked to, and puts byte k of it into plane k. Plane k begins at planes + k * elements.
// width: 2, 4 or 8.
void cake_split_planes(int set, const uint8_t *plain, size_t elements, int width, int rotated, uint8_t *planes);
void cake_merge_planes(int set, const uint8_t *planes, size_t elements, int width, int rotated, uint8_t *plain);

// How elements become numbers whose differences are small when the elements are alike.
enum {
    CAKE_INTEGER = 0, // as they are, modulo 2^bits
    CAKE_FLOAT = 1,   // in the order of the floats: the bits of negative ones inverted, the sign bit of the others set
};

// The difference of each element and the base's, zigzagged: 0, -1, 1, -2 … become 0, 1, 2, 3 …
// width: 1, 2, 4 or 8.
void cake_difference(int set, const uint8_t *plain, const uint8_t *base, size_t elements, int width, int order,
                     uint8_t *values);
void cake_sum(int set, const uint8_t *values, const uint8_t *base, size_t elements, int width, int order,
              uint8_t *plain);

void cake_xor(int set, const uint8_t *one, const uint8_t *other, size_t bytes, uint8_t *result);

// An element's group is its base's exponent: the bits above `fraction`, without the sign. fraction: 7 or 10, of elements of
// two bytes, or 23, of four. A run of elements is cut into four quarters of elements / 4; the last one has the rest too.
enum { CAKE_LANES = 4 };

// Adds how many elements each group has. `counts` has, for one quarter after the other, a number for every possible group.
void cake_count_groups(const uint8_t *base, size_t elements, int fraction, uint32_t *counts);

// Moves values to the groups of their elements, in order; `starts` says where each group of each quarter begins, as `counts`
// is laid out, and is advanced.
void cake_scatter(const uint8_t *values, const uint8_t *base, size_t elements, int fraction, uint32_t *starts,
                  uint8_t *grouped);
// Puts grouped values back where their elements are. Each is read at its group's next place below `elements`.
void cake_gather(const uint8_t *grouped, const uint8_t *base, size_t elements, int fraction, uint32_t *starts,
                 uint8_t *values);

// How many values are not below a threshold. width: 2 or 4; the threshold fits it.
size_t cake_count_from(int set, const uint8_t *values, size_t elements, int width, uint32_t threshold);

// How many values are not below 1, 3 and 15.
void cake_count_large(int set, const uint8_t *values, size_t elements, int width, uint32_t *counts);

// Codes of 2 or 4 bits, from the lowest bit of a byte; a value that is the highest code or more is that code, and escapes.
// The escaped values are put in order into `escapes`, which has room for all; returns how many there are.
size_t cake_pack_codes(int set, const uint8_t *values, size_t elements, int width, int bits, uint8_t *codes,
                       uint8_t *escapes);
// Returns the number of escaped values; more than `available` if there are too few, and then it stops.
size_t cake_unpack_codes(int set, const uint8_t *codes, size_t elements, int width, int bits, const uint8_t *escapes,
                         size_t available, uint8_t *values);

// A byte for each value, with the bits above its `low` lowest ones, and those packed. A value of 255 or more there gets
// 255, and escapes; if low is all but a byte, none can.
size_t cake_pack_bytes(int set, const uint8_t *values, size_t elements, int width, int low, uint8_t *bytes,
                       uint8_t *bits, uint8_t *escapes);
size_t cake_unpack_bytes(int set, const uint8_t *bytes, size_t elements, int width, int low, const uint8_t *bits,
                         const uint8_t *escapes, size_t available, uint8_t *values);

// A base with a product added: each element is base + the sum, in the order of k, of left[k] * right[k][its
// column], in double, rounded to float and then to the base's kind, given by `fraction`: 7, 10 or 23. An element that is
// infinite or NaN stays. left and right are finite. right comes in tiles of 32 columns, `rank` rows of 32 each, the
// last one filled up; `column` is that of the first element, and all are in one row. rank is at most CAKE_RANK.
enum { CAKE_RANK = 64 };
void cake_predict(int set, const uint8_t *base, size_t elements, int fraction, const float *left, size_t rank,
                  const float *right, size_t column, uint8_t *predicted);

// The same for whole rows, each of `columns` elements. left has `rank` numbers for each.
void cake_predict_rows(int set, const uint8_t *base, size_t rows, size_t columns, int fraction, const float *left,
                       size_t rank, const float *right, uint8_t *predicted);

// Differences as floats; 0 for NaN.
void cake_subtract(int set, const uint8_t *plain, const uint8_t *base, size_t elements, int fraction,
                   float *differences);

// The sum of squares.
double cake_energy(int set, const float *matrix, size_t elements);

// For the next two, a matrix of as many rows as `matrix` has columns, and `width` columns, comes in blocks of eight columns
// that begin `stride` numbers apart: eight numbers for each row. All numbers are floats, and width is a multiple of eight.

// Adds matrix * blocks to sums, whose rows have `width` numbers.
void cake_times(int set, const float *matrix, size_t rows, size_t columns, const double *blocks, size_t stride,
                size_t width, double *sums);

// Adds transposed matrix * left to blocks; the rows of left have `width` numbers.
void cake_transposed_times(int set, const float *matrix, size_t rows, size_t columns, const double *left, size_t width,
                           double *blocks, size_t stride);

// Whether this processor has instructions for SHA-256 that leave half of it idle: a round waits for the one before.
int cake_has_sha256_pair(void);
// Moves two SHA-256 states, of eight words each, on by whole blocks of 64 bytes, both at once. Only where it has them.
void cake_sha256_pair(void *one, const uint8_t *ones, void *other, const uint8_t *others, size_t blocks);

// The 32 bytes of BLAKE3; the key is 32 bytes or NULL.
void cake_blake3(const uint8_t *bytes, size_t count, const uint8_t *key_bytes, uint8_t *out);

// The blocks of a zstd frame: Huffman codes and no search. Returns their length, or 0 if these bytes need another encoder: few or no
// kinds of them, or one above 127, or no gain, or no room.
enum { CAKE_LITERALS_WORK = (128 << 8) * 4 + 4 * (48 << 10) };
size_t cake_write_literals(int set, const uint8_t *plain, size_t size, uint8_t *to, size_t room, void *work);
