// Package strictjson reads the bodies of requests: one JSON object in UTF-8 (RFC 8259), in which no name occurs twice,
// nested no deeper than MaxDepth, and with nothing after it. What is wrong is said in sentences that quote nothing of
// the body, since passwords are in it.
package strictjson

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// MaxDepth bounds nesting, mostly within fields that nobody knows: no contract has more than four levels.
const MaxDepth = 64

// Error says what is wrong with a body, in a sentence that quotes nothing of it.
type Error struct{ Detail string }

func (e *Error) Error() string { return e.Detail }

// Errorf makes an Error, for what a contract finds wrong while it reads.
func Errorf(format string, args ...any) error { return &Error{Detail: fmt.Sprintf(format, args...)} }

// Decoder reads one body from its beginning to its end. The strings that it gives share one copy of the body.
type Decoder struct {
	// Where says in which part of the body reading is, such as " in userList[3]"; "" or nil says nothing.
	Where func() string

	json     *jsontext.Decoder
	body     []byte
	text     string // body
	accepted string
}

// New makes a Decoder. accepted describes the body that is accepted: "a JSON object in UTF-8 that has ...". The body must
// not change while it is read.
func New(body []byte, accepted string) *Decoder {
	return &Decoder{
		json:     jsontext.NewDecoder(bytes.NewBuffer(body)), // a *bytes.Buffer is read in place
		body:     body,
		text:     string(body),
		accepted: accepted,
	}
}

// Document reads the whole body. It calls member for each name of the object, to read the value with the other methods. The
// error is an [*Error], or member's own.
func (d *Decoder) Document(member func(name string) error) error {
	return d.explain(d.document(member))
}

func (d *Decoder) document(member func(name string) error) error {
	switch d.json.PeekKind() {
	case jsontext.KindBeginObject:
	case jsontext.KindInvalid:
		return d.cause()
	default:
		return Errorf("The body must be %s.", d.accepted)
	}
	if err := d.Object(member); err != nil {
		return err
	}
	if _, err := d.json.ReadToken(); !errors.Is(err, io.EOF) {
		return Errorf("Something follows the JSON object that is the body, at byte %d.", d.json.InputOffset())
	}
	return nil
}

// Kind tells what the next value is. Where the body is broken it is [jsontext.KindInvalid]; Skip gives the reason then.
func (d *Decoder) Kind() jsontext.Kind { return d.json.PeekKind() }

// cause is the error that made Kind give KindInvalid.
func (d *Decoder) cause() error {
	_, err := d.json.ReadToken()
	return err
}

// Object reads an object and calls member for each name, to read the value. The next value must be an object.
func (d *Decoder) Object(member func(name string) error) error {
	if _, err := d.json.ReadToken(); err != nil {
		return err
	}
	for d.json.PeekKind() != jsontext.KindEndObject {
		name, err := d.String()
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

// Array reads an array and calls element for each value, to read it. The next value must be an array.
func (d *Decoder) Array(element func() error) error {
	if _, err := d.json.ReadToken(); err != nil {
		return err
	}
	for {
		switch d.json.PeekKind() {
		case jsontext.KindEndArray:
			_, err := d.json.ReadToken()
			return err
		case jsontext.KindInvalid:
			return d.cause()
		default:
			if err := element(); err != nil {
				return err
			}
		}
	}
}

// String reads a string. Without escapes it is a piece of the one copy of the body, and needs no memory of its own.
func (d *Decoder) String() (string, error) {
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

// Literal reads a number, as it is written.
func (d *Decoder) Literal() (string, error) {
	raw, err := d.json.ReadValue()
	if err != nil {
		return "", err
	}
	end := d.json.InputOffset()
	return d.text[end-int64(len(raw)) : end], nil
}

// Skip reads a value and drops it.
func (d *Decoder) Skip() error {
	outside := d.json.StackDepth()
	for {
		if _, err := d.json.ReadToken(); err != nil {
			return err
		}
		switch depth := d.json.StackDepth(); {
		case depth > MaxDepth:
			return Errorf("The body is nested more than %d levels deep%s.", MaxDepth, d.where())
		case depth <= outside:
			return nil
		}
	}
}

func (d *Decoder) where() string {
	if d.Where == nil {
		return ""
	}
	return d.Where()
}

// explain makes an Error of what jsontext says, without what it quotes.
func (d *Decoder) explain(err error) error {
	var syntax *jsontext.SyntacticError
	broken := errors.As(err, &syntax)
	ended := errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)
	switch {
	case err == nil, !broken && !ended:
		return err
	case len(bytes.TrimSpace(d.body)) == 0:
		return Errorf("The body is empty; it must be %s.", d.accepted)
	case !utf8.Valid(d.body):
		return Errorf("The body is not UTF-8; it must be %s.", d.accepted)
	case errors.Is(err, jsontext.ErrDuplicateName):
		return Errorf("A name occurs twice in one object%s; names must be unique.", d.where())
	case ended:
		return Errorf("The body ends before the JSON object does%s.", d.where())
	default:
		return Errorf("The body is not well-formed JSON at byte %d%s; it must be %s.", syntax.ByteOffset, d.where(), d.accepted)
	}
}
