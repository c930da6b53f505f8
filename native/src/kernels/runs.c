#include "kernels.h"

void fml_runs_begin(fml_runs *runs, const fml_shape *shape, const fml_tile *tile, bool per_pixel) {
    const uint16_t columns = (uint16_t)(tile->column_end - tile->column_begin);
    const uint16_t channels = (uint16_t)(tile->channel_end - tile->channel_begin);
    const bool whole = channels == shape->channels && !per_pixel;
    runs->length = whole ? (uint32_t)columns * channels : channels;
    runs->row_offset = fml_element(shape, tile->row_begin, tile->column_begin, tile->channel_begin);
    runs->row_step = (uint32_t)shape->width * shape->channels;
    runs->step = shape->channels;
    runs->rows_left = (uint16_t)(tile->row_end - tile->row_begin);
    runs->per_row = whole ? 1 : columns;
    runs->in_row = 0;
}

bool fml_runs_next(fml_runs *runs) {
    if (runs->in_row == runs->per_row) {
        runs->in_row = 0;
        runs->row_offset += runs->row_step;
        --runs->rows_left;
    }
    runs->offset = runs->row_offset + runs->in_row * runs->step;
    ++runs->in_row;
    return runs->rows_left != 0;
}
