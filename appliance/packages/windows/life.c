/* SPDX-License-Identifier: EUPL-1.2
 * See life.h. */
#include "life.h"

void life_begin(Life *life, unsigned long long now, unsigned long long mark) {
    *life = (Life){.looked = now, .mark = mark};
}

void life_look(Life *life, unsigned long long now, unsigned long long mark) {
    unsigned long long passed = now > life->looked ? now - life->looked : 0;
    life->awake += passed < STRIDE ? passed : STRIDE;
    life->looked = now;
    /* That it changes is a sign of life; which time it has hangs on a clock that anybody may set. */
    if (mark != life->mark) life->shown = life->awake;
    life->mark = mark;
}

long life_seconds(const Life *life) {
    return (long)(life->awake / 1000);
}

int life_is_silent(const Life *life) {
    return life->awake - life->shown > PATIENCE * 1000ULL;
}
