package provision

import (
	"fmt"

	"github.com/fxamacker/cbor/v2"

	"muster"
	"muster/secret"
)

// rowRecord is a row as a sealed payload holds it: a CBOR array (RFC 8949), whose last element is a map. Fields never change
// their meaning, and new ones are keys of the map, since a newer version opens what an older one sealed.
type rowRecord struct {
	_ struct{} `cbor:",toarray"`
	rowFields
	More rowMore
}

// rowFields are the fields that came first, all there is of rows that were sealed before there was a rowMore.
type rowFields struct {
	_           struct{} `cbor:",toarray"`
	Action      muster.Action
	Set         muster.FieldSet
	Account     string
	Phone       string
	Email       string
	FirstName   string
	Surname     string
	DisplayName string
	Password    string
	Roles       []string
	FaultReason muster.Reason
	FaultField  string
	FaultDetail string
}

// rowMore takes one byte of a row that has none of it.
type rowMore struct {
	Department     muster.ID         `cbor:"1,keyasint,omitempty"`
	DepartmentPath string            `cbor:"2,keyasint,omitempty"`
	Allocate       bool              `cbor:"3,keyasint,omitempty"`
	CapacityGB     int64             `cbor:"4,keyasint,omitempty"`
	Level          muster.AdminLevel `cbor:"5,keyasint,omitempty"`
	Match          muster.Key        `cbor:"6,keyasint,omitempty"`
	OnExisting     muster.OnExisting `cbor:"7,keyasint,omitempty"`
	PasswordHash   string            `cbor:"8,keyasint,omitempty"`
	ID             muster.ID         `cbor:"9,keyasint,omitempty"`
	Touch          muster.FieldSet   `cbor:"10,keyasint,omitempty"`
	Source         string            `cbor:"11,keyasint,omitempty"`
	Adopt          bool              `cbor:"12,keyasint,omitempty"`
	Disabled       bool              `cbor:"13,keyasint,omitempty"`
}

// UnmarshalCBOR reads a row of either length.
func (rec *rowRecord) UnmarshalCBOR(data []byte) error {
	const arrayOf13 = 0x80 | 13 // the length of rowFields (RFC 8949, section 3)
	type whole rowRecord        // without this method
	if len(data) > 0 && data[0] == arrayOf13 {
		return cbor.Unmarshal(data, &rec.rowFields)
	}
	return cbor.Unmarshal(data, (*whole)(rec))
}

// keptRecord is a row that did not succeed, as it is kept for the failures file and a retry: without its password, but
// with the hash if one was made, or came with it and can be read.
type keptRecord struct {
	_    struct{} `cbor:",toarray"`
	Row  int
	Hash string
	Sent rowRecord
}

func encodeRow(r *muster.Row) rowRecord {
	rec := rowRecord{
		rowFields: rowFields{
			Action: r.Action, Set: r.Set, Account: r.Account, Phone: r.Phone, Email: r.Email, FirstName: r.FirstName,
			Surname: r.Surname, DisplayName: r.DisplayName, Password: r.Password, Roles: r.Roles,
		},
		More: rowMore{
			Department: r.Department, DepartmentPath: r.DepartmentPath, Allocate: r.Allocate, CapacityGB: r.CapacityGB,
			Level: r.Level, Match: r.Match, OnExisting: r.OnExisting, PasswordHash: r.PasswordHash,
			ID: r.ID, Touch: r.Touch, Source: r.Source, Adopt: r.Adopt, Disabled: r.Disabled,
		},
	}
	if r.Fault != nil {
		rec.FaultReason, rec.FaultField, rec.FaultDetail = r.Fault.Reason, r.Fault.Field, r.Fault.Detail
	}
	return rec
}

func (rec *rowRecord) row() muster.Row {
	r := muster.Row{
		Action: rec.Action, Set: rec.Set, Account: rec.Account, Phone: rec.Phone, Email: rec.Email, FirstName: rec.FirstName,
		Surname: rec.Surname, DisplayName: rec.DisplayName, Password: rec.Password, Roles: rec.Roles,
		Department: rec.More.Department, DepartmentPath: rec.More.DepartmentPath, Allocate: rec.More.Allocate,
		CapacityGB: rec.More.CapacityGB, Level: rec.More.Level, Match: rec.More.Match, OnExisting: rec.More.OnExisting,
		PasswordHash: rec.More.PasswordHash, ID: rec.More.ID, Touch: rec.More.Touch, Source: rec.More.Source, Adopt: rec.More.Adopt,
		Disabled: rec.More.Disabled,
	}
	if rec.FaultReason != muster.ReasonNone {
		r.Fault = &muster.Fault{Reason: rec.FaultReason, Field: rec.FaultField, Detail: rec.FaultDetail}
	}
	return r
}

