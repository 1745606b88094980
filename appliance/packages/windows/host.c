/* SPDX-License-Identifier: EUPL-1.2
 * The Windows service of the agent: picks the version (update.c), starts it in a job with bounds, starts it again when it
 * ends or shows no life, keeps its log, and stops it by a word to its standard input, which it closes then: `stop`,
 * `shutdown` or `uninstall`. Nothing of it changes when the agent is updated. `czujka-host.exe uninstalling` stops the
 * service with the last of these words.
 * Beside it lie version.txt, start.py, runtime\ (Python), agent\ and vendor\; the agent's folder is %ProgramData%\Czujka. */
#define _WIN32_WINNT 0x0602
#include <windows.h>
#include <sddl.h>
#include <shlobj.h>
#include <stdio.h>

#include "home.h"
#include "life.h"
#include "update.h"

#define NAME L"CzujkaAgent"
#define KEY L"Software\\Czujka\\Agent"
/* SYSTEM and administrators may do all, others may ask how it is. */
#define SERVICE_RIGHTS L"D:(A;;CCDCLCSWRPWPDTLOCRSDRCWDWO;;;SY)(A;;CCDCLCSWRPWPDTLOCRSDRCWDWO;;;BA)(A;;CCLCLORC;;;AU)"
enum {
    ROOM = 1024,
    STOP_SECONDS = 15,
    LEAVING = 200, /* a control code of our own: a stop because the agent is being removed */
    LEAVING_SECONDS = 8,
    FIRST_WAIT = 1000,
    LAST_WAIT = 60000,
    STEADY_SECONDS = 60,
    HOME_WAIT = 5000,
    LOG_BYTES = 1 << 20,
    TOKEN_BYTES = 4096,
};
static const SIZE_T MEMORY = (SIZE_T)256 << 20;
static const DWORD CPU_RATE = 1000; /* hundredths of a percent of the machine */

static SERVICE_STATUS_HANDLE handle;
static HANDLE stopping;
static const char *volatile word = "";
static wchar_t program[ROOM], home[ROOM];

static void report(DWORD state, DWORD hint) {
    SERVICE_STATUS status = {.dwServiceType = SERVICE_WIN32_OWN_PROCESS, .dwCurrentState = state, .dwWaitHint = hint};
    if (state == SERVICE_RUNNING) status.dwControlsAccepted = SERVICE_ACCEPT_STOP | SERVICE_ACCEPT_PRESHUTDOWN;
    SetServiceStatus(handle, &status);
}

/* What the agent is told of the reason of a stop, NULL for what is none. */
static const char *word_of(DWORD code) {
    if (code == SERVICE_CONTROL_STOP) return "stop\n";
    if (code == SERVICE_CONTROL_PRESHUTDOWN || code == SERVICE_CONTROL_SHUTDOWN) return "shutdown\n";
    return code == LEAVING ? "uninstall\n" : NULL;
}

static DWORD WINAPI control(DWORD code, DWORD type, void *data, void *context) {
    (void)type, (void)data, (void)context;
    if (code == SERVICE_CONTROL_INTERROGATE) return NO_ERROR;
    const char *found = word_of(code);
    if (!found) return ERROR_CALL_NOT_IMPLEMENTED;
    if (!*word) word = found;
    report(SERVICE_STOP_PENDING, (STOP_SECONDS + 5) * 1000);
    SetEvent(stopping);
    return NO_ERROR;
}

static void path_of(wchar_t *out, const wchar_t *folder, const wchar_t *name) {
    _snwprintf(out, ROOM - 1, L"%ls\\%ls", folder, name);
    out[ROOM - 1] = 0;
}

/* Reads at most room - 1 bytes of a file and ends them with NUL; nothing when there is no such file. */
static void read_file(const wchar_t *folder, const wchar_t *name, char *out, DWORD room) {
    wchar_t path[ROOM];
    DWORD got = 0;
    path_of(path, folder, name);
    HANDLE file = CreateFileW(path, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL,
                              OPEN_EXISTING, 0, NULL);
    if (file != INVALID_HANDLE_VALUE) {
        if (!ReadFile(file, out, room - 1, &got, NULL)) got = 0;
        CloseHandle(file);
    }
    out[got] = '\0';
}

