package strictjson_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"muster/api/strictjson"
)

const accepted = "a JSON object that has list, an array of strings"

// read reads {"list":["..."]}.
func read(body string) (list []string, err error) {
	d := strictjson.New([]byte(body), accepted)
	within := false
	d.Where = func() string {
		if within {
			return " in list"
		}
		return ""
	}
	err = d.Document(func(name string) error {
		if name != "list" || d.Kind() != jsontext.KindBeginArray {
			return d.Skip()
		}
		within = true
		return d.Array(func() error {
			if d.Kind() != jsontext.KindString {
				if d.Kind() != jsontext.KindNumber {
					return strictjson.Errorf("list must hold strings.")
				}
				s, err := d.Literal()
				list = append(list, s)
				return err
			}
			s, err := d.String()
			list = append(list, s)
			return err
		})
	})
	return list, err
}

func TestDecoder(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"list":["a","\u00e9\n",1.50e3]}`:                    "a|é\n|1.50e3",
		`{"l\u0069st":["a"],"x":[{"list":["no"]}]}` + "\n\t ": "a",
		`{}`:                       "",
		``:                         "!The body is empty; it must be " + accepted + ".",
		" \n":                      "!The body is empty; it must be " + accepted + ".",
		`["list"]`:                 "!The body must be " + accepted + ".",
		`secret`:                   "!The body is not well-formed JSON at byte 0; it must be " + accepted + ".",
		"{\"list\":[\"\xff\"]}":    "!The body is not UTF-8; it must be " + accepted + ".",
		`{"list":["a"`:             "!The body ends before the JSON object does in list.",
		`{"list":["a" secret]}`:    "!The body is not well-formed JSON at byte 13 in list; it must be " + accepted + ".",
		`{"secret":1,"secret":2}`:  "!A name occurs twice in one object; names must be unique.",
		`{"a":{"b":1,"\u0062":2}}`: "!A name occurs twice in one object; names must be unique.",
		`{"list":[]} {}`:           "!Something follows the JSON object that is the body, at byte 13.",
		`{"list":[true]}`:          "!list must hold strings.",
		`{"a":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`: "!The body is nested more than 64 levels deep.",
		`{"a":` + strings.Repeat("[", 63) + strings.Repeat("]", 63) + `}`:   "",
	} {
		list, err := read(body)
		got := strings.Join(list, "|")
		if err != nil {
			got = "!" + err.Error()
			var e *strictjson.Error
			if !errors.As(err, &e) {
				t.Errorf("%.40q: %T", body, err)
			}
		}
		if got != want {
			t.Errorf("%.40q: %q, want %q", body, got, want)
		}
	}
}

// TestMembersErrorsComeBack: an error of who reads is not taken for one of the body.
func TestMembersErrorsComeBack(t *testing.T) {
	t.Parallel()
	mine := errors.New("mine")
	d := strictjson.New([]byte(`{"a":1}`), accepted)
	if err := d.Document(func(string) error { return mine }); !errors.Is(err, mine) {
		t.Error(err)
	}
}

func FuzzDecoder(f *testing.F) {
	for _, s := range []string{`{"list":["a","\ud83d\ude00",-1e5]}`, `{"list":null}`, `[`, "{\"\xff\":1}", `{"list":[],"list":[]}`, `{"a":[[{}]]} x`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		list, err := read(body)
		if err != nil {
			var e *strictjson.Error
			if !errors.As(err, &e) || len(e.Detail) > 200 {
				t.Fatalf("%T %q", err, err)
			}
			return
		}
		var want map[string]json.RawMessage
		if err := json.Unmarshal([]byte(body), &want); err != nil {
			t.Fatalf("accepted, and encoding/json says %v", err)
		}
		var values []json.RawMessage
		if json.Unmarshal(want["list"], &values) == nil && len(values) != len(list) {
			t.Fatalf("%d of %d values", len(list), len(values))
		}
		for i := range list {
			var s string
			if json.Unmarshal(values[i], &s) == nil && s != list[i] || s == "" && list[i] != "" && list[i] != string(values[i]) {
				t.Fatalf("%q of %s", list[i], values[i])
			}
		}
	})
}
