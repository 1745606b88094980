/* SPDX-License-Identifier: EUPL-1.2
 * Any user may make folders in %ProgramData%, and what lies in ours is run as SYSTEM. So a folder is used only when it was
 * made here, or belongs to somebody trusted, is no link, and has nothing of others in it. Facts: learn.microsoft.com. */
#define _WIN32_WINNT 0x0602
#include "home.h"

#include <aclapi.h>
#include <sddl.h>
#include <stdio.h>

#define OWNED L"O:BA"
#define RIGHTS L"(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)"
#define PRIVATE OWNED L"D:PAI" RIGHTS
/* The same for who may what, and not the same text: a folder that is closed to others, and not yet found clean. */
#define CLOSED OWNED L"D:PAI(A;OICI;FA;;;BA)(A;OICI;FA;;;SY)"
enum { ROOM = 1024, DEEPEST = 16, TRIES = 8 };
typedef enum { OURS, FOREIGN, UNKNOWN } Whose;

/* SYSTEM and the administrators, and the account of this service, as agent/windows/private.py has it, too: where that is
 * another one than SYSTEM, what it made itself must not be put aside when the host is started again. */
static BOOL trusted(PSID owner) {
    union {
        TOKEN_USER user;
        BYTE room[ROOM];
    } own;
    HANDLE token;
    DWORD size;
    if (IsWellKnownSid(owner, WinLocalSystemSid) || IsWellKnownSid(owner, WinBuiltinAdministratorsSid)) return TRUE;
    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token)) return FALSE;
    BOOL ours = GetTokenInformation(token, TokenUser, &own, sizeof own, &size) && EqualSid(owner, own.user.User.Sid);
    CloseHandle(token);
    return ours;
}

static BOOL is_of_trusted(wchar_t *path) {
    PSECURITY_DESCRIPTOR found = NULL;
    PSID owner = NULL;
    if (GetNamedSecurityInfoW(path, SE_FILE_OBJECT, OWNER_SECURITY_INFORMATION, &owner, NULL, NULL, NULL, &found))
        return FALSE;
    BOOL is = trusted(owner);
    LocalFree(found);
    return is;
}

/* Whether all below a folder is of somebody trusted, and no link that leads elsewhere. */
static BOOL is_clean(const wchar_t *folder, int deep) {
    wchar_t path[ROOM];
    WIN32_FIND_DATAW entry;
    BOOL clean = deep < DEEPEST;
    if (!clean || _snwprintf(path, ROOM, L"%ls\\*", folder) < 0) return FALSE;
    HANDLE all = FindFirstFileW(path, &entry);
    if (all == INVALID_HANDLE_VALUE) return GetLastError() == ERROR_FILE_NOT_FOUND;
    do {
        if (!wcscmp(entry.cFileName, L".") || !wcscmp(entry.cFileName, L"..")) continue;
        int length = _snwprintf(path, ROOM, L"%ls\\%ls", folder, entry.cFileName);
        BOOL link = entry.dwFileAttributes & FILE_ATTRIBUTE_REPARSE_POINT && IsReparseTagNameSurrogate(entry.dwReserved0);
        clean = length > 0 && length < ROOM && !link && is_of_trusted(path);
        if (clean && entry.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) clean = is_clean(path, deep + 1);
    } while (clean && FindNextFileW(all, &entry));
    FindClose(all);
    return clean;
}

/* Whether a folder already had the rights that it gets from us: then only those whom we trust can have written into it. */
static BOOL is_private(PSECURITY_DESCRIPTOR found) {
    wchar_t *text = NULL;
    if (!ConvertSecurityDescriptorToStringSecurityDescriptorW(found, SDDL_REVISION_1, DACL_SECURITY_INFORMATION, &text, NULL))
        return FALSE;
    const wchar_t *rights = wcschr(text, L'(');
    BOOL is = !wcsncmp(text, L"D:P", 3) && rights && !wcscmp(rights, RIGHTS);
    LocalFree(text);
    return is;
}

/* Gives a folder an owner and rights, and unlike SetFileSecurity the rights to what lies in it, too. */
static BOOL give(HANDLE folder, const wchar_t *text) {
    PSECURITY_DESCRIPTOR wanted = NULL;
    PSID owner = NULL;
    PACL rights = NULL;
    BOOL present, given;
    if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(text, SDDL_REVISION_1, &wanted, NULL)) return FALSE;
    BOOL done = GetSecurityDescriptorDacl(wanted, &present, &rights, &given) &&
                GetSecurityDescriptorOwner(wanted, &owner, &given) &&
                !SetSecurityInfo(folder, SE_FILE_OBJECT,
                                 OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION | PROTECTED_DACL_SECURITY_INFORMATION,
                                 owner, NULL, rights, NULL);
    LocalFree(wanted);
    return done;
}

static Whose judged(HANDLE folder, const wchar_t *home) {
    BY_HANDLE_FILE_INFORMATION facts;
    PSECURITY_DESCRIPTOR found = NULL;
    PSID owner = NULL;
    if (!GetFileInformationByHandle(folder, &facts)) return UNKNOWN;
    if (!(facts.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) || facts.dwFileAttributes & FILE_ATTRIBUTE_REPARSE_POINT)
        return FOREIGN;
    if (GetSecurityInfo(folder, SE_FILE_OBJECT, OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION, &owner, NULL, NULL,
                        NULL, &found))
        return UNKNOWN;
    BOOL ours = trusted(owner), before = is_private(found);
    LocalFree(found);
    if (!ours) return FOREIGN;
    if (before) return OURS;
    if (!give(folder, CLOSED)) return UNKNOWN;
    if (!is_clean(home, 0)) return FOREIGN;
    return give(folder, PRIVATE) ? OURS : UNKNOWN;
}

/* Closes the folder that is there to others, and tells whose it is. While it is looked at nobody can put another in its
 * place. */
static Whose take(const wchar_t *home) {
    HANDLE folder = CreateFileW(home, READ_CONTROL | WRITE_DAC | WRITE_OWNER | FILE_READ_ATTRIBUTES,
                                FILE_SHARE_READ | FILE_SHARE_WRITE, NULL, OPEN_EXISTING,
                                FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT, NULL);
    if (folder == INVALID_HANDLE_VALUE) return GetLastError() == ERROR_ACCESS_DENIED ? FOREIGN : UNKNOWN;
    Whose whose = judged(folder, home);
    CloseHandle(folder);
    return whose;
}

BOOL make_home(const wchar_t *home) {
    PSECURITY_DESCRIPTOR wanted = NULL;
    wchar_t aside[ROOM];
    BOOL made = FALSE;
    if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(PRIVATE, SDDL_REVISION_1, &wanted, NULL)) return FALSE;
    SECURITY_ATTRIBUTES attributes = {sizeof attributes, wanted, FALSE};
    for (int left = TRIES; left && !made; left--) {
        made = CreateDirectoryW(home, &attributes);
        if (made || GetLastError() != ERROR_ALREADY_EXISTS) break;
        Whose whose = take(home);
        made = whose == OURS;
        if (whose != FOREIGN) break;
        _snwprintf(aside, ROOM - 1, L"%ls.unsafe-%llu-%d", home, GetTickCount64(), left);
        aside[ROOM - 1] = 0;
        if (!MoveFileExW(home, aside, 0)) break;
    }
    LocalFree(wanted);
    return made;
}
