// Package client provisions users: through Muster's own API, and through the KooDrive contract of a Muster server, or of any
// server that keeps that contract. It signs each request, sends it again where the network fails, and follows a batch until every
// row has its outcome.
//
// Muster's own API has batches of every operation, files of a million rows, dry runs, and the directory:
//
//	c, err := client.New("https://muster.example.com", client.Credentials{AppID: id, Secret: secret})
//	batch, err := c.Batches().Upload(ctx, file, client.FileOptions{Operation: client.Upsert, Match: client.ByAccount})
//	batch, err = c.Batches().Wait(ctx, batch.ID)
//	err = c.Batches().Failures(ctx, out, batch.ID, "csv")
//
// What makes something has an idempotency key of its own, so that a lost answer is no lost batch and no double one. Refusals are
// [*Problem]s.
//
// The KooDrive contract has the methods of [Client] itself:
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
