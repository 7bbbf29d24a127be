package secret

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"
)

// Status tells how the keys of an installation stand. It holds no secret.
type Status struct {
	MasterID      string      `json:"masterId"`               // the master key that wraps
	OtherMasters  []string    `json:"otherMasters,omitempty"` // further ones at hand: previous, or left of an unfinished rotation
	ActiveVersion int         `json:"activeVersion"`          // of the key-encryption key
	RotatedAt     time.Time   `json:"rotatedAt"`              // when the active version was made
	Keys          []KeyStatus `json:"keys"`                   // ordered by purpose and version
	Unfinished    bool        `json:"unfinished"`             // a rotation waits for [Keyring.Resume]
}

// KeyStatus tells about one key in the database.
type KeyStatus struct {
	Purpose   KeyPurpose `json:"purpose"`
	Version   int        `json:"version"`
	MasterID  string     `json:"masterId"`
	CreatedAt time.Time  `json:"createdAt"`
	Items     int        `json:"items"` // data keys and secrets sealed under it
}

// Status reads the master key and the keys in the database anew, and counts what is sealed under each.
func (k *Keyring) Status(ctx context.Context, items Rewrapper) (Status, error) {
	k.admin.Lock()
	defer k.admin.Unlock()
	if err := k.reopenMaster(ctx); err != nil {
		return Status{}, fmt.Errorf("key status: %w", err)
	}
	records, err := k.store.Keys(ctx)
	if err != nil {
		return Status{}, fmt.Errorf("key status: read keys: %w", err)
	}
	counts, err := items.CountWrapped(ctx)
	if err != nil {
		return Status{}, fmt.Errorf("key status: count items: %w", err)
	}
	ids := k.master.IDs()
	s := Status{MasterID: ids[0], OtherMasters: ids[1:], ActiveVersion: newest(records), Unfinished: k.master.pending}
	for _, r := range records {
		key := KeyStatus{Purpose: r.Purpose, Version: r.Version, MasterID: r.MasterID, CreatedAt: r.CreatedAt}
		if r.Purpose == PurposeWrap {
			key.Items = counts[r.Version]
			s.Unfinished = s.Unfinished || r.Version < s.ActiveVersion
			if r.Version == s.ActiveVersion {
				s.RotatedAt = r.CreatedAt
			}
		}
		s.Unfinished = s.Unfinished || r.MasterID != s.MasterID
		s.Keys = append(s.Keys, key)
	}
	slices.SortFunc(s.Keys, func(a, b KeyStatus) int {
		return cmp.Or(cmp.Compare(a.Purpose, b.Purpose), cmp.Compare(a.Version, b.Version))
	})
	return s, nil
}
