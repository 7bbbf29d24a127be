package secret_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"muster/secret"
)

func TestRotate(t *testing.T) {
	t.Parallel()
	b := setup(t)
	k, p := b.start(t)
	fill(t, k, p, 300) // 600 items: several steps
	mac := k.MAC("replay", nil)
	got, err := k.Rotate(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	if got.Active != 2 || got.Rewrapped != 600 || !slices.Equal(got.Deleted, []int{1}) || got.Kept != nil {
		t.Errorf("got %+v", got)
	}
	checkSettled(t, b, 2)
	if k.MAC("replay", nil) != mac {
		t.Error("rotation changed the key for hashes")
	}
	if got, err := k.Resume(t.Context(), p); err != nil || got.Active != 2 || got.Rewrapped != 0 || got.Deleted != nil {
		t.Errorf("resume with nothing to do: got %+v, %v", got, err)
	}
}

// checkSettled checks from a new process that only the given version is left, that all items open, and that the key
// file holds the one master key that wraps the records.
func checkSettled(t *testing.T, b *testBundle, version int) {
	t.Helper()
	k, p := b.start(t)
	checkItems(t, k, b.disk)
	s, err := k.Status(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	if s.Unfinished || s.ActiveVersion != version || len(s.OtherMasters) > 0 {
		t.Errorf("not settled: %+v", s)
	}
	if len(s.Keys) != 2 || s.Keys[0].Purpose != secret.PurposeMAC || s.Keys[1].Version != version ||
		s.Keys[1].Items != len(b.disk.items) || s.Keys[0].MasterID != s.MasterID || s.Keys[1].MasterID != s.MasterID {
		t.Errorf("got keys %+v, master %s", s.Keys, s.MasterID)
	}
	if s.RotatedAt.IsZero() || !s.RotatedAt.Equal(s.Keys[1].CreatedAt) {
		t.Errorf("rotated at %v", s.RotatedAt)
	}
}

// TestRotationsSurviveACrashAtEachStep kills a process at each of its operations on the database, once before and once
// after the operation took effect. The next process must open everything at once, and end what was begun.
func TestRotationsSurviveACrashAtEachStep(t *testing.T) {
	t.Parallel()
	rotations := map[string]func(context.Context, *secret.Keyring, *process) error{
		"keys": func(ctx context.Context, k *secret.Keyring, p *process) error {
			_, err := k.Rotate(ctx, p)
			return err
		},
		"master key": func(ctx context.Context, k *secret.Keyring, _ *process) error { return k.RotateMaster(ctx) },
	}
	for name, rotate := range rotations {
		for _, before := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, killed before the effect %v", name, before), func(t *testing.T) {
				t.Parallel()
				killed := 0
				for crashes(t, killed+1, before, rotate) {
					killed++
				}
				if killed < 5 {
					t.Errorf("there were but %d steps to be killed at", killed)
				}
			})
		}
	}
}

// crashes runs a rotation that is killed at an operation, and what follows; it is false if the rotation had fewer.
func crashes(t *testing.T, dieAt int, before bool, rotate func(context.Context, *secret.Keyring, *process) error) bool {
	t.Helper()
	b := setup(t)
	k, p := b.start(t)
	fill(t, k, p, 110) // two steps
	mac := k.MAC("replay", nil)

	dying := &process{disk: b.disk}
	k, err := secret.Open(t.Context(), b.cfg, dying)
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	dying.dieAt, dying.dieBefore = dying.op+dieAt, before
	err = rotate(t.Context(), k, dying)
	if err == nil {
		return false
	}
	if !errors.Is(err, errKilled) {
		t.Fatalf("killed at %d: %v", dieAt, err)
	}

	next, p := b.start(t)
	checkItems(t, next, b.disk)
	fill(t, next, p, 111) // goes on working, before anybody resumes
	if _, err := next.Resume(t.Context(), p); err != nil {
		t.Fatalf("killed at %d: resume: %v", dieAt, err)
	}
	if next.MAC("replay", nil) != mac {
		t.Errorf("killed at %d: another key for hashes", dieAt)
	}
	checkSettled(t, b, next.Active())
	return true
}

func TestRotateKeepsWhatDoesNotOpen(t *testing.T) {
	t.Parallel()
	b := setup(t)
	k, p := b.start(t)
	fill(t, k, p, 210)
	broken := b.disk.items["batch/5"]
	intact := broken.blob
	broken.blob = slices.Clone(broken.blob)
	broken.blob[20] ^= 1
	b.disk.items["batch/5"] = broken

	got, err := k.Rotate(t.Context(), p)
	if !errors.Is(err, secret.ErrTampered) || !strings.Contains(err.Error(), "1 items do not open, the first is batch/5") {
		t.Fatalf("got %v", err)
	}
	if got.Rewrapped != 419 || !slices.Equal(got.Kept, []int{1}) || got.Deleted != nil {
		t.Errorf("got %+v", got)
	}
	if s, err := k.Status(t.Context(), p); err != nil || !s.Unfinished {
		t.Errorf("status: %+v, %v", s, err)
	}

	broken.blob = intact
	b.disk.items["batch/5"] = broken
	if got, err = k.Resume(t.Context(), p); err != nil || got.Rewrapped != 1 || !slices.Equal(got.Deleted, []int{1}) {
		t.Errorf("after it was mended: got %+v, %v", got, err)
	}
	checkSettled(t, b, 2)
}

