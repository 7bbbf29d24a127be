package secret_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"muster/secret"
)

func TestOpenBeginsOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first, p := b.start(t)
	fill(t, first, p, 10)
	mac := first.MAC("replay", []byte("x"))
	content, err := os.ReadFile(b.cfg.Master)
	if err != nil {
		t.Fatal(err)
	}

	second, _ := b.start(t)
	checkItems(t, second, b.disk)
	if second.Active() != 1 || second.MAC("replay", []byte("x")) != mac {
		t.Error("the second start found other keys")
	}
	if again, err := os.ReadFile(b.cfg.Master); err != nil || !bytes.Equal(again, content) {
		t.Errorf("the second start changed the key file: %v", err)
	}
}

func TestOpenAtTheSameTimeFindsTheSameKeys(t *testing.T) {
	t.Parallel()
	b := setup(t)
	rings := make([]*secret.Keyring, 8)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range rings {
		wg.Go(func() {
			<-start
			var err error
			if rings[i], err = secret.Open(t.Context(), b.cfg, &process{disk: b.disk}); err != nil {
				t.Error(err)
			}
		})
	}
	close(start)
	wg.Wait()
	if t.Failed() {
		return
	}
	aad := secret.Binding("credential", 1)
	sealed := rings[0].SealSecret([]byte("s"), aad)
	for _, k := range rings {
		if got, err := k.OpenSecret(sealed, aad); err != nil || string(got) != "s" {
			t.Errorf("got %q, %v", got, err)
		}
		if k.MAC("replay", nil) != rings[0].MAC("replay", nil) {
			t.Error("another key for hashes")
		}
		if err := k.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestOpenAfterACrashOfTheFirstStart(t *testing.T) {
	t.Parallel()
	for dieAt := 1; ; dieAt++ {
		for _, before := range []bool{true, false} {
			b := setup(t)
			k, err := secret.Open(t.Context(), b.cfg, &process{disk: b.disk, dieAt: dieAt, dieBefore: before})
			if err == nil {
				if dieAt == 1 {
					t.Fatal("no start was ever killed")
				}
				_ = k.Close()
				return
			}
			if !errors.Is(err, errKilled) {
				t.Fatal(err)
			}
			again, p := b.start(t)
			fill(t, again, p, 1)
			last, _ := b.start(t)
			checkItems(t, last, b.disk)
		}
	}
}

func TestOpenWithoutItsMasterKey(t *testing.T) {
	t.Parallel()
	t.Run("missing", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.start(t)
		if err := os.Remove(b.cfg.Master); err != nil {
			t.Fatal(err)
		}
		_, err := secret.Open(t.Context(), b.cfg, &process{disk: b.disk})
		if !errors.Is(err, secret.ErrNoMaster) || !strings.Contains(err.Error(), "put its file back from its copy") {
			t.Errorf("got %v", err)
		}
		if _, err := os.Stat(b.cfg.Master); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("a new key file was made: %v", err)
		}
	})
	t.Run("another", func(t *testing.T) {
		t.Parallel()
		b, other := setup(t), setup(t)
		b.start(t)
		other.start(t)
		_, err := secret.Open(t.Context(), other.cfg, &process{disk: b.disk})
		if !errors.Is(err, secret.ErrWrongMaster) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("records deleted", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.start(t)
		b.disk.keys = b.disk.keys[:1]
		if _, err := secret.Open(t.Context(), b.cfg, &process{disk: b.disk}); err == nil || !strings.Contains(err.Error(), "records were deleted") {
			t.Errorf("got %v", err)
		}
	})
}

func TestOpenRefusesKeysThatWereMovedOrAltered(t *testing.T) {
	t.Parallel()
	tamper := map[string]func(keys []secret.KeyRecord){
		"purposes swapped": func(keys []secret.KeyRecord) {
			keys[0].Wrapped, keys[1].Wrapped = keys[1].Wrapped, keys[0].Wrapped
		},
		"another version": func(keys []secret.KeyRecord) { keys[0].Version = 2 },
	}
	wrapped := func(keys []secret.KeyRecord) []byte { return keys[0].Wrapped }
	b := setup(t)
	b.start(t)
	for i := range wrapped(b.disk.keys) {
		tamper[fmt.Sprintf("byte %d flipped", i)] = func(keys []secret.KeyRecord) { wrapped(keys)[i] ^= 1 }
	}
	for name, change := range tamper {
		altered := newDisk()
		for _, r := range b.disk.keys {
			r.Wrapped = bytes.Clone(r.Wrapped)
			altered.keys = append(altered.keys, r)
		}
		change(altered.keys)
		if k, err := secret.Open(t.Context(), b.cfg, &process{disk: altered}); err == nil {
			t.Errorf("%s: opened", name)
			_ = k.Close()
		}
	}
}

func TestUnknownKeyNeedsReload(t *testing.T) {
	t.Parallel()
	b := setup(t)
	here, p := b.start(t)
	there, _ := b.start(t)
	if _, err := here.Rotate(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	aad := secret.Binding("credential", 1)
	sealed := here.SealSecret([]byte("s"), aad)
	if _, err := there.OpenSecret(sealed, aad); !errors.Is(err, secret.ErrUnknownKey) {
		t.Fatalf("got %v", err)
	}
	if err := there.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, err := there.OpenSecret(sealed, aad); err != nil || string(got) != "s" || there.Active() != 2 {
		t.Errorf("after reload: got %q, %v, active %d", got, err, there.Active())
	}
}

func TestMACSeparatesPurposesAndInstallations(t *testing.T) {
	t.Parallel()
	a, _ := setup(t).start(t)
	b, _ := setup(t).start(t)
	base := a.MAC("replay", []byte("x"))
	if a.MAC("replay", []byte("x")) != base {
		t.Error("not the same twice")
	}
	for name, other := range map[string][32]byte{
		"another purpose":      a.MAC("replays", []byte("x")),
		"other data":           a.MAC("replay", []byte("y")),
		"another installation": b.MAC("replay", []byte("x")),
	} {
		if other == base {
			t.Errorf("%s: same hash", name)
		}
	}
}
