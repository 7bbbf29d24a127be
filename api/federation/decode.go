package federation

import (
	"fmt"

	"github.com/go-json-experiment/json/jsontext"

	"muster"
	"muster/api/strictjson"
)

// maxUsers is the most of one list (federation contract, section 2).
const maxUsers = 100

// The names of a user's fields.
const (
	fieldAction  = "action"
	fieldAccount = "userAccount"
	fieldName    = "userName"
	fieldEmail   = "email"
	fieldRoles   = "roleIds"
)

// sentUser is an element of federationUserList, with its action in Action alone if that is one of the contract's.
type sentUser struct {
	muster.Row
	action string
}

// decodeUsers reads the body of createTask: how many users it lists, and the first of them up to maxUsers. null is absent.
// An error refuses the body as malformed and quotes nothing of it.
func decodeUsers(body []byte) (users []sentUser, listed int, err error) {
	const accepted = "a JSON object in UTF-8 that has federationUserList, an array of 1 to 100 objects"
	d := &userDecoder{Decoder: strictjson.New(body, accepted)}
	d.Where = d.where
	err = d.Document(func(name string) error {
		if name != "federationUserList" {
			return d.Skip()
		}
		switch d.Kind() {
		case jsontext.KindBeginArray:
			return d.list()
		case jsontext.KindNull, jsontext.KindInvalid:
			return d.Skip()
		default:
			return strictjson.Errorf("federationUserList must be an array of 1 to %d objects.", maxUsers)
		}
	})
	if err != nil {
		return nil, 0, err
	}
	return d.users, d.listed, nil
}

type userDecoder struct {
	*strictjson.Decoder
	users  []sentUser
	listed int
	within bool // the list
}

func (d *userDecoder) list() error {
	d.within = true
	err := d.Array(func() error {
		switch {
		case d.listed >= maxUsers: // the call is rejected
			d.listed++
			return d.Skip()
		case d.Kind() != jsontext.KindBeginObject:
			return strictjson.Errorf("federationUserList[%d] must be an object.", d.listed)
		}
		var u sentUser
		if err := d.Object(func(name string) error { return d.field(&u, name) }); err != nil {
			return err
		}
		d.users = append(d.users, u)
		d.listed++
		return nil
	})
	d.within = err != nil
	return err
}

func (d *userDecoder) where() string {
	if !d.within {
		return ""
	}
	return fmt.Sprintf(" in federationUserList[%d]", d.listed)
}

// field reads the value of one of a user's fields. Unknown ones are ignored.
func (d *userDecoder) field(u *sentUser, name string) error {
	switch name {
	case fieldAction:
		return d.text(u, name, 0, &u.action)
	case fieldAccount:
		return d.text(u, name, muster.FieldAccount, &u.Account)
	case fieldName:
		return d.text(u, name, muster.FieldDisplayName, &u.DisplayName)
	case fieldEmail:
		return d.text(u, name, muster.FieldEmail, &u.Email)
	case fieldRoles:
		return d.roles(u)
	default:
		return d.Skip()
	}
}

func (d *userDecoder) text(u *sentUser, name string, field muster.FieldSet, to *string) (err error) {
	switch d.Kind() {
	case jsontext.KindString:
		*to, err = d.String()
		u.Set |= field
		return err
	case jsontext.KindNull, jsontext.KindInvalid:
		return d.Skip()
	default:
		return strictjson.Errorf("federationUserList[%d].%s must be a string.", d.listed, name)
	}
}

func (d *userDecoder) roles(u *sentUser) error {
	switch d.Kind() {
	case jsontext.KindBeginArray:
	case jsontext.KindNull, jsontext.KindInvalid:
		return d.Skip()
	default:
		return strictjson.Errorf("federationUserList[%d].%s must be an array of strings.", d.listed, fieldRoles)
	}
	u.Set |= muster.FieldRoles
	return d.Array(func() error {
		if d.Kind() != jsontext.KindString {
			return strictjson.Errorf("federationUserList[%d].%s[%d] must be a string of digits.", d.listed, fieldRoles, len(u.Roles))
		}
		role, err := d.String()
		u.Roles = append(u.Roles, role)
		return err
	})
}
