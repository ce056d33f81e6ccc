#include "variants.h"
#include <string.h>

// Sums here are of products of two floats, each exact in a double: whether a processor rounds between product and sum or
// fuses the two makes no difference, and only the order is fixed.

typedef double v4 __attribute__((vector_size(32)));
typedef float f4 __attribute__((vector_size(16)));

// Vectors are passed by address: by value, the calling convention depends on the instruction set.
BODY void add_floats(v4 *sums, double factor, const float *x) {
    v4 factors = {factor, factor, factor, factor};
    f4 v;
    memcpy(&v, x, sizeof v);
    *sums += factors * __builtin_convertvector(v, v4);
}
BODY void add_doubles(v4 *sums, double factor, const double *x) {
    v4 factors = {factor, factor, factor, factor}, v;
    memcpy(&v, x, sizeof v);
    *sums += factors * v;
}
BODY void add_to(double *x, const v4 *sums) {
    v4 v;
    memcpy(&v, x, sizeof v);
    v += *sums;
    memcpy(x, &v, sizeof v);
}
BODY float float_of(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}
BODY uint32_t bits_of(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

enum { BF16 = 7, F16 = 10, F32 = 23 };

BODY float read32(uint32_t x) { return float_of(x); }
BODY float read_bf16(uint16_t x) { return float_of((uint32_t)x << 16); }
// A half's exponent is moved up; a subnormal becomes a normal float, and the bit that this adds is removed.
BODY float read_f16(uint16_t x) {
    uint32_t magnitude = (uint32_t)(x & 0x7fff) << 13, sign = (uint32_t)(x & 0x8000) << 16;
    uint32_t normal = magnitude + (112u << 23);
    uint32_t small = bits_of(float_of(magnitude + (113u << 23)) - 0x1p-14f);
    uint32_t endless = magnitude + (224u << 23);
    uint32_t bits = magnitude < 1u << 23 ? small : magnitude >= 31u << 23 ? endless : normal;
    return float_of(bits | sign);
}
// To nearest, ties to even; numbers that are too large become infinite. No NaN comes here.
BODY uint32_t write32(float x) { return bits_of(x); }
BODY uint16_t write_bf16(float x) {
    uint32_t bits = bits_of(x);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}
BODY uint16_t write_f16(float x) {
    uint32_t bits = bits_of(x), sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
    uint32_t small = bits_of(float_of(magnitude) + 0.5f) - bits_of(0.5f);
    uint32_t normal = (magnitude - (112u << 23) + 0xfff + (magnitude >> 13 & 1)) >> 13;
    uint32_t half = magnitude < 113u << 23 ? small : magnitude >= 143u << 23 ? 0x7c00 : normal;
    return (uint16_t)(half | sign);
}

enum { TILE = 32, BLOCK = 16 };
// The sums of half a tile's columns, for two rows.
BODY void sums_of_two(const double *restrict tile, size_t rank, const double *restrict one,
                      const double *restrict other, double *restrict ones, double *restrict others) {
    v4 sums[TILE / 8] = {{0}}, more[TILE / 8] = {{0}};
    for (size_t k = 0; k < rank; k++)
        _Pragma("clang loop unroll(full)") for (int t = 0; t < TILE / 8; t++) {
            add_doubles(&sums[t], one[k], tile + k * TILE + 4 * t);
            add_doubles(&more[t], other[k], tile + k * TILE + 4 * t);
        }
    memcpy(ones, sums, sizeof sums);
    memcpy(others, more, sizeof more);
}
// Columns of `right` come in tiles of 32: a tile's rows are adjacent. `column` is that of the first element.
#define ELEMENTS(tag, T, read, write, exponent)                                                                        \
    BODY void predict_##tag##_body(const uint8_t *restrict base, size_t n, const float *restrict left, size_t rank,    \
                                   const float *restrict right, size_t column, uint8_t *restrict predicted) {          \
        for (size_t i = 0; i < n;) {                                                                                   \
            const float *tile = right + (column + i) / TILE * TILE * rank;                                             \
            v4 sums[TILE / 4] = {{0}};                                                                                 \
            for (size_t k = 0; k < rank; k++)                                                                          \
                _Pragma("clang loop unroll(full)") for (int t = 0; t < TILE / 4; t++)                                  \
                    add_floats(&sums[t], left[k], tile + k * TILE + 4 * t);                                            \
            double added[TILE];                                                                                        \
            memcpy(added, sums, sizeof added);                                                                         \
            size_t first = (column + i) % TILE, count = TILE - first < n - i ? TILE - first : n - i;                   \
            T values[TILE] = {0};                                                                                      \
            memcpy(values + first, base + i * sizeof(T), count * sizeof(T));                                           \
            for (size_t t = 0; t < TILE; t++) {                                                                        \
                T x = values[t], y = write((float)((double)read(x) + added[t]));                                       \
                values[t] = (x & (T)(exponent)) == (T)(exponent) ? x : y;                                              \
            }                                                                                                          \
            memcpy(predicted + i * sizeof(T), values + first, count * sizeof(T));                                      \
            i += count;                                                                                                \
        }                                                                                                              \
    }                                                                                                                  \
    BODY void add_##tag(const T *restrict values, const double *restrict added, T *restrict result) {                  \
        float x[TILE];                                                                                                 \
        for (size_t t = 0; t < TILE; t++) x[t] = read(values[t]);                                                      \
        for (size_t t = 0; t < TILE; t++) x[t] = (float)((double)x[t] + added[t]);                                     \
        for (size_t t = 0; t < TILE; t++) {                                                                            \
            T v = values[t], y = write(x[t]);                                                                          \
            result[t] = (v & (T)(exponent)) == (T)(exponent) ? v : y;                                                  \
        }                                                                                                              \
    }                                                                                                                  \
    /* A tile becomes doubles once for some rows; two rows at a time, and half a tile, keep all sums in registers. */   \
    BODY void predict_rows_##tag##_body(const uint8_t *restrict base, size_t rows, size_t columns,                     \
                                        const float *restrict left, size_t rank, const float *restrict right,          \
                                        uint8_t *restrict predicted) {                                                 \
        double doubles[CAKE_RANK * TILE], lefts[(BLOCK + 1) * CAKE_RANK], added[2][TILE];                              \
        T values[TILE], result[TILE];                                                                                  \
        memset(values, 0, sizeof values);                                                                              \
        for (size_t start = 0; start < rows; start += BLOCK) {                                                         \
            size_t some = rows - start < BLOCK ? rows - start : BLOCK;                                                 \
            for (size_t k = 0; k < some * rank; k++) lefts[k] = left[start * rank + k];                                \
            for (size_t k = 0; k < rank; k++) lefts[some * rank + k] = 0;                                              \
            for (size_t column = 0; column < columns; column += TILE) {                                                \
                const float *tile = right + column * rank;                                                             \
                for (size_t k = 0; k < rank * TILE; k++) doubles[k] = tile[k];                                         \
                size_t count = columns - column < TILE ? columns - column : TILE;                                      \
                for (size_t row = 0; row < some; row += 2) {                                                           \
                    const double *one = lefts + row * rank, *other = one + rank;                                       \
                    sums_of_two(doubles, rank, one, other, added[0], added[1]);                                        \
                    sums_of_two(doubles + TILE / 2, rank, one, other, added[0] + TILE / 2, added[1] + TILE / 2);       \
                    for (size_t r = 0; r < 2 && row + r < some; r++) {                                                 \
                        size_t place = ((start + row + r) * columns + column) * sizeof(T);                             \
                        if (count == TILE) {                                                                           \
                            memcpy(values, base + place, sizeof values);                                               \
                            add_##tag(values, added[r], result);                                                       \
                            memcpy(predicted + place, result, sizeof result);                                          \
                        } else {                                                                                       \
                            memcpy(values, base + place, count * sizeof(T));                                           \
                            add_##tag(values, added[r], result);                                                       \
                            memcpy(predicted + place, result, count * sizeof(T));                                      \
                        }                                                                                              \
                    }                                                                                                  \
                }                                                                                                      \
            }                                                                                                          \
        }                                                                                                              \
    }                                                                                                                  \
    VARIANTS(predict_rows_##tag,                                                                                       \
             (const uint8_t *base, size_t rows, size_t columns, const float *left, size_t rank, const float *right,    \
              uint8_t *predicted),                                                                                     \
             (base, rows, columns, left, rank, right, predicted))                                                      \
    VARIANTS(predict_##tag,                                                                                            \
             (const uint8_t *base, size_t n, const float *left, size_t rank, const float *right, size_t column,        \
              uint8_t *predicted),                                                                                     \
             (base, n, left, rank, right, column, predicted))                                                          \
    BODY void subtract_##tag##_body(const uint8_t *restrict plain, const uint8_t *restrict base, size_t n,             \
                                    float *restrict differences) {                                                     \
        for (size_t i = 0; i < n; i++) {                                                                               \
            T x, y;                                                                                                    \
            memcpy(&x, plain + i * sizeof x, sizeof x);                                                                \
            memcpy(&y, base + i * sizeof y, sizeof y);                                                                 \
            float difference = read(x) - read(y);                                                                      \
            differences[i] = (bits_of(difference) & 0x7fffffff) < 0x7f800000 ? difference : 0;                         \
        }                                                                                                              \
    }                                                                                                                  \
    VARIANTS(subtract_##tag, (const uint8_t *plain, const uint8_t *base, size_t n, float *differences),                \
             (plain, base, n, differences))

