/* SPDX-License-Identifier: EUPL-1.2
 * How long the agent has lived and been silent, in the time in which this machine was awake. No system calls. */
#ifndef CZUJKA_LIFE_H
#define CZUJKA_LIFE_H

enum {
    PATIENCE = 90, /* seconds of silence that are borne */
    STRIDE = 10000 /* milliseconds that two looks count at most: whoever cannot look for longer was not awake, nor was the agent */
};

typedef struct {
    unsigned long long looked, mark, awake, shown; /* milliseconds, but the mark */
} Life;

/* `now`: milliseconds of a clock that stands still in sleep; `mark`: the write time of the sign of life, of any clock. */
void life_begin(Life *life, unsigned long long now, unsigned long long mark);
void life_look(Life *life, unsigned long long now, unsigned long long mark);
/* Seconds awake since the beginning. */
long life_seconds(const Life *life);
int life_is_silent(const Life *life);
#endif
