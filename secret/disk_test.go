package secret_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"muster/secret"
)

var errKilled = errors.New("killed")

// disk is a database that outlives the processes of a test. It keeps the duties that KeyStore describes.
type disk struct {
	mu    sync.Mutex
	keys  []secret.KeyRecord
	items map[string]item
}

type item struct {
	aad, blob []byte
	data      []byte // the data key's own check block, or nil
	secret    string
}

func newDisk() *disk { return &disk{items: make(map[string]item)} }

// process is one process's connection to the disk. It dies at its operation number dieAt (0: never), before or after
// that operation took effect, and answers nothing but errKilled from then on.
type process struct {
	*disk
	dieAt     int
	dieBefore bool

	mu sync.Mutex
	op int
}

func (p *process) do(effect func() error) error {
	p.mu.Lock()
	p.op++
	dead := p.dieAt > 0 && (p.op > p.dieAt || p.op == p.dieAt && p.dieBefore)
	dies := p.dieAt > 0 && p.op == p.dieAt
	p.mu.Unlock()
	if dead {
		return errKilled
	}
	p.disk.mu.Lock()
	defer p.disk.mu.Unlock()
	err := effect()
	if dies {
		return errKilled
	}
	return err
}

func (p *process) Keys(context.Context) (records []secret.KeyRecord, err error) {
	err = p.do(func() error { records = slices.Clone(p.keys); return nil })
	return records, err
}

func (p *process) AddKeys(_ context.Context, records ...secret.KeyRecord) error {
	return p.do(func() error {
		for _, r := range records {
			if p.find(r.Purpose, r.Version) >= 0 {
				return fmt.Errorf("add %s key %d: %w", r.Purpose, r.Version, secret.ErrKeyExists)
			}
		}
		p.keys = append(p.keys, records...)
		return nil
	})
}

func (p *process) RewrapKey(_ context.Context, old secret.KeyRecord, wrapped []byte, masterID string) error {
	return p.do(func() error {
		i := p.find(old.Purpose, old.Version)
		if i < 0 || !bytes.Equal(p.keys[i].Wrapped, old.Wrapped) {
			return secret.ErrKeyChanged
		}
		p.keys[i].Wrapped, p.keys[i].MasterID = wrapped, masterID
		return nil
	})
}

func (p *process) DeleteKey(_ context.Context, version int) error {
	return p.do(func() error {
		if p.count()[version] > 0 {
			return fmt.Errorf("delete key %d: %w", version, secret.ErrKeyInUse)
		}
		if i := p.find(secret.PurposeWrap, version); i >= 0 {
			p.keys = slices.Delete(p.keys, i, i+1)
		}
		return nil
	})
}

func (p *process) NextWrapped(_ context.Context, olderThan int, after string, limit int) (found []secret.WrappedItem, err error) {
	err = p.do(func() error {
		for _, ref := range slices.Sorted(maps.Keys(p.items)) {
			it := p.items[ref]
			if v, _ := secret.KeyVersion(it.blob); ref > after && v < olderThan && len(found) < limit {
				found = append(found, secret.WrappedItem{Ref: ref, AAD: it.aad, Old: it.blob})
			}
		}
		return nil
	})
	return found, err
}

func (p *process) ReplaceWrapped(_ context.Context, items []secret.WrappedItem) error {
	return p.do(func() error {
		for _, changed := range items {
			it, ok := p.items[changed.Ref]
			if ok && bytes.Equal(it.blob, changed.Old) {
				it.blob = changed.New
				p.items[changed.Ref] = it
			}
		}
		return nil
	})
}

func (p *process) CountWrapped(context.Context) (counts map[int]int, err error) {
	err = p.do(func() error { counts = p.count(); return nil })
	return counts, err
}

// put stores an item, if its key is on record.
func (p *process) put(ref string, it item) error {
	return p.do(func() error {
		version, err := secret.KeyVersion(it.blob)
		if err != nil {
			return err
		}
		if p.find(secret.PurposeWrap, version) < 0 {
			return fmt.Errorf("put %s: %w", ref, secret.ErrUnknownKey)
		}
		p.items[ref] = it
		return nil
	})
}

func (d *disk) find(purpose secret.KeyPurpose, version int) int {
	return slices.IndexFunc(d.keys, func(r secret.KeyRecord) bool { return r.Purpose == purpose && r.Version == version })
}

func (d *disk) count() map[int]int {
	counts := make(map[int]int)
	for _, it := range d.items {
		v, _ := secret.KeyVersion(it.blob)
		counts[v]++
	}
	return counts
}

// testBundle is an installation: a folder for the master key, and a database.
type testBundle struct {
	disk *disk
	cfg  secret.Config
}

func setup(t *testing.T) *testBundle {
	t.Helper()
	return &testBundle{disk: newDisk(), cfg: secret.Config{Master: filepath.Join(t.TempDir(), "keys", "master.key")}}
}

// start begins a process on the installation.
func (b *testBundle) start(t *testing.T) (*secret.Keyring, *process) {
	t.Helper()
	p := &process{disk: b.disk}
	k, err := secret.Open(t.Context(), b.cfg, p)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() { _ = k.Close() })
	return k, p
}

// fill stores n data keys, with a block sealed under each, and n secrets.
func fill(t *testing.T, k *secret.Keyring, p *process, n int) {
	t.Helper()
	for i := range n {
		if err := storeBoth(k, p, int64(i)); err != nil {
			t.Fatal(err)
		}
	}
}

func storeBoth(k *secret.Keyring, p *process, id int64) error {
	key := secret.NewDataKey()
	defer key.Wipe()
	aad := secret.Binding("batch", 7, id)
	block := key.Seal(nil, fmt.Appendf(nil, "payload %d", id), aad)
	if err := p.put(fmt.Sprintf("batch/%d", id), item{aad: aad, blob: k.WrapDataKey(key, aad), data: block}); err != nil {
		return err
	}
	aad = secret.Binding("credential", 7, id)
	plain := fmt.Sprintf("secret %d", id)
	return p.put(fmt.Sprintf("credential/%d", id), item{aad: aad, blob: k.SealSecret([]byte(plain), aad), secret: plain})
}

// checkItems opens everything on the disk.
func checkItems(t *testing.T, k *secret.Keyring, d *disk) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	for ref, it := range d.items {
		if it.data == nil {
			plain, err := k.OpenSecret(it.blob, it.aad)
			if err != nil || string(plain) != it.secret {
				t.Errorf("%s: got %q, %v", ref, plain, err)
			}
			continue
		}
		key, err := k.UnwrapDataKey(it.blob, it.aad)
		if err != nil {
			t.Errorf("%s: %v", ref, err)
			continue
		}
		if _, err := key.Open(nil, it.data, it.aad); err != nil {
			t.Errorf("%s: %v", ref, err)
		}
	}
}
