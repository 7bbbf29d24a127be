package main

import (
	"bytes"
	"io"
	"strings"
	"testing"
)

func TestListsInEachFormat(t *testing.T) {
	t.Parallel()
	type list struct {
		Users []string `json:"users"`
	}
	for f, want := range map[format]string{
		formatText: "ID  PHONE  E-MAIL\n1          =1+1\n2   +27    a,b\nThat is all.\n",
		formatJSON: "{\n  \"users\": [\n    \"<ann>\"\n  ]\n}\n",
		formatCSV:  "id,phone,e-mail\n1,,'=1+1\n2,'+27,\"a,b\"\n",
	} {
		var out bytes.Buffer
		p := &printer{stdio: stdio{In: strings.NewReader(""), Out: &out, Err: io.Discard}, format: f}
		err := p.listAnd(list{Users: []string{"<ann>"}}, "ID PHONE E-MAIL", [][]string{{"1", "", "=1+1"}, {"2", "+27", "a,b"}},
			func(w io.Writer) { _, _ = io.WriteString(w, "That is all.\n") })
		if err != nil || out.String() != want {
			t.Errorf("%s: %q, %v; want %q", f, out.String(), err, want)
		}
	}
}

func TestFormatsThatACommandHasNothingFor(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		format  format
		command any
		wrong   string
	}{
		{formatText, &versionCmd{}, ""},
		{formatJSON, &versionCmd{}, ""},
		{formatCSV, &versionCmd{}, "prints no list"},
		{formatEnv, &versionCmd{}, "nothing to set"},
		{formatCSV, &batchListCmd{}, ""},
		{formatEnv, &initCmd{}, ""},
		{formatCSV, &initCmd{}, "prints no list"},
	} {
		err := c.format.fits(c.command)
		if (err == nil) != (c.wrong == "") || err != nil && (exitCode(err) != exitUsage || !strings.Contains(err.Error(), c.wrong)) {
			t.Errorf("%s of %T: %v, want an error with %q", c.format, c.command, err, c.wrong)
		}
	}
}
