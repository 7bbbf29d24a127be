package spreadsheet

import "io"

// WriteTemplate writes a table to be filled in: the fields' names and a row with their examples. XLSX also shows what each
// field accepts to who fills it in, and lists the values where there are few. A row that was left in is found by [IsExample].
func WriteTemplate(w io.Writer, format Format, fields []Field) error {
	columns := make([]string, len(fields))
	example := make([]Cell, len(fields))
	for i := range fields {
		columns[i] = fields[i].Name
		example[i] = Cell{Text: fields[i].Example, Missing: fields[i].Example == ""}
	}
	writer, err := NewWriter(w, WriterOptions{Format: format, Columns: columns, Mark: true})
	if err != nil {
		return err
	}
	if sheet, ok := writer.sink.(*xlsxSink); ok {
		sheet.fields = fields
	}
	if err := writer.Write(example); err != nil {
		return err
	}
	return writer.Close()
}

// IsExample reports whether a row is the one that WriteTemplate wrote, forgotten by who filled the template in: every cell of a
// field holds its example.
func IsExample(cells []Cell, m *Mapping, fields []Field) bool {
	alike := 0
	for i := range fields {
		column := m.Column(fields[i].Name)
		if column < 0 || column >= len(cells) {
			continue
		}
		if cells[column].Text != fields[i].Example || cells[column].Items != nil {
			return false
		}
		if fields[i].Example != "" {
			alike++
		}
	}
	return alike > 1
}
