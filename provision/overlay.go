package provision

import (
	"fmt"
	"time"

	"github.com/fxamacker/cbor/v2"

	"muster"
)

// OverlayUser is a user as the rows of a dry run, or of the check before its commit, would have left him: what those after
// them are planned against in his place.
type OverlayUser struct {
	User muster.User // its PasswordHash is never kept
	Gone bool        // deleted; of User there is the ID alone
}

// OverlayOf gives the users that a plan would write.
func OverlayOf(p *muster.Planned) []OverlayUser {
	overlay := make([]OverlayUser, 0, len(p.Insert)+len(p.Update)+len(p.Delete))
	for _, users := range [...][]muster.User{p.Insert, p.Update} {
		for i := range users {
			overlay = append(overlay, OverlayUser{User: users[i]})
		}
	}
	for _, id := range p.Delete {
		overlay = append(overlay, OverlayUser{User: muster.User{ID: id}, Gone: true})
	}
	return overlay
}

// MergeOverlay gives the snapshot that the rows before would have left. shot is the tenant's own. overlay has every overlay
// user, each once, with the id of one of shot's users, with an id that is asked for, or with a key that is. taken is what the
// rows before would have added to the tenant's usage, see [UsageAdded].
//
// An overlay user stands in the place of the real one, so that nobody is found by a key that he has given up; who is gone
// is in neither. Where a real user was given a key meanwhile that an overlay user has, the overlay's is the one who counts.
func MergeOverlay(shot *muster.Snapshot, overlay []OverlayUser, taken muster.Usage) muster.Snapshot {
	merged := *shot
	merged.Users = make([]muster.User, 0, len(shot.Users)+len(overlay))
	covered := make(map[muster.ID]bool, len(overlay))
	for i := range overlay {
		covered[overlay[i].User.ID] = true
	}
	for i := range shot.Users {
		if !covered[shot.Users[i].ID] {
			merged.Users = append(merged.Users, shot.Users[i])
		}
	}
	for i := range overlay {
		if !overlay[i].Gone {
			merged.Users = append(merged.Users, overlay[i].User)
		}
	}
	merged.Usage.Users += taken.Users
	merged.Usage.CapacityGB += taken.CapacityGB
	merged.Usage.SystemAdmins += taken.SystemAdmins
	return merged
}

// UsageAdded is what a plan, and those before it, would add to the tenant's usage: the difference between the usage of the
// tenant's own snapshot and that of what was planned over the merged one. The queue is not counted.
func UsageAdded(own, planned muster.Usage) muster.Usage {
	return muster.Usage{
		Users:        planned.Users - own.Users,
		CapacityGB:   planned.CapacityGB - own.CapacityGB,
		SystemAdmins: planned.SystemAdmins - own.SystemAdmins,
	}
}

// overlayRecord is how an overlay user is stored. Fields never change their meaning.
type overlayRecord struct {
	ID                 muster.ID         `cbor:"1,keyasint"`
	Gone               bool              `cbor:"2,keyasint,omitempty"`
	Account            string            `cbor:"3,keyasint,omitempty"`
	AccountKey         string            `cbor:"4,keyasint,omitempty"`
	Phone              string            `cbor:"5,keyasint,omitempty"`
	PhoneKey           string            `cbor:"6,keyasint,omitempty"`
	Email              string            `cbor:"7,keyasint,omitempty"`
	EmailKey           string            `cbor:"8,keyasint,omitempty"`
	FirstName          string            `cbor:"9,keyasint,omitempty"`
	Surname            string            `cbor:"10,keyasint,omitempty"`
	DisplayName        string            `cbor:"11,keyasint,omitempty"`
	Level              muster.AdminLevel `cbor:"12,keyasint,omitempty"`
	Disabled           bool              `cbor:"13,keyasint,omitempty"`
	Department         muster.ID         `cbor:"14,keyasint,omitempty"`
	CapacityGB         int64             `cbor:"15,keyasint,omitempty"`
	Roles              []muster.ID       `cbor:"16,keyasint,omitempty"`
	MustChangePassword bool              `cbor:"17,keyasint,omitempty"`
	Source             string            `cbor:"18,keyasint,omitempty"`
	TokenEpoch         int64             `cbor:"19,keyasint,omitempty"`
	CreatedAt          int64             `cbor:"20,keyasint,omitempty"` // milliseconds since 1970
}

// EncodeOverlay makes of an overlay user what a store keeps (CBOR, RFC 8949), without the hash of his password. A store finds
// him by his id and by AccountKey, PhoneKey and EmailKey, which it keeps beside it.
func EncodeOverlay(o *OverlayUser) ([]byte, error) {
	rec := overlayRecord{ID: o.User.ID, Gone: o.Gone}
	if u := &o.User; !o.Gone {
		rec = overlayRecord{
			ID: u.ID, Account: u.Account, AccountKey: u.AccountKey, Phone: u.Phone, PhoneKey: u.PhoneKey, Email: u.Email,
			EmailKey: u.EmailKey, FirstName: u.FirstName, Surname: u.Surname, DisplayName: u.DisplayName, Level: u.Level,
			Disabled: u.Disabled, Department: u.Department, CapacityGB: u.CapacityGB, Roles: u.Roles,
			MustChangePassword: u.MustChangePassword, Source: u.Source, TokenEpoch: u.TokenEpoch,
		}
		if !u.CreatedAt.IsZero() {
			rec.CreatedAt = u.CreatedAt.UnixMilli()
		}
	}
	encoded, err := cbor.Marshal(rec)
	if err != nil {
		return nil, fmt.Errorf("encode the overlay's user %s: %w", o.User.ID, err)
	}
	return encoded, nil
}

// DecodeOverlay reads what EncodeOverlay wrote.
func DecodeOverlay(encoded []byte) (OverlayUser, error) {
	var rec overlayRecord
	if err := cbor.Unmarshal(encoded, &rec); err != nil {
		return OverlayUser{}, fmt.Errorf("decode a user of an overlay: %w", err)
	}
	o := OverlayUser{Gone: rec.Gone, User: muster.User{
		ID: rec.ID, Account: rec.Account, AccountKey: rec.AccountKey, Phone: rec.Phone, PhoneKey: rec.PhoneKey, Email: rec.Email,
		EmailKey: rec.EmailKey, FirstName: rec.FirstName, Surname: rec.Surname, DisplayName: rec.DisplayName, Level: rec.Level,
		Disabled: rec.Disabled, Department: rec.Department, CapacityGB: rec.CapacityGB, Roles: rec.Roles,
		MustChangePassword: rec.MustChangePassword, Source: rec.Source, TokenEpoch: rec.TokenEpoch,
	}}
	if rec.CreatedAt != 0 {
		o.User.CreatedAt = time.UnixMilli(rec.CreatedAt).UTC()
	}
	return o, nil
}
