package native

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"muster/secret"
)

// KeyRotation is the body that rotates keys.
type KeyRotation struct {
	Master bool `json:"master,omitempty" doc:"change the master key too"`
}

// KeysRotated is what a rotation did.
type KeysRotated struct {
	ActiveVersion int   `json:"activeVersion" doc:"of the key-encryption key that seals from now on"`
	Rewrapped     int   `json:"rewrapped" doc:"data keys and secrets that were sealed under older versions"`
	Deleted       []int `json:"deleted" doc:"versions that are gone"`
	Kept          []int `json:"kept,omitempty" doc:"versions that other servers still sealed under; they go when these have heard of the new one, within minutes"`
	Master        bool  `json:"master" doc:"whether the master key was changed too"`
}

func (a *api) addKeys(h huma.API) {
	const tag = "Keys"
	huma.Register(h, operation("get-keys", http.MethodGet, "/keys", "How the installation's keys stand", tag, http.StatusOK),
		func(ctx context.Context, _ *struct{}) (*answer[secret.Status], error) {
			status, err := a.Keys.Status(ctx, a.Sealed)
			return reply(ctx, a, status, err)
		})
	huma.Register(h, operation("rotate-keys", http.MethodPost, "/keys/rotate", "Make a new key-encryption key and seal everything under it", tag, http.StatusOK),
		func(ctx context.Context, in *struct{ Body KeyRotation }) (*answer[KeysRotated], error) {
			done, err := a.rotateKeys(ctx, in.Body.Master)
			return reply(ctx, a, done, err)
		})
}

func (a *api) rotateKeys(ctx context.Context, master bool) (KeysRotated, error) {
	// A caller who goes away does not break a rotation off half-way.
	ctx = context.WithoutCancel(ctx)
	if master {
		if err := a.Keys.RotateMaster(ctx); err != nil {
			return KeysRotated{}, err
		}
	}
	done, err := a.Keys.Rotate(ctx, a.Sealed)
	if err != nil && !errors.Is(err, secret.ErrKeyInUse) {
		return KeysRotated{}, err
	}
	return KeysRotated{
		ActiveVersion: done.Active, Rewrapped: done.Rewrapped, Deleted: append([]int{}, done.Deleted...), Kept: done.Kept, Master: master,
	}, nil
}
