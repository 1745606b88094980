/* SPDX-License-Identifier: EUPL-1.2
 * See update.h. */
#include "update.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void copy(char *to, size_t room, const char *from) {
    snprintf(to, room, "%s", from);
}

int is_version(const char *text) {
    for (int part = 0; part < 3; part++) {
        int digits = 0;
        while (*text >= '0' && *text <= '9') text++, digits++;
        if (digits < 1 || digits > 5) return 0;
        if (*text != (part < 2 ? '.' : '\0')) return 0;
        text++;
    }
    return 1;
}

int later(const char *one, const char *other) {
    for (int part = 0; part < 3; part++) {
        char *one_end, *other_end;
        long a = strtol(one, &one_end, 10), b = strtol(other, &other_end, 10);
        if (a != b) return a > b;
        one = one_end + (*one_end == '.');
        other = other_end + (*other_end == '.');
    }
    return 0;
}

static long number(const char *text) {
    size_t digits = strspn(text, "0123456789");
    return digits > 0 && digits <= 6 && text[digits] == '\0' ? strtol(text, NULL, 10) : 0;
}

static void field(State *state, const char *name, const char *value) {
    if (!strcmp(name, "current")) copy(state->current, VERSION_ROOM, is_version(value) ? value : "");
    if (!strcmp(name, "pending")) copy(state->pending, VERSION_ROOM, is_version(value) ? value : "");
    if (!strcmp(name, "failed")) copy(state->failed, VERSION_ROOM, is_version(value) ? value : "");
    if (!strcmp(name, "tries")) state->tries = number(value);
    if (!strcmp(name, "spent")) state->spent = number(value);
    if (!strcmp(name, "reason"))
        copy(state->reason, REASON_ROOM, !strcmp(value, "crashed") || !strcmp(value, "silent") ? value : "");
}

void state_read(State *state, const char *text) {
    memset(state, 0, sizeof *state);
    for (const char *end, *stop = text + strnlen(text, LONGEST); text < stop; text = end + 1) {
        char line[64];
        end = memchr(text, '\n', (size_t)(stop - text));
        if (!end) end = stop;
        size_t length = (size_t)(end - text);
        if (length && text[length - 1] == '\r') length--;
        if (length >= sizeof line) continue;
        memcpy(line, text, length);
        line[length] = '\0';
        char *value = strchr(line, '=');
        if (!value) continue;
        *value++ = '\0';
        field(state, line, value);
    }
}

size_t state_write(const State *state, char *out, size_t room) {
    int length = snprintf(out, room, "current=%s\npending=%s\ntries=%ld\nspent=%ld\nfailed=%s\nreason=%s\n", state->current,
                          state->pending, state->tries, state->spent, state->failed, state->reason);
    return length < 0 || (size_t)length >= room ? 0 : (size_t)length;
}

static void no_trial(State *state) {
    state->pending[0] = '\0';
    state->tries = state->spent = 0;
}

static void settle(State *state, const char *healthy) {
    if (!state->pending[0] || strcmp(healthy, state->pending)) return;
    copy(state->current, VERSION_ROOM, healthy);
    no_trial(state);
}

static void fail(State *state, const char *reason) {
    copy(state->failed, VERSION_ROOM, state->pending);
    copy(state->reason, REASON_ROOM, reason);
    no_trial(state);
}

void state_installed(State *state, const char *version) {
    if (state->current[0] && !later(state->current, version)) state->current[0] = '\0';
    const char *base = state->current[0] ? state->current : version;
    if (state->pending[0] && !later(state->pending, base)) no_trial(state);
}

void state_offered(State *state, const char *version) {
    no_trial(state);
    copy(state->pending, VERSION_ROOM, version);
}

void state_started(State *state, const char *healthy) {
    settle(state, healthy);
    if (!state->pending[0]) return;
    if (state->tries >= TRIES) fail(state, "crashed");
    else if (state->spent >= TRIAL) fail(state, "silent");
    else state->tries++;
}

void state_looked(State *state, const char *healthy, const char *ran, long elapsed) {
    settle(state, healthy);
    if (!state->pending[0] || strcmp(ran, state->pending)) return;
    if (state->spent + (elapsed > 0 ? elapsed : 0) >= TRIAL) fail(state, "silent");
}

void state_ended(State *state, const char *healthy, const char *ran, long elapsed, int asked) {
    settle(state, healthy);
    if (!state->pending[0] || strcmp(ran, state->pending)) return;
    long most = asked ? TRIAL - 1 : TRIAL;
    state->spent += elapsed > 0 ? elapsed : 0;
    if (state->spent > most) state->spent = most;
    if (asked && state->tries > 0) state->tries--;
}

void state_missing(State *state) {
    State after = {0};
    copy(after.failed, VERSION_ROOM, state_running(state));
    copy(after.reason, REASON_ROOM, "crashed");
    *state = after;
}

const char *state_running(const State *state) {
    return state->pending[0] ? state->pending : state->current;
}
