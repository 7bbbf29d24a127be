package spreadsheet_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"

	"muster/spreadsheet"
)

func template(t *testing.T, format spreadsheet.Format, fields []spreadsheet.Field) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := spreadsheet.WriteTemplate(&b, format, fields); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestTemplates: what is written is read, understood in every column, and known to be the example.
func TestTemplates(t *testing.T) {
	t.Parallel()
	for _, format := range []spreadsheet.Format{spreadsheet.CSV, spreadsheet.XLSX, spreadsheet.NDJSON} {
		t.Run(format.String(), func(t *testing.T) {
			t.Parallel()
			fields := spreadsheet.UserFields()
			reader, err := spreadsheet.Open(t.Context(), bytes.NewReader(template(t, format, fields)), spreadsheet.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer reader.Close()
			m := spreadsheet.GuessColumns(reader.Columns(), fields, nil)
			if format != spreadsheet.NDJSON && len(m.Fields) != len(fields) || len(m.Problems) > 0 {
				t.Errorf("%q: %+v", reader.Columns(), m.Problems)
			}
			record, err := reader.Next()
			if err != nil || record.Fault != nil {
				t.Fatal(err, record.Fault)
			}
			if !spreadsheet.IsExample(record.Cells, &m, fields) {
				t.Errorf("%+v is not known to be the example", record.Cells)
			}
			record.Cells[m.Column(spreadsheet.FieldPhone)].Text += "1"
			if spreadsheet.IsExample(record.Cells, &m, fields) {
				t.Error("a row with another phone is taken for the example")
			}
		})
	}
}

// TestIsExample: a row that happens to have one value of the example is a row.
func TestIsExample(t *testing.T) {
	t.Parallel()
	fields := []spreadsheet.Field{{Name: "a", Example: "x"}, {Name: "b", Example: "y"}, {Name: "c"}}
	m := spreadsheet.GuessColumns([]string{"a", "b", "c"}, fields, nil)
	for text, want := range map[string]bool{"x,y,": true, "x,y": true, "x,y,z": false, "x,,": false, ",,": false, "x": false} {
		if got := spreadsheet.IsExample(spreadsheet.Texts(strings.Split(text, ",")...), &m, fields); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
	alone := spreadsheet.GuessColumns([]string{"a"}, fields, nil)
	if spreadsheet.IsExample(spreadsheet.Texts("x"), &alone, fields) {
		t.Error("one value is enough")
	}
}

// TestTemplateGuides: another implementation finds the prompts and the values to choose from.
func TestTemplateGuides(t *testing.T) {
	t.Parallel()
	fields := []spreadsheet.Field{
		{Name: "action", Help: `What <to> "do" & why.`, Values: []string{"create", "delete"}},
		{Name: strings.Repeat("ä", 40), Help: strings.Repeat("本", 300), Example: "+49"},
	}
	file := template(t, spreadsheet.XLSX, fields)
	golden(t, "template.xlsx", unzipped(t, file))
	f, err := excelize.OpenReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	validations, err := f.GetDataValidations("Users")
	if err != nil || len(validations) != 2 {
		t.Fatal(err, validations)
	}
	for i, want := range []struct{ title, prompt, at, kind, values string }{
		{"action", `What <to> "do" & why.`, "A2:A100001", "list", `"create,delete"`},
		{strings.Repeat("ä", 32), strings.Repeat("本", 255), "B2:B100001", "", ""},
	} {
		v := validations[i]
		got := struct{ title, prompt, at, kind, values string }{*v.PromptTitle, *v.Prompt, v.Sqref, v.Type, v.Formula1}
		if got != want {
			t.Errorf("got %+v", got)
		}
	}
	golden(t, "template.csv", string(template(t, spreadsheet.CSV, spreadsheet.UserFields())))
	if diff := cmp.Diff("{\"b\":\"y\"}\n", string(template(t, spreadsheet.NDJSON, []spreadsheet.Field{{Name: "a"}, {Name: "b", Example: "y"}}))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
