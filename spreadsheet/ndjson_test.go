package spreadsheet_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muster/spreadsheet"
)

func TestNDJSON(t *testing.T) {
	t.Parallel()
	const wrongType = "A text, a whole number without exponent, true, false, null or a list of texts is accepted, and no object within an object."
	const noObject = "The line is not a JSON object; one on each line is accepted."
	for name, tc := range map[string]struct{ file, want string }{
		"everything": {
			"\ufeff" + `{"phone":"+49151","admin":true,"gb":12345678901234567890,"roles":["1","2"]}` + "\r\n\n" + `{"gb":-1,"name":null,"phone":"","roles":[]}` + "\n  \n" + ` {} `,
			`ndjson utf-8
["phone" "admin" "gb" "roles" "name"]
1: "+49151" "true" #"12345678901234567890" ["1" "2"] -
3: "" - #"-1" [] -
5: - - - - -
`},
		"escapes": {
			`{"a":"\u00e4\n\ud83d\ude00","\u0062":"'=1+1"}` + "\n" + `{"a":"\ud800","b":"\u0000"}`,
			`ndjson utf-8
["a" "b"]
1: "ä\n😀" "'=1+1"
2: "�"! "\x00"!
	A character: Characters of the cell were lost in a conversion of the file: save it as UTF-8, or name its encoding.
	B character: The cell holds a NUL character: take it out.
`},
		"values that no cell holds": {
			`{"a":1.5,"b":{"c":1},"d":[1],"e":[["x"]],"f":1e3,"g":[null]}`,
			`ndjson utf-8
["a" "b" "d" "e" "f" "g"]
1: "1.5"! "{\"c\":1}"! "[1]"! "[[\"x\"]]"! "1e3"! "[null]"!
	A type: ` + wrongType + `
	B type: ` + wrongType + `
	C type: ` + wrongType + `
	D type: ` + wrongType + `
	E type: ` + wrongType + `
	F type: ` + wrongType + `
`},
		"rows at fault": {
			`{"a":1}` + "\n" + `{"a":1,"a":2}` + "\n" + `{"a":1,"\u0061":2}` + "\n" + `{"a":1` + "\n" + `["a"]` + "\n" + `1` + "\n" + `{"a":1}{"a":2}` + "\n" + `{"a":2}`,
			`ndjson utf-8
["a"]
1: #"1"
2: #"1"
	twice: Name 2 of the object is one that it has before; names must be unique.
3: #"1"
	twice: Name 2 of the object is one that it has before; names must be unique.
4: -
	json: ` + noObject + `
5: -
	json: ` + noObject + `
6: -
	json: ` + noObject + `
7: -
	json: ` + noObject + `
8: #"2"
`},
		"a list with a text that is at fault": {
			`{"a":["x","` + strings.Repeat("y", spreadsheet.MaxCell+1) + `"]}`,
			`ndjson utf-8
["a"]
1: "` + strings.Repeat("y", 99) + "…" + strings.Repeat("y", 16) + `�"!
	A too-long: The cell has more than 32767 characters, which is the most that is accepted.
`},
		"no object at all": {"{\n\"a\": 1\n}\n", `! row 1: No line holds a JSON object; one on each line is accepted, such as {"phone":"+491711234567","firstName":"Anna"}.` + "\n"},
		"too many names":   {"{" + manyNames(spreadsheet.MaxColumns+1) + "}", "! The table has 257 columns; at most 256 are accepted.\n"},
		"an empty name":    {`{"":1}`, "! A name in one of the first objects is empty or has more than 256 characters.\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tc.want, read(t, strings.NewReader(tc.file), spreadsheet.Options{})); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func manyNames(n int) string {
	names := make([]string, n)
	for i := range names {
		names[i] = `"` + spreadsheet.Letter(i) + `":1`
	}
	return strings.Join(names, ",")
}

// TestLinesOfNDJSONAreBounded: one that is too long is the row's own fault, since its end is known.
func TestLinesOfNDJSONAreBounded(t *testing.T) {
	t.Parallel()
	line := func(size int) string {
		fill := size - len(`{"a":[]}`)
		return `{"a":["` + strings.Repeat("x", fill%1000+998) + `"` + strings.Repeat(`,"`+strings.Repeat("x", 997)+`"`, fill/1000-1) + `]}`
	}
	for _, end := range []string{"\n", "\r\n"} {
		file := `{"a":1}` + end + line(spreadsheet.MaxLine) + end + line(spreadsheet.MaxLine+1) + end + line(5*spreadsheet.MaxLine) + end + `{"a":2}`
		got := read(t, strings.NewReader(file), spreadsheet.Options{})
		lines := strings.Split(got, "\n")
		const long = "\ttoo-long: The line has more than 1048576 bytes, which is the most that is accepted."
		want := []string{`1: #"1"`, "", "3:", long, "4:", long, `5: #"2"`, ""}
		lines = lines[2:]
		if len(lines) > 1 {
			if !strings.HasPrefix(lines[1], `2: ["x`) {
				t.Errorf("the longest line: %.100s", lines[1])
			}
			lines[1] = ""
		}
		if diff := cmp.Diff(want, lines); diff != "" {
			t.Errorf("-want +got:\n%.1000s", diff)
		}
	}
}

// TestNamesThatComeLate: a name that the first rows do not have is not ignored.
func TestNamesThatComeLate(t *testing.T) {
	t.Parallel()
	file := strings.Repeat(`{"a":1}`+"\n", 20_000) + `{"a":1,"b":2}` + "\n" + `{"a":3}`
	got := read(t, strings.NewReader(file), spreadsheet.Options{})
	const want = "20001: #\"1\"\n\tunknown: Name 2 of the object is in none of the first objects, which say what columns there are: give it to the first, with null if need be.\n20002: #\"3\"\n"
	if !strings.HasSuffix(got, want) {
		t.Errorf("got %s", got[len(got)-300:])
	}
}
