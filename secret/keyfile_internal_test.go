package secret

import (
	"bytes"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"

	"pgregory.net/rapid"
)

// The key 00 01 .. 1f; its id was computed apart from this code.
const (
	sampleKey  = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
	sampleID   = "mk-7d04200e7cbad434"
	sampleLine = sampleID + " base64key://" + sampleKey
)

func TestParseKeyFile(t *testing.T) {
	t.Parallel()
	other := newLocalKey()
	otherLine := strings.TrimPrefix(string(formatKeyFile([]localKey{other})), keyFileHeading)
	tests := map[string]struct {
		file string
		ids  []string
		err  string
	}{
		"one key":           {file: sampleLine + "\n", ids: []string{sampleID}},
		"no newline at end": {file: sampleLine, ids: []string{sampleID}},
		"Windows line ends": {file: "# x\r\n" + sampleLine + "\r\n", ids: []string{sampleID}},
		"two keys":          {file: sampleLine + "\n\n# older above\n" + otherLine, ids: []string{sampleID, other.id()}},
		"empty":             {file: "", err: "no key in it"},
		"comments alone":    {file: "# x\n\n", err: "no key in it"},
		"key alone":         {file: "base64key://" + sampleKey, err: "line 1: 1 fields"},
		"three fields":      {file: "\n" + sampleLine + " x", err: "line 2: 3 fields"},
		"another scheme":    {file: sampleID + " awskms://" + sampleKey, err: "must begin with base64key://"},
		"short key":         {file: sampleID + " base64key://AAEC", err: "must be 32 bytes"},
		"empty key":         {file: sampleID + " base64key://", err: "must be 32 bytes"},
		"not base64":        {file: sampleID + " base64key://" + strings.Repeat("?", 44), err: "must be 32 bytes"},
		"no padding":        {file: strings.TrimSuffix(sampleLine, "="), err: "must be 32 bytes"},
		"loose last bits":   {file: strings.Replace(sampleLine, "h8=", "h9=", 1), err: "must be 32 bytes"},
		"damaged key":       {file: strings.Replace(sampleLine, "AAEC", "AAED", 1), err: "do not belong together"},
		"damaged id":        {file: "x" + sampleLine, err: "do not belong together"},
		"twice":             {file: sampleLine + "\n" + sampleLine, err: "line 2: key " + sampleID + " stands there twice"},
		"half a line":       {file: sampleLine[:50], err: "must be 32 bytes"},
		"too long":          {file: strings.Repeat("#", maxKeyFile+1), err: "not a master key file"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			keys, err := parseKeyFile([]byte(test.file))
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Fatalf("got error %v, want one with %q", err, test.err)
				}
				if strings.Contains(err.Error(), "AwQFBgcI") || strings.Contains(err.Error(), "0405060708") {
					t.Errorf("the error tells the key: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var ids []string
			for _, k := range keys {
				ids = append(ids, k.id())
			}
			if strings.Join(ids, " ") != strings.Join(test.ids, " ") {
				t.Errorf("got keys %v, want %v", ids, test.ids)
			}
		})
	}
}

func TestKeyFileRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		raw := rapid.SliceOfNDistinct(rapid.SliceOfN(rapid.Byte(), KeySize, KeySize), 1, 5,
			func(b []byte) string { return string(b) }).Draw(t, "keys")
		keys := make([]localKey, len(raw))
		for i := range raw {
			copy(keys[i].key[:], raw[i])
		}
		got, err := parseKeyFile(formatKeyFile(keys))
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != len(keys) {
			t.Fatalf("got %d keys, want %d", len(got), len(keys))
		}
		for i := range got {
			if got[i].key != keys[i].key {
				t.Fatalf("key %d differs", i)
			}
		}
	})
}

func FuzzParseKeyFile(f *testing.F) {
	f.Add([]byte(sampleLine))
	f.Add([]byte("# x\r\n" + sampleLine + "\r\n\n"))
	f.Add(formatKeyFile([]localKey{newLocalKey(), newLocalKey()}))
	f.Add([]byte(sampleID + " base64key:// \n\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		keys, err := parseKeyFile(data)
		if err != nil {
			return
		}
		written := formatKeyFile(keys)
		again, err := parseKeyFile(written)
		if err != nil {
			t.Fatalf("what was read does not read again: %v", err)
		}
		if !bytes.Equal(formatKeyFile(again), written) {
			t.Fatal("reading and writing do not settle")
		}
	})
}

// file is what the system says about one.
type file struct {
	fs.FileInfo
	owner uint32
}

func (f file) Sys() any { return &syscall.Stat_t{Uid: f.owner} }

// TestWhoMayReadAKeyFile: nobody but its owner, or those to whom root hands it.
func TestWhoMayReadAKeyFile(t *testing.T) {
	t.Parallel()
	const root, service, other = 0, 65532, 1000
	tests := map[string]struct {
		mode        os.FileMode
		owner, self int
		taken       bool
	}{
		"its owner's":                {0o600, service, service, true},
		"its owner's, read only":     {0o400, service, service, true},
		"another's":                  {0o600, other, service, true}, // the system refuses
		"its group may read":         {0o640, service, service, false},
		"another's, group may read":  {0o640, other, service, false},
		"root's for a group":         {0o640, root, service, true},
		"root's, read only":          {0o440, root, service, true},
		"root's, group may write":    {0o660, root, service, false},
		"root's, group may run":      {0o650, root, service, false},
		"root's, others may read":    {0o444, root, service, false},
		"root's for himself":         {0o600, root, root, true},
		"root's, for others than he": {0o640, root, root, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := test.mode&forbidden(file{owner: uint32(test.owner)}, test.self) == 0; got != test.taken {
				t.Errorf("a file of mode %04o is taken: %t", test.mode, got)
			}
		})
	}
}
