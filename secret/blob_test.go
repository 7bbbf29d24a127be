package secret_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"slices"
	"testing"

	"gocloud.dev/secrets"
	"pgregory.net/rapid"

	"muster/secret"
)

func TestBlobsRoundTrip(t *testing.T) {
	t.Parallel()
	k, _ := setup(t).start(t)
	rapid.Check(t, func(t *rapid.T) {
		plain, aad := rapid.SliceOf(rapid.Byte()).Draw(t, "plain"), rapid.SliceOf(rapid.Byte()).Draw(t, "aad")
		sealed := k.SealSecret(plain, aad)
		if len(sealed) != len(plain)+secret.BlobOverhead {
			t.Fatalf("a secret of %d bytes took %d", len(plain), len(sealed))
		}
		if got, err := k.OpenSecret(sealed, aad); err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("got %x, %v", got, err)
		}
		key := secret.NewDataKey()
		block := key.Seal(nil, plain, aad)
		same, err := k.UnwrapDataKey(k.WrapDataKey(key, aad), aad)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := same.Open(nil, block, aad); err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("got %x, %v", got, err)
		}
	})
}

func TestBlobsRefuseWhatWasTamperedWith(t *testing.T) {
	t.Parallel()
	b := setup(t)
	k, p := b.start(t)
	if _, err := k.Rotate(t.Context(), p); err != nil { // so that there is more than one key to mistake
		t.Fatal(err)
	}
	aad := secret.Binding("key", 1, 2)
	key := secret.NewDataKey()
	blobs := map[string][]byte{"data key": k.WrapDataKey(key, aad), "secret": k.SealSecret(make([]byte, secret.KeySize), aad)}
	opens := func(kind string, blob, aad []byte) bool {
		var err error
		if kind == "data key" {
			_, err = k.UnwrapDataKey(blob, aad)
		} else {
			_, err = k.OpenSecret(blob, aad)
		}
		if err != nil && !errors.Is(err, secret.ErrTampered) && !errors.Is(err, secret.ErrUnknownKey) {
			t.Errorf("%s: unexpected kind of error %v", kind, err)
		}
		return err == nil
	}
	for kind, blob := range blobs {
		if !opens(kind, blob, aad) {
			t.Fatalf("%s does not open as it is", kind)
		}
		for i := range blob {
			for bit := range 8 {
				bad := bytes.Clone(blob)
				bad[i] ^= 1 << bit
				if opens(kind, bad, aad) {
					t.Errorf("%s opens with bit %d of byte %d flipped", kind, bit, i)
				}
			}
			if opens(kind, blob[:i], aad) {
				t.Errorf("%s opens cut to %d bytes", kind, i)
			}
		}
		for _, other := range [][]byte{nil, secret.Binding("key", 2, 2), secret.Binding("key", 1, 3), secret.Binding("kez", 1, 2)} {
			if opens(kind, blob, other) {
				t.Errorf("%s opens under the binding %x", kind, other)
			}
		}
	}
	if opens("secret", blobs["data key"], aad) || opens("data key", blobs["secret"], aad) {
		t.Error("a blob opens as one of another kind")
	}
	for kind, blob := range blobs {
		relabelled := bytes.Clone(blob)
		relabelled[0] ^= 1 ^ 2
		if other := map[string]string{"secret": "data key", "data key": "secret"}[kind]; opens(other, relabelled, aad) {
			t.Errorf("a %s opens as a %s when its format byte says so", kind, other)
		}
	}
	stranger, _ := setup(t).start(t)
	if _, err := stranger.UnwrapDataKey(blobs["data key"], aad); err == nil {
		t.Error("a blob opens in another installation")
	}
}