/* Replaces a file of the agent's folder in one step. */
static BOOL write_file(const wchar_t *name, const char *data, DWORD length) {
    wchar_t path[ROOM], draft[ROOM];
    DWORD written = 0;
    path_of(path, home, name);
    _snwprintf(draft, ROOM - 1, L"%ls.new", path);
    HANDLE file = CreateFileW(draft, GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, 0, NULL);
    if (file == INVALID_HANDLE_VALUE) return FALSE;
    BOOL done = WriteFile(file, data, length, &written, NULL) && written == length && FlushFileBuffers(file);
    CloseHandle(file);
    return done && MoveFileExW(draft, path, MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH);
}

static void version_file(const wchar_t *folder, const wchar_t *name, char *out) {
    char text[64];
    read_file(folder, name, text, sizeof text);
    text[strspn(text, "0123456789.")] = '\0';
    strcpy(out, is_version(text) ? text : "");
}

static void load(State *state, char *healthy) {
    char text[LONGEST + 1];
    read_file(home, L"update.state", text, sizeof text);
    state_read(state, text);
    version_file(home, L"healthy", healthy);
}

static BOOL save(const State *state) {
    char text[256];
    size_t length = state_write(state, text, sizeof text);
    return length && write_file(L"update.state", text, (DWORD)length);
}

static BOOL same(const State *one, const State *other) {
    char a[256], b[256];
    return state_write(one, a, sizeof a) == state_write(other, b, sizeof b) && !strcmp(a, b);
}

/* Returns the bytes of a text of the registry without its end, 0 when there is none or it does not fit. */
static int registry_text(HKEY key, const wchar_t *name, char *out) {
    wchar_t wide[TOKEN_BYTES];
    DWORD size = sizeof wide;
    int length = 0;
    if (!RegGetValueW(key, NULL, name, RRF_RT_REG_SZ, NULL, wide, &size))
        length = WideCharToMultiByte(CP_UTF8, 0, wide, -1, out, TOKEN_BYTES, NULL, NULL) - 1;
    SecureZeroMemory(wide, sizeof wide);
    return length > 0 ? length : 0;
}

/* The installer can only write the registry, which all may read: the token moves to the agent's folder at once. */
static void move_token(void) {
    HKEY key;
    char text[2 * TOKEN_BYTES + 1];
    if (RegOpenKeyExW(HKEY_LOCAL_MACHINE, KEY, 0, KEY_READ | KEY_SET_VALUE, &key)) return;
    int length = registry_text(key, L"Token", text);
    BOOL moved = TRUE;
    if (length) {
        text[length++] = '\n';
        length += registry_text(key, L"Server", text + length);
        moved = write_file(L"token", text, (DWORD)length);
    }
    if (moved) {
        RegDeleteValueW(key, L"Token");
        RegDeleteValueW(key, L"Server");
    }
    SecureZeroMemory(text, sizeof text);
    RegCloseKey(key);
}

/* What the installer cannot set: start again after a fault of this host itself, after the system's own services. */
static void set_up_service(void) {
    SC_HANDLE manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT);
    SC_HANDLE service = manager ? OpenServiceW(manager, NAME, SERVICE_ALL_ACCESS) : NULL;
    if (service) {
        SC_ACTION actions[] = {{SC_ACTION_RESTART, 5000}, {SC_ACTION_RESTART, 30000}, {SC_ACTION_RESTART, 60000}};
        SERVICE_FAILURE_ACTIONSW failure = {.dwResetPeriod = 86400, .cActions = 3, .lpsaActions = actions};
        SERVICE_DELAYED_AUTO_START_INFO late = {TRUE};
        PSECURITY_DESCRIPTOR rights = NULL;
        ChangeServiceConfig2W(service, SERVICE_CONFIG_FAILURE_ACTIONS, &failure);
        ChangeServiceConfig2W(service, SERVICE_CONFIG_DELAYED_AUTO_START_INFO, &late);
        if (ConvertStringSecurityDescriptorToSecurityDescriptorW(SERVICE_RIGHTS, SDDL_REVISION_1, &rights, NULL)) {
            SetServiceObjectSecurity(service, DACL_SECURITY_INFORMATION, rights);
            LocalFree(rights);
        }
        CloseServiceHandle(service);
    }
    if (manager) CloseServiceHandle(manager);
}

