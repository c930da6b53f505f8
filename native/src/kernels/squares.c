/* CONV_2D, squares of 2 x 2 pixels at a time: a weight is loaded once for the four, and a row of taps that the upper
 * and the lower pixels have in common is put into pairs (kernels.h) once, straight from the input or the padding. */
#include "kernels.h"

#if FML_FAST

/* What all squares have in common. */
typedef struct squares {
    fml_patches *patches;
    const fml_op *op;
    const int8_t *input, *weights;
    const fml_channel *channels;
    uint32_t *pairs;
    fml_index first, count; /* output channels */
    fml_index taps, line;   /* of an output; of a kernel row */
    fml_index rows;         /* kernel rows that are multiplied at a time */
    fml_index tap;          /* bytes of a tap */
} squares;

/* The window of a square's first pixel, and the others' distances: 0 where there are none. */
typedef struct place {
    fml_distance row, column;
    fml_index down, right;
    bool pooled; /* the largest of four becomes an output */
} place;

/* Rows of pairs from an upper pixel's to those of the lower one. */
static fml_index between(fml_index down, fml_index rows) {
    return down < rows ? down : rows;
}

fml_index fml_squares_rows(const fml_op *op, fml_index channels, uint32_t words) {
    const fml_window *window = &op->window;
    const fml_index line = (fml_index)fml_op_group_share(op, window->channels) * window->kernel_width;
    fml_index rows = window->kernel_height;
    words = words < FML_PAIR_TAPS ? words : FML_PAIR_TAPS;
    while (rows != 0 && (rows + between(window->stride_height, rows)) * line > words) {
        --rows;
    }
    return window->dilation_height == 1 && (rows == window->kernel_height || channels <= FML_DENSE_CHANNELS) ? rows : 0;
}

/* A pair of what lies at `from` and, y, in the second window. */
#define PAIR(y)                                                                                                        \
    do {                                                                                                               \
        const uint32_t above = (uint32_t)(int32_t)(y);                                                                 \
        *to++ = (above << FML_PAIR_SHIFT) + x;                                                                         \
        ++from;                                                                                                        \
        FML_KEEP(from);                                                                                                \
        x = above;                                                                                                     \
    } while (0)

/* Where a byte of the second window is the first one's next. */
#define NEXT_ONE() PAIR(from[1])

#define NEXT()                                                                                                         \
    do {                                                                                                               \
        x = (uint32_t)(int32_t)*from;                                                                                  \
        PAIR(from[right]);                                                                                             \
    } while (0)

#define EACH(NEXT)                                                                                                     \
    do {                                                                                                               \
        if (line % 2 != 0) {                                                                                           \
            NEXT();                                                                                                    \
        }                                                                                                              \
        if (line % 4 >= 2) {                                                                                           \
            NEXT();                                                                                                    \
            NEXT();                                                                                                    \
        }                                                                                                              \
        while (from != end) {                                                                                          \
            NEXT();                                                                                                    \
            NEXT();                                                                                                    \
            NEXT();                                                                                                    \
            NEXT();                                                                                                    \
        }                                                                                                              \
    } while (0)

/* Bytes that all lie in the input. */
typedef struct input_rows {
    const int8_t *from;
    fml_index count, line;  /* rows; bytes of each */
    ptrdiff_t pitch, right; /* to the next row; to the second window */
} input_rows;

static FML_APART void pair_inside(const input_rows *r, uint32_t *to) {
    const fml_index line = r->line;
    const ptrdiff_t right = r->right;
    const int8_t *from = r->from;
    for (fml_index left = r->count; left != 0; --left, from += r->pitch - (ptrdiff_t)line) {
        const int8_t *end = from + line;
        uint32_t x = (uint32_t)(int32_t)*from;
        if (right == 1) {
            EACH(NEXT_ONE);
        } else {
            EACH(NEXT);
        }
    }
}

/* Pairs of `count` rows of the input, from `row` on; bytes in the padding are zero points. */
static void pair_rows(const squares *s, const place *at, fml_distance row, fml_index count, uint32_t *to) {
    const fml_shape *shape = &s->op->input.shape;
    const fml_distance tap = (fml_distance)s->tap, line = (fml_distance)s->line;
    const fml_distance right = (fml_distance)at->right * tap; /* bytes that the second window is further on */
    const fml_distance begin = -at->column * tap, end = ((fml_distance)shape->width - at->column) * tap;
    const fml_distance pitch = (fml_distance)shape->width * shape->channels;
    const fml_distance second = (fml_distance)at->right * shape->channels;
    const int32_t zero_point = s->op->input.zero_point;
    const uint32_t zero_points = ((uint32_t)zero_point << FML_PAIR_SHIFT) + (uint32_t)zero_point;
    fml_distance from = row * pitch + at->column * shape->channels;
    input_rows lines = {s->input + from, count, s->line, pitch, second};
    const bool within = begin <= 0 && right + line <= end;
    if (within && row >= 0 && (fml_index)row + count <= shape->height) {
        pair_inside(&lines, to);
        return;
    }
    lines.count = 1;
    for (; count != 0; --count, ++row, from += pitch, to += line) {
        if ((fml_index)row >= shape->height) {
            for (fml_distance i = 0; i != line; ++i) {
                to[i] = zero_points;
            }
        } else if (within) {
            lines.from = s->input + from;
            pair_inside(&lines, to);
        } else {
            for (fml_distance i = 0; i != line; ++i) {
                const int32_t x = i >= begin && i < end ? s->input[from + i] : zero_point;
                const int32_t y = i + right >= begin && i + right < end ? s->input[from + second + i] : zero_point;
                to[i] = ((uint32_t)y << FML_PAIR_SHIFT) + (uint32_t)x;
            }
        }
    }
}

