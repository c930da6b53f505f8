#include "capacitor.h"

#include <math.h>

/* Within a segment dE/dt = net - decay E, so with the rate r = net - decay E(0) at its beginning
 *     E(t) = E(0) + r t phi(decay t),                      phi(x) = (1 - exp(-x)) / x, 1 at 0
 *     integral of E from 0 to t = E(0) t + r t^2 psi(decay t),   psi(x) = (1 - phi(x)) / x, 1/2 at 0 */
static double phi(double x) {
    return x > 0 ? -expm1(-x) / x : 1;
}

static double psi(double x) {
    return x > 1e-4 ? (1 - phi(x)) / x : 0.5 - x / 6; /* the next term, x^2 / 24, is beyond the precision */
}

/* Seconds until the energy has changed by `change`, of the rate's sign; infinite where it never does. */
static double time_of_change(double change, double rate, double decay) {
    const double share = change * decay / rate;
    if (share >= 1) {
        return INFINITY;
    }
    return decay > 0 ? -log1p(-share) / decay : change / rate;
}

/* `t` seconds of one segment at a harvest of `watts` and the given rate, which is 0 where the energy is held. */
static void pass(freeml_capacitor *c, double t, double watts, double load, double rate) {
    c->leaked += c->decay * (c->energy * t + rate * t * t * psi(c->decay * t));
    c->energy += rate * t * phi(c->decay * t);
    c->harvested += watts * t;
    c->consumed += load * t;
    c->time += t;
    c->left -= t;
    if (c->left <= 0) {
        c->segment = (c->segment + 1) % c->segments;
        c->left = c->seconds[c->segment];
    }
}

freeml_capacitor_event freeml_capacitor_advance(freeml_capacitor *capacitor, double load, double seconds, double low,
                                                double high) {
    freeml_capacitor *const c = capacitor;
    while (c->energy > low && c->energy < high && seconds > 0) {
        const double watts = c->watts[c->segment];
        const double rate = watts - load - c->decay * c->energy;
        const double t = fmin(seconds, c->left);
        if (rate >= 0 && c->energy >= c->full) {
            c->shunted += rate * t;
            pass(c, t, watts, load, 0);
            seconds -= t;
            continue;
        }
        const double level = rate < 0 ? low : fmin(high, c->full);
        const double until = rate == 0 ? INFINITY : time_of_change(level - c->energy, rate, c->decay);
        pass(c, fmin(t, until), watts, load, rate);
        if (until <= t) {
            c->energy = level;
        }
        seconds -= fmin(t, until);
    }
    if (c->energy <= low) {
        return FREEML_LOW;
    }
    return c->energy >= high ? FREEML_HIGH : FREEML_TIME_PASSED;
}