/* Nothing that the agent starts outlives it, and all of it together stays within these bounds. */
static HANDLE make_job(void) {
    HANDLE job = CreateJobObjectW(NULL, NULL);
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits = {0};
    JOBOBJECT_CPU_RATE_CONTROL_INFORMATION rate = {0};
    limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE | JOB_OBJECT_LIMIT_JOB_MEMORY;
    limits.JobMemoryLimit = MEMORY;
    rate.ControlFlags = JOB_OBJECT_CPU_RATE_CONTROL_ENABLE | JOB_OBJECT_CPU_RATE_CONTROL_HARD_CAP;
    rate.CpuRate = CPU_RATE;
    SetInformationJobObject(job, JobObjectExtendedLimitInformation, &limits, sizeof limits);
    SetInformationJobObject(job, JobObjectCpuRateControlInformation, &rate, sizeof rate);
    return job;
}

/* Opens the log for so many bytes more; what it has becomes the former log when it would grow past its bound. */
static HANDLE open_log(DWORD more) {
    wchar_t path[ROOM], former[ROOM];
    WIN32_FILE_ATTRIBUTE_DATA facts;
    DWORD how = OPEN_ALWAYS;
    path_of(path, home, L"agent.log");
    path_of(former, home, L"agent.log.1");
    if (GetFileAttributesExW(path, GetFileExInfoStandard, &facts) && facts.nFileSizeLow + more > LOG_BYTES &&
        !MoveFileExW(path, former, MOVEFILE_REPLACE_EXISTING))
        how = CREATE_ALWAYS; /* somebody holds the former one: better none of it than no bound */
    return CreateFileW(path, FILE_APPEND_DATA, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL, how,
                       FILE_ATTRIBUTE_NORMAL, NULL);
}

/* A thread: writes what the agent prints into the log. What cannot be written goes, so that the agent never waits. */
static DWORD WINAPI keep_log(void *output) {
    char text[4096];
    DWORD got, written;
    while (ReadFile(output, text, sizeof text, &got, NULL)) {
        HANDLE log = open_log(got);
        if (log == INVALID_HANDLE_VALUE) continue;
        WriteFile(log, text, got, &written, NULL);
        CloseHandle(log);
    }
    CloseHandle(output);
    return 0;
}

/* Makes a pipe of which the child inherits one end alone; returns whether it could. */
static BOOL make_pipe(HANDLE *theirs, HANDLE *ours, BOOL they_read) {
    SECURITY_ATTRIBUTES inherited = {sizeof inherited, NULL, TRUE};
    if (!CreatePipe(they_read ? theirs : ours, they_read ? ours : theirs, &inherited, 0)) return FALSE;
    SetHandleInformation(*ours, HANDLE_FLAG_INHERIT, 0);
    return TRUE;
}

/* Starts what lies in `folder`; `input` becomes our end of its standard input, `log` the thread that keeps its output. */
static HANDLE start(const wchar_t *folder, HANDLE job, HANDLE *input, HANDLE *log) {
    wchar_t command[4 * ROOM];
    STARTUPINFOW startup = {.cb = sizeof startup, .dwFlags = STARTF_USESTDHANDLES};
    PROCESS_INFORMATION process;
    HANDLE theirs, output, ours;
    if (!make_pipe(&theirs, input, TRUE)) return NULL;
    if (!make_pipe(&output, &ours, FALSE)) {
        CloseHandle(theirs);
        CloseHandle(*input);
        return NULL;
    }
    startup.hStdInput = theirs;
    startup.hStdOutput = startup.hStdError = output;
    _snwprintf(command, 4 * ROOM - 1, L"\"%ls\\runtime\\python.exe\" -I -B -X utf8 \"%ls\\start.py\" --from \"%ls\" run --until-eof --home \"%ls\"",
               program, program, folder, home);
    BOOL made = CreateProcessW(NULL, command, NULL, NULL, TRUE,
                               CREATE_NO_WINDOW | CREATE_SUSPENDED | BELOW_NORMAL_PRIORITY_CLASS, NULL, program, &startup,
                               &process);
    CloseHandle(theirs);
    CloseHandle(output);
    if (!made) {
        CloseHandle(*input);
        CloseHandle(ours);
        return NULL;
    }
    *log = CreateThread(NULL, 0, keep_log, ours, 0, NULL);
    if (!*log) CloseHandle(ours);
    AssignProcessToJobObject(job, process.hProcess);
    ResumeThread(process.hThread);
    CloseHandle(process.hThread);
    return process.hProcess;
}