/* Sums of `count` output channels, of weights `w` and the taps whose pairs are there. */
static void multiply(const squares *s, const place *at, const int8_t *w, fml_index rows, fml_index count, int32_t *sums,
                     bool more) {
    const fml_index second = between(at->down, rows) * s->line, height = s->op->window.kernel_height;
    for (fml_index c = 0; c < count; c += 2, sums += 2, w += c % 4 != 0 ? 2 : 4 * s->taps - 2) {
        int32_t part[3 * FML_DENSE_CHANNELS + 2];
        fml_dot_squares(w, s->pairs, second, rows * s->line, at->pooled && rows == height, more ? part : sums);
        for (fml_index i = 0; more && i != 4 * FML_DENSE_CHANNELS; i += FML_DENSE_CHANNELS) {
            sums[i] += part[i];
            sums[i + 1] += part[i + 1];
        }
    }
}

/* sums: of `count` output channels, from `begin` on, of all four pixels. */
static void add_up(const squares *s, const place *at, fml_index begin, fml_index count, int32_t *sums) {
    const int8_t *w = s->weights + begin * s->taps;
    const fml_index height = s->op->window.kernel_height;
    for (fml_index row = 0, rows = s->rows; row != height; row += rows, w += 4 * rows * s->line) {
        rows = rows < height - row ? rows : height - row;
        if (begin == 0 || rows != height) {
            const fml_distance first = at->row + (fml_distance)row;
            if (at->down <= rows) {
                pair_rows(s, at, first, rows + at->down, s->pairs);
            } else {
                pair_rows(s, at, first, rows, s->pairs);
                pair_rows(s, at, first + (fml_distance)at->down, rows, s->pairs + rows * s->line);
            }
        }
        multiply(s, at, w, rows, count, sums, row != 0);
    }
}

static int8_t *target(const squares *s, fml_index row, fml_index column) {
    const fml_window *window = &s->op->window;
    return s->patches->work->output + fml_element(&s->op->space, fml_pooled(row, window->pool_height),
                                                  fml_pooled(column, window->pool_width), s->first);
}

/* The square whose first pixel is (row, column) and that has so many rows and columns. */
static void run(const squares *s, fml_index row, fml_index column, fml_index high, fml_index wide) {
    fml_patches *const patches = s->patches;
    const fml_window *window = &s->op->window;
    const bool pooled = high + wide == 4 && window->pool_height == 2 && window->pool_width == 2;
    const place at = {fml_window_row(s->op, row), fml_window_column(s->op, column), (high - 1) * window->stride_height,
                      (wide - 1) * window->stride_width, pooled};
    int8_t *const first = target(s, row, column);
    patches->paired = wide == 2;
    for (fml_index begin = 0; begin < s->count; begin += FML_DENSE_CHANNELS) {
        const fml_index left = s->count - begin, count = left < FML_DENSE_CHANNELS ? left : FML_DENSE_CHANNELS;
        int32_t sums[4 * FML_DENSE_CHANNELS];
        add_up(s, &at, begin, count, sums);
        if (pooled) {
            for (fml_index i = 0; s->rows != window->kernel_height && i != count; ++i) {
                fml_largest_of_square(sums + i);
            }
            fml_finish(patches, first + begin, sums, s->channels + begin, count);
            continue;
        }
        for (fml_index i = 0; i != high; ++i) {
            patches->target[0] = target(s, row + i, column);
            patches->target[1] = target(s, row + i, column + wide - 1);
            fml_finish_pair(patches, begin, sums + 2 * i * FML_DENSE_CHANNELS, FML_DENSE_CHANNELS, s->channels + begin,
                            count);
        }
    }
}

void fml_squares_run(fml_patches *patches, const int8_t *weights, const fml_channel *channels, fml_index first,
                     fml_index count, uint32_t *pairs, fml_index rows) {
    const fml_op *op = patches->work->op;
    const fml_pixels *const pixels = &patches->pixels;
    squares s;
    s.patches = patches;
    s.op = op;
    s.input = patches->work->input + patches->first_channel;
    s.weights = weights;
    s.channels = channels;
    s.pairs = pairs;
    s.first = first;
    s.count = count;
    s.taps = (fml_index)fml_op_taps(op);
    s.tap = patches->channels;
    s.line = s.tap * op->window.kernel_width;
    s.rows = rows;
    for (fml_index row = pixels->at.row; row < pixels->row_end; row += 2) {
        const fml_index high = pixels->row_end - row == 1 ? 1 : 2;
        for (fml_index column = pixels->column_begin; column < pixels->column_end; column += 2) {
            run(&s, row, column, high, pixels->column_end - column == 1 ? 1 : 2);
        }
    }
}

#endif
