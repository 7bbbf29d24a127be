package koodrive

import (
	"github.com/go-json-experiment/json/jsontext"

	"muster"
)

const acceptedBody = "a JSON object in UTF-8 that has userList, an array of 1 to 1000 objects"

// decodeRows reads the body of create.
func decodeRows(body []byte) ([]muster.Row, error) {
	d := createDecoder{newListDecoder(body, "userList", acceptedBody)}
	return d.read(func(string) error { return d.Skip() }, d.field)
}

type createDecoder struct{ *listDecoder }

// field reads the value of one of a user's fields into the row. Unknown ones are ignored.
func (d createDecoder) field(row *muster.Row, name string) error {
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

func (d createDecoder) value(row *muster.Row, name string, field muster.FieldSet, to *string) (err error) {
	wanted := "%s must be a string."
	if field == muster.FieldPhone {
		wanted = "%s must be a string or an integer without sign, fraction and exponent."
	}
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
			fail(row, name, wanted)
			return nil
		}
	default:
		if kind != jsontext.KindInvalid {
			fail(row, name, wanted)
		}
		return d.Skip()
	}
	if *to == "" && (field == muster.FieldEmail || field == muster.FieldPassword) {
		return err // counts as absent
	}
	row.Set |= field
	return err
}
