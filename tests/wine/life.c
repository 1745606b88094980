/* Reads lines "NOW MARK", the first of a beginning, the others of looks; prints seconds awake and whether it is silent. */
#include <stdio.h>

#include "life.h"

int main(void) {
    Life life = {0};
    unsigned long long now, mark;
    for (int begun = 0; scanf("%llu %llu", &now, &mark) == 2; begun = 1) {
        if (begun) life_look(&life, now, mark);
        else life_begin(&life, now, mark);
        printf("%ld %d\n", life_seconds(&life), life_is_silent(&life));
    }
    return 0;
}
