package spreadsheet_test

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"testing"

	"muster/spreadsheet"
)

// BenchmarkReader reads tables of six columns.
func BenchmarkReader(b *testing.B) {
	for _, format := range []spreadsheet.Format{spreadsheet.CSV, spreadsheet.XLSX, spreadsheet.NDJSON} {
		b.Run(format.String(), func(b *testing.B) {
			const n = 20_000
			var file bytes.Buffer
			w, err := spreadsheet.NewWriter(&file, spreadsheet.WriterOptions{Format: format, Columns: []string{"account", "phone", "email", "firstName", "surname", "department"}})
			for i := range n {
				if err == nil {
					err = w.Write(spreadsheet.Texts("user"+strconv.Itoa(i), "+491511234567", "user"+strconv.Itoa(i)+"@example.com", "Anna", "Example", "Sales/North"))
				}
			}
			if err == nil {
				err = w.Close()
			}
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				reader, err := spreadsheet.Open(b.Context(), bytes.NewReader(file.Bytes()), spreadsheet.Options{})
				for err == nil {
					_, err = reader.Next()
				}
				if !errors.Is(err, io.EOF) {
					b.Fatal(err)
				}
				reader.Close()
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
