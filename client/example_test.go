package client_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"muster/client"
)

// serve stands for a Muster server: it answers with the contract's own examples.
func serve() *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/create") {
			_, _ = io.WriteString(w, `{"data":"1893596414966089600","code":0,"msg":"Success"}`)
			return
		}
		_, _ = io.WriteString(w, `{"code":0,"msg":"Success","data":{
			"taskInfo":{"taskId":"1893596414966089600","status":"2","totalCount":2,"successCount":1,"failCount":0,"skipCount":1},
			"registerList":[
				{"id":"1895065728646757504","userId":"1895065729401744000","phone":"1884609076404"},
				{"id":"1895065728646757505","userId":"1844090530019957504","phone":"1884609076405",
				 "code":"40000009","reason":"The user already exists."}]}}`)
	}))
}

func Example() {
	server := serve()
	defer server.Close()

	c, err := client.New(server.URL, client.Credentials{
		AppID:  "muster-demo",
		Secret: "shown once, when the credential is made",
		UserID: "1505084218764547200",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	task, err := c.CreateBatch(ctx, []client.User{
		{FirstName: "1204", Surname: "1204", Phone: "1884609076404"},
		{FirstName: "1205", Surname: "1205", Phone: "1884609076405"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for row, err := range c.Follow(ctx, task) {
		switch {
		case err != nil:
			fmt.Println(err)
		case row.Succeeded():
			fmt.Println(row.Phone, "is user", row.UserID)
		default:
			fmt.Println(row.Phone, row.Reason)
		}
	}
	// Output:
	// 1884609076404 is user 1895065729401744000
	// 1884609076405 The user already exists.
}

func ExampleClient_Wait() {
	server := serve()
	defer server.Close()

	c, err := client.New(server.URL, client.Credentials{AppID: "muster-demo", Secret: "...", UserID: "1505084218764547200"})
	if err != nil {
		fmt.Println(err)
		return
	}
	task, err := c.Wait(context.Background(), "1893596414966089600")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%d made, %d skipped, %d failed of %d\n", task.Succeeded, task.Skipped, task.Failed, task.Total)
	// Output:
	// 1 made, 1 skipped, 0 failed of 2
}
