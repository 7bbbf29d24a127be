package koodrive

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"muster"
	"muster/api/strictjson"
)

const (
	maxUsers = 1000 // in one list (KooDrive contract, section 1)

	acceptedBody = "a JSON object in UTF-8 that has userList, an array of 1 to 1000 objects"
)

// decodeRows reads the body of create. An error refuses the whole request and quotes nothing of it; a field of the wrong
// type is a fault of its row alone (KooDrive contract, section 1, "decided"). It stops at the first user too many.
//
// The rows share one copy of the body.
func decodeRows(body []byte) ([]muster.Row, error) {
	const leastBytes = 64 // of a user with a name and a phone, about
	d := &rowDecoder{Decoder: strictjson.New(body, acceptedBody), expected: min(maxUsers, len(body)/leastBytes+1)}
	d.Where = d.where
	err := d.document()
	var malformed *strictjson.Error
	switch {
	case err == nil:
		return d.rows, nil
	case errors.As(err, &malformed):
		return nil, &refusal{reply: replyBadParameter, detail: malformed.Detail}
	default:
		return nil, err
	}
}

type rowDecoder struct {
	*strictjson.Decoder
	rows     []muster.Row
	expected int  // rows, about
	list     bool // whether reading is within userList
}

func (d *rowDecoder) document() error {
	found := false
	err := d.Document(func(name string) error {
		if name != "userList" {
			return d.Skip()
		}
		kind := d.Kind()
		found = kind != jsontext.KindNull
		switch kind {
		case jsontext.KindBeginArray:
			return d.users()
		case jsontext.KindNull, jsontext.KindInvalid:
			return d.Skip()
		default:
			return strictjson.Errorf("userList must be an array of 1 to %d objects.", maxUsers)
		}
	})
	switch {
	case err != nil:
		return err
	case !found:
		return strictjson.Errorf("userList is missing; the body must be %s.", acceptedBody)
	case len(d.rows) == 0:
		return strictjson.Errorf("userList is empty; 1 to %d users are accepted.", maxUsers)
	default:
		return nil
	}
}

func (d *rowDecoder) users() error {
	d.rows = make([]muster.Row, 0, d.expected)
	d.list = true
	err := d.Array(func() error {
		switch {
		case d.Kind() != jsontext.KindBeginObject:
			return strictjson.Errorf("userList[%d] must be an object.", len(d.rows))
		case len(d.rows) == maxUsers:
			return strictjson.Errorf("userList must hold at most %d users.", maxUsers)
		}
		row := muster.Row{Action: muster.ActionCreate}
		if err := d.Object(func(name string) error { return d.field(&row, name) }); err != nil {
			return err
		}
		d.rows = append(d.rows, row)
		return nil
	})
	d.list = err != nil
	return err
}

// field reads the value of one of a user's fields into the row. Unknown ones are ignored.
func (d *rowDecoder) field(row *muster.Row, name string) error {
	switch name {
	case "firstname":
		return d.value(row, name, muster.FieldFirstName, &row.FirstName)
	case "surname":
		return d.value(row, name, muster.FieldSurname, &row.Surname)
	case "phone":
		return d.value(row, name, muster.FieldPhone, &row.Phone)
	case "email":
		return d.value(row, name, muster.FieldEmail, &row.Email)
	case "password":
		return d.value(row, name, muster.FieldPassword, &row.Password)
	default:
		return d.Skip()
	}
}

func (d *rowDecoder) value(row *muster.Row, name string, field muster.FieldSet, to *string) (err error) {
	kind := d.Kind()
	switch {
	case kind == jsontext.KindNull:
		return d.Skip()
	case kind == jsontext.KindString:
		*to, err = d.String()
	case kind == jsontext.KindNumber && field == muster.FieldPhone:
		var digits bool
		if *to, digits, err = d.integer(); err == nil && !digits {
			*to = ""
			fail(row, name)
			return nil
		}
	default:
		if kind != jsontext.KindInvalid {
			fail(row, name)
		}
		return d.Skip()
	}
	if *to == "" && (field == muster.FieldEmail || field == muster.FieldPassword) {
		return err // counts as absent
	}
	row.Set |= field
	return err
}

// fail gives the row its fault, the first of several.
func fail(row *muster.Row, field string) {
	if row.Fault != nil {
		return
	}
	accepted := " must be a string."
	if field == "phone" {
		accepted = " must be a string or an integer without sign, fraction and exponent."
	}
	row.Fault = &muster.Fault{Reason: muster.ReasonInvalid, Field: field, Detail: field + accepted}
}

// integer reads a number as it is written and reports whether it is digits alone.
func (d *rowDecoder) integer() (literal string, digits bool, err error) {
	literal, err = d.Literal()
	return literal, strings.Trim(literal, "0123456789") == "", err
}

// where says in which user reading stopped, if in one.
func (d *rowDecoder) where() string {
	if !d.list {
		return ""
	}
	return fmt.Sprintf(" in userList[%d]", len(d.rows))
}
