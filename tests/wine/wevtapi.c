/* A wevtapi.dll for tests: channels are files of the folder CZUJKA_FAKE_EVENTS.

   A channel's file has its path with _ for whatever is no letter or digit; in it, events as XML in UTF-8, each ended by
   a NUL. A file that grows has new events, one that shrinks was cleared. Errors are those that Microsoft documents. */
#include <windows.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define API __declspec(dllexport)
#define MOST_CODES 256
#define MOST_SUBSCRIPTIONS 64
enum { SUBSCRIPTION, EVENT, BOOKMARK, CONFIG, RESULTS };

typedef struct {
    int kind;
    char file[MAX_PATH];
    int codes[MOST_CODES], code_count;
    long long offset;
    HANDLE signal;
    char *xml;
    long long record;
    int backwards;
    long long given;
} Handle;

static Handle *subscriptions[MOST_SUBSCRIPTIONS];
static CRITICAL_SECTION guard;

static long long size_of(const char *file) {
    WIN32_FILE_ATTRIBUTE_DATA found;
    if (!GetFileAttributesExA(file, GetFileExInfoStandard, &found)) return -1;
    return ((long long)found.nFileSizeHigh << 32) | found.nFileSizeLow;
}

static DWORD WINAPI watch(void *nothing) {
    (void)nothing;
    for (;;) {
        Sleep(50);
        EnterCriticalSection(&guard);
        for (int i = 0; i < MOST_SUBSCRIPTIONS; i++)
            if (subscriptions[i] && size_of(subscriptions[i]->file) != subscriptions[i]->offset)
                SetEvent(subscriptions[i]->signal);
        LeaveCriticalSection(&guard);
    }
    return 0;
}

BOOL WINAPI DllMain(HINSTANCE module, DWORD reason, LPVOID nothing) {
    (void)module, (void)nothing;
    if (reason == DLL_PROCESS_ATTACH) {
        InitializeCriticalSection(&guard);
        CloseHandle(CreateThread(NULL, 0, watch, NULL, 0, NULL));
    }
    return TRUE;
}

static Handle *made(int kind) {
    Handle *handle = calloc(1, sizeof(Handle));
    handle->kind = kind;
    return handle;
}

static void name_file(char *target, const wchar_t *path) {
    int length = snprintf(target, MAX_PATH - 1, "%s\\", getenv("CZUJKA_FAKE_EVENTS"));
    for (; *path && length < MAX_PATH - 1; path++)
        target[length++] = (*path < 128 && (IsCharAlphaNumericW(*path))) ? (char)*path : '_';
    target[length] = 0;
}

static long long number_after(const char *text, const char *mark) {
    const char *found = text ? strstr(text, mark) : NULL;
    if (!found) return -1;
    found += strlen(mark);
    while (*found && *found != '>' && mark[strlen(mark) - 1] != '>' && mark[0] == '<') found++;
    if (*found == '>') found++;
    return atoll(found);
}

typedef struct {
    FILE *file;
    char *data;
    size_t room, begin, end;
} Reading;

/* The last reading's room, for the next one: a service would cost the reader's process nothing either. */
static char *spare;
static size_t spare_room;

static Reading reading_of(const char *name, long long offset) {
    Reading reading = {fopen(name, "rb"), spare, spare_room, 0, 0};
    spare = NULL, spare_room = 0;
    if (reading.file) _fseeki64(reading.file, offset, SEEK_SET);
    return reading;
}

static void end_reading(Reading *reading) {
    if (reading->file) fclose(reading->file);
    free(spare);
    spare = reading->data, spare_room = reading->room;
}

/* Returns the next event and its length with the NUL, NULL when there is no whole one. */
static char *next_event(Reading *reading, size_t *length) {
    while (reading->file) {
        char *begin = reading->data + reading->begin;
        char *found = reading->data ? memchr(begin, 0, reading->end - reading->begin) : NULL;
        if (found) {
            *length = (size_t)(found - begin) + 1;
            reading->begin += *length;
            return begin;
        }
        if (reading->data) memmove(reading->data, begin, reading->end - reading->begin);
        reading->end -= reading->begin, reading->begin = 0;
        if (reading->room - reading->end < 32768) reading->data = realloc(reading->data, reading->room += 131072);
        size_t got = fread(reading->data + reading->end, 1, reading->room - reading->end, reading->file);
        if (!got) break;
        reading->end += got;
    }
    return NULL;
}

