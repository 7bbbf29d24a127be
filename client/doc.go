// Package client provisions users through the KooDrive contract of a Muster server, or of any server that keeps that
// contract: it signs each request, sends it again where the network fails, and follows a batch until every row has its
// outcome.
//
//	c, err := client.New("https://muster.example.com", client.Credentials{AppID: id, Secret: secret, UserID: admin})
//	task, err := c.CreateBatch(ctx, users)
//	for row, err := range c.Follow(ctx, task) {
//		...
//	}
//
// A lost answer is no lost batch and no double one: the very same signed request is sent again, and while its task is
// unfinished the server answers with that task's id. Should the task have finished in between, the repeat makes a task
// of its own, whose rows are skips that name the users whom the first one made. A server that was told to refuse
// repeats answers one with 401 instead; the task exists then, and its id is lost.
package client
