package spreadsheet_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"muster/spreadsheet"
)

// A table is read, understood, and what is wrong with it is written down beside it.
func Example() {
	file := strings.NewReader("手机号;Name;Shoe size\n+4915112345678;Anna;38\n1,88E+12;Ben;44\n")
	reader, err := spreadsheet.Open(context.Background(), file, spreadsheet.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer reader.Close()

	columns := spreadsheet.GuessColumns(reader.Columns(), spreadsheet.UserFields(), map[string]string{"Shoe size": ""})
	for _, p := range columns.Problems {
		fmt.Println(p.Detail)
	}
	phone := columns.Column(spreadsheet.FieldPhone)

	failures, err := spreadsheet.NewWriter(os.Stdout, spreadsheet.WriterOptions{Format: spreadsheet.CSV, Columns: append(reader.Columns(), "reason")})
	for err == nil {
		var record spreadsheet.Record
		if record, err = reader.Next(); errors.Is(err, io.EOF) {
			err = failures.Close()
			break
		}
		if err == nil && record.Fault == nil && record.Cells[phone].Fault != nil {
			err = failures.Write(append(record.Cells, spreadsheet.Texts(string(record.Cells[phone].Fault.Reason))...))
		}
	}
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// 手机号,Name,Shoe size,reason
	// "1,88E+12",Ben,44,number
}