static int is_wanted(const Handle *subscription, const char *xml) {
    long long code = number_after(xml, "<EventID");
    if (code < 0 || !subscription->code_count) return 1;
    for (int i = 0; i < subscription->code_count; i++)
        if (subscription->codes[i] == code) return 1;
    return 0;
}

/* Puts the subscription behind the bookmark's event, or before it; false when the log no longer has it. */
static int is_found(Handle *subscription, long long record, int before) {
    Reading reading = reading_of(subscription->file, 0);
    const char *text;
    size_t length;
    int found = 0;
    subscription->offset = 0;
    while (!found && (text = next_event(&reading, &length))) {
        found = number_after(text, "<EventRecordID>") == record;
        if (!found || !before) subscription->offset += length;
    }
    end_reading(&reading);
    return found;
}

/* Stays here for good while there is a file of this point, and says so by the file "held": a test kills the process. */
static void hold(const char *point) {
    char file[MAX_PATH];
    snprintf(file, MAX_PATH, "%s\\hold-%s", getenv("CZUJKA_FAKE_EVENTS"), point);
    if (size_of(file) < 0) return;
    snprintf(file, MAX_PATH, "%s\\held", getenv("CZUJKA_FAKE_EVENTS"));
    fclose(fopen(file, "wb"));
    Sleep(INFINITE);
}

static void take_codes(Handle *handle, LPCWSTR query) {
    for (const wchar_t *at = query; (at = wcsstr(at, L"EventID=")) && handle->code_count < MOST_CODES; at++)
        handle->codes[handle->code_count++] = _wtoi(at + 8);
}

static Handle *event_of(const char *text) {
    Handle *event = made(EVENT);
    event->xml = _strdup(text);
    event->record = number_after(text, "<EventRecordID>");
    return event;
}

/* The newest wanted event before so many newer ones, NULL when there is none. */
static Handle *from_the_end(const Handle *results, long long newer) {
    long long all = 0;
    for (int pass = 0; pass < 2; pass++) {
        Reading reading = reading_of(results->file, 0);
        Handle *event = NULL;
        const char *text;
        size_t length;
        long long number = 0;
        while (!event && (text = next_event(&reading, &length)))
            if (is_wanted(results, text) && ++number == all - newer && pass) event = event_of(text);
        end_reading(&reading);
        if (event) return event;
        all = number;
    }
    return NULL;
}

API HANDLE WINAPI EvtSubscribe(HANDLE session, HANDLE signal, LPCWSTR path, LPCWSTR query, HANDLE bookmark,
                               PVOID context, PVOID callback, DWORD flags) {
    (void)session, (void)context, (void)callback;
    Handle *subscription = made(SUBSCRIPTION);
    name_file(subscription->file, path);
    subscription->signal = signal;
    take_codes(subscription, query);
    int strict = (flags & 3) == 3;
    if (size_of(subscription->file) < 0) {
        free(subscription);
        SetLastError(15007); /* ERROR_EVT_CHANNEL_NOT_FOUND */
        return NULL;
    }
    if (strict && (!bookmark || !is_found(subscription, ((Handle *)bookmark)->record, 0))) {
        free(subscription);
        SetLastError(ERROR_NOT_FOUND);
        return NULL;
    }
    EnterCriticalSection(&guard);
    for (int i = 0; i < MOST_SUBSCRIPTIONS; i++)
        if (!subscriptions[i]) {
            subscriptions[i] = subscription;
            break;
        }
    LeaveCriticalSection(&guard);
    return (HANDLE)subscription;
}

API HANDLE WINAPI EvtQuery(HANDLE session, LPCWSTR path, LPCWSTR query, DWORD flags) {
    (void)session;
    Handle *results = made(RESULTS);
    name_file(results->file, path);
    take_codes(results, query);
    results->backwards = (flags & 0x200) != 0;
    if (size_of(results->file) >= 0) return (HANDLE)results;
    free(results);
    SetLastError(15007);
    return NULL;
}

API BOOL WINAPI EvtSeek(HANDLE results, LONGLONG position, HANDLE bookmark, DWORD timeout, DWORD flags) {
    (void)timeout;
    if (position || (flags & 7) != 4) {
        SetLastError(ERROR_INVALID_PARAMETER);
        return FALSE;
    }
    if (is_found((Handle *)results, ((Handle *)bookmark)->record, 1)) return TRUE;
    SetLastError(ERROR_NOT_FOUND);
    return FALSE;
}

