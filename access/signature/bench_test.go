package signature

import (
	"crypto/sha256"
	"testing"
)

// Known and unknown must take the same time; it also shows what one request costs beside its body's hash.
func BenchmarkVerify(b *testing.B) {
	req := signedRequest(b, SchemeApp, base+target)
	digest := sha256.Sum256([]byte(body))
	for _, bc := range []struct {
		name    string
		secrets [][]byte
	}{{"known", [][]byte{[]byte(secret)}}, {"overlap", [][]byte{[]byte("new"), []byte(secret)}}, {"unknown", nil}} {
		b.Run(bc.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s, err := Policy{}.Parse(req)
				if err != nil {
					b.Fatal(err)
				}
				_, _ = s.Verify(digest, bc.secrets...)
			}
		})
	}
}
