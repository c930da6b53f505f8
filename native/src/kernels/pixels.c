#include "kernels.h"

fml_pixels fml_pixels_of(const fml_tile *tile) {
    fml_pixels pixels;
    pixels.row = tile->row_begin;
    pixels.column = tile->column_begin;
    pixels.column_begin = tile->column_begin;
    pixels.column_end = tile->column_end;
    pixels.left = (uint32_t)(tile->row_end - tile->row_begin) * (uint32_t)(tile->column_end - tile->column_begin);
    return pixels;
}

void fml_pixels_advance(fml_pixels *pixels) {
    --pixels->left;
    if (++pixels->column == pixels->column_end) {
        pixels->column = pixels->column_begin;
        ++pixels->row;
    }
}
