#include "kernels.h"

fml_pixels fml_pixels_of(const fml_tile *tile) {
    fml_pixels pixels;
    pixels.at.row = tile->row_begin;
    pixels.row_end = tile->row_end;
    pixels.at.column = pixels.column_begin = tile->column_begin;
    pixels.column_end = tile->column_end;
    return pixels;
}

void fml_pixels_advance(fml_pixels *pixels) {
    if (++pixels->at.column == pixels->column_end) {
        pixels->at.column = pixels->column_begin;
        ++pixels->at.row;
    }
}

void fml_runs_begin(fml_runs *runs, const fml_work *work, bool per_pixel) {
    runs->work = work;
    runs->pixels = fml_pixels_of(&work->tile);
    runs->length = (fml_index)(work->tile.channel_end - work->tile.channel_begin);
    if (runs->length == work->op->output.shape.channels && !per_pixel) {
        runs->length *= runs->pixels.column_end - runs->pixels.column_begin;
        runs->pixels.column_end = runs->pixels.column_begin + 1;
    }
}

bool fml_runs_next(fml_runs *runs) {
    if (!fml_pixels_left(&runs->pixels)) {
        return false;
    }
    runs->offset = fml_element(&runs->work->op->output.shape, runs->pixels.at.row, runs->pixels.at.column,
                               runs->work->tile.channel_begin);
    fml_pixels_advance(&runs->pixels);
    return true;
}