API BOOL WINAPI EvtNext(HANDLE results, DWORD most, HANDLE *events, DWORD timeout, DWORD flags, DWORD *count) {
    (void)timeout, (void)flags;
    Handle *subscription = (Handle *)results;
    const char *text;
    size_t length;
    *count = 0;
    while (subscription->backwards && *count < most) {
        Handle *event = from_the_end(subscription, subscription->given);
        if (!event) break;
        subscription->given++;
        events[(*count)++] = (HANDLE)event;
    }
    if (subscription->backwards) {
        if (!*count) SetLastError(ERROR_NO_MORE_ITEMS);
        return *count > 0;
    }
    if (size_of(subscription->file) > subscription->offset) hold("before");
    if (size_of(subscription->file) < subscription->offset) {
        SetLastError(15011); /* ERROR_EVT_QUERY_RESULT_STALE */
        return FALSE;
    }
    Reading reading = reading_of(subscription->file, subscription->offset);
    while (*count < most && (text = next_event(&reading, &length))) {
        subscription->offset += length;
        if (!is_wanted(subscription, text)) continue;
        events[(*count)++] = (HANDLE)event_of(text);
    }
    end_reading(&reading);
    if (*count) hold("after");
    if (!*count) SetLastError(ERROR_NO_MORE_ITEMS);
    return *count > 0;
}

API BOOL WINAPI EvtRender(HANDLE context, HANDLE fragment, DWORD what, DWORD size, PVOID buffer, DWORD *used,
                          DWORD *properties) {
    (void)context, (void)what;
    Handle *handle = (Handle *)fragment;
    char mark[128];
    const char *text = handle->xml;
    if (handle->kind == BOOKMARK) {
        snprintf(mark, sizeof mark, "<BookmarkList><Bookmark Channel='T' RecordId='%lld' IsCurrent='true'/></BookmarkList>",
                 handle->record);
        text = mark;
    }
    int bytes = (int)strlen(text) + 1;
    *properties = 0;
    if (size < 2 * (DWORD)bytes) {
        *used = 2 * MultiByteToWideChar(CP_UTF8, 0, text, bytes, NULL, 0);
        if (size < *used) {
            SetLastError(ERROR_INSUFFICIENT_BUFFER);
            return FALSE;
        }
    }
    *used = 2 * MultiByteToWideChar(CP_UTF8, 0, text, bytes, buffer, size / 2);
    return TRUE;
}

API HANDLE WINAPI EvtCreateBookmark(LPCWSTR xml) {
    Handle *bookmark = made(BOOKMARK);
    const wchar_t *found = xml ? wcsstr(xml, L"RecordId='") : NULL;
    if (xml && !found) {
        free(bookmark);
        SetLastError(ERROR_INVALID_PARAMETER);
        return NULL;
    }
    bookmark->record = found ? _wtoi64(found + 10) : -1;
    return (HANDLE)bookmark;
}

API BOOL WINAPI EvtUpdateBookmark(HANDLE bookmark, HANDLE event) {
    ((Handle *)bookmark)->record = ((Handle *)event)->record;
    return TRUE;
}

API HANDLE WINAPI EvtOpenChannelConfig(HANDLE session, LPCWSTR path, DWORD flags) {
    (void)session, (void)flags;
    Handle *config = made(CONFIG);
    name_file(config->file, path);
    if (size_of(config->file) >= 0) return (HANDLE)config;
    free(config);
    SetLastError(15007);
    return NULL;
}

API BOOL WINAPI EvtGetChannelConfigProperty(HANDLE config, DWORD property, DWORD flags, DWORD size, PVOID buffer,
                                            DWORD *used) {
    (void)flags, (void)used;
    char off[MAX_PATH + 4];
    snprintf(off, sizeof off, "%s.off", ((Handle *)config)->file);
    memset(buffer, 0, size);
    if (property == 0) *(BOOL *)buffer = size_of(off) < 0;
    if (property == 8) *(ULONGLONG *)buffer = 20971520;
    return TRUE;
}

API BOOL WINAPI EvtClose(HANDLE object) {
    Handle *handle = (Handle *)object;
    if (handle->kind == SUBSCRIPTION) {
        EnterCriticalSection(&guard);
        for (int i = 0; i < MOST_SUBSCRIPTIONS; i++)
            if (subscriptions[i] == handle) subscriptions[i] = NULL;
        LeaveCriticalSection(&guard);
    }
    free(handle->xml);
    free(handle);
    return TRUE;
}