ELEMENTS(f32, uint32_t, read32, write32, 0x7f800000)
ELEMENTS(bf16, uint16_t, read_bf16, write_bf16, 0x7f80)
ELEMENTS(f16, uint16_t, read_f16, write_f16, 0x7c00)

void cake_predict(int set, const uint8_t *base, size_t n, int fraction, const float *left, size_t rank,
                  const float *right, size_t column, uint8_t *predicted) {
    switch (fraction) {
    case F32: CALL(predict_f32, set, (base, n, left, rank, right, column, predicted)); break;
    case BF16: CALL(predict_bf16, set, (base, n, left, rank, right, column, predicted)); break;
    case F16: CALL(predict_f16, set, (base, n, left, rank, right, column, predicted)); break;
    }
}

void cake_predict_rows(int set, const uint8_t *base, size_t rows, size_t columns, int fraction, const float *left,
                       size_t rank, const float *right, uint8_t *predicted) {
    switch (fraction) {
    case F32: CALL(predict_rows_f32, set, (base, rows, columns, left, rank, right, predicted)); break;
    case BF16: CALL(predict_rows_bf16, set, (base, rows, columns, left, rank, right, predicted)); break;
    case F16: CALL(predict_rows_f16, set, (base, rows, columns, left, rank, right, predicted)); break;
    }
}

