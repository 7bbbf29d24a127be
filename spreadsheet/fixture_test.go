package spreadsheet_test

import (
	"os"
	"path/filepath"
	"testing"

	"muster/spreadsheet"
)

// TestFilesOfOtherPrograms reads the same table as six programs write it. What differs is what the program could not be told.
func TestFilesOfOtherPrograms(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"openpyxl.xlsx", "xlsxwriter.xlsx", "libreoffice.xlsx", "exceljs.xlsx", "sheetjs.xlsx", "encrypted.xlsx", "old.xls"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file, err := os.Open(filepath.Join("testdata", name))
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			golden(t, name, read(t, file, spreadsheet.Options{}))
		})
	}
}
