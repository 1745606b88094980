/* Reads lines "STATE EVENT…" of cases.txt, prints the file of the state that follows and an empty line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "update.h"

static char *next(char *separators) {
    char *word = strtok(NULL, separators);
    return word && strcmp(word, "-") ? word : "";
}

int main(void) {
    char line[512], text[512];
    while (fgets(line, sizeof line, stdin)) {
        State state;
        char *part[6], *word = strtok(line, "/ \r\n");
        for (int i = 0; i < 6; i++) {
            part[i] = word && strcmp(word, "-") ? word : "";
            word = strtok(NULL, "/ \r\n");
        }
        snprintf(text, sizeof text, "current=%s\npending=%s\ntries=%s\nspent=%s\nfailed=%s\nreason=%s\n", part[0], part[1],
                 part[2], part[3], part[4], part[5]);
        state_read(&state, text);
        char *event = word ? word : "", *one = next(" \r\n");
        if (!strcmp(event, "installed")) state_installed(&state, one);
        if (!strcmp(event, "offered")) state_offered(&state, one);
        if (!strcmp(event, "start")) state_started(&state, one);
        if (!strcmp(event, "look") || !strcmp(event, "end")) {
            char *ran = next(" \r\n");
            long elapsed = atol(next(" \r\n"));
            if (!strcmp(event, "look")) state_looked(&state, one, ran, elapsed);
            else state_ended(&state, one, ran, elapsed, !strcmp(next(" \r\n"), "asked"));
        }
        text[state_write(&state, text, sizeof text - 1)] = '\0';
        printf("%s\n", text);
    }
    return 0;
}
