/* A capacitor between a harvester and a device, for simulations on a PC: host code, so it may use floating point. */
#ifndef FREEML_CAPACITOR_H
#define FREEML_CAPACITOR_H

#include <stdint.h>

typedef struct freeml_capacitor {
    double time;   /* s since the beginning */
    double energy; /* J stored */
    double full;   /* J above which a shunt takes what is harvested */
    double decay;  /* share of the energy that leaks each second: 2 / (R C); 0: none leaks */
    /* J since the beginning: harvested + energy then = energy now + consumed + leaked + shunted. */
    double harvested, consumed, leaked, shunted;
    /* The harvest: watts[i] for seconds[i] > 0, i from 0 to segments - 1 and then again from 0. Caller's. */
    const double *watts, *seconds;
    uint32_t segments;
    uint32_t segment; /* the one that `time` is in */
    double left;      /* s of it that remain */
} freeml_capacitor;

typedef enum freeml_capacitor_event {
    FREEML_TIME_PASSED = 0,
    FREEML_LOW = 1, /* the energy fell to `low` */
    FREEML_HIGH = 2 /* the energy rose to `high` */
} freeml_capacitor_event;

/* Lets time pass while a device takes `load` watts: `seconds` at most, or until the energy is at `low` or below it, or
 * at `high` or above it. Exact for a harvest that is constant in each segment. */
freeml_capacitor_event freeml_capacitor_advance(freeml_capacitor *capacitor, double load, double seconds, double low,
                                                double high);

#endif