func payloadBinding(c *muster.Chunk) []byte {
	return secret.Binding("payload", int64(c.Tenant), int64(c.Batch), int64(c.FirstRow), int64(c.Rows))
}

func keptBinding(c *muster.Chunk) []byte {
	return secret.Binding("kept", int64(c.Tenant), int64(c.Batch), int64(c.FirstRow), int64(c.Rows))
}

// PayloadKeyBinding is the additional data under which a batch's payload key is wrapped. Who re-wraps keys for a rotation
// needs it.
func PayloadKeyBinding(tenant, batch muster.ID) []byte {
	return secret.Binding("payload-key", int64(tenant), int64(batch))
}

// KeptKeyBinding is the additional data under which the key of a batch's kept rows is wrapped.
func KeptKeyBinding(tenant, batch muster.ID) []byte {
	return secret.Binding("kept-key", int64(tenant), int64(batch))
}

// sealRows fills the chunk's payload.
func sealRows(key *secret.DataKey, c *muster.Chunk, rows []muster.Row) error {
	records := make([]rowRecord, len(rows))
	for i := range rows {
		records[i] = encodeRow(&rows[i])
	}
	plain, err := cbor.Marshal(records)
	if err != nil {
		return fmt.Errorf("encode the rows of a chunk: %w", err)
	}
	c.Payload = key.Seal(make([]byte, 0, len(plain)+secret.BlockOverhead), plain, payloadBinding(c))
	secret.Wipe(plain)
	return nil
}

// resealRows makes of a chunk's payload that of another chunk with the same rows, of another batch.
func resealRows(from *secret.DataKey, old *muster.Chunk, to *secret.DataKey, c *muster.Chunk) error {
	plain, err := from.Open(nil, old.Payload, payloadBinding(old))
	if err != nil {
		return fmt.Errorf("open chunk %d of batch %s: %w", old.FirstRow, old.Batch, err)
	}
	c.Payload = to.Seal(make([]byte, 0, len(plain)+secret.BlockOverhead), plain, payloadBinding(c))
	secret.Wipe(plain)
	return nil
}

// openRows reads what sealRows wrote.
func openRows(key *secret.DataKey, c *muster.Chunk) ([]muster.Row, error) {
	plain, err := key.Open(nil, c.Payload, payloadBinding(c))
	if err != nil {
		return nil, fmt.Errorf("open chunk %d of batch %s: %w", c.FirstRow, c.Batch, err)
	}
	defer secret.Wipe(plain)
	var records []rowRecord
	if err := cbor.Unmarshal(plain, &records); err != nil {
		return nil, fmt.Errorf("decode chunk %d of batch %s: %w", c.FirstRow, c.Batch, err)
	}
	if len(records) != c.Rows {
		return nil, fmt.Errorf("chunk %d of batch %s holds %d rows and should hold %d", c.FirstRow, c.Batch, len(records), c.Rows)
	}
	rows := make([]muster.Row, len(records))
	for i := range records {
		rows[i] = records[i].row()
	}
	return rows, nil
}

// sealKept seals the rows that did not succeed, nil if all did.
func sealKept(key *secret.DataKey, c *muster.Chunk, rows []muster.Row, entries []muster.Entry, outcomes []muster.Outcome) ([]byte, error) {
	var records []keptRecord
	for i := range outcomes {
		if outcomes[i].Result == muster.Succeeded {
			continue
		}
		rec := keptRecord{Row: outcomes[i].Row, Hash: entries[i].User.PasswordHash, Sent: encodeRow(&rows[i])}
		rec.Sent.Password, rec.Sent.More.PasswordHash = "", ""
		records = append(records, rec)
	}
	if records == nil {
		return nil, nil
	}
	plain, err := cbor.Marshal(records)
	if err != nil {
		return nil, fmt.Errorf("encode the kept rows of a chunk: %w", err)
	}
	return key.Seal(make([]byte, 0, len(plain)+secret.BlockOverhead), plain, keptBinding(c)), nil
}
