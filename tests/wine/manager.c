/* A service manager for tests, linked in place of the system's: runs the host as a program that takes its control codes
 * as numbers on its standard input, prints the states that it reports, and has its data below CZUJKA_TEST_DATA. */
#include <windows.h>
#include <shlobj.h>
#include <stdio.h>

static LPHANDLER_FUNCTION_EX handler;

static DWORD WINAPI codes(void *nothing) {
    char line[16];
    (void)nothing;
    while (fgets(line, sizeof line, stdin))
        if (handler) handler((DWORD)atoi(line), 0, NULL, NULL);
    return 0;
}

static BOOL WINAPI dispatch(const SERVICE_TABLE_ENTRYW *table) {
    CloseHandle(CreateThread(NULL, 0, codes, NULL, 0, NULL));
    table->lpServiceProc(0, NULL);
    return TRUE;
}

static SERVICE_STATUS_HANDLE WINAPI registered(LPCWSTR name, LPHANDLER_FUNCTION_EX given, LPVOID context) {
    (void)name, (void)context;
    handler = given;
    return (SERVICE_STATUS_HANDLE)1;
}

static BOOL WINAPI status(SERVICE_STATUS_HANDLE service, LPSERVICE_STATUS told) {
    (void)service;
    printf("%lu %lu\n", told->dwCurrentState, told->dwControlsAccepted);
    fflush(stdout);
    return TRUE;
}

static HRESULT WINAPI folder(HWND window, int which, HANDLE token, DWORD flags, LPWSTR path) {
    (void)window, (void)which, (void)token, (void)flags;
    return GetEnvironmentVariableW(L"CZUJKA_TEST_DATA", path, MAX_PATH) ? S_OK : E_FAIL;
}

/* The names by which the host's object file calls the libraries. */
void *__imp_StartServiceCtrlDispatcherW = dispatch;
void *__imp_RegisterServiceCtrlHandlerExW = registered;
void *__imp_SetServiceStatus = status;
void *__imp_SHGetFolderPathW = folder;
