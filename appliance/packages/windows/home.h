/* SPDX-License-Identifier: EUPL-1.2
 * The agent's folder, which decides what the service runs: for SYSTEM and the administrators alone. */
#ifndef CZUJKA_HOME_H
#define CZUJKA_HOME_H
#include <windows.h>

/* Makes the folder, or takes the one that is there when nobody else can have put anything into it; another is put aside
 * unread. FALSE: there is one that is not ours and cannot be put aside now, or nothing can be said of it; run nothing. */
BOOL make_home(const wchar_t *home);

#endif