void cake_subtract(int set, const uint8_t *plain, const uint8_t *base, size_t n, int fraction, float *differences) {
    switch (fraction) {
    case F32: CALL(subtract_f32, set, (plain, base, n, differences)); break;
    case BF16: CALL(subtract_bf16, set, (plain, base, n, differences)); break;
    case F16: CALL(subtract_f16, set, (plain, base, n, differences)); break;
    }
}

BODY double energy_body(const float *restrict matrix, size_t n) {
    v4 sums = {0};
    size_t i = 0;
    for (; i + 4 <= n; i += 4) {
        f4 v;
        memcpy(&v, matrix + i, sizeof v);
        v4 x = __builtin_convertvector(v, v4);
        sums += x * x;
    }
    double sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    for (; i < n; i++) sum += (double)matrix[i] * (double)matrix[i];
    return sum;
}
VARIANTS_OF(double, energy, (const float *matrix, size_t n), (matrix, n))

double cake_energy(int set, const float *matrix, size_t n) { return CALL(energy, set, (matrix, n)); }

// The right operand comes in blocks of eight columns, `stride` numbers apart. Several rows are multiplied at once: a block
// that was read is used for all of them.
#define ROWS(count)                                                                                                    \
    BODY void rows##count(const float *matrix, size_t columns, const double *block, size_t width, double *sums) {      \
        v4 low[count], high[count];                                                                                    \
        for (int i = 0; i < count; i++) low[i] = high[i] = (v4){0};                                                    \
        for (size_t j = 0; j < columns; j++) {                                                                         \
            _Pragma("clang loop unroll(full)") for (int i = 0; i < count; i++) {                                       \
                add_doubles(&low[i], matrix[(size_t)i * columns + j], block + 8 * j);                                  \
                add_doubles(&high[i], matrix[(size_t)i * columns + j], block + 8 * j + 4);                             \
            }                                                                                                          \
        }                                                                                                              \
        for (int i = 0; i < count; i++) {                                                                              \
            add_to(sums + (size_t)i * width, &low[i]);                                                                 \
            add_to(sums + (size_t)i * width + 4, &high[i]);                                                            \
        }                                                                                                              \
    }
