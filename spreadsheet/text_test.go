package spreadsheet_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"

	"muster/spreadsheet"
)

func encode(t *testing.T, e encoding.Encoding, text string) []byte {
	t.Helper()
	b, err := e.NewEncoder().Bytes([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestEncodings(t *testing.T) {
	t.Parallel()
	const western = "phone,name\n1,Ben\n2,Müller\n"
	const chinese = "手机号,姓名,部门\n13800138000,一鸣,销售\n"
	const unmarked = `! row 3, byte 21: From here on the file is not UTF-8. It looks like windows-1252, as Western European systems write it: ` +
		"if it is, name that encoding; or save the file as CSV UTF-8.\n"
	westernAs := func(name string) string {
		return "csv " + name + " ','\n[\"phone\" \"name\"]\n2: \"1\" \"Ben\"\n3: \"2\" \"Müller\"\n"
	}
	chineseAs := func(name string) string {
		return "csv " + name + " ','\n[\"手机号\" \"姓名\" \"部门\"]\n2: \"13800138000\" \"一鸣\" \"销售\"\n"
	}
	for name, tc := range map[string]struct {
		file  []byte
		label string
		want  string
	}{
		"UTF-16LE with mark":       {encode(t, unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), western), "", westernAs("utf-16le")},
		"UTF-16BE with mark":       {encode(t, unicode.UTF16(unicode.BigEndian, unicode.UseBOM), western), "", westernAs("utf-16be")},
		"UTF-16LE without":         {encode(t, unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), western), "", westernAs("utf-16le")},
		"UTF-16BE without":         {encode(t, unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), western), "", westernAs("utf-16be")},
		"Chinese UTF-16LE without": {encode(t, unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), chinese), "", chineseAs("utf-16le")},
		"Chinese UTF-16BE without": {encode(t, unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), chinese), "", chineseAs("utf-16be")},
		"UTF-16 named":             {encode(t, unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), chinese), "utf-16be", chineseAs("utf-16be")},
		"a mark is stronger":       {append([]byte("\xef\xbb\xbf"), western...), "windows-1252", westernAs("utf-8")},
		"latin-1 refused":          {encode(t, charmap.ISO8859_1, western), "", unmarked},
		"windows-1252 refused":     {encode(t, charmap.Windows1252, western), "", unmarked},
		"latin-1 named":            {encode(t, charmap.ISO8859_1, western), "latin1", westernAs("windows-1252")},
		"windows-1252 named":       {encode(t, charmap.Windows1252, western), "Windows-1252", westernAs("windows-1252")},
		"GB 18030 refused": {encode(t, simplifiedchinese.GB18030, chinese), "",
			"! row 1, byte 1: From here on the file is not UTF-8. It looks like gb18030, as Chinese systems write it: if it is, name that encoding; or save the file as CSV UTF-8.\n"},
		"GBK named": {encode(t, simplifiedchinese.GBK, chinese), "gb18030", chineseAs("gb18030")},
		"half of a character": {[]byte("\xff\xfea\x00,\x00b\x00\n\x001\x00,\x00\x00\xd8\n\x00"), "",
			"csv utf-16le ','\n[\"a\" \"b\"]\n2: \"1\" \"�\"!\n\tB character: Characters of the cell were lost in a conversion of the file: save it as UTF-8, or name its encoding.\n"},
		"U+FFFD": {[]byte("a,b\n1,M\ufffdller\n"), "",
			"csv utf-8 ','\n[\"a\" \"b\"]\n2: \"1\" \"M�ller\"!\n\tB character: Characters of the cell were lost in a conversion of the file: save it as UTF-8, or name its encoding.\n"},
		"NDJSON in UTF-16": {encode(t, unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), `{"name":"Müller"}`), "", "ndjson utf-16le\n[\"name\"]\n1: \"Müller\"\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tc.want, readBytes(t, tc.file, spreadsheet.Options{Encoding: tc.label})); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestAnEncodingThatChanges: what is not UTF-8 far from the beginning, or in a file that is said to be, is its row's fault.
func TestAnEncodingThatChanges(t *testing.T) {
	t.Parallel()
	const fault = "character: Characters of the cell were lost in a conversion of the file: save it as UTF-8, or name its encoding.\n"
	far := []byte("a,b\n" + strings.Repeat("1,ä\n", 50_000) + "2,M\xfcller\n3,x\n")
	if got, want := readBytes(t, far, spreadsheet.Options{}), "50002: \"2\" \"M\\xfcller\"!\n\tB "+fault+"50003: \"3\" \"x\"\n"; !strings.HasSuffix(got, want) {
		t.Errorf("got %s", got[len(got)-200:])
	}
	near := []byte("a,b\n2,M\xfcller\n3,x\n")
	if got, want := readBytes(t, near, spreadsheet.Options{Encoding: "utf-8"}), "2: \"2\" \"M\\xfcller\"!\n\tB "+fault+"3: \"3\" \"x\"\n"; !strings.HasSuffix(got, want) {
		t.Errorf("got %s", got)
	}
	line := []byte(`{"a":"` + "M\xfcller" + `"}` + "\n" + `{"a":"x"}`)
	if got, want := readBytes(t, line, spreadsheet.Options{Encoding: "utf-8"}), "1: -\n\tcharacter: The line is not UTF-8, which JSON must be (RFC 8259, section 8.1).\n2: \"x\"\n"; !strings.HasSuffix(got, want) {
		t.Errorf("got %s", got)
	}
}

// TestUTF8IsNotCutWhereItIsLookedAt: a character of several bytes may lie across the end of what is looked at.
func TestUTF8IsNotCutWhereItIsLookedAt(t *testing.T) {
	t.Parallel()
	for _, char := range []string{"ä", "本", "😀"} {
		for shift := range 4 {
			file := []byte("a,b\n" + strings.Repeat("x", shift))
			file = append(file, bytes.Repeat([]byte(char), 30_000)...)
			file = append(file, ",1\n"...)
			if got := readBytes(t, file, spreadsheet.Options{}); !strings.HasPrefix(got, "csv utf-8 ") {
				t.Errorf("%s after %d: %.100s", char, shift, got)
			}
		}
	}
}
