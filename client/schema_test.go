package client_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"muster/client"
)

// schema is what the description says of a type.
type schema struct {
	Ref        string            `json:"$ref"`
	Type       any               `json:"type"` // one, or a list of one and null
	Properties map[string]schema `json:"properties"`
	Items      *schema           `json:"items"`
}

// kind is the one type that a value has, null aside.
func (s schema) kind() string {
	switch t := s.Type.(type) {
	case string:
		return t
	case []any:
		for _, one := range t {
			if one != "null" {
				return one.(string)
			}
		}
	}
	return "object"
}

// kindOf is the JSON type of a field.
func kindOf(t reflect.Type) string {
	if t == reflect.TypeFor[time.Time]() {
		return "string"
	}
	switch t.Kind() {
	case reflect.Pointer:
		return kindOf(t.Elem())
	case reflect.Bool:
		return "boolean"
	case reflect.Int, reflect.Int64:
		return "integer"
	case reflect.String:
		return "string"
	case reflect.Slice:
		return "array"
	default:
		return "object"
	}
}

// document is the server's description of itself.
type document struct {
	Components struct {
		Schemas map[string]schema `json:"schemas"`
	} `json:"components"`
	Paths map[string]map[string]struct {
		Parameters []struct{ Name, In string } `json:"parameters"`
	} `json:"paths"`
}

func description(t *testing.T) (d document) {
	t.Helper()
	in, _ := setup(t, nil)
	answer, err := http.Get(in.public.URL + "/api/v1/openapi.json") //nolint:noctx // a test's server
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(&d); err != nil {
		t.Fatal(err)
	}
	return d
}

// query lists the names of an operation's query.
func (d *document) query(path, method string) (names []string) {
	for _, p := range d.Paths[path][method].Parameters {
		if p.In == "query" {
			names = append(names, p.Name)
		}
	}
	slices.Sort(names)
	return names
}

// TestTypesFitTheDescription holds the client's types against the server's own description: the same names, of the same kinds.
func TestTypesFitTheDescription(t *testing.T) {
	t.Parallel()
	d := description(t)
	for name, v := range map[string]any{
		"NewBatch": client.NewBatch{}, "BatchRow": client.BatchRow{}, "Batch": client.Batch{}, "BatchOutcome": client.Outcome{},
		"BatchReason": client.ReasonCount{}, "Preview": client.Preview{}, "PreviewColumn": client.PreviewColumn{},
		"PreviewProblem": client.PreviewProblem{}, "PreviewFault": client.PreviewFault{}, "ErrorDetail": client.ProblemDetail{},
		"User": client.DirectoryUser{}, "NewUser": client.NewUser{}, "UserPatch": client.UserChange{},
	} {
		want, got := map[string]string{}, map[string]string{}
		for property, s := range d.Components.Schemas[name].Properties {
			want[property] = s.kind()
		}
		typ := reflect.TypeOf(v)
		for i := range typ.NumField() {
			if field, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ","); field != "-" {
				got[field] = kindOf(typ.Field(i).Type)
			}
		}
		if name == "ErrorDetail" { // a value may be of any type
			delete(want, "value")
			delete(got, "value")
		}
		if diff := cmp.Diff(want, got); diff != "" || len(got) == 0 {
			t.Errorf("%s (-description +client):\n%s", name, diff)
		}
	}
}

// TestQueriesFitTheDescription holds what the client asks for against what the server takes.
func TestQueriesFitTheDescription(t *testing.T) {
	t.Parallel()
	d := description(t)
	upload := client.FileOptions{
		Name: "x", Operation: "x", Match: "x", OnExisting: "x", UpdateFields: []string{"x"}, DepartmentID: "x", DryRun: true, Format: "x", Delimiter: "x",
		Encoding: "x", Sheet: "x", Columns: map[string]string{"x": "x"}, Source: "x", Adopt: true, MaxDisables: 1,
	}
	if diff := cmp.Diff(d.query("/batches/upload", "post"), slices.Sorted(maps.Keys(client.QueryOf(upload)))); diff != "" {
		t.Errorf("an upload's (-description +client):\n%s", diff)
	}
	users := client.QueryOfUsers(client.UserQuery{
		Account: "x", Phone: "x", Email: "x", Name: "x", Exact: true, DepartmentID: "x", Direct: true, Keyword: "x",
	})
	users.Set("cursor", "x")
	users.Set("limit", "x")
	if diff := cmp.Diff(d.query("/users", "get"), slices.Sorted(maps.Keys(users))); diff != "" {
		t.Errorf("a list of users' (-description +client):\n%s", diff)
	}
}