ROWS(1)
ROWS(4)

BODY void times_body(const float *matrix, size_t rows, size_t columns, const double *blocks, size_t stride,
                     size_t width, double *sums) {
    for (size_t k = 0; k < width; k += 8) {
        const double *block = blocks + k / 8 * stride;
        size_t i = 0;
        for (; i + 4 <= rows; i += 4) rows4(matrix + i * columns, columns, block, width, sums + i * width + k);
        for (; i < rows; i++) rows1(matrix + i * columns, columns, block, width, sums + i * width + k);
    }
}
VARIANTS(times,
         (const float *matrix, size_t rows, size_t columns, const double *blocks, size_t stride, size_t width,
          double *sums),
         (matrix, rows, columns, blocks, stride, width, sums))

void cake_times(int set, const float *matrix, size_t rows, size_t columns, const double *blocks, size_t stride,
                size_t width, double *sums) {
    CALL(times, set, (matrix, rows, columns, blocks, stride, width, sums));
}

enum { STRIP = 128 };

// Eight columns of some rows are taken out as doubles once, and used for all columns of `left`.
BODY void transposed_times_body(const float *matrix, size_t rows, size_t columns, const double *left, size_t width,
                                double *blocks, size_t stride) {
    double strip[STRIP * 8];
    for (size_t start = 0; start < rows; start += STRIP) {
        size_t count = rows - start < STRIP ? rows - start : STRIP;
        for (size_t j = 0; j < columns; j += 8) {
            size_t filled = columns - j < 8 ? columns - j : 8;
            memset(strip, 0, filled < 8 ? sizeof strip : 0);
            for (size_t i = 0; i < count; i++)
                for (size_t t = 0; t < filled; t++) strip[8 * i + t] = matrix[(start + i) * columns + j + t];
            for (size_t k = 0; k < width; k += 4) {
                v4 low[4], high[4];
                for (int t = 0; t < 4; t++) low[t] = high[t] = (v4){0};
                for (size_t i = 0; i < count; i++) {
                    const double *factors = left + (start + i) * width + k;
                    _Pragma("clang loop unroll(full)") for (int t = 0; t < 4; t++) {
                        add_doubles(&low[t], factors[t], strip + 8 * i);
                        add_doubles(&high[t], factors[t], strip + 8 * i + 4);
                    }
                }
                double found[4][8];
                for (int t = 0; t < 4; t++) memcpy(found[t], &low[t], 32), memcpy(found[t] + 4, &high[t], 32);
                double *block = blocks + k / 8 * stride + 8 * j + k % 8;
                for (size_t c = 0; c < filled; c++)
                    for (int t = 0; t < 4; t++) block[8 * c + (size_t)t] += found[t][c];
            }
        }
    }
}
VARIANTS(transposed_times,
         (const float *matrix, size_t rows, size_t columns, const double *left, size_t width, double *blocks,
          size_t stride),
         (matrix, rows, columns, left, width, blocks, stride))

void cake_transposed_times(int set, const float *matrix, size_t rows, size_t columns, const double *left, size_t width,
                           double *blocks, size_t stride) {
    CALL(transposed_times, set, (matrix, rows, columns, left, width, blocks, stride));
}
