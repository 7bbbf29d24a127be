package koodrive

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"muster"
)

const (
	maxUsers = 1000 // in one list (KooDrive contract, section 1)

	// maxDepth bounds nesting within fields that nobody knows; what the contract knows has three levels.
	maxDepth = 64

	acceptedBody = "a JSON object in UTF-8 that has userList, an array of 1 to 1000 objects"
)

// decodeRows reads the body of create. An error refuses the whole request and quotes nothing of it; a field of the wrong
// type is a fault of its row alone (KooDrive contract, section 1, "decided"). It stops at the first user too many.
//
// The rows share one copy of the body.
func decodeRows(body []byte) ([]muster.Row, error) {
	d := &rowDecoder{
		json: jsontext.NewDecoder(bytes.NewBuffer(body)), // a *bytes.Buffer is read in place
		body: body,
		text: string(body),
	}
	if err := d.document(); err != nil {
		return nil, d.refusal(err)
	}
	return d.rows, nil
}

type rowDecoder struct {
	json *jsontext.Decoder
	body []byte
	text string // body
	rows []muster.Row
	list bool // whether reading is within userList
}

func (d *rowDecoder) document() error {
	switch d.json.PeekKind() {
	case jsontext.KindBeginObject:
	case jsontext.KindInvalid:
		return d.cause()
	default:
		return badParameter("The body must be " + acceptedBody + ".")
	}
	found := false
	err := d.object(func(name string) error {
		if name != "userList" {
			return d.skip()
		}
		kind := d.json.PeekKind()
		found = kind != jsontext.KindNull
		switch kind {
		case jsontext.KindBeginArray:
			return d.users()
		case jsontext.KindNull, jsontext.KindInvalid:
			return d.skip()
		default:
			return badParameter("userList must be an array of 1 to %d objects.", maxUsers)
		}
	})
	if err != nil {
		return err
	}
	if _, err := d.json.ReadToken(); !errors.Is(err, io.EOF) {
		return badParameter("Something follows the JSON object that is the body, at byte %d.", d.json.InputOffset())
	}
	if !found {
		return badParameter("userList is missing; the body must be " + acceptedBody + ".")
	}
	if len(d.rows) == 0 {
		return badParameter("userList is empty; 1 to %d users are accepted.", maxUsers)
	}
	return nil
}

// cause is the error that made PeekKind give KindInvalid.
func (d *rowDecoder) cause() error {
	_, err := d.json.ReadToken()
	return err
}

// object reads an object and calls member for each name, to read the value. The name is valid during the call.
func (d *rowDecoder) object(member func(name string) error) error {
	if _, err := d.json.ReadToken(); err != nil {
		return err
	}
	for d.json.PeekKind() != jsontext.KindEndObject {
		name, err := d.string()
		if err != nil {
			return err
		}
		if err := member(name); err != nil {
			return err
		}
	}
	_, err := d.json.ReadToken()
	return err
}

func (d *rowDecoder) users() error {
	if _, err := d.json.ReadToken(); err != nil {
		return err
	}
	const leastBytes = 64 // of a user with a name and a phone, about
	d.rows = make([]muster.Row, 0, min(maxUsers, len(d.body)/leastBytes+1))
	d.list = true
	for {
		switch d.json.PeekKind() {
		case jsontext.KindBeginObject:
		case jsontext.KindEndArray:
			d.list = false
			_, err := d.json.ReadToken()
			return err
		case jsontext.KindInvalid:
			return d.cause()
		default:
			return badParameter("userList[%d] must be an object.", len(d.rows))
		}
		if len(d.rows) == maxUsers {
			return badParameter("userList must hold at most %d users.", maxUsers)
		}
		row := muster.Row{Action: muster.ActionCreate}
		if err := d.object(func(name string) error { return d.field(&row, name) }); err != nil {
			return err
		}
		d.rows = append(d.rows, row)
	}
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
		return d.skip()
	}
}

func (d *rowDecoder) value(row *muster.Row, name string, field muster.FieldSet, to *string) (err error) {
	kind := d.json.PeekKind()
	switch {
	case kind == jsontext.KindNull:
		return d.skip()
	case kind == jsontext.KindString:
		*to, err = d.string()
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
		return d.skip()
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

// string reads a name or a string. Without escapes it is a piece of d.text, so that most rows need no memory of their own.
func (d *rowDecoder) string() (string, error) {
	raw, err := d.json.ReadValue()
	if err != nil {
		return "", err
	}
	end := d.json.InputOffset()
	s := d.text[end-int64(len(raw))+1 : end-1]
	if strings.IndexByte(s, '\\') < 0 {
		return s, nil
	}
	plain, err := jsontext.AppendUnquote(make([]byte, 0, len(raw)), raw)
	return string(plain), err
}

// integer reads a number as it is written and reports whether it is digits alone.
func (d *rowDecoder) integer() (literal string, digits bool, err error) {
	raw, err := d.json.ReadValue()
	if err != nil {
		return "", false, err
	}
	end := d.json.InputOffset()
	literal = d.text[end-int64(len(raw)) : end]
	return literal, strings.Trim(literal, "0123456789") == "", nil
}

// skip reads a value and drops it.
func (d *rowDecoder) skip() error {
	outside := d.json.StackDepth()
	for {
		if _, err := d.json.ReadToken(); err != nil {
			return err
		}
		switch depth := d.json.StackDepth(); {
		case depth > maxDepth:
			return badParameter("The body is nested more than %d levels deep%s.", maxDepth, d.where())
		case depth <= outside:
			return nil
		}
	}
}

// where says in which user reading stopped, if in one.
func (d *rowDecoder) where() string {
	if !d.list {
		return ""
	}
	return fmt.Sprintf(" in userList[%d]", len(d.rows))
}

// refusal makes a refusal of what the JSON decoder says, without what it quotes.
func (d *rowDecoder) refusal(err error) error {
	var here *refusal
	var syntax *jsontext.SyntacticError
	errors.As(err, &syntax)
	switch {
	case errors.As(err, &here):
		return here
	case len(bytes.TrimSpace(d.body)) == 0:
		return badParameter("The body is empty; it must be " + acceptedBody + ".")
	case !utf8.Valid(d.body):
		return badParameter("The body is not UTF-8; it must be " + acceptedBody + ".")
	case errors.Is(err, jsontext.ErrDuplicateName):
		return badParameter("A name occurs twice in one object%s; names must be unique.", d.where())
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return badParameter("The body ends before the JSON object does%s.", d.where())
	case syntax != nil:
		return badParameter("The body is not well-formed JSON at byte %d%s; it must be %s.", syntax.ByteOffset, d.where(), acceptedBody)
	default:
		return fmt.Errorf("decode a body: %w", err) // jsontext has no further errors for a buffer in memory
	}
}