// latecomer is a store whose items are joined by one under the old key whenever the last was re-wrapped.
type latecomer struct {
	*process
	stale *secret.Keyring
	next  int64
}

func (l *latecomer) NextWrapped(ctx context.Context, olderThan int, after string, limit int) ([]secret.WrappedItem, error) {
	found, err := l.process.NextWrapped(ctx, olderThan, after, limit)
	if len(found) == 0 && err == nil {
		l.next++
		err = storeBoth(l.stale, l.process, l.next)
	}
	return found, err
}

func TestRotateKeepsAKeyThatAnotherProcessStillUses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	k, p := b.start(t)
	stale, _ := b.start(t)
	got, err := k.Rotate(t.Context(), &latecomer{process: p, stale: stale})
	if !errors.Is(err, secret.ErrKeyInUse) || !slices.Equal(got.Kept, []int{1}) {
		t.Fatalf("got %+v, %v", got, err)
	}
	if done, err := stale.Refresh(t.Context(), p); err != nil || !slices.Equal(done.Deleted, []int{1}) || stale.Active() != 2 {
		t.Errorf("the other process has %+v, %v", done, err)
	}
	if done, err := k.Refresh(t.Context(), p); err != nil || done.Rewrapped > 0 || len(done.Deleted) > 0 {
		t.Errorf("the first one had more to do: %+v, %v", done, err)
	}
	checkSettled(t, b, 2)
}

// TestRotateUnderLoad has two processes seal without pause while a third rotates keys and master key.
func TestRotateUnderLoad(t *testing.T) {
	t.Parallel()
	b := setup(t)
	k, p := b.start(t)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for writer := range 2 {
		k, p := b.start(t)
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				err := storeBoth(k, p, int64(writer*100_000+i%200))
				if errors.Is(err, secret.ErrUnknownKey) || err == nil && i%10 == 9 {
					err = k.Reload(t.Context())
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 10 {
		_, err := k.Rotate(t.Context(), p)
		for errors.Is(err, secret.ErrKeyInUse) {
			_, err = k.Resume(t.Context(), p)
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := k.RotateMaster(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	wg.Wait()
	if _, err := k.Resume(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	checkSettled(t, b, 11)
}

func TestRotateMaster(t *testing.T) {
	t.Parallel()
	b := setup(t)
	k, p := b.start(t)
	fill(t, k, p, 3)
	idle, _ := b.start(t)
	old, err := os.ReadFile(b.cfg.Master)
	if err != nil {
		t.Fatal(err)
	}
	mac := k.MAC("replay", nil)
	if err := k.RotateMaster(t.Context()); err != nil {
		t.Fatal(err)
	}
	checkSettled(t, b, 1)
	if _, err := os.Stat(b.cfg.Master + ".new"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a temporary file is left: %v", err)
	}
	if k.MAC("replay", nil) != mac {
		t.Error("another key for hashes")
	}
	// A process that was running before follows the change of the file.
	if _, err := k.Rotate(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if err := idle.Reload(t.Context()); err != nil || idle.Active() != 2 {
		t.Errorf("idle process: active %d, %v", idle.Active(), err)
	}
	checkItems(t, idle, b.disk)
	// The old file opens nothing any more.
	if err := os.WriteFile(b.cfg.Master, old, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := secret.Open(t.Context(), b.cfg, p); !errors.Is(err, secret.ErrWrongMaster) {
		t.Errorf("with the old key file: %v", err)
	}
}

func TestRotateMasterAtOnceInTwoProcesses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	k, p := b.start(t)
	fill(t, k, p, 1)
	var wg sync.WaitGroup
	for range 4 {
		k, p := b.start(t)
		wg.Go(func() {
			if err := k.RotateMaster(t.Context()); err != nil {
				t.Error(err)
			}
			if _, err := k.Rotate(t.Context(), p); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if err := k.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	checkSettled(t, b, k.Active())
}

func TestMoveToAnotherMaster(t *testing.T) {
	t.Parallel()
	b := setup(t)
	k, p := b.start(t)
	fill(t, k, p, 3)
	old := b.cfg.Master
	for _, to := range []string{filepath.Join(t.TempDir(), "new.key"), sampleMaster, old} {
		if !strings.Contains(to, "://") {
			if _, err := secret.CreateMaster(t.Context(), to); err != nil {
				t.Fatal(err)
			}
		}
		b.cfg = secret.Config{Master: to, Previous: []string{b.cfg.Master}}
		k, p := b.start(t)
		if s, err := k.Status(t.Context(), p); err != nil || !s.Unfinished {
			t.Errorf("before: %+v, %v", s, err)
		}
		if _, err := k.Resume(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		b.cfg.Previous = nil
		checkSettled(t, b, 1)
	}
	if err := k.RotateMaster(t.Context()); err != nil {
		t.Fatal(err)
	}
	checkSettled(t, b, 1)
}

func TestRotateMasterAtAKeyServiceWrapsAnew(t *testing.T) {
	t.Parallel()
	b := &testBundle{disk: newDisk(), cfg: secret.Config{Master: sampleMaster}}
	k, p := b.start(t)
	fill(t, k, p, 3)
	before := slices.Clone(b.disk.keys)
	if err := k.RotateMaster(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i, r := range b.disk.keys {
		if slices.Equal(r.Wrapped, before[i].Wrapped) || r.MasterID != before[i].MasterID {
			t.Errorf("%s key %d was not wrapped anew", r.Purpose, r.Version)
		}
	}
	checkSettled(t, b, 1)
}
