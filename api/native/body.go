package native

import (
	"context"
	"crypto/sha256"
	"hash"
	"io"

	"muster"
)

// body is a request's as it is read. Where the signature announced its hash, the end of a body that has another one is an
// error.
type body struct {
	rest      io.ReadCloser
	announced *[sha256.Size]byte // nil: there is nothing to hold it against
	hash      hash.Hash
	err       error // how it ended
}

type bodyKey struct{}

var errOtherBody = &muster.Error{
	Kind: muster.KindUnauthenticated, Field: "X-Sdk-Content-Sha256",
	Detail: "X-Sdk-Content-Sha256 is not the hash of the body. Nothing of it was accepted.",
}

func (b *body) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.rest.Read(p)
	if b.announced != nil {
		b.hash.Write(p[:n])
		if err == io.EOF && [sha256.Size]byte(b.hash.Sum(nil)) != *b.announced {
			err = errOtherBody
		}
	}
	b.err = err
	return n, err
}

func (b *body) Close() error { return b.rest.Close() }

// bodyHeld reads what is left of a streamed body, and refuses one that is not what was signed. Before it returned nil, whoever
// reads such a body accepts nothing of what it says.
func bodyHeld(ctx context.Context) error {
	b, ok := ctx.Value(bodyKey{}).(*body)
	if !ok {
		return nil
	}
	_, err := io.Copy(io.Discard, b)
	return err
}
