"""Runs a program and kills it before its Nth change: kill.py N PROGRAM [ARGUMENT...]. With N = 0 it is not
killed. The last line of standard error is how many changes there were, and how many system calls.

A change is a system call by which something outside of the program may become different: a file, a device,
a socket's other end, another process. A kill at any other call leaves what the kill at the next change
leaves, so that these are all the boundaries there are. Threads count; children do not, and are not killed."""
import ctypes
import os
import signal
import struct
import sys

TRACEME, SYSCALL, SETOPTIONS, GET_SYSCALL_INFO = 0, 24, 0x4200, 0x420E
SYSGOOD, CLONE, EXITKILL = 1, 8, 0x100000
WALL = 0x40000000
ENTRY = 1
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]

# Of x86-64. What makes, names, writes, maps or ends something; what only looks or waits is not here.
WRITES = {1, 18, 20, 296, 328}
SENDS = {44, 46, 307, 42}
OPENS = {2: 1, 257: 2}
IOCTL = 16
OTHERS = {
    # sendfile, splice, copy_file_range, fsync, fdatasync, sync, syncfs, sync_file_range, msync
    40, 275, 326, 74, 75, 162, 306, 277, 26,
    # truncate, ftruncate, fallocate, rename, mkdir, rmdir, creat, link, unlink, symlink
    76, 77, 285, 82, 83, 84, 85, 86, 87, 88,
    # chmod, fchmod, chown, fchown, lchown, utime, mknod, mount, umount2, flock, setxattr and so on
    90, 91, 92, 93, 94, 132, 133, 165, 166, 73, 188, 189, 190, 197, 198, 199,
    # mkdirat, mknodat, fchownat, unlinkat, renameat, linkat, symlinkat, fchmodat, utimensat, renameat2
    258, 259, 260, 263, 264, 265, 266, 268, 280, 316,
    # fork, vfork, execve, kill, wait4, waitid, setns, unshare, bind, listen, exit_group
    57, 58, 59, 62, 61, 247, 308, 272, 49, 50, 231,
}  # fmt: skip
# device-mapper: version, list, state, dependencies, table, versions, targets; loop: status, free number.
LOOKS = {0xFD: {0, 2, 7, 11, 12, 13, 14}, 0x4C: {0x03, 0x05, 0x82}}


def is_change(pid, number, arguments):
    if number in OPENS:
        flags = arguments[OPENS[number]]
        return flags & (os.O_CREAT | os.O_TRUNC) != 0
    if number == IOCTL:
        kind, call = arguments[1] >> 8 & 0xFF, arguments[1] & 0xFF
        return kind in LOOKS and call not in LOOKS[kind] or kind == 0x12
    if number in WRITES:
        try:
            target = os.readlink(f"/proc/{pid}/fd/{arguments[0]}")
        except OSError:
            return True
        return not target.startswith(("pipe:", "anon_inode:", "/dev/null"))
    return number in SENDS or number in OTHERS


def entered(tid):
    """Number and arguments of the call that a thread is about to make; None after one."""
    info = ctypes.create_string_buffer(88)
    libc.ptrace(GET_SYSCALL_INFO, tid, ctypes.c_void_p(len(info)), ctypes.byref(info))
    if info.raw[0] != ENTRY:
        return None
    number, *arguments = struct.unpack_from("=7Q", info.raw, 24)
    return number, arguments


def main():
    limit = int(sys.argv[1])
    pid = os.fork()
    if pid == 0:
        libc.ptrace(TRACEME, 0, None, None)
        os.execv(sys.argv[2], sys.argv[2:])
    os.waitpid(pid, 0)
    libc.ptrace(SETOPTIONS, pid, None, SYSGOOD | CLONE | EXITKILL)
    libc.ptrace(SYSCALL, pid, None, None)
    calls = changes = code = 0
    while True:
        try:
            tid, status = os.waitpid(-1, WALL)
        except ChildProcessError:
            break
        if os.WIFEXITED(status) or os.WIFSIGNALED(status):
            if tid == pid:
                code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)
            continue
        stop = os.WSTOPSIG(status)
        passed = None
        if stop == signal.SIGTRAP | 0x80:
            call = entered(tid)
            calls += call is not None
            changes += call is not None and is_change(tid, *call)
            if limit and changes >= limit:
                os.kill(pid, signal.SIGKILL)
                continue
        elif status >> 16 == 0 and stop not in (signal.SIGSTOP, signal.SIGTRAP):
            passed = stop
        libc.ptrace(SYSCALL, tid, None, passed)
    print(changes, calls, file=sys.stderr)
    sys.exit(code)


main()
