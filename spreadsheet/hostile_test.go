package spreadsheet_test

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"runtime"
	"slices"
	"strings"
	"testing"

	"muster/spreadsheet"
)

const (
	tooLarge   = "! The workbook has more than 64 MiB unzipped: send the table alone, in several files or as CSV UTF-8.\n"
	notSound   = "! The workbook is damaged or cut off: open it, and save it anew.\n"
	sheetError = "! The workbook is damaged or cut off, in its part xl/worksheets/sheet1.xml: open it, and save it anew.\n"
	noWorkbook = "! The file is an archive, but no workbook: save it as an Excel workbook (.xlsx) or as CSV UTF-8.\n"
)

// entry is a file in an archive whose directory may lie about it.
type entry struct {
	name     string
	zipped   []byte
	declared uint64
	crc      uint32
	flags    uint16
	method   uint16
}

func deflated(t testing.TB, text io.WriterTo) (zipped []byte, size int64) {
	t.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	if size, err = text.WriteTo(w); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), size
}

// archive makes one of parts and of entries that are as they say, whatever is in them.
func archive(t testing.TB, parts map[string]string, entries ...entry) []byte {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		data, size := deflated(t, strings.NewReader(parts[name]))
		entries = append(entries, entry{name, data, uint64(size), crc32.ChecksumIEEE([]byte(parts[name])), 0, zip.Deflate})
	}
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, e := range entries {
		raw, err := w.CreateRaw(&zip.FileHeader{Name: e.name, Method: e.method, Flags: e.flags, CRC32: e.crc,
			CompressedSize64: uint64(len(e.zipped)), UncompressedSize64: e.declared})
		if err == nil {
			_, err = raw.Write(e.zipped)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// repeated is a text with another many times in its midst, which is never in memory as a whole.
type repeated struct {
	before, text string
	times        int
	after        string
}

func (r repeated) WriteTo(w io.Writer) (int64, error) {
	size, err := io.WriteString(w, r.before)
	total := int64(size)
	many := min(r.times, 1+1e6/len(r.text))
	block := strings.Repeat(r.text, many)
	for left := r.times; err == nil && left > 0; left -= many {
		size, err = io.WriteString(w, block[:len(r.text)*min(left, many)])
		total += int64(size)
	}
	if err == nil {
		size, err = io.WriteString(w, r.after)
		total += int64(size)
	}
	return total, err
}

// TestHostileWorkbooks: whatever an archive holds, it is refused where it does harm, and takes no more memory than a large file
// that is sound. What grows without end, or many times over in memory, is here as large as shows that it is stopped.
func TestHostileWorkbooks(t *testing.T) { //nolint:paralleltest // it measures memory
	const sheetHead, sheetTail = `<worksheet><sheetData>`, `</sheetData></worksheet>`
	without := func(name string) map[string]string {
		all := parts(texts(1, "a", "b"))
		delete(all, name)
		return all
	}
	with := func(name, text string) map[string]string {
		all := parts(texts(1, "a", "b"))
		all[name] = text
		return all
	}
	bomb := func(name string, r repeated, declared uint64) []byte {
		data, size := deflated(t, r)
		if declared == 0 {
			declared = uint64(size)
		}
		return archive(t, without(name), entry{name: name, zipped: data, declared: declared, method: zip.Deflate})
	}
	row := texts(1, "a", "b")
	for _, tc := range []struct {
		name string
		file []byte
		want string // that reading ends with
	}{
		{"a bomb that says so", bomb(sheetPart, repeated{sheetHead + row, "<row/>", 1000, sheetTail}, spreadsheet.MaxUnzipped+1), tooLarge},
		{"a bomb that says it has 1 KiB", bomb(sheetPart, repeated{sheetHead + row, "<row/>", 300e3, sheetTail}, 1024), sheetError},
		{"a bomb that says it has 1 MiB", bomb(sheetPart, repeated{sheetHead + row, "<row/>", 300e3, sheetTail}, 1<<20), sheetError},
		{"a bomb that says it has more than there is", bomb(sheetPart, repeated{sheetHead + row, "<row/>", 1000, sheetTail}, 60<<20), sheetError},
		{"a bomb that says it has 16 EiB", bomb(sheetPart, repeated{sheetHead + row, "<row/>", 1000, sheetTail}, 1<<64-1), tooLarge},
		{"a bomb in a part that is not read", bomb("xl/media/image.png", repeated{text: "x", times: 1}, spreadsheet.MaxUnzipped), tooLarge},
		{"two parts that are too large together", archive(t, parts(row), entry{name: "a", declared: 40 << 20, method: zip.Deflate}, entry{name: "b", declared: 40 << 20, method: zip.Deflate}), tooLarge},
		{"sizes that overflow", archive(t, parts(row), entry{name: "a", declared: 1 << 63, method: zip.Deflate}, entry{name: "b", declared: 1 << 63, method: zip.Deflate}), tooLarge},
		{"a million texts", bomb("xl/sharedStrings.xml", repeated{"<sst>", "<si/>", 1e6, "</sst>"}, 0), ""},
		{"thousands of elements in each other", bomb(sheetPart, repeated{sheetHead, "<a>", 300e3, ""}, 0), sheetError},
		{"thousands of attributes", bomb(sheetPart, repeated{sheetHead + "<row", ` a=""`, 300e3, "/>" + sheetTail}, 0),
			"! The workbook has a text or a tag that is too long, in its part xl/worksheets/sheet1.xml: save the table anew, without anything else.\n"},
		{"many attributes", bomb(sheetPart, repeated{sheetHead + "<row", ` a=""`, 20e3, "/>" + sheetTail}, 0), sheetError},
		{"thousands of name spaces", bomb(sheetPart, repeated{sheetHead + "<row", ` xmlns:a=""`, 100e3, "/>" + sheetTail}, 0),
			"! The workbook has a text or a tag that is too long, in its part xl/worksheets/sheet1.xml: save the table anew, without anything else.\n"},
		{"a text of 3 MB", bomb(sheetPart, repeated{sheetHead + `<row><c t="str"><v>`, "x", 3e6, "</v></c></row>" + sheetTail}, 0),
			"! The workbook has a text or a tag that is too long, in its part xl/worksheets/sheet1.xml: save the table anew, without anything else.\n"},
		{"a text in thousands of pieces", bomb(sheetPart, repeated{sheetHead + row + `<row><c t="str"><v>`, "x<!---->", 300e3, "</v></c></row>" + sheetTail}, 0), ""},
		{"thousands of cells", bomb(sheetPart, repeated{sheetHead + row + `<row>`, `<c t="b"><v>1</v></c>`, 100e3, "</row>" + sheetTail}, 0), ""},
		{"thousands of styles", bomb("xl/styles.xml", repeated{"<styleSheet><cellXfs>", "<xf/>", 100e3, "</cellXfs></styleSheet>"}, 0),
			"! The workbook is damaged or cut off, in its part xl/styles.xml: open it, and save it anew.\n"},
		{"too many sheets", bomb("xl/workbook.xml", repeated{"<workbook><sheets>", `<sheet name="a"/>`, 100e3, "</sheets></workbook>"}, 0),
			"! The workbook has no visible sheet with cells: show the one that is meant.\n"},
		{"thousands of sheets", bomb("xl/workbook.xml", repeated{`<workbook xmlns:r="x"><sheets>`, `<sheet name="a" r:id="rId1"/>`, 2e6, "</sheets></workbook>"}, 0),
			"! The workbook is damaged or cut off, in its part xl/workbook.xml: open it, and save it anew.\n"},
		{"many relations", archive(t, with("_rels/.rels", "<a>"+numbered(`<Relationship Id="%d"/>`, 2000)+"</a>")),
			"! The workbook is damaged or cut off, in its part _rels/.rels: open it, and save it anew.\n"},
		{"a sheet with a strange name", archive(t, with("xl/_rels/workbook.xml.rels", `<r><Relationship Id="rId1" Type="x/worksheet" Target="Anna Müller"/></r>`),
			entry{name: "xl/Anna Müller", declared: 1, method: zip.Deflate}), "! The workbook is damaged or cut off, in one of its parts: open it, and save it anew.\n"},
		{"thousands of parts", zipped(t, manyParts(2000)), "! The workbook has more than 1000 parts: send the table alone.\n"},
		{"more rows than may be", bomb(sheetPart, repeated{sheetHead + row, `<row><c t="b"><v>1</v></c></row>`, spreadsheet.MaxXLSXRows + 1, sheetTail}, 0),
			"! row 100002: At most 100000 rows are accepted: send the others in a file of their own.\n"},
		{"a part twice", archive(t, parts(row), entry{name: "XL/Worksheets\\sheet1.xml", method: zip.Deflate}),
			"! The workbook is damaged: it has two parts of one name. Open it, and save it anew.\n"},
		{"a password on the archive", archive(t, without(sheetPart), entry{name: sheetPart, flags: 1, method: zip.Deflate}),
			"! The archive is protected by a password: save it as an Excel workbook (.xlsx) or as CSV UTF-8.\n"},
		{"a method that is not known", archive(t, without(sheetPart), entry{name: sheetPart, method: 99}), sheetError},
		{"a wrong checksum", archive(t, without(sheetPart), func() entry {
			data, size := deflated(t, strings.NewReader(sheetHead+row+sheetTail))
			return entry{name: sheetPart, zipped: data, declared: uint64(size), crc: 1, method: zip.Deflate}
		}()), sheetError},
		{"cut off", workbookOf(t, row)[:500], notSound},
		{"cut off in its directory", workbookOf(t, row)[:len(workbookOf(t, row))-100], notSound},
		{"text after PK", []byte("PK\x03\x04 and so on"), notSound},
		{"an empty archive", zipped(t, nil), noWorkbook},
		{"some archive", zipped(t, map[string]string{"a.csv": "a,b"}), noWorkbook},
		{"a workbook in an archive", zipped(t, map[string]string{"people.xlsx": string(workbookOf(t, row))}), noWorkbook},
		{"an OpenDocument spreadsheet", zipped(t, map[string]string{"mimetype": "application/vnd.oasis.opendocument.spreadsheet", "content.xml": "<x/>"}),
			"! The file is an OpenDocument spreadsheet (.ods): save it as an Excel workbook (.xlsx) or as CSV UTF-8.\n"},
		{"a binary workbook", archive(t, with("_rels/.rels", `<r><Relationship Id="1" Type="x/officeDocument" Target="xl/workbook.bin"/></r>`)),
			"! The file is a binary workbook (.xlsb): save it as an Excel workbook (.xlsx) or as CSV UTF-8.\n"},
		{"a text document", archive(t, with("xl/workbook.xml", `<document/>`)),
			"! The file is a document, but no workbook: save it as an Excel workbook (.xlsx) or as CSV UTF-8.\n"},
		{"no relations", archive(t, with("_rels/.rels", `<r/>`)), noWorkbook},
		{"relations out of the archive", archive(t, with("_rels/.rels", `<r><Relationship Type="x/officeDocument" Target="../../../etc/passwd"/></r>`)),
			"! The workbook is damaged: a part that it names is not there. Open it, and save it anew.\n"},
		{"relations to the web", archive(t, with("_rels/.rels", `<r><Relationship TargetMode="External" Type="x/officeDocument" Target="http://x/"/></r>`)), noWorkbook},
		{"a sheet that is not there", archive(t, without(sheetPart)), "! The workbook is damaged: a part that it names is not there. Open it, and save it anew.\n"},
		{"a sheet without data", archive(t, with(sheetPart, `<worksheet/>`)), "! The sheet cannot be read as one with cells: open it, and save it anew.\n"},
		{"XML in UTF-16", archive(t, with(sheetPart, "<?xml version=\"1.0\" encoding=\"UTF-16\"?><worksheet/>")), sheetError},
		{"a sheet that is no XML", archive(t, with(sheetPart, "\x00\x01")), sheetError},
	} {
		runtime.GC()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		got, most := drain(t, tc.file, before.HeapAlloc)
		runtime.ReadMemStats(&after)
		if got != tc.want {
			t.Errorf("%s: got %q, want %q", tc.name, got, tc.want)
		}
		if most > 64<<20 {
			t.Errorf("%s: %d MiB in memory", tc.name, most>>20)
		}
		t.Logf("%-45s %4d MiB at most, %5d MiB in all", tc.name, most>>20, (after.TotalAlloc-before.TotalAlloc)>>20)
	}
}

// drain reads a file to its end, and says what it ended with and how much of the heap was in use at most where that can be seen.
func drain(t *testing.T, file []byte, before uint64) (end string, most uint64) {
	t.Helper()
	look := func() {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		most = max(most, m.HeapAlloc-min(before, m.HeapAlloc))
	}
	reader, err := spreadsheet.Open(t.Context(), bytes.NewReader(file), spreadsheet.Options{Format: spreadsheet.XLSX})
	look()
	if err != nil {
		return describe(err), most
	}
	defer reader.Close()
	for n := 0; ; n++ {
		_, err := reader.Next()
		if n%10_000 == 0 || err != nil {
			look()
		}
		if errors.Is(err, io.EOF) {
			return "", most
		}
		if err != nil {
			return describe(err), most
		}
	}
}

func numbered(format string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

func manyParts(n int) map[string]string {
	all := parts(texts(1, "a", "b"))
	for i := range n {
		all[fmt.Sprint("part", i)] = ""
	}
	return all
}

// TestPartsThatCountTwice: what is unzipped counts each time, and where parts lie over each other, as in bombs that hold no
// bomb of their own, for each of them.
func TestPartsThatCountTwice(t *testing.T) {
	t.Parallel()
	kernel, size := deflated(t, repeated{`<sst>`, "<si><t>" + strings.Repeat("x", 1000) + "</t></si>", 34_000, "</sst>"})
	shared := entry{name: "xl/sharedStrings.xml", zipped: kernel, declared: uint64(size), method: zip.Deflate}
	all := parts(texts(1, "a", "b"))
	delete(all, "xl/sharedStrings.xml")
	delete(all, "xl/styles.xml")
	file := archive(t, all, shared, entry{name: "xl/styles.xml", declared: 1, method: zip.Deflate})
	first := bytes.Index(file, []byte("PK\x01\x02"))
	second := first + 1 + bytes.Index(file[first+1:], []byte("PK\x01\x02"))
	copy(file[second+20:second+28], file[first+20:first+28]) // sizes
	copy(file[second+42:second+46], file[first+42:first+46]) // where it is
	if got := readBytes(t, file, spreadsheet.Options{}); got != tooLarge {
		t.Errorf("parts over each other: %s", got)
	}
	const rels = "xl/_rels/workbook.xml.rels"
	all[rels] = strings.Replace(all[rels], "/xl/styles.xml", "sharedStrings.xml", 1)
	if got := readBytes(t, archive(t, all, shared), spreadsheet.Options{}); got != tooLarge {
		t.Errorf("a part that is read twice: %s", got)
	}
}

// TestZippedFilesAreBounded: no more of a file is read than may be there.
func TestZippedFilesAreBounded(t *testing.T) {
	t.Parallel()
	endless := io.MultiReader(strings.NewReader("PK\x03\x04"), zeros{})
	const want = "! The workbook has more than 32 MiB: send the table alone, in several files or as CSV UTF-8.\n"
	if got := read(t, endless, spreadsheet.Options{}); got != want {
		t.Errorf("got %s", got)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestLimiter(t *testing.T) {
	t.Parallel()
	file := workbookOf(t, texts(1, "a"))
	o := spreadsheet.Options{Limiter: spreadsheet.NewLimiter(0)}
	for _, broken := range [][]byte{file[:100], workbookOf(t, "")} { // leaves no slot taken
		if _, err := spreadsheet.Open(t.Context(), bytes.NewReader(broken), o); err == nil {
			t.Fatal("a broken file is opened")
		}
	}
	first, err := spreadsheet.Open(t.Context(), bytes.NewReader(file), o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := spreadsheet.Open(ctx, bytes.NewReader(file), o); !errors.Is(err, context.Canceled) {
		t.Errorf("a second file at a time: %v", err)
	}
	csv, err := spreadsheet.Open(ctx, strings.NewReader("a,b\n"), o)
	if err != nil {
		t.Fatalf("CSV, which needs no memory: %v", err)
	}
	csv.Close()
	opened := make(chan error)
	go func() {
		second, err := spreadsheet.Open(t.Context(), bytes.NewReader(file), o)
		if err == nil {
			second.Close()
		}
		opened <- err
	}()
	first.Close()
	first.Close() // frees no slot of anybody else
	if err := <-opened; err != nil {
		t.Error(err)
	}
	third, err := spreadsheet.Open(t.Context(), bytes.NewReader(file), o)
	if err != nil {
		t.Fatal(err)
	}
	defer third.Close()
	if _, err := spreadsheet.Open(ctx, bytes.NewReader(file), o); !errors.Is(err, context.Canceled) {
		t.Errorf("after one that was closed twice: %v", err)
	}
}