// TestFormats puts blobs together by hand, as the comments describe them: what is stored today must open for ever.
func TestFormats(t *testing.T) {
	t.Parallel()
	b := &testBundle{disk: newDisk(), cfg: secret.Config{Master: sampleMaster}}
	k, _ := b.start(t)
	aad, nonce := []byte("aad"), bytes.Repeat([]byte{9}, 12)

	raw := bytes.Repeat([]byte{7}, secret.KeySize)
	block := slices.Concat([]byte{0x10}, nonce, gcmSeal(t, raw, nonce, "payload", aad))
	if got, err := secret.DataKeyOf(raw).Open(nil, block, aad); err != nil || string(got) != "payload" {
		t.Errorf("block: got %q, %v", got, err)
	}

	kek := unwrapped(t, b.disk.keys[0])
	for format, open := range map[byte]func(blob []byte) ([]byte, error){
		1: func(blob []byte) ([]byte, error) {
			key, err := k.UnwrapDataKey(blob, aad)
			if err != nil {
				return nil, err
			}
			return key.Open(nil, block, aad)
		},
		2: func(blob []byte) ([]byte, error) { return k.OpenSecret(blob, aad) },
	} {
		plain, want := string(raw), "payload"
		if format == 2 {
			plain, want = "secret", "secret"
		}
		header := []byte{format, 0, 0, 0, 1}
		blob := slices.Concat(header, nonce, gcmSeal(t, kek, nonce, plain, slices.Concat(header, aad)))
		if got, err := open(blob); err != nil || string(got) != want {
			t.Errorf("blob of format %d: got %q, %v", format, got, err)
		}
	}

	derived, err := hkdf.Key(sha256.New, unwrapped(t, b.disk.keys[1]), nil, "muster mac 1 replay", 32)
	if err != nil {
		t.Fatal(err)
	}
	h := hmac.New(sha256.New, derived)
	h.Write([]byte("x"))
	if got := k.MAC("replay", []byte("x")); !hmac.Equal(got[:], h.Sum(nil)) {
		t.Errorf("MAC: got %x", got)
	}
	if got, want := secret.Binding("ab", 1, -1), "\x02ab\x00\x00\x00\x00\x00\x00\x00\x01\xff\xff\xff\xff\xff\xff\xff\xff"; string(got) != want {
		t.Errorf("binding: got %x", got)
	}
}

const sampleMaster = "base64key://AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

// unwrapped gives the key of a record that sampleMaster wrapped.
func unwrapped(t *testing.T, r secret.KeyRecord) []byte {
	t.Helper()
	keeper, err := secrets.OpenKeeper(t.Context(), sampleMaster)
	if err != nil {
		t.Fatal(err)
	}
	defer keeper.Close()
	plain, err := keeper.Decrypt(t.Context(), r.Wrapped)
	if err != nil {
		t.Fatal(err)
	}
	key, ok := bytes.CutPrefix(plain, secret.Binding("muster key 1 "+string(r.Purpose), int64(r.Version)))
	if !ok {
		t.Fatal("a wrapped key does not begin with its purpose and version")
	}
	return key
}

func gcmSeal(t *testing.T, key, nonce []byte, plain string, aad []byte) []byte {
	t.Helper()
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	return gcm.Seal(nil, nonce, []byte(plain), aad)
}

func FuzzOpenBlob(f *testing.F) {
	b := &testBundle{disk: newDisk(), cfg: secret.Config{Master: sampleMaster}}
	k, err := secret.Open(f.Context(), b.cfg, &process{disk: b.disk})
	if err != nil {
		f.Fatal(err)
	}
	defer k.Close()
	aad := secret.Binding("key", 1)
	key := secret.NewDataKey()
	genuine := [][]byte{k.WrapDataKey(key, aad), k.SealSecret([]byte("s"), aad), key.Seal(nil, []byte("p"), aad)}
	for _, blob := range genuine {
		f.Add(blob)
	}
	f.Add([]byte{1, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, blob []byte) {
		if slices.ContainsFunc(genuine, func(g []byte) bool { return bytes.Equal(g, blob) }) {
			return
		}
		if _, err := k.UnwrapDataKey(blob, aad); err == nil {
			t.Error("a forged data key opens")
		}
		if _, err := k.OpenSecret(blob, aad); err == nil {
			t.Error("a forged secret opens")
		}
		if _, err := key.Open(nil, blob, aad); err == nil {
			t.Error("a forged block opens")
		}
		if v, err := secret.KeyVersion(blob); err == nil && v < 1 {
			t.Errorf("version %d", v)
		}
	})
}
