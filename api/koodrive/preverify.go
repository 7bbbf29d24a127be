package koodrive

import (
	"context"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"muster"
	"muster/api/strictjson"
	"muster/mapping"
)

// Snapshots reads what Plan has to know of a tenant's directory, at one moment and without lock. KindNotFound for a tenant
// that is not there.
type Snapshots interface {
	Snapshot(ctx context.Context, tenant muster.ID, keys muster.Keys) (muster.Snapshot, error)
}

// preverify is POST /users/batchimport/preverify (KooDrive contract, section 3). Its data is a verdict for each user. It
// plans the users as an import right after would, and writes nothing.
func (h *Handler) preverify(ctx context.Context, r *request) ([]byte, error) {
	if r.Actor.Level != muster.LevelSystemAdmin && r.Actor.Level != muster.LevelDepartmentAdmin {
		return nil, errSelect // whatever he selects, so that he does not learn what is there
	}
	base, rows, err := decodeImport(r.body)
	if err != nil {
		return nil, err
	}
	entries := make([]muster.Entry, len(rows))
	for i := range rows {
		entries[i] = importEntry(&rows[i], r.Actor, muster.ID(i+1))
	}
	keys := muster.KeysOf(entries, &r.Tenant.Settings)
	keys.Departments = append(keys.Departments, muster.DepartmentRef{Base: base}) // also if every row fails by itself
	shot, err := h.Snapshots.Snapshot(ctx, r.Tenant.ID, keys)
	if err != nil {
		return nil, err
	}
	if err := selectable(&shot, base, r.Actor); err != nil {
		return nil, err
	}
	return appendVerdicts(muster.Plan(entries, shot).Outcomes, r.tongue), nil
}

// importEntry is a user of whom nothing is known but where he is to be and the capacity that he is to get. newID tells him from
// the others of the list.
func importEntry(row *muster.Row, actor muster.Actor, newID muster.ID) muster.Entry {
	e := muster.Entry{Action: row.Action, Actor: actor.Level, Scope: actor.Scope(), NewID: newID, Fault: row.Fault}
	if e.Fault == nil {
		mapping.Allocate(row, &e)
	}
	return e
}

var errSelect = &refusal{reply: replyForbidden, detail: "curDeptId must be a department that you administer, or one below it."}

// selectable refuses a department that the tenant does not have, or that the actor does not administer.
func selectable(shot *muster.Snapshot, id muster.ID, actor muster.Actor) error {
	for i := range shot.Departments {
		if d := &shot.Departments[i]; d.ID == id {
			if actor.Administers(d) {
				return nil
			}
			return errSelect
		}
	}
	return &refusal{reply: replyNoResource}
}

// appendVerdicts writes the data of preverify: isSuccess 0 is success, and 1 failure, with a reason.
func appendVerdicts(outcomes []muster.Outcome, t tongue) []byte {
	const verdict = 64 // bytes, about
	b := append(make([]byte, 0, len(outcomes)*verdict), '[')
	for i := range outcomes {
		if i > 0 {
			b = append(b, ',')
		}
		if outcomes[i].Result == muster.Succeeded {
			b = append(b, `{"isSuccess":0}`...)
			continue
		}
		_, reason := codeOf(&outcomes[i], t)
		b = append(b, `{"isSuccess":1,"reason":`...)
		b = appendString(b, reason)
		b = append(b, '}')
	}
	return append(b, ']')
}

const acceptedImport = "a JSON object in UTF-8 that has curDeptId, the id of a department, and users, an array of 1 to 1000 objects"

// decodeImport reads the body of preverify. curDeptId may be an integer or the same as a string, and is never a float on
// its way; whatever is wrong with it refuses the whole request.
func decodeImport(body []byte) (base muster.ID, rows []muster.Row, err error) {
	d := importDecoder{listDecoder: newListDecoder(body, "users", acceptedImport)}
	if rows, err = d.read(d.member, d.field); err != nil {
		return 0, nil, err
	}
	if d.base == 0 {
		return 0, nil, badParameter("%s is missing; the body must be %s.", "curDeptId", acceptedImport)
	}
	for i := range rows {
		row := &rows[i]
		row.Department = d.base
		row.Set |= muster.FieldDepartment
		if !row.Set.Has(muster.FieldCapacity) {
			fail(row, "personalCapacity", missingCapacity)
		}
		if !d.allocates[i] {
			fail(row, "isAllocateCapacity", missingAllocate)
		}
	}
	return d.base, rows, nil
}

const (
	missingCapacity = "%s is missing: a whole number of GB from 0 to 1048576 is accepted."
	missingAllocate = "%s is missing: true and false are accepted."
)

type importDecoder struct {
	*listDecoder
	base      muster.ID
	allocates [maxUsers]bool // whether the user has isAllocateCapacity
}

// member reads what stands beside the list.
func (d *importDecoder) member(name string) error {
	if name != "curDeptId" {
		return d.Skip()
	}
	var text string
	var err error
	switch d.Kind() {
	case jsontext.KindNull, jsontext.KindInvalid:
		return d.Skip()
	case jsontext.KindString:
		text, err = d.String()
	case jsontext.KindNumber:
		text, err = d.Literal()
	default: // no id
	}
	if err != nil {
		return err
	}
	if d.base, err = muster.ParseID(text); err != nil {
		return strictjson.Errorf("curDeptId must be the id of a department: an integer of 1 to 19 digits up to 9223372036854775807, or the same as a string.")
	}
	return nil
}

// field reads the value of one of a user's fields into the row. Unknown ones are ignored.
func (d *importDecoder) field(row *muster.Row, name string) error {
	kind := d.Kind()
	if kind == jsontext.KindNull || kind == jsontext.KindInvalid {
		return d.Skip()
	}
	switch name {
	case "targetDeptName":
		return d.target(row, kind)
	case "personalCapacity":
		return d.capacity(row, kind)
	case "isAllocateCapacity":
		d.allocates[d.done] = true
		row.Allocate = kind == jsontext.KindTrue
		if kind != jsontext.KindTrue && kind != jsontext.KindFalse {
			fail(row, name, "%s must be true or false.")
		}
		return d.Skip()
	default:
		return d.Skip()
	}
}

func (d *importDecoder) target(row *muster.Row, kind jsontext.Kind) (err error) {
	if kind != jsontext.KindString {
		fail(row, "targetDeptName", "%s must be a string.")
		return d.Skip()
	}
	row.DepartmentPath, err = d.String()
	return err
}

func (d *importDecoder) capacity(row *muster.Row, kind jsontext.Kind) error {
	row.Set |= muster.FieldCapacity
	if kind != jsontext.KindNumber {
		fail(row, "personalCapacity", wrongCapacity)
		return d.Skip()
	}
	literal, err := d.Literal()
	if err != nil {
		return err
	}
	if row.CapacityGB, err = strconv.ParseInt(literal, 10, 64); err != nil {
		fail(row, "personalCapacity", wrongCapacity)
	}
	return nil
}

const wrongCapacity = "%s must be a whole number of GB from 0 to 1048576, without fraction and exponent."
