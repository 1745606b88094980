@rem The command of the agent, as installed: enrol, status, co-zbieram. The service itself is started by czujka-host.exe.
@"%~dp0runtime\python.exe" -I -B -X utf8 "%~dp0start.py" --from "%~dp0." %*
