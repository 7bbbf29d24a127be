package secret_test

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"

	"gocloud.dev/secrets"
	"gocloud.dev/secrets/localsecrets"

	"muster/secret"
)

// keyService stands for a cloud's driver: the host of its URL names the key, a parameter says how to get there.
type keyService struct{}

func (keyService) OpenKeeperURL(_ context.Context, u *url.URL) (*secrets.Keeper, error) {
	if u.Host == "" {
		return nil, errors.New("no key named")
	}
	var key [32]byte
	copy(key[:], u.Host)
	return localsecrets.NewKeeper(key), nil
}

func TestKeyService(t *testing.T) {
	t.Parallel()
	b := &testBundle{disk: newDisk(), cfg: secret.Config{Master: "testkms://first?region=a"}}
	k, p := b.start(t)
	fill(t, k, p, 3)
	id := b.disk.keys[0].MasterID
	if !strings.HasPrefix(id, "testkms-") || strings.Contains(id, "first") {
		t.Errorf("the key is called %s", id)
	}

	b.cfg.Master = "testkms://first?region=b"
	checkSettled(t, b, 1)

	// The same key by a name that hashes differently: the service knows it, so it opens, and Resume takes the new name.
	b.cfg.Master = "testkms://first/"
	k, p = b.start(t)
	if _, err := k.Resume(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	checkSettled(t, b, 1)
	if b.disk.keys[0].MasterID == id {
		t.Error("the name in the records is the old one")
	}

	for ref, want := range map[string]error{"testkms://second": secret.ErrWrongMaster, "testkms://": nil} {
		_, err := secret.Open(t.Context(), secret.Config{Master: ref}, &process{disk: b.disk})
		if err == nil || want != nil && !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", ref, err, want)
		}
	}
}
