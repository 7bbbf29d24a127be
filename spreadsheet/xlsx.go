package spreadsheet

import (
	"archive/zip"
	"bufio"
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"path"
	"strings"
)

// maxParts is how many parts a workbook may have; one with a table has some ten.
const maxParts = 1_000

func damaged(part string) error {
	return &Error{Detail: "The workbook is damaged or cut off, in " + partName(part) + ": open it, and save it anew."}
}

// partName names a part to people, if its name is like those that spreadsheets give.
func partName(name string) string {
	const most = 64
	strange := func(r rune) bool { return r <= ' ' || r > '~' }
	if len(name) > most || strings.ContainsFunc(name, strange) {
		return "one of its parts"
	}
	return "its part " + name
}

func tooLarge() error {
	return &Error{Detail: fmt.Sprintf("The workbook has more than %d MiB unzipped: send the table alone, in several files or as CSV UTF-8.", MaxUnzipped>>20)}
}

// workbook is an XLSX file in memory.
type workbook struct {
	parts   map[string]*zip.File // by lower-cased name, since names are equal whatever their case (ECMA-376 part 2, section 6.2.2.3)
	left    int64                // bytes that may still be unzipped
	sheets  []sheet
	related map[string]relation
	strings sharedStrings
	formats []numberFormat // by a cell's style
	from    epoch
}

type sheet struct {
	name, id string
	visible  bool
}

// openXLSX reads a workbook into memory, and its sheet's header.
func openXLSX(ctx context.Context, in *bufio.Reader, o *Options, layout *Layout) (t table, err error) {
	if err := o.Limiter.acquire(ctx); err != nil {
		return nil, fmt.Errorf("spreadsheet: waiting for other files: %w", err)
	}
	defer func() {
		if err != nil {
			o.Limiter.release()
		}
	}()
	file, err := io.ReadAll(io.LimitReader(in, MaxZipped+1))
	switch {
	case err != nil:
		return nil, reading(err)
	case len(file) > MaxZipped:
		return nil, &Error{Detail: fmt.Sprintf("The workbook has more than %d MiB: send the table alone, in several files or as CSV UTF-8.", MaxZipped>>20)}
	}
	book, err := openWorkbook(file)
	if err != nil {
		return nil, err
	}
	s, err := book.choose(o.Sheet, layout)
	if err != nil {
		return nil, err
	}
	if err := book.readStyles(); err != nil {
		return nil, err
	}
	if err := book.readStrings(); err != nil {
		return nil, err
	}
	p, err := book.open(book.related[s.id].target)
	if err != nil {
		return nil, err
	}
	rows := &sheetTable{name: s.name, part: p, book: book, limiter: o.Limiter}
	if err := rows.readHeader(); err != nil {
		p.close()
		return nil, err
	}
	return rows, nil
}

