package koodrive

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"muster"
	"muster/api/strictjson"
)

const maxUsers = 1000 // in one list (KooDrive contract, sections 1 and 3)

// listDecoder reads a body that has a list of users: 1 to maxUsers objects. An error refuses the whole request and quotes
// nothing of it; a field of the wrong type is a fault of its row alone (KooDrive contract, section 1, "decided"). It stops at
// the first user too many.
//
// The rows share one copy of the body.
type listDecoder struct {
	*strictjson.Decoder
	list     string // name of the member that is the list
	accepted string // description of the body
	rows     []muster.Row
	expected int  // rows, about
	done     int  // rows that were read to their end
	within   bool // whether reading is within the list
}

func newListDecoder(body []byte, list, accepted string) *listDecoder {
	const leastBytes = 64 // of a user, about
	d := &listDecoder{
		Decoder: strictjson.New(body, accepted), list: list, accepted: accepted, expected: min(maxUsers, len(body)/leastBytes+1),
	}
	d.Where = d.where
	return d
}

// read reads the whole body: member reads the value of a name beside the list's, field that of a user's.
func (d *listDecoder) read(member func(name string) error, field func(row *muster.Row, name string) error) ([]muster.Row, error) {
	found := false
	err := d.Document(func(name string) error {
		if name != d.list {
			return member(name)
		}
		kind := d.Kind()
		found = kind != jsontext.KindNull
		switch kind {
		case jsontext.KindBeginArray:
			return d.users(field)
		case jsontext.KindNull, jsontext.KindInvalid:
			return d.Skip()
		default:
			return strictjson.Errorf("%s must be an array of 1 to %d objects.", d.list, maxUsers)
		}
	})
	switch {
	case err != nil:
		return nil, refused(err)
	case !found:
		return nil, badParameter("%s is missing; the body must be %s.", d.list, d.accepted)
	case len(d.rows) == 0:
		return nil, badParameter("%s is empty; 1 to %d users are accepted.", d.list, maxUsers)
	default:
		return d.rows, nil
	}
}

func (d *listDecoder) users(field func(row *muster.Row, name string) error) error {
	d.rows = make([]muster.Row, 0, d.expected)
	d.within = true
	err := d.Array(func() error {
		switch {
		case d.Kind() != jsontext.KindBeginObject:
			return strictjson.Errorf("%s[%d] must be an object.", d.list, d.done)
		case d.done == maxUsers:
			return strictjson.Errorf("%s must hold at most %d users.", d.list, maxUsers)
		}
		d.rows = append(d.rows, muster.Row{Action: muster.ActionCreate})
		row := &d.rows[d.done]
		if err := d.Object(func(name string) error { return field(row, name) }); err != nil {
			return err
		}
		d.done++
		return nil
	})
	d.within = err != nil
	return err
}

// integer reads a number as it is written and reports whether it is digits alone.
func (d *listDecoder) integer() (literal string, digits bool, err error) {
	literal, err = d.Literal()
	return literal, strings.Trim(literal, "0123456789") == "", err
}

// where says in which user reading stopped, if in one.
func (d *listDecoder) where() string {
	if !d.within {
		return ""
	}
	return fmt.Sprintf(" in %s[%d]", d.list, d.done)
}

// refused makes what strictjson found wrong with a body a refusal.
func refused(err error) error {
	var malformed *strictjson.Error
	if errors.As(err, &malformed) {
		return &refusal{reply: replyBadParameter, detail: malformed.Detail}
	}
	return err
}

// fail gives the row its fault, the first of several. The sentence takes the field.
func fail(row *muster.Row, field, sentence string) {
	if row.Fault == nil {
		row.Fault = &muster.Fault{Reason: muster.ReasonInvalid, Field: field, Detail: fmt.Sprintf(sentence, field)}
	}
}
