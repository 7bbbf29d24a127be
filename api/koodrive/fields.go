package koodrive

import (
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"muster"
	"muster/access/signature"
	"muster/api/strictjson"
)

// parameters gives the values of parameters that may each occur once, "" for one that is absent.
func parameters(given signature.Query, names ...string) ([]string, error) {
	values := make([]string, len(names))
	for i, name := range names {
		value, _, err := given.Single(name)
		if err != nil {
			return nil, badParameter("%s occurs more than once in the query; send it once.", name)
		}
		values[i] = value
	}
	return values, nil
}

// parameterID reads a parameter, or a part of the path, that is an id.
func parameterID(name, value string) (muster.ID, error) {
	id, err := muster.ParseID(value)
	if err != nil {
		return 0, badParameter("%s must be an id, a decimal number of 1 to 19 digits up to 9223372036854775807.", name)
	}
	return id, nil
}

// optionalID is parameterID for one that may be absent; it is 0 then.
func optionalID(name, value string) (muster.ID, error) {
	if value == "" {
		return 0, nil
	}
	return parameterID(name, value)
}

// objectDecoder reads a body that is one object. Fields that are null count as absent, unknown ones are ignored; a field of the
// wrong type refuses the request.
type objectDecoder struct{ *strictjson.Decoder }

// decodeObject calls field for each field that is there, to read its value. accepted describes the body.
func decodeObject(body []byte, accepted string, field func(d objectDecoder, name string) error) error {
	d := objectDecoder{strictjson.New(body, accepted)}
	return refused(d.Document(func(name string) error {
		if kind := d.Kind(); kind == jsontext.KindNull || kind == jsontext.KindInvalid {
			return d.Skip()
		}
		return field(d, name)
	}))
}

// text reads a string.
func (d objectDecoder) text(name string, to *string) (err error) {
	if d.Kind() != jsontext.KindString {
		return strictjson.Errorf("%s must be a string.", name)
	}
	*to, err = d.String()
	return err
}

// digits reads an integer, or the same as a string.
func (d objectDecoder) digits(name string) (string, error) {
	switch d.Kind() {
	case jsontext.KindString:
		return d.String()
	case jsontext.KindNumber:
		return d.Literal()
	default:
		return "", strictjson.Errorf("%s must be an integer, or the same as a string.", name)
	}
}

// id reads an id: an integer of any size without loss, or the same as a string.
func (d objectDecoder) id(name string, to *muster.ID) error {
	text, err := d.digits(name)
	if err != nil {
		return err
	}
	*to, err = parameterID(name, text)
	return err
}

// number reads a number from 0 to 255; what it may be is for the caller to judge, by ok.
func (d objectDecoder) number(name string) (n uint8, ok bool, err error) {
	text, err := d.digits(name)
	if err != nil {
		return 0, false, err
	}
	parsed, malformed := strconv.ParseUint(text, 10, 8)
	return uint8(parsed), malformed == nil, nil
}

// missing refuses a body without a field that is mandatory.
func missing(field, accepted string) error {
	return badParameter("%s is missing; the body must be %s.", field, accepted)
}

// object writes a JSON object, member by member.
type object struct{ b []byte }

func (o *object) name(name string) {
	separator := byte(',')
	if len(o.b) == 0 {
		separator = '{'
	}
	o.b = append(o.b, separator, '"')
	o.b = append(o.b, name...)
	o.b = append(o.b, '"', ':')
}

func (o *object) text(name, value string) {
	o.name(name)
	o.b = appendString(o.b, value)
}

// id writes an id as a string, "" for none.
func (o *object) id(name string, id muster.ID) {
	if id == 0 {
		o.text(name, "")
		return
	}
	o.name(name)
	o.b = appendID(o.b, id)
}

func (o *object) number(name string, n int64) {
	o.name(name)
	o.b = strconv.AppendInt(o.b, n, 10)
}

func (o *object) raw(name string, value []byte) {
	o.name(name)
	o.b = append(o.b, value...)
}

func (o *object) end() []byte { return append(o.b, '}') }