// openWorkbook checks an archive by what it says of itself, and finds the workbook in it.
func openWorkbook(file []byte) (*workbook, error) {
	// archive/zip makes some ten times its size of each entry of the directory, and reads on beyond the number that is given.
	if bytes.Count(file, []byte("PK\x01\x02")) > maxParts {
		return nil, &Error{Detail: fmt.Sprintf("The workbook has more than %d parts: send the table alone.", maxParts)}
	}
	archive, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		return nil, &Error{Detail: "The workbook is damaged or cut off: open it, and save it anew."}
	}
	book := &workbook{parts: map[string]*zip.File{}, left: MaxUnzipped}
	var declared uint64
	for _, entry := range archive.File {
		name := strings.ToLower(strings.TrimPrefix(strings.ReplaceAll(entry.Name, `\`, "/"), "/"))
		const encrypted = 1
		switch declared += entry.UncompressedSize64; {
		case entry.UncompressedSize64 > MaxUnzipped || declared > MaxUnzipped:
			return nil, tooLarge()
		case entry.Flags&encrypted != 0:
			return nil, &Error{Detail: "The archive is protected by a password: " + acceptedBook + "."}
		case book.parts[name] != nil: // readers differ in which of the two they take
			return nil, &Error{Detail: "The workbook is damaged: it has two parts of one name. Open it, and save it anew."}
		}
		book.parts[name] = entry
	}
	return book, book.readWorkbook()
}

// open opens the part of a name.
func (b *workbook) open(name string) (*part, error) {
	file := b.parts[strings.ToLower(name)]
	if file == nil {
		return nil, &Error{Detail: "The workbook is damaged: a part that it names is not there. Open it, and save it anew."}
	}
	return openPart(file, &b.left)
}

// each calls f for every element of a part.
func (b *workbook) each(name string, f func(*xml.StartElement) error) error {
	p, err := b.open(name)
	if err != nil {
		return err
	}
	defer p.close()
	return p.elements(f)
}

// relation leads from one part to another. kind is the last word of its type, which the transitional and the strict schema
// share.
type relation struct{ kind, target string }

// relations reads where a part leads, by id.
func (b *workbook) relations(of string) (map[string]relation, error) {
	dir, file := path.Split(of)
	name := dir + "_rels/" + file + ".rels"
	related := map[string]relation{}
	err := b.each(name, func(e *xml.StartElement) error {
		if e.Name.Local != "Relationship" || attribute(e, "TargetMode") == "External" {
			return nil
		}
		target := strings.ReplaceAll(attribute(e, "Target"), `\`, "/")
		if !strings.HasPrefix(target, "/") {
			target = path.Join("/", dir, target)
		}
		if len(related) == maxParts {
			return damaged(name)
		}
		related[attribute(e, "Id")] = relation{path.Base(attribute(e, "Type")), strings.TrimPrefix(path.Clean(target), "/")}
		return nil
	})
	return related, err
}

// firstOf is where the relation of a kind leads.
func firstOf(related map[string]relation, kind string) (target string, found bool) {
	for _, r := range related {
		if r.kind == kind && (!found || r.target < target) {
			target, found = r.target, true
		}
	}
	return target, found
}

// readWorkbook reads which sheets there are.
func (b *workbook) readWorkbook() error {
	if b.parts["mimetype"] != nil && b.parts["content.xml"] != nil {
		return &Error{Detail: "The file is an OpenDocument spreadsheet (.ods): " + acceptedBook + "."}
	}
	if b.parts["_rels/.rels"] == nil {
		return &Error{Detail: "The file is an archive, but no workbook: " + acceptedBook + "."}
	}
	related, err := b.relations("")
	if err != nil {
		return err
	}
	main, found := firstOf(related, "officeDocument")
	switch {
	case !found:
		return &Error{Detail: "The file is an archive, but no workbook: " + acceptedBook + "."}
	case strings.HasSuffix(strings.ToLower(main), ".bin"):
		return &Error{Detail: "The file is a binary workbook (.xlsb): " + acceptedBook + "."}
	}
	if b.related, err = b.relations(main); err != nil {
		return err
	}
	isWorkbook := false
	err = b.each(main, func(e *xml.StartElement) error {
		switch e.Name.Local {
		case "workbook":
			isWorkbook = true
		case "workbookPr":
			if attributeTrue(e, "date1904") {
				b.from = epoch1904
			}
		case "sheet":
			s := sheet{name: attribute(e, "name"), visible: attribute(e, "state") == "" || attribute(e, "state") == "visible"}
			for i := range e.Attr {
				if a := &e.Attr[i]; a.Name.Local == "id" && a.Name.Space != "" {
					s.id = a.Value
				}
			}
			if len(b.sheets) == maxParts {
				return damaged(main)
			}
			if b.related[s.id].kind == "worksheet" { // others are charts and macros
				b.sheets = append(b.sheets, s)
			}
		}
		return nil
	})
	if err == nil && !isWorkbook {
		err = &Error{Detail: "The file is a document, but no workbook: " + acceptedBook + "."}
	}
	return err
}

// choose finds the sheet that is to be read.
func (b *workbook) choose(name string, layout *Layout) (*sheet, error) {
	var chosen *sheet
	for i := range b.sheets {
		s := &b.sheets[i]
		if s.visible {
			layout.Sheets = append(layout.Sheets, s.name)
		}
		if chosen == nil && (name == "" && s.visible || name != "" && strings.EqualFold(name, s.name)) {
			chosen = s
		}
	}
	switch {
	case chosen != nil:
		layout.Sheet = chosen.name
		return chosen, nil
	case name != "" && len(layout.Sheets) > 0:
		const most = 20
		named := strings.Join(layout.Sheets[:min(len(layout.Sheets), most)], ", ")
		return nil, &Error{Detail: fmt.Sprintf("There is no sheet of the name that is asked for; there is %.700s.", named)}
	default:
		return nil, &Error{Detail: "The workbook has no visible sheet with cells: show the one that is meant."}
	}
}
