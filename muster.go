// Package muster is the domain of a server that provisions users in bulk: tenants and their users, the batches of rows
// that callers hand in, and the one outcome that every row gets.
//
// The package knows rules and nothing else: it imports the standard library alone, does no I/O, and its centre, [Plan],
// is a pure function. Databases, HTTP contracts and the engine that runs batches are packages around it.
package muster
