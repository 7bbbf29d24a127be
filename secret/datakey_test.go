package secret_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"muster/secret"
)

func TestDataKeyRoundTrip(t *testing.T) {
	t.Parallel()
	key := secret.NewDataKey()
	rapid.Check(t, func(t *rapid.T) {
		bytesOf := rapid.SliceOf(rapid.Byte())
		plaintext, aad, prefix := bytesOf.Draw(t, "plaintext"), bytesOf.Draw(t, "aad"), bytesOf.Draw(t, "prefix")
		sealed := key.Seal(bytes.Clone(prefix), plaintext, aad)
		if !bytes.HasPrefix(sealed, prefix) {
			t.Fatal("Seal did not append")
		}
		sealed = sealed[len(prefix):]
		if len(sealed) != len(plaintext)+secret.BlockOverhead {
			t.Fatalf("a block of %d bytes took %d", len(plaintext), len(sealed))
		}
		got, err := key.Open(bytes.Clone(prefix), sealed, aad)
		if err != nil || !bytes.Equal(got, append(bytes.Clone(prefix), plaintext...)) {
			t.Fatalf("got %x, %v", got, err)
		}
	})
}

func TestDataKeySealsDifferentlyEachTime(t *testing.T) {
	t.Parallel()
	key := secret.NewDataKey()
	seen := make(map[string]bool)
	for range 1000 {
		nonce := string(key.Seal(nil, nil, nil)[1:13])
		if seen[nonce] {
			t.Fatal("a nonce came twice")
		}
		seen[nonce] = true
	}
}

func TestDataKeyRefusesWhatWasTamperedWith(t *testing.T) {
	t.Parallel()
	key := secret.NewDataKey()
	aad := secret.Binding("chunk", 1, 2, 3)
	sealed := key.Seal(nil, []byte("Q!@1assword"), aad)
	refused := func(what string, key *secret.DataKey, sealed, aad []byte) {
		t.Helper()
		got, err := key.Open(nil, sealed, aad)
		if !errors.Is(err, secret.ErrTampered) || got != nil {
			t.Errorf("%s: got %q, %v", what, got, err)
		}
	}
	for i := range sealed {
		for bit := range 8 {
			bad := bytes.Clone(sealed)
			bad[i] ^= 1 << bit
			refused(fmt.Sprintf("bit %d of byte %d flipped", bit, i), key, bad, aad)
		}
		refused(fmt.Sprintf("cut to %d bytes", i), key, sealed[:i], aad)
	}
	refused("longer", key, append(bytes.Clone(sealed), 0), aad)
	refused("another tenant", key, sealed, secret.Binding("chunk", 9, 2, 3))
	refused("another batch", key, sealed, secret.Binding("chunk", 1, 9, 3))
	refused("another chunk", key, sealed, secret.Binding("chunk", 1, 2, 9))
	refused("another purpose", key, sealed, secret.Binding("kept", 1, 2, 3))
	refused("no binding", key, sealed, nil)
	refused("another key", secret.NewDataKey(), sealed, aad)
}

func TestBindingTellsEveryPlaceApart(t *testing.T) {
	t.Parallel()
	type place struct {
		purpose string
		ids     []int64
	}
	places := rapid.Custom(func(t *rapid.T) place {
		return place{rapid.StringN(0, 12, 40).Draw(t, "purpose"), rapid.SliceOfN(rapid.Int64Range(-3, 3), 0, 3).Draw(t, "ids")}
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := places.Draw(t, "a"), places.Draw(t, "b")
		same := a.purpose == b.purpose && fmt.Sprint(a.ids) == fmt.Sprint(b.ids)
		if got := bytes.Equal(secret.Binding(a.purpose, a.ids...), secret.Binding(b.purpose, b.ids...)); got != same {
			t.Fatalf("equal encodings: %v, equal places: %v", got, same)
		}
	})
	// The id 0x61... spells bytes that a purpose could end in.
	if bytes.Equal(secret.Binding("x", 0x6162636465666768), secret.Binding("xabcdefgh")) {
		t.Error("an id was taken for a part of the purpose")
	}
}

func TestWipe(t *testing.T) {
	t.Parallel()
	b := []byte("Q!@1assword")
	secret.Wipe(b)
	if !bytes.Equal(b, make([]byte, len(b))) {
		t.Errorf("left %q", b)
	}
}

func TestKeysAreNotPrinted(t *testing.T) {
	t.Parallel()
	bundle := setup(t)
	keyring, _ := bundle.start(t)
	master, err := secret.OpenMaster(t.Context(), bundle.cfg.Master)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []any{secret.NewDataKey(), *secret.NewDataKey(), keyring, master} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x", "%q"} {
			if got := fmt.Sprintf(verb, v); got != "[secret]" {
				t.Errorf("%T prints with %s as %q", v, verb, got)
			}
		}
		var log strings.Builder
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "key", v)
		if !strings.Contains(log.String(), "key=[secret]") {
			t.Errorf("%T is logged as %q", v, log.String())
		}
		if got, err := json.Marshal(v); err != nil || string(got) != "{}" {
			t.Errorf("%T marshals to %s, %v", v, got, err)
		}
	}
}
