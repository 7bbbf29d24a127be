package sqlite

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"unsafe"
)

// TestAcknowledgedMeansSynced watches the system calls of a process that accepts batches: between each request and its
// answer the WAL must have been synced to the disk. That it is not with synchronous=NORMAL shows that the test can tell.
//
// It does not run beside other tests, whose child processes its wait would take.
func TestAcknowledgedMeansSynced(t *testing.T) {
	for _, c := range []struct {
		mode   string
		synced bool
	}{{"as promised", true}, {"not synced", false}} {
		events := watch(t, c.mode)
		if marks := strings.Count(events, "m"); marks != 2*watchedAccepts {
			t.Fatalf("%s: saw %d marks, want %d: %s", c.mode, marks, 2*watchedAccepts, events)
		}
		// m...m a request and its answer, s a sync of the WAL.
		for i, between := range strings.Split(events, "m")[1:] {
			if isRequest := i%2 == 0; isRequest && strings.Contains(between, "s") != c.synced {
				t.Errorf("%s: WAL synced before the answer: %t, want %t: %s", c.mode, !c.synced, c.synced, events)
			}
		}
	}
}

// watch runs the child under ptrace(2) and gives what it saw: an m where a mark was about to be written, an s where a
// sync of the WAL had succeeded.
func watch(t *testing.T, mode string) string {
	t.Helper()
	runtime.LockOSThread() // the tracer is a thread
	defer runtime.UnlockOSThread()
	marks, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer marks.Close()
	child := exec.Command(self(t))
	child.Dir = t.TempDir()
	child.Env = append(os.Environ(), childMode+"="+mode)
	child.ExtraFiles = []*os.File{marks}
	child.Stderr = os.Stderr
	child.SysProcAttr = &syscall.SysProcAttr{Ptrace: true}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	tracer := tracer{main: child.Process.Pid, syncing: make(map[int]bool), known: make(map[int]bool)}
	status, err := tracer.run()
	if err != nil {
		_ = child.Process.Kill()
		t.Fatalf("ptrace: %v", err)
	}
	_ = child.Process.Release() // it has been waited for
	if !status.Exited() || status.ExitStatus() != 0 {
		t.Fatalf("the child ended with status %#x", int(status))
	}
	return tracer.events.String()
}

type tracer struct {
	main    int
	known   map[int]bool // threads that have stopped once
	syncing map[int]bool // threads within a sync of the WAL
	events  strings.Builder
}

// run resumes the threads at each stop until the process ends.
func (w *tracer) run() (syscall.WaitStatus, error) {
	const sysgood, exitkill = 0x1, 0x100000 // PTRACE_O_TRACESYSGOOD, PTRACE_O_EXITKILL
	for {
		var status syscall.WaitStatus
		thread, err := syscall.Wait4(-1, &status, syscall.WALL, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("wait: %w", err)
		}
		if !status.Stopped() {
			if thread == w.main {
				return status, nil
			}
			continue
		}
		if thread == w.main && !w.known[thread] {
			if err := syscall.PtraceSetOptions(thread, sysgood|exitkill|syscall.PTRACE_O_TRACECLONE); err != nil {
				return 0, fmt.Errorf("options: %w", err)
			}
		}
		deliver, err := w.stopped(thread, status)
		if err != nil {
			return 0, err
		}
		w.known[thread] = true
		if err := syscall.PtraceSyscall(thread, int(deliver)); err != nil && err != syscall.ESRCH { // ESRCH: it was killed
			return 0, fmt.Errorf("resume: %w", err)
		}
	}
}

// stopped looks at why a thread stopped, and gives the signal to deliver to it.
func (w *tracer) stopped(thread int, status syscall.WaitStatus) (syscall.Signal, error) {
	const syscallStop = syscall.SIGTRAP | 0x80
	switch signal := status.StopSignal(); {
	case signal == syscallStop:
		return 0, w.systemCall(thread)
	case signal == syscall.SIGTRAP: // exec, or a thread was made
		return 0, nil
	case signal == syscall.SIGSTOP && !w.known[thread]: // how a new thread begins to be traced
		return 0, nil
	default:
		return signal, nil
	}
}

// syscallInfo is struct ptrace_syscall_info of ptrace(2).
type syscallInfo struct {
	Op   uint8
	_    [3]uint8
	Arch uint32
	_    [2]uint64
	Data [7]uint64 // on entry the number and the arguments, on exit the result
	_    [2]uint64
}

func (w *tracer) systemCall(thread int) error {
	const getSyscallInfo, entry, exit = 0x420e, 1, 2 // of linux/ptrace.h
	var info syscallInfo
	_, _, errno := syscall.Syscall6(syscall.SYS_PTRACE, getSyscallInfo, uintptr(thread), unsafe.Sizeof(info),
		uintptr(unsafe.Pointer(&info)), 0, 0)
	if errno == syscall.ESRCH {
		return nil
	}
	if errno != 0 {
		return fmt.Errorf("read a system call: %w", errno)
	}
	number, file := info.Data[0], info.Data[1]
	switch {
	case info.Op == entry && number == syscall.SYS_WRITE && file == markFile:
		w.events.WriteByte('m')
	case info.Op == entry && (number == syscall.SYS_FSYNC || number == syscall.SYS_FDATASYNC):
		name, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", thread, file))
		if err != nil {
			return err
		}
		w.syncing[thread] = filepath.Base(name) == FileName+"-wal"
	case info.Op == exit && w.syncing[thread]:
		w.syncing[thread] = false
		if info.Data[0] == 0 {
			w.events.WriteByte('s')
		}
	}
	return nil
}