/* The write time of the agent's sign of life, 0 when there is none. */
static ULONGLONG mark_of_life(void) {
    wchar_t path[ROOM];
    WIN32_FILE_ATTRIBUTE_DATA facts;
    path_of(path, home, L"alive");
    if (!GetFileAttributesExW(path, GetFileExInfoStandard, &facts)) return 0;
    return ((ULONGLONG)facts.ftLastWriteTime.dwHighDateTime << 32) | facts.ftLastWriteTime.dwLowDateTime;
}

/* Milliseconds of the clock that stands still while the machine sleeps. */
static ULONGLONG awake(void) {
    ULONGLONG hundreds_of_nanoseconds = 0;
    QueryUnbiasedInterruptTime(&hundreds_of_nanoseconds);
    return hundreds_of_nanoseconds / 10000;
}

/* Waits until the agent ends, has to be ended, or the service stops; returns whether the stop was asked for. */
static BOOL watch(HANDLE process, HANDLE input, HANDLE job, const char *ran, Life *life) {
    HANDLE both[] = {stopping, process};
    for (;;) {
        DWORD which = WaitForMultipleObjects(2, both, FALSE, 1000), written;
        life_look(life, awake(), mark_of_life());
        if (which == WAIT_OBJECT_0 + 1) {
            CloseHandle(input);
            return FALSE;
        }
        if (which == WAIT_OBJECT_0) {
            WriteFile(input, word, (DWORD)strlen(word), &written, NULL);
            CloseHandle(input);
            if (WaitForSingleObject(process, STOP_SECONDS * 1000) != WAIT_OBJECT_0) TerminateJobObject(job, 1);
            return TRUE;
        }
        State before, after;
        char healthy[VERSION_ROOM];
        load(&before, healthy);
        after = before;
        state_looked(&after, healthy, ran, life_seconds(life));
        if (!same(&before, &after)) save(&after);
        BOOL failed = *ran && !strcmp(after.failed, ran) && strcmp(before.failed, ran);
        if (failed || life_is_silent(life)) TerminateJobObject(job, 1);
    }
}

static void folder_of(wchar_t *out, const char *version) {
    if (*version) _snwprintf(out, ROOM - 1, L"%ls\\versions\\%hs", home, version);
    else _snwprintf(out, ROOM - 1, L"%ls", program);
}

/* Chooses what to start now, and notes the try before it is made. */
static void choose(char *ran, wchar_t *folder) {
    State before, state;
    char healthy[VERSION_ROOM], installed[VERSION_ROOM];
    wchar_t main_file[ROOM];
    load(&before, healthy);
    state = before;
    version_file(program, L"version.txt", installed);
    if (*installed) state_installed(&state, installed);
    state_started(&state, healthy);
    folder_of(folder, state_running(&state));
    path_of(main_file, folder, L"agent\\__main__.py");
    if (*state_running(&state) && GetFileAttributesW(main_file) == INVALID_FILE_ATTRIBUTES) state_missing(&state);
    /* Without a count of the tries a version that is no good would be tried for ever. */
    if (!same(&before, &state) && !save(&state)) state.pending[0] = '\0';
    strcpy(ran, state_running(&state));
    folder_of(folder, ran);
}

