/* SPDX-License-Identifier: EUPL-1.2
 * Which version of the agent runs: the state machine of agent/update/state.py, word for word.
 * Both answer to the table tests/agent/update/cases.txt. No system calls; texts end with NUL. */
#ifndef CZUJKA_UPDATE_H
#define CZUJKA_UPDATE_H
#include <stddef.h>

enum { TRIES = 3, TRIAL = 600, LONGEST = 4096, VERSION_ROOM = 18, REASON_ROOM = 8 };

typedef struct {
    char current[VERSION_ROOM], pending[VERSION_ROOM];
    long tries, spent;
    char failed[VERSION_ROOM], reason[REASON_ROOM];
} State;

int is_version(const char *text);
int later(const char *one, const char *other);
void state_read(State *state, const char *text);
/* Writes at most `room` bytes and returns their number. */
size_t state_write(const State *state, char *out, size_t room);
void state_installed(State *state, const char *version);
void state_offered(State *state, const char *version);
void state_started(State *state, const char *healthy);
void state_looked(State *state, const char *healthy, const char *ran, long elapsed);
void state_ended(State *state, const char *healthy, const char *ran, long elapsed, int asked);
void state_missing(State *state);
const char *state_running(const State *state);
#endif
