package client_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"muster/client"
)

// A batch is rehearsed, committed and followed.
func ExampleBatches() {
	server, err := install(nil) // stands for a Muster server
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.stop()
	c, err := client.New(server.public.URL, client.Credentials{AppID: server.pair.AppID, Secret: server.pair.Secret})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, batches := context.Background(), c.Batches()
	dry, err := batches.Create(ctx, client.NewBatch{
		Operation: client.Upsert, Match: client.ByAccount, DryRun: true,
		Rows: []client.BatchRow{
			{Account: "ann", FirstName: "Ann", Phone: "+4915100000001"},
			{Account: "bo", FirstName: "Bo", Phone: "+4915100000001"},
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	if dry, err = batches.Wait(ctx, dry.ID); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%d would succeed, %d would fail\n", dry.Succeeded, dry.Failed)
	for row, err := range batches.Rows(ctx, dry.ID, client.RowQuery{Result: "failed"}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("row %d, %s: %s\n", row.Row, row.Subject, row.Detail)
	}
	run, err := batches.Commit(ctx, dry.ID, false)
	if err != nil {
		fmt.Println(err)
		return
	}
	for b, err := range batches.Follow(ctx, run.ID) {
		switch {
		case err != nil:
			fmt.Println(err)
		case b.Finished():
			fmt.Println(b.State)
		}
	}
	// Output:
	// 1 would succeed, 1 would fail
	// row 2, bo: The phone is held by another user.
	// finished
}

// A file is uploaded, and what failed is written to be mended.
func ExampleBatches_Upload() {
	server, err := install(nil) // stands for a Muster server
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.stop()
	c, err := client.New(server.public.URL, client.Credentials{AppID: server.pair.AppID, Secret: server.pair.Secret})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, batches := context.Background(), c.Batches()
	file := strings.NewReader("Handy;Name;Shoe size\n+4915100000001;Ann;39\n1.51E+12;Bo;43\n") // or an os.File
	options := client.FileOptions{Name: "people.csv", Operation: client.Create, Match: client.ByPhone}
	_, err = batches.Upload(ctx, file, options)
	if refusal := new(client.Problem); errors.As(err, &refusal) {
		fmt.Println(refusal.Errors[0].Location+":", refusal.Errors[0].Message)
	}
	if _, err := file.Seek(0, 0); err != nil {
		fmt.Println(err)
		return
	}
	options.Columns = map[string]string{"Shoe size": ""} // leave it out
	batch, err := batches.Upload(ctx, file, options)
	if err != nil {
		fmt.Println(err)
		return
	}
	if batch, err = batches.Wait(ctx, batch.ID); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%d of %d are in\n", batch.Succeeded, batch.Total)
	var failures bytes.Buffer // or an os.File
	if err := batches.Failures(ctx, &failures, batch.ID, "csv"); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(strings.Count(failures.String(), "\n")-1, "is to be mended")
	// Output:
	// column C: No field is known by the name of column C: say which it is, or leave it out.
	// 1 of 2 are in
	// 1 is to be mended
}