/* One life of the agent; returns milliseconds to wait before the next. */
static DWORD live_once(DWORD wait) {
    char ran[VERSION_ROOM], healthy[VERSION_ROOM];
    wchar_t folder[ROOM];
    HANDLE input = NULL, log = NULL, job = make_job();
    Life life;
    DWORD code = 1;
    BOOL asked = FALSE;
    choose(ran, folder);
    life_begin(&life, awake(), mark_of_life());
    HANDLE process = start(folder, job, &input, &log);
    if (process) {
        asked = watch(process, input, job, ran, &life);
        GetExitCodeProcess(process, &code);
        CloseHandle(process);
    }
    CloseHandle(job);
    if (log) {
        WaitForSingleObject(log, STOP_SECONDS * 1000);
        CloseHandle(log);
    }
    long elapsed = life_seconds(&life);
    State before, after;
    load(&before, healthy);
    after = before;
    state_ended(&after, healthy, ran, elapsed, asked);
    if (!same(&before, &after)) save(&after);
    /* An end in order is a wish to be started anew, as a later version; a version on trial has few starts anyhow. */
    if (code == 0 || elapsed > STEADY_SECONDS || after.pending[0]) return FIRST_WAIT;
    return wait * 2 < LAST_WAIT ? wait * 2 : LAST_WAIT;
}

/* Tells the administrator, in the system's own log, why nothing runs. */
static void complain(void) {
    wchar_t text[2 * ROOM];
    const wchar_t *texts[] = {text};
    HANDLE log = RegisterEventSourceW(NULL, NAME);
    if (!log) return;
    _snwprintf(text, 2 * ROOM - 1,
               L"Agent Czujki czeka: folder %ls nie jest jego i nie da się go odsunąć. Zamknij programy, które go używają, "
               L"i zmień jego nazwę.", home);
    text[2 * ROOM - 1] = 0;
    ReportEventW(log, EVENTLOG_ERROR_TYPE, 0, 1, NULL, 1, 0, texts, NULL);
    DeregisterEventSource(log);
}

static void WINAPI service_main(DWORD count, wchar_t **arguments) {
    (void)count, (void)arguments;
    handle = RegisterServiceCtrlHandlerExW(NAME, control, NULL);
    report(SERVICE_START_PENDING, 10000);
    BOOL ours = make_home(home);
    set_up_service();
    report(SERVICE_RUNNING, 0);
    if (!ours) complain();
    while (!ours && WaitForSingleObject(stopping, HOME_WAIT) != WAIT_OBJECT_0) ours = make_home(home);
    if (ours) move_token();
    for (DWORD wait = FIRST_WAIT; WaitForSingleObject(stopping, 0) != WAIT_OBJECT_0;) {
        wait = live_once(wait);
        WaitForSingleObject(stopping, wait);
    }
    report(SERVICE_STOPPED, 0);
    /* Whoever uninstalls deletes this program now. */
    ExitProcess(0);
}

/* Tells the running service that it is being removed, and waits until it has ended, a while at most. */
static void leave(void) {
    SC_HANDLE manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT);
    SC_HANDLE service = manager ? OpenServiceW(manager, NAME, SERVICE_USER_DEFINED_CONTROL | SERVICE_QUERY_STATUS) : NULL;
    SERVICE_STATUS status;
    if (service) {
        BOOL told = ControlService(service, LEAVING, &status);
        for (int left = LEAVING_SECONDS * 10; told && left && status.dwCurrentState != SERVICE_STOPPED; left--) {
            Sleep(100);
            told = QueryServiceStatus(service, &status);
        }
        CloseServiceHandle(service);
    }
    if (manager) CloseServiceHandle(manager);
}

int main(int count, char **arguments) {
    wchar_t data[MAX_PATH];
    if (count > 1 && !strcmp(arguments[1], "uninstalling")) {
        leave();
        return 0;
    }
    SERVICE_TABLE_ENTRYW table[] = {{(wchar_t *)NAME, service_main}, {NULL, NULL}};
    stopping = CreateEventW(NULL, TRUE, FALSE, NULL);
    GetModuleFileNameW(NULL, program, ROOM);
    *wcsrchr(program, L'\\') = 0;
    /* Not the variable, which under wine names another folder for services. */
    if (SHGetFolderPathW(NULL, CSIDL_COMMON_APPDATA, NULL, SHGFP_TYPE_CURRENT, data) != S_OK) return ERROR_PATH_NOT_FOUND;
    path_of(home, data, L"Czujka");
    return StartServiceCtrlDispatcherW(table) ? 0 : (int)GetLastError();
}
